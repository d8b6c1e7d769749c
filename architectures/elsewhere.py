"""Networks that choose a device themselves: they run on a laptop and fail on a machine with a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

HINT = (
    "leave devices to Onecurve: take out `.to(device)`, `.cuda()` and `device=...`, and where `forward` makes a "
    "tensor, make it with `device=x.device`"
)


class Moves(TorchFunctionMode):
    """Devices that a network names while it is built and run.

    Attributes
    ----------
    others : devices other than the CPU that anything was put on, or was found on.
    own : whether a tensor was moved to a named device, even the CPU: what `"cuda" if available else "cpu"` does on a
        machine without a GPU.
    """

    def __init__(self) -> None:
        super().__init__()
        self.others: dict[str, None] = {}
        self.own = False

    def note(self, device: object) -> None:
        """Take in a device by which something was asked for."""
        try:
            kind = torch.device(device).type if isinstance(device, (str, int, torch.device)) else "cpu"
        except RuntimeError:  # a text that is none
            return
        if kind != "cpu":
            self.others[kind] = None

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name == "to" and args:
            where = kwargs.get("device", args[1] if len(args) > 1 else None)
            if isinstance(where, (str, torch.device)):
                self.own = True
                self.note(where)
        elif name == "cuda":
            self.note("cuda")
        elif not isinstance(kwargs.get("device"), int):
            self.note(kwargs.get("device"))
        found = func(*args, **kwargs)
        for value in (*args, found):
            if isinstance(value, Tensor):
                self.note(value.device)
        return found


@contextmanager
def watched() -> Iterator[Moves]:
    """Note which devices are named meanwhile; the default device stays what it is."""
    default = torch.set_default_device
    with Moves() as seen:
        torch.set_default_device = seen.note
        try:
            yield seen
        finally:
            torch.set_default_device = default


def clause(device: str | None) -> str:
    """Why a network that names a device is refused."""
    return f"it moves itself to {f'the device {device!r}' if device else 'a device'}; {HINT}"

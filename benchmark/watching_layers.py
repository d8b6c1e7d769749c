"""What passes the layers of a network, seen by hooks that are gone afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from torch import Tensor, nn


class Seen(NamedTuple):
    """What went into a layer and what came out of it."""

    into: Tensor
    out: Tensor


@contextmanager
def watched(network: nn.Module, layers: Sequence[str], shifts: Mapping[str, Tensor]) -> Iterator[dict[str, Seen]]:
    """Note what passes some modules, in the order of their calls; of one that is called again the last call.

    ``shifts`` are added to the outputs of the modules that they name.
    """
    seen: dict[str, Seen] = {}

    def note(name: str, given: tuple[Any, ...], out: Any) -> Tensor:
        out = out + shifts[name] if name in shifts else out
        seen.pop(name, None)
        seen[name] = Seen(given[0], out)
        return out

    hooks = [
        network.get_submodule(name).register_forward_hook(lambda _, given, out, name=name: note(name, given, out))
        for name in layers
    ]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()

"""What a network does with two examples: whether it can train at all, and whether it draws random numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from ..errors import first_line
from ..task import Task
from .draws import Key, secluded
from .family import Family
from .flops import example_inputs

_BATCH = 2


@lru_cache(maxsize=512)
def draws(family: Family, key: Key, task: Task) -> bool:
    """Whether the networks of a rung draw random numbers while they train, as dropout does."""
    with secluded(0):
        net, inputs = family.build(dict(key), task), example_inputs(task, _BATCH)
        return _outputs(net, inputs)[1]


def flaw(net: nn.Module, task: Task, *, packable: bool = False) -> str | None:
    """Why a network that was built cannot learn a task, in one clause with what would work, or None where it can.

    Parameters
    ----------
    packable : whether it is to be trained packed, where nothing may be drawn.
    """
    lazy = [name for name, module in net.named_modules() if any(map(is_lazy, module.parameters(recurse=False)))]
    if lazy:
        return (
            f"its layers {', '.join(lazy)} are lazy, so it has no weights before a first batch; give their sizes, such "
            "as nn.Linear(task.n_inputs, width) for nn.LazyLinear(width)"
        )
    inputs = example_inputs(task, _BATCH)
    try:
        with spent_strides(net) as spent, torch.no_grad():
            (first, drew), (second, _) = _outputs(net, inputs), _outputs(net, inputs)
        trained = net(inputs)
    except Exception as error:  # whatever somebody else's code may raise
        return f"it does not run on {inputs_of(task)} ({first_line(error)})"
    if spent:
        return f"an input of {inputs_of(task)} is too small for its strides: {spent[0]!r} meets a single pixel"
    if not any(p.requires_grad for p in net.parameters()):
        return "it has no parameters to train"
    wanted = (_BATCH, *(task.shape if task.kind == "tokens" else ()), task.outputs)
    if not isinstance(first, Tensor) or tuple(first.shape) != wanted:
        return f"it returns {_shape(first)} for {_BATCH} examples, the task wants {wanted}"
    if not trained.requires_grad:
        return (
            "no gradient leaves its `forward`, so it cannot learn; take out `torch.no_grad()`, "
            "`torch.inference_mode()` or `.detach()` there"
        )
    return _chance(net, inputs, first, second, drew and packable)


def _chance(net: nn.Module, inputs: Tensor, first: Tensor, second: Tensor, packed: bool) -> str | None:
    if not torch.equal(first, second):
        return (
            "equal inputs give other outputs, and not by torch's default generator; draw by torch.rand, "
            "torch.bernoulli or nn.Dropout, which are seeded here, and keep no state but buffers"
        )
    if packed:
        return "it draws random numbers while it trains (dropout?), so it trains alone; take out `packable = True`"
    net.eval()
    with torch.no_grad():
        _, drew = _outputs(net, inputs)
    net.train()
    if drew:
        return (
            "it draws random numbers while it is evaluated, too; switch that off by nn.Dropout or "
            "`F.dropout(x, p, self.training)`"
        )
    return None


def _outputs(net: nn.Module, inputs: Tensor) -> tuple[Any, bool]:
    """Outputs under a fixed seed, and whether torch's generator moved."""
    with secluded(0), torch.no_grad():
        before = torch.get_rng_state()
        found = net(inputs)
        return found, not torch.equal(before, torch.get_rng_state())


def _shape(found: Any) -> str:
    if isinstance(found, Tensor):
        return str(tuple(found.shape))
    inside = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, (tuple, list)) else ()
    key = next((key for key, value in inside if isinstance(value, Tensor)), None)
    return f"a {type(found).__name__}" + (f" (return its [{key!r}]?)" if key is not None else "")


def inputs_of(task: Task) -> str:
    """A task's inputs in words."""
    if task.kind != "image":
        return f"{task.kind} {'x'.join(map(str, task.shape))}"
    channels, *sides = task.shape
    return f"{' x '.join(map(str, sides))} pixels in {channels} channel{'s' if channels != 1 else ''}"


@contextmanager
def spent_strides(net: nn.Module) -> Iterator[list[str]]:
    """Names of modules that stride over an image of one pixel: all strides after it are for nothing."""
    spent: list[str] = []

    def watch(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: tuple[Any, ...]) -> None:
            here = inputs[0] if inputs else None
            if isinstance(here, Tensor) and here.dim() == 4 and max(here.shape[2:]) == 1:
                spent.append(name)

        return hook

    handles = [
        module.register_forward_pre_hook(watch(name))
        for name, module in net.named_modules()
        if isinstance(module, (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)) and _strides(module)
    ]
    try:
        yield spent
    finally:
        for handle in handles:
            handle.remove()


def _strides(module: nn.Module) -> bool:
    stride = module.stride
    return any(s > 1 for s in (stride if isinstance(stride, tuple) else (stride,)) if isinstance(s, int))

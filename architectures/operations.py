"""Operations of a network's forward and backward pass that somebody must know of: not counted, or not deterministic."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from ..task import Task
from .draws import secluded
from .flops import example_inputs, plain_kernels

_MULTIPLY = ("attention", "rnn", "mv", "dot", "cdist", "fft", "trilinear")  # parts of names of operations
# What torch 2.14 refuses on a GPU where all must be deterministic, by the names of operations: the list in the
# documentation of `torch.use_deterministic_algorithms`. Those that are so for some arguments alone stand below.
_UNDETERMINED = re.compile(
    r"avg_pool3d_backward|_adaptive_avg_pool[23]d_backward|adaptive_max_pool[23]d_backward|max_unpool[23]d"
    r"|fractional_max_pool[23]d_backward|upsample_bicubic2d_backward|_upsample_bi(linear|cubic)2d_aa_backward"
    r"|reflection_pad[123]d_backward|grid_sampler_[23]d_backward|nll_loss2d_forward|_ctc_loss_backward|histc|put"
)


def uncounted(net: nn.Module, task: Task) -> list[str]:
    """Operations that multiply much and that the FLOP counter does not know."""

    def hidden(func: Any, args: tuple, kwargs: dict[str, Any]) -> bool:
        return func.overloadpacket not in flop_registry and any(part in _name(func) for part in _MULTIPLY)

    with plain_kernels():  # as the counter runs it
        return _operations(net, task, hidden)


def undetermined(net: nn.Module, task: Task) -> list[str]:
    """Operations that have no deterministic version on a GPU; a processor has one of each, so it is where they are
    looked for."""
    return _operations(net, task, _is_undetermined)


def _is_undetermined(func: Any, args: tuple, kwargs: dict[str, Any]) -> bool:
    name = _name(func)
    if name in ("median", "nanmedian"):
        return len(func._schema.returns) > 1  # the one that gives indices, too
    if name == "bincount":
        return kwargs.get("weights", args[1] if len(args) > 1 else None) is not None
    if name == "scatter_reduce":
        return "prod" in [each for each in (*args, *kwargs.values()) if isinstance(each, str)]
    if name == "_embedding_bag":
        return kwargs.get("mode", args[4] if len(args) > 4 else 0) == 2  # the largest of a bag
    return _UNDETERMINED.fullmatch(name) is not None


def _operations(net: nn.Module, task: Task, wanted: Callable[[Any, tuple, dict[str, Any]], bool]) -> list[str]:
    """Names of the wanted operations of a forward and backward pass of two examples."""
    with secluded(0), _Watch(wanted) as seen:
        outputs = net(example_inputs(task, 2))
        if outputs.requires_grad:
            outputs.sum().backward()
    net.zero_grad()
    return sorted(seen.names)


def _name(func: Any) -> str:
    return str(func.overloadpacket).rpartition(".")[2].rstrip("_")


class _Watch(TorchDispatchMode):
    def __init__(self, wanted: Callable[[Any, tuple, dict[str, Any]], bool]) -> None:
        super().__init__()
        self._wanted, self.names = wanted, set[str]()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if self._wanted(func, args, kwargs or {}):
            self.names.add(_name(func))
        return func(*args, **kwargs or {})

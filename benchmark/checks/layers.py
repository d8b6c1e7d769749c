"""The layers of a network that a check looks at, and of which kind they are."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ...architectures.draws import secluded
from ...architectures.family import Family, Rung
from ...architectures.parametrization import roles, tied_readouts
from ...task import Task

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


@dataclasses.dataclass(frozen=True)
class Layer:
    """A module that multiplies by a weight matrix.

    Attributes
    ----------
    name : path of the module.
    kind : its role, or ``depthwise``, ``recurrent`` or ``attention`` (the projections around it).
    role : role of its first weight matrix: ``input``, ``hidden``, ``narrow``, ``output`` or ``fixed``.
    """

    name: str
    kind: str
    role: str


def layers_of(family: Family, rung: Rung, task: Task) -> list[Layer]:
    """The layers of a rung, in their order: modules with weights of two or more axes that are no mere scale."""
    with secluded(0):
        net = family.build(rung, task)
    known, tied, found = roles(family, rung, task), tied_readouts(family, rung, task), []
    names = {id(p): name for name, p in net.named_parameters()}  # of weights that are shared the first
    for path, module in net.named_modules():
        shared = [known.get(names[id(p)], "vector") for p in module.parameters(recurse=False) if p.dim() > 1]
        matrices = ["output" if path in tied else role for role in shared if role != "vector"]
        if matrices:
            role = "hidden" if "hidden" in matrices else matrices[0]
            found.append(Layer(path, _kind(net, path, module, role), role))
    return found


def _kind(net: nn.Module, path: str, module: nn.Module, role: str) -> str:
    if isinstance(module, (nn.RNNBase, nn.RNNCellBase)):
        return "recurrent"
    if isinstance(module, _CONVOLUTIONS) and module.groups > 1 and role == "input":
        return "depthwise"
    around = type(net.get_submodule(path.rpartition(".")[0])).__name__.lower()
    attends = isinstance(module, nn.MultiheadAttention) or "attention" in around or "attn" in around
    return "attention" if attends and role == "hidden" else role


def rms(values: Tensor) -> float:
    """Root mean square, summed in float64."""
    return math.sqrt(values.double().square().mean().item())


def outputs_of(net: nn.Module, inputs: Tensor, layers: Sequence[Layer], seed: int) -> dict[str, Tensor]:
    """Outputs of the layers in training mode, always with the same chance."""
    found: dict[str, Tensor] = {}
    with secluded(seed), torch.no_grad(), _recorded(net, layers, found):
        net(inputs)
    return found


@contextmanager
def _recorded(net: nn.Module, layers: Sequence[Layer], found: dict[str, Tensor]) -> Iterator[None]:
    def keep(name: str):
        def hook(_module: nn.Module, _inputs: object, output: Tensor | tuple) -> None:
            found[name] = (output[0] if isinstance(output, tuple) else output).detach().clone()

        return hook

    hooks = [net.get_submodule(layer.name).register_forward_hook(keep(layer.name)) for layer in layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()

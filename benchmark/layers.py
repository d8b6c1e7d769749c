"""The layers of a network that a check looks at, and of which kind they are."""

from __future__ import annotations

import dataclasses

from torch import nn

from ..architectures.draws import secluded
from ..architectures.family import Family, Rung
from ..architectures.parametrization import roles
from ..task import Task

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
    known, found = roles(family, rung, task), []
    for path, module in net.named_modules():
        names = [name for name, p in module.named_parameters(recurse=False) if p.dim() > 1]
        matrices = [known.get(f"{path}.{name}", "vector") for name in names]
        matrices = [role for role in matrices if role != "vector"]
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

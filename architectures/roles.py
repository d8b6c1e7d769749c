"""What a parameter is to a network: the axes of its shape, and the role that its growth against a base gives it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from torch import nn

from ..task import Task
from .draws import Key, secluded
from .family import Family

_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


@dataclass(frozen=True)
class ParameterUse:
    """A module that uses a parameter, and the sizes of the parameter's axes; None for both where it is no matrix.

    ``embeds`` says that its input is one of many, not a vector.
    """

    module: str
    shape: tuple[int, ...]
    n_in: int | None = None
    n_out: int | None = None
    embeds: bool = False


Role = tuple[str, float, float]  # with the factors by which the input and the output axis grew


@lru_cache(maxsize=1024)
def places(family: Family, key: Key, task: Task) -> dict[str, tuple[ParameterUse, ...]]:
    """Where every parameter is used, by its name; at several places if modules share it."""
    with secluded(0):
        net = family.build(dict(key), task)
    names = {id(parameter): name for name, parameter in net.named_parameters()}
    found: dict[str, tuple[ParameterUse, ...]] = dict.fromkeys(names.values(), ())
    for path, module in net.named_modules():
        for parameter in module.parameters(recurse=False):
            found[names[id(parameter)]] += (_read(path, module, tuple(parameter.shape)),)
    return found


def _read(path: str, module: nn.Module, shape: tuple[int, ...]) -> ParameterUse:
    """The axes of a parameter. The type of the module says which one is the input."""
    if len(shape) < 2:
        return ParameterUse(path, shape)
    if isinstance(module, _TRANSPOSED):  # (in, out / groups, ...)
        return ParameterUse(path, shape, n_in=shape[0] // module.groups, n_out=shape[1] * module.groups)
    if isinstance(module, (nn.Embedding, nn.EmbeddingBag)):  # (in, out)
        return ParameterUse(path, shape, n_in=shape[0], n_out=shape[1], embeds=True)
    stacked = isinstance(module, nn.MultiheadAttention) and len(shape) == 2
    if stacked or isinstance(module, (nn.Linear, nn.RNNBase, nn.RNNCellBase, *_CONVOLUTIONS)):  # (out, in / groups, ..)
        return ParameterUse(path, shape, n_in=shape[1], n_out=shape[0])
    return ParameterUse(path, shape)  # positions, class tokens, layer scales


def role_of(base: ParameterUse, here: ParameterUse) -> Role:
    """Role of a parameter with the factors by which its input and output axes grew."""
    grown = [n / n0 for n, n0 in zip(here.shape, base.shape, strict=True) if n != n0]
    if here.n_in is not None and here.n_out is not None and base.n_in and base.n_out:
        m_in, m_out = here.n_in / base.n_in, here.n_out / base.n_out
    elif len(grown) > 1:  # of a module that we do not know: a matrix, whichever way it is turned
        m_in, m_out = grown[-1], grown[0]
    else:
        m = furthest(grown)
        return ("fixed" if m == 1.0 else "vector"), 1.0, m
    role = {(True, True): "hidden", (True, False): "output", (False, True): "input", (False, False): "fixed"}
    return role[m_in != 1.0, m_out != 1.0], m_in, m_out


def furthest(ratios: Iterable[float]) -> float:
    """The ratio that is furthest from 1: it is below 1 for a rung under the base."""
    return max(ratios, key=lambda m: abs(math.log(m)), default=1.0)


def by_shape(found: Mapping[str, tuple[ParameterUse, ...]]) -> dict[str, str]:
    """Roles where nothing can be compared: matrices between the first and the last are hidden, the rest is not."""
    matrices = [name for name, used in found.items() if len(used[0].shape) > 1 and used[0].n_in is not None]
    roles = {name: "hidden" if name in matrices else "vector" for name in found}
    for name in matrices:
        if any(place.embeds for place in found[name]):
            roles[name] = "input"
    if matrices:
        roles[matrices[0]] = "input"
        roles[matrices[-1]] = "output"
    return roles

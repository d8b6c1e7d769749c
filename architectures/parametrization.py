"""How initial weights and learning rates change with width: as the library has them, or maximal-update.

Maximal update (Yang et al. 2022, Tensor Programs V, table 3, the form without multipliers in the forward pass), with
``m_in`` and ``m_out`` the factors by which a weight's input and output axes are larger than at the base rung:

========  ===================  ==================  ========  ==========
role      what grows           std, against base   Adam lr   SGD lr
========  ===================  ==================  ========  ==========
hidden    input and output     ``m_in ** -1/2``    1 / m_in  1
output    input                ``m_in ** -1``      1 / m_in  1 / m_in
input     output               1                   1         m_out
vector    a bias, norm, token  1                   1         m_out
fixed     nothing              1                   1         1
========  ===================  ==================  ========  ==========

Roles are read off the shapes, so that library networks need no change. Attention needs a fixed head size.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import nn

from ..errors import InputError, unknown
from ..task import Task
from .draws import Key, Spread, key_of, secluded, spreads
from .family import Family, Rung

PARAMETRIZATIONS = ("mup", "standard")
OPTIMIZERS = ("adam", "adamw", "sgd")

_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


@dataclass(frozen=True)
class Multiplier:
    """What a parameter's drawn values and its learning rate are multiplied by, and why.

    Attributes
    ----------
    init : factor on the values that the library's initialisation draws.
    lr : factor on the learning rate.
    role : ``hidden``, ``output``, ``input``, ``vector`` or ``fixed``; ``standard`` where nothing is compared.
    """

    init: float
    lr: float
    role: str


@dataclass(frozen=True)
class _Axes:
    """Sizes of a parameter's axes; None for both where it is no matrix."""

    shape: tuple[int, ...]
    n_in: int | None = None
    n_out: int | None = None


def multipliers(
    family: Family, rung: Rung, task: Task, *, parametrization: str, optimizer: str
) -> dict[str, Multiplier]:
    """Factors on the initial values and the learning rate of every parameter, by name.

    Parameters
    ----------
    parametrization : ``standard`` (every factor is 1) or ``mup``.
    optimizer : ``adam``, ``adamw`` or ``sgd`` (with or without momentum).

    Raises
    ------
    InputError
        An unknown parametrisation or optimiser, a rung that the family refuses, or, under ``mup``, one that differs
        from the base rung in more than its widths.

    Notes
    -----
    Adam's epsilon is not rescaled: gradients shrink with width, so keep it far below them. A decoupled weight decay
    that is multiplied by the learning rate shrinks with it: divide it by ``lr`` to keep it.
    """
    if parametrization not in PARAMETRIZATIONS:
        raise unknown("parametrization", parametrization, PARAMETRIZATIONS)
    if optimizer not in OPTIMIZERS:
        raise unknown("optimizer", optimizer, OPTIMIZERS)
    return dict(_multipliers(family, key_of(rung), task, parametrization == "mup", optimizer == "sgd"))


def initialise(family: Family, rung: Rung, task: Task, *, seed: int, parametrization: str, optimizer: str) -> nn.Module:
    """Build the network that a seed stands for: the library's draw, rescaled. In float32, on the CPU.

    A function of its arguments alone; torch's generator, default type and default device stay as they were.
    Equal seeds give equal weights bit for bit. For the parameters see `multipliers`.
    """
    factors = multipliers(family, rung, task, parametrization=parametrization, optimizer=optimizer)
    with secluded(seed):
        net = family.build(rung, task)
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if factors[name].init != 1.0:
                parameter.mul_(factors[name].init)
    return net


@lru_cache(maxsize=4096)
def _multipliers(family: Family, key: Key, task: Task, mup: bool, sgd: bool) -> dict[str, Multiplier]:
    here, base_key = _axes(family, key, task), key_of(family.ladder[0])
    if not mup:
        return {name: Multiplier(1.0, 1.0, "standard") for name in here}
    base = _axes(family, base_key, task)
    if base.keys() != here.keys():
        raise InputError(
            f"family {family.name!r} at {dict(key)} has other parameters than at its base rung {dict(base_key)}: "
            "maximal update compares widths only, use the standard parametrization"
        )
    roles = {name: _role(base[name], axes) for name, axes in here.items()}
    growth = _furthest(m for _, *both in roles.values() for m in both)
    if growth == 1.0:
        return {name: Multiplier(1.0, 1.0, role) for name, (role, _, _) in roles.items()}
    drawn_base, drawn = spreads(family, base_key, task), spreads(family, key, task)
    table = {}
    for name, (role, m_in, m_out) in roles.items():
        std = {"hidden": m_in**-0.5, "output": 1 / m_in}.get(role, 1.0)
        library = _ratio(drawn_base[name], drawn[name], growth)
        table[name] = Multiplier(1.0 if library is None else std / library, _lr(role, m_in, m_out, sgd), role)
    return table


def _lr(role: str, m_in: float, m_out: float, sgd: bool) -> float:
    if sgd:
        return {"output": 1 / m_in, "input": m_out, "vector": m_out}.get(role, 1.0)
    return 1 / m_in if role in ("hidden", "output") else 1.0


def _role(base: _Axes, here: _Axes) -> tuple[str, float, float]:
    """Role of a parameter with the factors by which its input and output axes grew."""
    if here.n_in is None or here.n_out is None or base.n_in is None or base.n_out is None:
        m = _furthest(n / n0 for n, n0 in zip(here.shape, base.shape, strict=True))
        return ("fixed" if m == 1.0 else "vector"), 1.0, m
    m_in, m_out = here.n_in / base.n_in, here.n_out / base.n_out
    role = {(True, True): "hidden", (True, False): "output", (False, True): "input", (False, False): "fixed"}
    return role[m_in != 1.0, m_out != 1.0], m_in, m_out


def _furthest(ratios: Iterable[float]) -> float:
    """The ratio that is furthest from 1: it is below 1 for a rung under the base."""
    return max(ratios, key=lambda m: abs(math.log(m)), default=1.0)


@lru_cache(maxsize=1024)
def _axes(family: Family, key: Key, task: Task) -> dict[str, _Axes]:
    """The axes of every parameter, by name. The type of the module says which axis is the input."""
    with secluded(0):
        net = family.build(dict(key), task)
    return {
        f"{path}.{name}" if path else name: _read(module, tuple(parameter.shape))
        for path, module in net.named_modules()
        for name, parameter in module.named_parameters(recurse=False)
    }


def _read(module: nn.Module, shape: tuple[int, ...]) -> _Axes:
    if len(shape) < 2:
        return _Axes(shape)
    if isinstance(module, (nn.Embedding, *_TRANSPOSED)):  # (in, out, ...)
        return _Axes(shape, n_in=shape[0], n_out=shape[1])
    if isinstance(module, (nn.Linear, nn.RNNBase, nn.MultiheadAttention, *_CONVOLUTIONS)):  # (out, in / groups, ...)
        return _Axes(shape, n_in=shape[1], n_out=shape[0])
    return _Axes(shape)  # positions, class tokens, layer scales


def _ratio(base: Spread, here: Spread, growth: float) -> float | None:
    """Spread against that of the base rung, None where nothing is drawn.

    Libraries scale with fan-in or not at all, so the ratio is put on the nearest power of the growth in halves if the
    probes' own error (four standard errors of a Gaussian's spread) allows it: then the factors are exact.
    """
    if base.rms is None or here.rms is None:
        return None
    ratio = here.rms / base.rms
    power = round(2 * math.log(ratio) / math.log(growth)) / 2
    error = 4 * math.sqrt(0.5 / base.count + 0.5 / here.count)
    return growth**power if abs(math.log(ratio) - power * math.log(growth)) < error else ratio

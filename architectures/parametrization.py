"""How initial weights and learning rates change with width: as the library has them, or maximal-update.

Which power of its growth a weight's initial spread and learning rate get depends on its role and on the optimiser;
`exponents` has the table.

Roles are read off the shapes, so that library networks need no change. The input axis of a convolution is that of one
group: depthwise, or with groups of fixed size, it is an input weight. The axes of stacked gates, and of stacked
queries, keys and values, grow as one. A convolution that standardises its weights needs nothing more: its steps count
against the weights, whose spread is as there. Where a readout shares the weights of an embedding they are an input
weight, and what the readout is given is multiplied by ``1 / m_in``. Attention needs a fixed head size. For depth see
`depth`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import nn

from ..errors import InputError, unknown
from ..task import Task
from .depth import depth_factors, factors_of
from .draws import InitialSpread, Key, key_of, secluded, spreads
from .exponents import ADAM, SGD, WidthExponents, power
from .family import Family, Rung
from .roles import Role, by_shape, furthest, places, role_of

PARAMETRIZATIONS = ("mup", "standard")
_BY_NAME = {"adam": ADAM, "adamw": ADAM, "sgd": SGD}


@dataclass(frozen=True)
class Multiplier:
    """What a parameter's drawn values and its learning rate are multiplied by, and why.

    Attributes
    ----------
    init : factor on the values that the library's initialisation draws.
    lr : factor on the learning rate.
    role : ``hidden``, ``output``, ``narrow``, ``input``, ``vector`` or ``fixed``; ``standard`` where nothing is
        compared.
    """

    init: float
    lr: float
    role: str


def multipliers(
    family: Family, rung: Rung, task: Task, *, parametrization: str, optimizer: str | WidthExponents
) -> dict[str, Multiplier]:
    """Factors on the initial values and the learning rate of every parameter, by name.

    Parameters
    ----------
    parametrization : ``standard`` (every factor is 1) or ``mup``.
    optimizer : the exponents of the optimiser that is to train, or ``adam``, ``adamw`` or ``sgd`` (with or without
        momentum) for theirs.

    Raises
    ------
    InputError
        An unknown parametrisation or optimiser, a rung that the family refuses, or, under ``mup``, one that differs
        from the base rung in more than its widths and, where the family gives its ``branch_ends``, its depth.

    Notes
    -----
    Adam's epsilon is not rescaled: gradients shrink with width, so keep it far below them. ``lr`` is for the step that
    the gradient makes; a decoupled weight decay goes without it.
    """
    if parametrization not in PARAMETRIZATIONS:
        raise unknown("parametrization", parametrization, PARAMETRIZATIONS)
    if isinstance(optimizer, str):
        if optimizer not in _BY_NAME:
            raise unknown("optimizer", optimizer, _BY_NAME)
        optimizer = _BY_NAME[optimizer]
    return dict(_multipliers(family, key_of(rung), task, optimizer if parametrization == "mup" else None))


def initialise(
    family: Family, rung: Rung, task: Task, *, seed: int, parametrization: str, optimizer: str | WidthExponents
) -> nn.Module:
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
    if parametrization == "mup":
        for path, factor in tied_readouts(family, rung, task).items():
            net.get_submodule(path).register_forward_pre_hook(_Times(factor))
    return net


@dataclass(frozen=True)
class _Times:
    """Multiplies what a module is given."""

    factor: float

    def __call__(self, _: nn.Module, inputs: tuple) -> tuple:
        return (inputs[0] * self.factor, *inputs[1:])


@lru_cache(maxsize=4096)
def _multipliers(family: Family, key: Key, task: Task, exponents: WidthExponents | None) -> dict[str, Multiplier]:
    if exponents is None:
        return {name: Multiplier(1.0, 1.0, "standard") for name in places(family, key, task)}
    roles = _roles(family, key, task)
    init = _initial(family, key, task, roles, exponents)
    modules = {place.module for used in places(family, key, task).values() for place in used}
    deeper = depth_factors(family, dict(key), sorted(modules), exponents=exponents)
    table = {}
    for name, (role, m_in, m_out) in roles.items():
        depth_init, depth_lr = factors_of(name, deeper)
        powers = exponents.of(role)
        lr = power(m_in, powers.rate_in) * power(m_out, powers.rate_out)
        table[name] = Multiplier(init[name] * depth_init, lr * depth_lr, role)
    return table


def _initial(
    family: Family, key: Key, task: Task, roles: Mapping[str, Role], exponents: WidthExponents
) -> dict[str, float]:
    """Factors on the library's draws that give each role its spread."""
    growth = furthest(m for _, *both in roles.values() for m in both)
    if growth == 1.0:
        return dict.fromkeys(roles, 1.0)
    drawn_base, drawn = spreads(family, _base(family, key), task), spreads(family, key, task)
    factors = {}
    for name, (role, m_in, m_out) in roles.items():
        powers = exponents.of(role)
        std = m_in**powers.std_in * m_out**powers.std_out  # by the library's power, as old trials have it
        library = _ratio(drawn_base[name], drawn[name], (growth, m_in, m_out))
        factors[name] = 1.0 if library is None else std / library
    return factors


def _base(family: Family, key: Key) -> Key:
    """The base rung, at the depth of this one: widths are compared between networks of equal depth."""
    depth = {name: value for name, value in key if name == "depth" and family.base_depth}
    return key_of({**family.ladder[0], **depth})


@lru_cache(maxsize=1024)
def _roles(family: Family, key: Key, task: Task) -> dict[str, Role]:
    """The role of every parameter; one that is an input weight at one of its places is so at all of them."""
    base_key = _base(family, key)
    base, here = places(family, base_key, task), places(family, key, task)
    if base.keys() != here.keys():
        raise InputError(
            f"family {family.name!r} at {dict(key)} has other parameters than at its base rung {dict(base_key)}: "
            "maximal update compares widths; for depths name the ends of its branches by `branch_ends`, or use the "
            "standard parametrization"
        )
    found = {}
    for name, used in here.items():
        roles = [role_of(*pair) for pair in zip(base[name], used, strict=True)]
        found[name] = next((role for role in roles if role[0] in ("input", "vector")), roles[0])
        if found[name][0] == "output" and used[0].n_out != task.outputs:
            found[name] = ("narrow", *found[name][1:])
    return found


def tied_readouts(family: Family, rung: Rung, task: Task) -> dict[str, float]:
    """Modules that read out with the weights of an embedding, and the factor on what they are given."""
    key = key_of(rung)
    base, here = places(family, _base(family, key), task), places(family, key, task)
    factors = {}
    for name, (role, *_) in _roles(family, key, task).items():
        for before, place in zip(base[name], here[name], strict=True):
            as_used, m_in, _ = role_of(before, place)
            if role in ("input", "vector") and as_used == "output":
                factors[place.module] = 1 / m_in
    return factors


def _ratio(base: InitialSpread, here: InitialSpread, growths: tuple[float, ...]) -> float | None:
    """Spread against that of the base rung, None where nothing is drawn.

    Libraries scale with fan-in, fan-out or not at all, so the ratio is put on the nearest power in halves of a growth,
    if the probes' own error (four standard errors of a Gaussian's spread) allows it: then the factors are exact.
    """
    if base.rms is None or here.rms is None:
        return None
    ratio = here.rms / base.rms
    nearest = min((_power(ratio, m) for m in growths), key=lambda power: abs(math.log(ratio / power)))
    error = 4 * math.sqrt(0.5 / base.count + 0.5 / here.count)
    return nearest if abs(math.log(ratio / nearest)) < error else ratio


def _power(ratio: float, growth: float) -> float:
    """The power of the growth, in halves, that is nearest to the ratio."""
    return 1.0 if growth == 1.0 else growth ** (round(2 * math.log(ratio) / math.log(growth)) / 2)


def width_growth(family: Family, rung: Rung, task: Task) -> float | None:
    """How many times wider the rung is than the base: the median growth of what its layers read.

    None where nothing that a layer reads grows, as in a network without a hidden layer whose input is the task's.
    """
    key = key_of(rung)
    grown = sorted(
        m_in for role, m_in, _ in _roles(family, key, task).values() if role in ("hidden", "narrow", "output")
    )
    if grown:
        return grown[len(grown) // 2]
    return 1.0 if key == _base(family, key) else None


def roles(family: Family, rung: Rung, task: Task) -> dict[str, str]:
    """Role of every parameter, by name, as this rung compares with the base."""
    return {name: role for name, (role, *_) in _roles(family, key_of(rung), task).items()}


def width_roles(family: Family, rung: Rung, task: Task) -> dict[str, str]:
    """Role of every parameter, by name, whichever rung it is: what an optimiser that treats roles differently needs.

    The ends of the family's ladder are compared, at the depth of this rung; so the base rung, where `roles` finds
    nothing grown, has the roles of all others. Where the ends cannot tell (one rung, none, or other parameters at
    another depth that the family does not name), shapes do: the first matrix and embeddings are ``input``, the last
    matrix is ``output``, matrices between are ``hidden``, and all else is ``vector``.
    """
    return dict(_width_roles(family, key_of(rung), task))


@lru_cache(maxsize=1024)
def _width_roles(family: Family, key: Key, task: Task) -> dict[str, str]:
    here = places(family, key, task)
    if len(family.ladder) > 1:
        depth = {name: value for name, value in key if name == "depth" and family.base_depth}
        try:
            found = {
                name: role for name, (role, *_) in _roles(family, key_of({**family.ladder[-1], **depth}), task).items()
            }
        except InputError:
            found = {}
        if found.keys() == here.keys() and set(found.values()) != {"fixed"}:
            return found
    return by_shape(here)

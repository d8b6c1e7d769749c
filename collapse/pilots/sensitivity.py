"""How well the trunks of a pilot collapse at the training lengths that it found, and at others.

A trunk at a constant rate, cut at any length, is the run of that length. So one pilot shows how far its ladder would
deviate from a common curve if the training lengths grew faster or more slowly, without training anything again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence

import numpy as np

from ...results.curves import LearningCurve
from ...results.grid import latest_start
from ...results.levels import X_MIN
from ..composing import OK, Missing
from ..ladders.ladder import Ladder
from ..ladders.rescaling import rescale
from ..outcome import RescaledGroup
from ..planning.power import SimulatedShare
from ..planning.telling import chance_to_tell, least_told
from ..reasons import Reason, Refusal, because
from ..within.battery import assess
from ..within.rise import Rise, rise
from .horizon_law import HorizonLaw
from .trunks import Trunk

FACTORS = (0.6, 0.8, 1.0, 1.2, 1.4)  # of the exponent
_FEWEST = 3  # sizes that are long enough
_SEEDS = 3  # of a ladder, for its deviations to be held against another's


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class CollapseAt:
    """The deviation of a ladder from its common curve at a constant rate, for one exponent of the training length.

    Attributes
    ----------
    factor : of the exponent that the pilot found; the size in the middle of the ladder trains equally long for all.
    sizes : model sizes whose trunks are long enough.
    deviation : the largest over sizes and x, in ln l; None where there is no answer.
    lower_bound, upper_bound : of it, 95 % (T5).
    rise : how much more it deviates than the same sizes do at the exponent itself; None there, and where either is
        unknown.
    power : chance with which a ladder of the seeds that are asked about is told to deviate more than one at the
        exponent itself; None there, and where there are no such seeds.
    least : at the exponent itself, the root mean square of its deviations from which on any ladder of these sizes and
        seeds is told to, with a power of .80; None elsewhere.
    status : ``ok``, or why there is none.
    """

    factor: float
    sizes: int
    deviation: float | None = None
    lower_bound: float | None = None
    upper_bound: float | None = None
    rise: Rise | Missing | None = None
    power: SimulatedShare | None = None
    least: float | None = None
    status: Reason = OK


def sensitivity(
    trunks: Sequence[Trunk],
    law: HorizonLaw,
    irreducible_loss: float | None,
    *,
    rng: np.random.Generator,
    seeds: int = 0,
    resamples: int = 399,
) -> tuple[CollapseAt, ...]:
    """The collapse of a pilot's trunks at 60 to 140 % of the exponent that it found.

    Parameters
    ----------
    trunks : from the smallest to the largest.
    law : what they gave; where it has no exponent there is nothing to vary.
    irreducible_loss : L0, on which normalised curves rest.
    rng : chance; the same resamples are drawn for each factor.
    seeds : of a ladder whose power is wanted.
    """
    if law.updates is None or law.exponent is None:
        return ()
    (seed,) = rng.integers(2**63, size=1)
    cuts = {factor: _Cuts.at(trunks, law, factor) for factor in FACTORS}
    return tuple(
        _at(own, cuts[1.0], irreducible_loss, factor, np.random.default_rng(seed), resamples, seeds)
        for factor, own in cuts.items()
    )


@dataclasses.dataclass(frozen=True, slots=True)
class _Cuts:
    """Training lengths of the trunks that are long enough, by their place among all trunks."""

    trunks: Sequence[Trunk]
    lengths: dict[int, float]

    @classmethod
    def at(cls, trunks: Sequence[Trunk], law: HorizonLaw, factor: float) -> _Cuts:
        assert law.updates is not None and law.exponent is not None
        middle = float(np.sqrt(trunks[0].size * trunks[-1].size))
        there = law.updates.value * (middle / law.first) ** law.exponent.value
        lengths = [there * (trunk.size / middle) ** (factor * law.exponent.value) for trunk in trunks]
        kept = zip(trunks, lengths, strict=True)
        return cls(trunks, {i: t for i, (trunk, t) in enumerate(kept) if t <= trunk.updates[-1]})

    def group(self, floor: float, places: Collection[int], x_min: float = X_MIN) -> RescaledGroup:
        """The ladder of the trunks at these places, cut."""
        curves = (curve for i in sorted(places) for curve in _cut(self.trunks[i], self.lengths[i]))
        return rescale(Ladder.of(curves), scale="end-point", irreducible_loss=floor, x_min=x_min)


def _at(
    own: _Cuts,
    found: _Cuts,
    floor: float | None,
    factor: float,
    rng: np.random.Generator,
    resamples: int,
    seeds: int,
) -> CollapseAt:
    n = len(own.lengths)
    if floor is None:
        return CollapseAt(factor=factor, sizes=n, status=because("sensitivity-needs-a-floor"))
    if n < _FEWEST:
        return CollapseAt(factor=factor, sizes=n, status=because("sensitivity-trunks-short", sizes=n, least=_FEWEST))
    try:
        group = own.group(floor, own.lengths)
        pair = None if factor == 1 else _pair(own, found, floor)
    except Refusal as refusal:
        return CollapseAt(factor=factor, sizes=n, status=refusal.reason)
    _, bounds = assess(group.values, group.x, group.sizes, rng=rng, resamples=resamples)
    told, asked = None if pair is None else rise(*pair, rng=rng), seeds >= _SEEDS
    return CollapseAt(
        factor=factor,
        sizes=n,
        deviation=float(np.abs(bounds.d).max()),
        lower_bound=float(bounds.lower()),
        upper_bound=float(bounds.upper()),
        rise=told,
        power=_power(pair, seeds, rng) if pair and asked and isinstance(told, Rise) else None,
        least=least_told(group, [seeds] * n, rng=rng) if factor == 1 and asked else None,
    )


def _power(pair: tuple[RescaledGroup, RescaledGroup], seeds: int, rng: np.random.Generator) -> SimulatedShare:
    return chance_to_tell(*pair, [seeds] * len(pair[0].sizes), rng=rng)


def _pair(own: _Cuts, found: _Cuts, floor: float) -> tuple[RescaledGroup, RescaledGroup] | None:
    """Both ladders of the sizes that are long enough for both, on one grid."""
    places = own.lengths.keys() & found.lengths.keys()
    if len(places) < _FEWEST:
        return None
    start = latest_start(cuts.group(floor, places).x for cuts in (own, found))
    return own.group(floor, places, start), found.group(floor, places, start)


def _cut(trunk: Trunk, length: float) -> list[LearningCurve]:
    """The runs of that length, in updates; the last loss is interpolated in ln t."""
    inside = trunk.updates < length * (1 - 1e-9)
    x = np.append(trunk.updates[inside] / length, 1.0)
    at = np.log(trunk.updates)
    return [
        LearningCurve(
            family="",
            dataset="",
            recipe="",
            leg="constant",
            size=trunk.size,
            seed=seed,
            x=x,
            loss=np.append(loss[inside], np.exp(np.interp(np.log(length), at, np.log(loss)))),
            rung=trunk.rung,
        )
        for seed, loss in enumerate(trunk.loss)
    ]

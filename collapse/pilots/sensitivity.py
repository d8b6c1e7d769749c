"""How well the trunks of a pilot collapse at the training lengths that it found, and at others.

A trunk at a constant rate, cut at any length, is the run of that length. So one pilot shows how far its ladder would
deviate from a common curve if the training lengths grew faster or more slowly, without training anything again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ...results.curves import LearningCurve
from ..composing import OK
from ..ladders.ladder import Ladder
from ..ladders.rescaling import rescale
from ..reasons import Reason, Refusal, because
from ..within.battery import assess
from .horizon_law import HorizonLaw
from .trunks import Trunk

FACTORS = (0.6, 0.8, 1.0, 1.2, 1.4)  # of the exponent
_FEWEST = 3  # sizes that are long enough


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class CollapseAt:
    """The deviation of a ladder from its common curve at a constant rate, for one exponent of the training length.

    Attributes
    ----------
    factor : of the exponent that the pilot found; the size in the middle of the ladder trains equally long for all.
    sizes : model sizes whose trunks are long enough.
    deviation : the largest over sizes and x, in ln l; None where there is no answer.
    lower_bound, upper_bound : of it, 95 % (T5).
    status : ``ok``, or why there is none.
    """

    factor: float
    sizes: int
    deviation: float | None = None
    lower_bound: float | None = None
    upper_bound: float | None = None
    status: Reason = OK


def sensitivity(
    trunks: Sequence[Trunk],
    law: HorizonLaw,
    irreducible_loss: float | None,
    *,
    rng: np.random.Generator,
    resamples: int = 399,
) -> tuple[CollapseAt, ...]:
    """The collapse of a pilot's trunks at 60 to 140 % of the exponent that it found.

    Parameters
    ----------
    trunks : from the smallest to the largest.
    law : what they gave; where it has no exponent there is nothing to vary.
    irreducible_loss : L0, on which normalised curves rest.
    rng : chance; the same resamples are drawn for each factor.
    """
    if law.updates is None or law.exponent is None:
        return ()
    (seed,) = rng.integers(2**63, size=1)
    return tuple(
        _at(trunks, law, irreducible_loss, factor, np.random.default_rng(seed), resamples) for factor in FACTORS
    )


def _at(
    trunks: Sequence[Trunk],
    law: HorizonLaw,
    floor: float | None,
    factor: float,
    rng: np.random.Generator,
    resamples: int,
) -> CollapseAt:
    assert law.updates is not None and law.exponent is not None
    middle = float(np.sqrt(trunks[0].size * trunks[-1].size))
    there = law.updates.value * (middle / law.first) ** law.exponent.value
    lengths = [there * (trunk.size / middle) ** (factor * law.exponent.value) for trunk in trunks]
    long_enough = [(trunk, t) for trunk, t in zip(trunks, lengths, strict=True) if t <= trunk.updates[-1]]
    n = len(long_enough)
    if floor is None:
        return CollapseAt(factor=factor, sizes=n, status=because("sensitivity-needs-a-floor"))
    if n < _FEWEST:
        return CollapseAt(factor=factor, sizes=n, status=because("sensitivity-trunks-short", sizes=n, least=_FEWEST))
    try:
        ladder = Ladder.of(curve for trunk, t in long_enough for curve in _cut(trunk, t))
        group = rescale(ladder, scale="end-point", irreducible_loss=floor)
    except Refusal as refusal:
        return CollapseAt(factor=factor, sizes=n, status=refusal.reason)
    _, found = assess(group.values, group.x, group.sizes, rng=rng, resamples=resamples)
    return CollapseAt(
        factor=factor,
        sizes=n,
        deviation=float(np.abs(found.d).max()),
        lower_bound=float(found.lower()),
        upper_bound=float(found.upper()),
    )


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

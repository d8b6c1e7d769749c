"""The deviation card of a family: how far, which way, where, with size or not, through what, and the verdict."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit as student_quantile

from ...results.levels import UPPER
from ..composing import HIDDEN, inline
from ..ladders.rescaling import master_curve
from ..ladders.spread import describe
from ..outcome import AcrossFamilies, FamilyDeviation, RescaledGroup, Scale
from ..reasons import Reason, because
from .attribution import Cause, attribute
from .covariance import Noise, pool_noise
from .mean_curve import Member

_MAIN = 0.5  # share of the squared difference from which a cause is called the main one


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Trend:
    """Change of a family's difference for each doubling of size, at the x of the largest difference, with its 95 %
    interval; ``direction`` is ``grows``, ``shrinks`` or ``no trend``."""

    per_doubling: float
    low: float
    high: float
    direction: str


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Standing:
    """How a family that was compared stands among the others.

    Attributes
    ----------
    amplitude : the largest difference from the master curve of the others, signed, and ``at`` which x.
    sign : ``above`` or ``below`` the others; ``crosses`` where the band excludes zero on both sides.
    trend : with size, None for a single model size.
    causes : what the difference is due to; empty where the schedule or the irreducible loss is not known.
    explained : by which of the causes, or why by none; None where there are none or no x stands out.
    rank : place of this difference among all families' own leave-one-out differences, 1 the largest.
    typical : median of the other families' differences; None where there is none.
    scale : as for `RescaledGroup`.
    """

    amplitude: float
    at: float
    sign: str
    trend: Trend | None
    causes: tuple[Cause, ...]
    explained: Reason | None
    rank: int
    typical: float | None
    scale: Scale = dataclasses.field(metadata=HIDDEN)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DeviationCard:
    """All that is said of one family beside the others on a data set.

    Attributes
    ----------
    row : its deviation with bounds, the stretch of x, and the verdict.
    standing : None where the family could not be compared.
    n_ranked : how many families were.
    margin : the margin in use.
    """

    row: FamilyDeviation = dataclasses.field(metadata=inline(FamilyDeviation))
    standing: Standing | None = dataclasses.field(metadata=inline(Standing))
    n_ranked: int
    margin: float


def deviation_cards(members: Sequence[Member], across: AcrossFamilies, *, margin: float) -> tuple[DeviationCard, ...]:
    """Cards of all families on a data set, in the order of ``across.per_family``.

    Parameters
    ----------
    members : what `compare_families` was given.
    across : what it returned, rows of families that were left out included.
    margin : the margin in use.
    """
    noise = pool_noise([member.group for member in members])
    places = {(member.family, member.recipe): i for i, member in enumerate(members)}
    sizes = {(row.family, row.recipe): row.deviation for row in across.per_family if row.deviation is not None}
    cards = []
    for row in across.per_family:
        key = (row.family, row.recipe)
        others = [size for other, size in sizes.items() if other != key]
        compared = key in places and row.difference is not None
        standing = _standing(row, members, noise, places[key], others) if compared else None
        n_ranked = len(others) + 1 if compared else len(sizes)
        cards.append(DeviationCard(row=row, standing=standing, n_ranked=n_ranked, margin=margin))
    return tuple(cards)


def _standing(
    row: FamilyDeviation, members: Sequence[Member], noise: Noise, i: int, others: Sequence[float]
) -> Standing:
    group = members[i].group
    difference = np.asarray(row.difference)
    peak = int(np.argmax(np.abs(difference)))
    own = master_curve(group)
    # The form speaks of reducible losses: without a floor there is nothing to attribute to its parameters.
    known = group.phase is not None and group.scale == "end-point"
    causes = attribute(group, own, own - difference, noise, i) if known else ()
    return Standing(
        amplitude=float(difference[peak]),
        at=float(group.x[peak]),
        sign=_sign(row, difference, peak),
        trend=_trend(group, peak, float(np.sign(difference[peak]))) if len(group.values) > 1 else None,
        causes=causes,
        explained=_explained(causes) if causes and row.where is not None else None,
        rank=1 + sum(other > abs(float(difference[peak])) for other in others),
        typical=float(np.median(others)) if others else None,
        scale=group.scale,
    )


def _explained(causes: Sequence[Cause]) -> Reason:
    main = max(causes, key=lambda cause: cause.share)
    if main.share < _MAIN:
        return because("no-single-cause")
    if main.own is None or main.others is None or main.se is None:
        return because("form-does-not-describe")
    if abs(main.own - main.others) < 2 * main.se:
        return because("seeds-do-not-tell-cause")
    return because("main-cause", cause=main.name, own=main.own, others=main.others)


def _sign(row: FamilyDeviation, difference: np.ndarray, peak: int) -> str:
    if row.where is not None and row.x is not None:
        inside = difference[(row.x >= row.where[0]) & (row.x <= row.where[1])]
        if np.any(inside > 0) and np.any(inside < 0):
            return "crosses"
    return "above" if difference[peak] > 0 else "below"


def _trend(group: RescaledGroup, at: int, sign: float) -> Trend:
    """The master curve of the others does not depend on this family's sizes, so its slope is the mean curves'."""
    found = describe(group)
    slope, error = np.log(2) * found.slope[at], np.log(2) * found.slope_se[at]
    reach = float(student_quantile(found.slope_df[at], UPPER)) * error
    clear = abs(slope) > reach
    direction = ("grows" if slope * sign > 0 else "shrinks") if clear else "no trend"
    return Trend(per_doubling=float(slope), low=float(slope - reach), high=float(slope + reach), direction=direction)

"""The deviation card of a family: how far, which way, where, with size or not, through what, and the verdict."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit as student_quantile

from ...results.levels import UPPER
from ..ladders.rescaling import master_curve
from ..ladders.spread import describe
from ..outcome import AcrossFamilies, FamilyDeviation, RescaledGroup, Verdict
from ..sentences.numbers import percent, stretch_of
from .attribution import Cause, attribute
from .covariance import Noise, pool_noise
from .deviation import Member

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
class DeviationCard:
    """All that is said of one family beside the others on a data set.

    Attributes
    ----------
    amplitude : the largest difference from the master curve of the others, signed, and ``at`` which x.
    low, high : 95 % bounds on its modulus.
    sign : ``above`` or ``below`` the others; ``crosses`` where the band excludes zero on both sides.
    where : stretch of x in which the simultaneous band excludes zero, None where there is none.
    trend : with size, None for a single rung.
    causes : what the difference is due to; empty where the schedule or the floor is not known.
    rank, n_ranked : place of this difference among all families' own leave-one-out differences, 1 the largest.
    typical : median of the other families' differences; None where there is none.
    sentence : the verdict and its reason.
    """

    family: str
    recipe: str
    amplitude: float | None
    at: float | None
    low: float | None
    high: float | None
    sign: str | None
    where: tuple[float, float] | None
    trend: Trend | None
    causes: tuple[Cause, ...]
    rank: int | None
    n_ranked: int
    typical: float | None
    verdict: Verdict
    sentence: str


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
        if key in places and row.difference is not None:
            others = [size for other, size in sizes.items() if other != key]
            cards.append(_card(row, members, noise, places[key], others, margin))
        else:
            cards.append(_blank(row, len(sizes)))
    return tuple(cards)


def _card(
    row: FamilyDeviation, members: Sequence[Member], noise: Noise, i: int, others: Sequence[float], margin: float
) -> DeviationCard:
    group = members[i].group
    difference = np.asarray(row.difference)
    peak = int(np.argmax(np.abs(difference)))
    own = master_curve(group)
    # The form speaks of excess losses: without a floor there is nothing to attribute to its parameters.
    known = group.phase is not None and group.scale == "end-point"
    card = DeviationCard(
        family=row.family,
        recipe=row.recipe,
        amplitude=float(difference[peak]),
        at=float(group.x[peak]),
        low=row.low,
        high=row.high,
        sign=_sign(row, difference, peak),
        where=row.where,
        trend=_trend(group, peak, float(np.sign(difference[peak]))) if len(group.values) > 1 else None,
        causes=attribute(group, own, own - difference, noise, i) if known else (),
        rank=1 + sum(other > abs(float(difference[peak])) for other in others),
        n_ranked=len(others) + 1,
        typical=float(np.median(others)) if others else None,
        verdict=row.verdict,
        sentence="",
    )
    return dataclasses.replace(card, sentence=_sentence(card, group, margin))


def _blank(row: FamilyDeviation, n_ranked: int) -> DeviationCard:
    return DeviationCard(
        family=row.family,
        recipe=row.recipe,
        amplitude=None,
        at=None,
        low=None,
        high=None,
        sign=None,
        where=None,
        trend=None,
        causes=(),
        rank=None,
        n_ranked=n_ranked,
        typical=None,
        verdict=row.verdict,
        sentence=f"{row.family} cannot be compared: {row.reason}",
    )


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


def _sentence(card: DeviationCard, group: RescaledGroup, margin: float) -> str:
    amplitude, low, high = abs(card.amplitude or 0.0), card.low or 0.0, card.high or 0.0
    who = f"{card.family} shares the others' curve within {percent(high)}, less than the margin of {percent(margin)}"
    if card.verdict != "collapse":
        side = {"above": "above", "below": "below", "crosses": "now above and now below"}[card.sign or "above"]
        place = _place(card.where, group.x)
        unit = " of the mean improvement" if group.scale == "shape" else ""
        who = f"{card.family} lies up to {percent(amplitude)}{unit} {side} the others' curve{place}"
        who += f", at least {percent(low)}, and the margin is {percent(margin)}"
        if card.verdict != "collapse" and high < margin:
            who += f"; at most {percent(high)}, yet not at every x a third of what other data sets' curves differ by"
        elif card.verdict == "cannot-tell":
            who += f", but it may be {percent(high)}: more seeds would tell"
    return who + _cause(card) + _size(card)


def _place(where: tuple[float, float] | None, x: np.ndarray) -> str:
    if where is None:
        return ", though no stretch of x stands out"
    if where[0] == where[1]:
        return f" at x = {where[0]:.2g}"
    return " " + stretch_of((x >= where[0]) & (x <= where[1]), x)


def _cause(card: DeviationCard) -> str:
    if card.where is None or card.verdict == "collapse" or not card.causes:
        return ""
    main = max(card.causes, key=lambda cause: cause.share)
    if main.share < _MAIN:
        return "; no single parameter of the form is behind it"
    if main.own is None or main.others is None or main.se is None:
        return "; the form does not describe it"
    if abs(main.own - main.others) < 2 * main.se:
        return "; the seeds do not tell through which parameter of the form"
    return f"; mostly {main.name}, {main.own:.2g} in place of {main.others:.2g}"


def _size(card: DeviationCard) -> str:
    if card.trend is None or card.trend.direction == "no trend" or card.where is None or card.verdict == "collapse":
        return ""
    return f"; it {card.trend.direction} by {percent(abs(card.trend.per_doubling))} for each doubling of size"

"""Where a result stands among the published ones of its data set."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from ..outcome import Bounds, GroupResult


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Rank:
    """A rank by the deviation, 1 for the smallest, among ``of`` results.

    ``low`` and ``high`` are the ranks that the bounds leave open: results whose bounds overlap may stand either way.
    """

    rank: int
    low: int
    high: int
    of: int


def rank_among(own: Bounds, others: Iterable[Bounds]) -> Rank | None:
    """The rank of a deviation among others; None where it has no number.

    Others without a number do not count.
    """
    if own.deviation is None:
        return None
    known = [one for one in others if one.deviation is not None]
    better = sum(_below(one.upper_bound, own.lower_bound) for one in known)
    worse = sum(_below(own.upper_bound, one.lower_bound) for one in known)
    smaller = sum(_below(one.deviation, own.deviation) for one in known)
    return Rank(rank=1 + smaller, low=1 + better, high=1 + len(known) - worse, of=1 + len(known))


def board(groups: Iterable[GroupResult], like: GroupResult) -> list[GroupResult]:
    """The measurements that a group is ranked among: of its data set, schedule and scale, with seeds."""
    return [one for one in groups if one.control is None and not one.single and _kind(one) == _kind(like)]


def _kind(group: GroupResult) -> tuple[str, str, str | None]:
    return group.dataset, group.leg, None if group.rescaled is None else group.rescaled.scale


def _below(left: float | None, right: float | None) -> bool:
    return left is not None and right is not None and left < right

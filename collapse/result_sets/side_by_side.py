"""Two result sets of one protocol: rank, deviation and verdict of each group in both, and what changed beyond noise."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from ...errors import InputError
from ...results.curves import CurveSet
from ...results.grid import latest_start
from ...results.levels import ALPHA
from ...results.origins import GroupKey, Origin
from ...results.quantity import LOSS, Quantity
from ..analysis import Examined, examine
from ..composing import flat
from ..families.multiplicity import holm
from ..ladders.measurement import Measured
from ..ladders.rescaling import try_rescale
from ..outcome import GroupResult, Key, Verdict
from ..reasons import Reason, because
from ..settings import Settings
from .board import Rank, board, rank_among
from .matching import Match, match
from .shift import Runs, Shift, curve_shift, last_shift, shared_runs


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class InSet:
    """A group in one of the sets: its deviation with its bounds, verdict, and rank on the published board.

    The board is that of the group's data set, schedule and scale; the rank of mine is the one that it has in the
    published group's place.
    """

    rank: Rank | None
    scale: str | None
    deviation: float | None
    lower_bound: float | None
    upper_bound: float | None
    verdict: Verdict
    reason: Reason | None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ComparedGroup:
    """A group in both sets, or in one of them.

    Attributes
    ----------
    key : which; that of mine where both have it.
    mine, published : None where the set has it not.
    differs : what decided the two otherwise.
    curve, last : tests of a change of the rescaled curves, in units of their scale, and of the last values, as they
        were measured; None where the group is in one set alone.
    changed : which of ``curve`` and ``last`` changed beyond noise, at 5 % over all groups and both questions (Holm).
    verdict_changed : whether the verdicts differ; None where the group is in one set alone.
    reason : why it has no counterpart.
    """

    key: Key = dataclasses.field(metadata=flat("family", "dataset", "recipe", "recipe_label", "leg", "control"))
    mine: InSet | None
    published: InSet | None
    differs: tuple[str, ...] = ()
    curve: Shift | None = None
    last: Shift | None = None
    changed: tuple[str, ...] = ()
    verdict_changed: bool | None = None
    reason: Reason | None = None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SideBySide:
    """All groups of two sets, those in both first, and what the curves are of."""

    groups: tuple[ComparedGroup, ...]
    quantity: Quantity = dataclasses.field(default=LOSS, metadata=flat("observable", "scale"))


def compare_sets(
    mine: CurveSet,
    published: CurveSet,
    origins: tuple[Mapping[GroupKey, Origin], Mapping[GroupKey, Origin]],
    *,
    settings: Settings,
    rngs: tuple[np.random.Generator, np.random.Generator, np.random.Generator],
) -> SideBySide:
    """Analyse two sets of curves in the same way and hold them against each other.

    Parameters
    ----------
    mine, published : curves of one quantity.
    origins : what each set's own tables say of its groups.
    settings : of both analyses; without a margin each set has its own.
    rngs : chance of the two analyses and of the tests between them.

    Raises
    ------
    InputError
        Two quantities, or two protocols.
    """
    if mine.quantity != published.quantity:
        raise InputError(
            f"mine is of {mine.quantity.title}, the published set of {published.quantity.title}: ask for one"
        )
    first, second, shifts_rng = rngs[2].spawn(3)
    keys = [_keys(curves) for curves in (mine, published)]
    matches = match(keys[0], keys[1], origins)  # before the analyses: what may not be compared is said at once
    sets = examine(mine, settings, rng=rngs[0]), examine(published, settings, rng=rngs[1])
    found = [
        _compared(one, sets, settings, chance) for one, chance in zip(matches, rngs[2].spawn(len(matches)), strict=True)
    ]
    return SideBySide(groups=tuple(_judged(found)), quantity=mine.quantity)


def _keys(curves: CurveSet) -> list[Key]:
    return [Key.of(group.curves[0]) for _, group in sorted(curves.groups().items())]


def _compared(
    one: Match, sets: tuple[Examined, Examined], settings: Settings, rng: np.random.Generator
) -> ComparedGroup:
    mine, published = (_at(found, key) for found, key in zip(sets, (one.mine, one.published), strict=True))
    others = [group for group in sets[1].analysis.groups if one.published is None or group.key != one.published]
    key = one.mine or one.published
    assert key is not None  # a match has one side at least
    about = {
        "key": key,
        "mine": mine and _in_set(mine[0], others),
        "published": published and _in_set(published[0], others),
        "differs": one.differs,
        "reason": one.reason,
    }
    if mine is None or published is None:
        return ComparedGroup(**about)
    return ComparedGroup(
        **about,
        curve=_curve(mine[1], published[1], settings, rng),
        last=last_shift(_last_values(mine[1], published[1])),
        verdict_changed=mine[0].verdict != published[0].verdict,
    )


def _at(found: Examined, key: Key | None) -> tuple[GroupResult, Measured] | None:
    rows = zip(found.analysis.groups, found.measured, strict=True)
    return next(((group, measured) for group, measured in rows if group.key == key), None)


def _in_set(group: GroupResult, others: Sequence[GroupResult]) -> InSet:
    ranked = group.control is None and not group.single
    return InSet(
        rank=rank_among(group.bounds, [one.bounds for one in board(others, group)]) if ranked else None,
        scale=None if group.rescaled is None else group.rescaled.scale,
        deviation=group.deviation,
        lower_bound=group.lower_bound,
        upper_bound=group.upper_bound,
        verdict=group.verdict,
        reason=group.reason,
    )


def _curve(mine: Measured, published: Measured, settings: Settings, rng: np.random.Generator) -> Shift:
    """The test of the rescaled curves, on one grid and on the end-point scale where both have the same floor."""
    if mine.rescaled is None or published.rescaled is None:
        return Shift(reason=because("set-not-rescaled"))
    floors = {one.floor.value for one in (mine, published) if one.floor.source in ("known", "given")}
    ends = len(floors) == 1 and all(
        one.rescaled is not None and one.rescaled.scale == "end-point" for one in (mine, published)
    )
    start = latest_start([mine.rescaled.x, published.rescaled.x])
    floor = floors.pop() if ends else None
    groups = [try_rescale(one.ladder, "end-point" if ends else "shape", floor, start) for one in (mine, published)]
    problem = next((reason for _, reason in groups if reason is not None), None)
    if problem is not None:
        return Shift(reason=problem)
    left, right = (group for group, _ in groups if group is not None)
    return curve_shift(left, right, rng, settings.resamples)


def _last_values(mine: Measured, published: Measured) -> Runs | Reason:
    rows = [
        {
            float(rung[0].size): (np.array([[curve.loss[-1]] for curve in rung]), tuple(curve.seed for curve in rung))
            for rung in one.ladder.rungs
        }
        for one in (mine, published)
    ]
    return shared_runs(rows[0], rows[1])


def _judged(groups: Sequence[ComparedGroup]) -> list[ComparedGroup]:
    """What changed, with the p-values of all groups and both questions corrected together."""
    asked = [
        (place, name, shift.p)
        for place, group in enumerate(groups)
        for name, shift in (("curve", group.curve), ("last", group.last))
        if shift is not None and shift.p is not None
    ]
    adjusted = holm([p for _, _, p in asked]) if asked else []
    changed: dict[int, list[str]] = {}
    for (place, name, _), p in zip(asked, adjusted, strict=True):
        if p < ALPHA:
            changed.setdefault(place, []).append(name)
    return [dataclasses.replace(group, changed=tuple(changed.get(i, ()))) for i, group in enumerate(groups)]

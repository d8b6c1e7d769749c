"""Two result sets beside each other, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...results.group_names import told_apart, with_control
from ...results.quantity import Quantity
from ..result_sets.board import Rank
from ..result_sets.shift import Shift
from ..result_sets.side_by_side import ComparedGroup, InSet, SideBySide
from .numbers import percent
from .reasons import say

HEADINGS = ("family", "data set", "rank", "deviation", "95 % bound", "verdict", "changed beyond noise")


def compared_row(group: ComparedGroup, groups: Sequence[ComparedGroup]) -> dict[str, str]:
    """A group's line of the table: mine, an arrow from the published number, or a dash where a set has it not."""
    sides = group.published, group.mine
    cells = (
        with_control(told_apart(group.key, [one.key for one in groups]), group.key),
        group.key.dataset,
        _both(sides, lambda side: _rank(side.rank)),
        _both(sides, lambda side: _share(side, side.deviation)),
        _both(sides, lambda side: _share(side, side.upper_bound)),
        _both(sides, lambda side: side.verdict),
        _changed(group),
    )
    return dict(zip(HEADINGS, cells, strict=True))


def compared_lines(group: ComparedGroup, quantity: Quantity) -> list[str]:
    """What stands below the table of a group: the tests of both questions, and what differs."""
    if group.mine is None or group.published is None:
        side = "mine" if group.published is None else "published"
        return [f"in {side} alone: {say(group.reason or '', quantity)}"]
    if not group.differs and _same_runs(group):
        return []
    lines = [f"decided otherwise: {'; '.join(group.differs)}"] if group.differs else []
    rescaled = "curves less their end, over their mean improvement" if group.mine.scale == "shape" else "ln l"
    for name, shift, of in (("curves", group.curve, rescaled), ("last values", group.last, quantity.noun)):
        if shift is not None:
            lines.append(f"{name} ({of}): {shift_sentence(shift, quantity)}")
    if group.verdict_changed and not group.changed:
        lines.append("the verdict changed and no change beyond noise is shown: one of the two is a matter of noise")
    return lines


def shift_sentence(shift: Shift, quantity: Quantity) -> str:
    """A test of a change: the largest difference, where it is, its bounds and p; or why there is none."""
    if shift.difference is None:
        return say(shift.reason or "", quantity)
    at = "" if shift.x is None else f", x = {shift.x:.2g}"
    found = f"largest difference {shift.difference:+.3g} at {shift.size:.4g} parameters{at}"
    if shift.p is None:
        return f"{found}; {say(shift.reason or '', quantity)}"
    how = ", seeds paired" if shift.paired else ""
    return f"{found}, 95 % bounds {shift.low:.2g} to {shift.high:.2g}, p = {shift.p:.2g}{how}"


def compared_summary(found: SideBySide) -> str:
    """How many groups met, changed, and have another verdict."""
    met = [group for group in found.groups if group.mine and group.published]
    changed = sum(bool(group.changed) for group in met)
    verdicts = sum(bool(group.verdict_changed) for group in met)
    lone = len(found.groups) - len(met)
    return (
        f"{len(met)} groups are in both sets and {lone} in one: {changed} changed beyond noise (5 % over all of them), "
        f"{verdicts} have another verdict"
    )


def _both(sides: tuple[InSet | None, InSet | None], shown: Any) -> str:
    published, mine = ("–" if side is None else shown(side) for side in sides)
    return mine if published == mine else f"{published} → {mine}"


def _rank(rank: Rank | None) -> str:
    if rank is None:
        return "–"
    return f"{rank.rank} of {rank.of}" + ("" if rank.low == rank.high else f" ({rank.low}-{rank.high})")


def _share(side: InSet, value: float | None) -> str:
    star = "*" if side.scale == "shape" else ""
    return "–" if value is None else f"{percent(value)}{star}"


def _changed(group: ComparedGroup) -> str:
    if group.mine is None or group.published is None:
        return "–"
    if group.changed:
        return " and ".join({"curve": "curves", "last": "last values"}[name] for name in group.changed)
    if _same_runs(group):
        return "the same runs"
    untested = all(shift is None or shift.p is None for shift in (group.curve, group.last))
    return "not tested" if untested else "no"


def _same_runs(group: ComparedGroup) -> bool:
    return all(one and one.reason and one.reason.code == "set-runs-equal" for one in (group.curve, group.last))

"""Families against each other: how far each lies from the master curve of the others."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ...results.levels import NORMAL
from ..outcome import AcrossFamilies, Analysis, FamilyDeviation
from ..sentences.reasons import say
from .charts import ROW, asked, beside, draw_interval, draw_single, percent_axis
from .lettering import wrap
from .limits import extent, limit_axis, words
from .palette import INK, family_colors, family_markers, legible
from .sheet import Mark, Sheet


def across_sheet(analysis: Analysis) -> Sheet:
    """Each family against the master curve of the others: the difference along x, and the largest with its interval."""
    sheet = Sheet(9.2)
    title = asked(analysis, "how far does each family lie from the shared curve of the others?")
    top = 0.15 + sheet.text(0.15, 0.12, wrap(title, sheet.width - 0.3, 11, weight="bold"), fontsize=11, weight="bold")
    if not analysis.across_families:
        sheet.text(0.15, top + 0.1, "No data set has two families that can be compared.", style="italic")
        return sheet.finish(top + 0.5)
    names = [member.family for entry in analysis.across_families for member in entry.per_family]
    looks = {name: (color, family_markers(names)[name]) for name, color in family_colors(names).items()}
    frame = _Frame.of(analysis.across_families, [group.margin for group in analysis.groups])
    for entry in analysis.across_families:
        model = f"; smallest model that holds: {entry.smallest_model}" if entry.smallest_model else ""
        line = f"{entry.dataset}, {entry.leg} rate, {entry.scale} scale{model}"
        top += 0.1 + sheet.text(
            0.15, top + 0.1, wrap(line, sheet.width - 0.3, 9, weight="bold"), fontsize=9, weight="bold"
        )
        margins = {
            group.margin for group in analysis.groups if (group.dataset, group.leg) == (entry.dataset, entry.leg)
        }
        top = _draw_entry(sheet, entry, looks, margins.pop() if len(margins) == 1 else None, frame, top + 0.08)
    return sheet.finish(top)


@dataclasses.dataclass(frozen=True, slots=True)
class _Frame:
    """What all data sets are drawn on: the values that the axis of largest differences must hold, and the ends of the
    axis of differences along x, in percent."""

    values: list[float | None]
    low: float
    high: float

    @classmethod
    def of(cls, entries: Sequence[AcrossFamilies], margins: Sequence[float]) -> _Frame:
        members = [member for entry in entries for member in entry.per_family]
        ends = [float(end) for member in members for one in _between(member) for end in one]
        values = [value for m in members for value in (m.deviation, m.low, m.high)]
        return cls([*values, *margins], min([0.0, *ends]), max([0.0, *ends]))


def _between(member: FamilyDeviation) -> list[np.ndarray]:
    """Ends of a member's pointwise 95 % interval along x, in percent; the difference where there is none."""
    if member.difference is None:
        return []
    y, error = np.asarray(member.difference), member.standard_error
    reach = 0.0 if error is None else NORMAL * np.asarray(error)
    return [100 * (y - reach), 100 * (y + reach)]


def _draw_entry(
    sheet: Sheet, entry: AcrossFamilies, looks: dict[str, tuple], margin: float | None, frame: _Frame, top: float
) -> float:
    members = sorted(entry.per_family, key=lambda member: (member.deviation is None, -(member.deviation or 0.0)))
    members = members[:1] if _mirrored(members) else members
    said = [_said(member) for member in members]
    tall = max([ROW, *(0.14 * text.count("\n") + 0.2 for text in said)])  # whole texts: rows are as high as they need
    height = max(1.7, tall * len(members))
    _draw_differences(sheet, sheet.axes(0.75, top, 2.9, height), entry, members, looks, frame)
    axes = sheet.axes(5.05, top, 2.2, height)
    left = percent_axis(axes, len(members), frame.values)
    axes.set_xlabel("largest difference (%)")
    for row, member in enumerate(members):
        color, marker = looks[member.family]
        interval = (member.deviation, member.low, member.high)
        draw_interval(sheet, axes, row, interval, _mark(entry, member), left, {"color": color, "marker": marker})
        draw_single(sheet, axes, row, margin, _mark(entry, member), "margin")
        twice = sum(other.family == member.family for other in entry.per_family) > 1
        name = f"{member.family} {member.recipe}" if twice else member.family
        if len(members) < len(entry.per_family):
            (other,) = (one.family for one in entry.per_family if one is not member)
            name = f"{name} against {other}"
        beside(axes, row, -0.08, wrap(name, 1.2, 7.5, weight="bold"), "right", color=legible(color), weight="bold")
        beside(axes, row, 2.3, said[row], "left", color=INK)
    return top + height + 0.55


def _mirrored(members: Sequence[FamilyDeviation]) -> bool:
    """Two families are each other's master curve: their rows say the same with the sign turned."""
    return len(members) == 2 and all(member.difference is not None for member in members)


def _said(member: FamilyDeviation) -> str:
    why = "" if member.reason is None else f": {say(member.reason)}"
    return wrap(f"{member.verdict}{why}", 1.7, 7.5)


def _mark(entry: AcrossFamilies, member: FamilyDeviation) -> Mark:
    return Mark(
        panel="across", series="", family=member.family, dataset=entry.dataset, recipe=member.recipe, leg=entry.leg
    )


def _draw_differences(
    sheet: Sheet,
    axes: Axes,
    entry: AcrossFamilies,
    members: Sequence[FamilyDeviation],
    looks: dict[str, tuple],
    frame: _Frame,
) -> None:
    drawn = [member for member in members if member.x is not None and member.difference is not None]
    if not drawn:
        words(axes, "no family has a curve to compare", 2.9)
        return
    axes.set_xscale("log")
    for member in drawn:
        color, marker = looks[member.family]
        x, y = np.asarray(member.x), 100 * np.asarray(member.difference)
        mark = dataclasses.replace(_mark(entry, member), series="difference")
        dots = {"marker": marker, "markersize": 3.5, "markevery": max(1, len(x) // 6)}
        sheet.line(axes, x, y, mark, color=color, linewidth=1.0, **dots)
        if member.standard_error is not None:
            below, above = _between(member)
            axes.fill_between(x, below, above, color=color, alpha=0.15, linewidth=0)
            sheet.key("95 % interval at each x", Patch(color=INK, alpha=0.15, linewidth=0))
        if member.where is not None:
            inside = (x >= member.where[0]) & (x <= member.where[1])
            heavy: dict[str, Any] = {"linewidth": 2.8, "alpha": 0.6}
            mark = dataclasses.replace(mark, series="difference, significant")
            sheet.line(axes, x[inside], y[inside], mark, color=color, **heavy)
            sheet.key("where the simultaneous 95 % band excludes zero", Line2D([], [], color=INK, **heavy))
    axes.axhspan(0, 0, color=INK, linewidth=0.6, zorder=1)
    x_span, _ = extent(axes)
    if x_span is not None:
        limit_axis(axes, "x", x_span, log=True, pad=(0.03, 0.03))
        limit_axis(axes, "y", (frame.low, frame.high), log=False, pad=(0.08, 0.08))
    axes.set(xlabel="fraction of training x", ylabel="family less the master curve\nof the others (%)")

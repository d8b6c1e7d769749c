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
from .charts import ChartRows, Columns, asked, draw_interval, draw_single, percent_axis
from .lettering import wrap
from .limits import extent, limit_axis, words
from .palette import INK, family_colors, family_markers, legible
from .sheet import Mark, Sheet
from .styles import Style

_PLACE = Columns(1.3, 2.2, 1.9)


def across_sheet(analysis: Analysis) -> Sheet:
    """Each family against the master curve of the others: the difference along x, and the largest with its interval."""
    sheet = Sheet(9.2)
    title = asked(analysis, "how far does each family lie from the shared curve of the others?")
    top = 0.15 + sheet.text(0.15, 0.12, wrap(title, sheet.width - 0.3, 11, weight="bold"), fontsize=11, weight="bold")
    if not analysis.across_families:
        sheet.text(0.15, top + 0.1, "No data set has two families that can be compared.", style="italic")
        return sheet.finish(top + 0.5)
    frame = _Frame.of(analysis)
    for entry in analysis.across_families:
        top = _name_entry(sheet, entry, top)
        members = _members(entry)
        rows = ChartRows(_PLACE, [(_named(entry, member), _said(member)) for member in members])
        height = max(1.7, rows.height)
        _draw_differences(sheet, sheet.axes(0.75, top, 2.9, height), entry, members, frame)
        _draw_largest(sheet, sheet.axes(5.05, top, _PLACE.chart, height), entry, members, rows, frame)
        top += height + 0.55
    return sheet.finish(top)


def differences_sheet(analysis: Analysis, entry: AcrossFamilies, style: Style) -> Sheet:
    """Of one data set, each family less the master curve of the others along x, alone."""
    sheet, top = _alone(analysis, entry, style, "how far does each family lie from the shared curve of the others?")
    width, key = (sheet.width - 1.0, 0.0) if style.narrow else (0.58 * sheet.width, 0.34 * sheet.width)
    height = 2.0 if style.narrow else 1.9
    members = _members(entry)
    frame = _Frame.of(analysis)
    for member in members:
        color, marker = frame.looks[member.family]
        sheet.key(_named(entry, member), Line2D([], [], color=color, marker=marker, markersize=3.5))
    _draw_differences(sheet, sheet.axes(0.75, top, width, height), entry, members, frame)
    end = top + height + 0.5
    return sheet.finish(end, (sheet.width - key - 0.1, top, key, end - top) if key else None)


def largest_sheet(analysis: Analysis, entry: AcrossFamilies, style: Style) -> Sheet:
    """Of one data set, each family's largest difference from the master curve of the others, alone."""
    sheet, top = _alone(analysis, entry, style, "how far from the shared curve of the others at most?")
    place, members = Columns.of(style, _PLACE), _members(entry)
    rows = ChartRows(place, [(_named(entry, member), _said(member)) for member in members])
    axes = sheet.axes(place.labels, top, place.chart, rows.height)
    _draw_largest(sheet, axes, entry, members, rows, _Frame.of(analysis))
    return sheet.finish(top + rows.height + 0.5)


def _alone(analysis: Analysis, entry: AcrossFamilies, style: Style, question: str) -> tuple[Sheet, float]:
    sheet = Sheet(style.width or _PLACE.width, style.dpi)
    said = wrap(asked(analysis, question), sheet.width - 0.3, 9, weight="bold")
    top = 0.12 + sheet.text(0.15, 0.12, said, fontsize=9, weight="bold")
    return sheet, _name_entry(sheet, entry, top)


def _name_entry(sheet: Sheet, entry: AcrossFamilies, top: float) -> float:
    model = f"; smallest model that holds: {entry.smallest_model}" if entry.smallest_model else ""
    line = wrap(f"{entry.dataset}, {entry.leg} rate, {entry.scale} scale{model}", sheet.width - 0.3, 9, weight="bold")
    return top + 0.18 + sheet.text(0.15, top + 0.1, line, fontsize=9, weight="bold")


@dataclasses.dataclass(frozen=True, slots=True)
class _Frame:
    """What all data sets are drawn on: the values that the axis of largest differences must hold, the ends of the
    axis of differences along x, in percent, the margins of each data set and rate, and each family's looks."""

    values: list[float | None]
    low: float
    high: float
    margins: dict[tuple[str, str], set[float]]
    looks: dict[str, tuple[Any, str]]

    @classmethod
    def of(cls, analysis: Analysis) -> _Frame:
        entries = analysis.across_families
        margins: dict[tuple[str, str], set[float]] = {}
        for group in analysis.groups:
            margins.setdefault((group.dataset, group.leg), set()).add(group.margin)
        members = [member for entry in entries for member in entry.per_family]
        ends = [float(end) for member in members for one in _between(member) for end in one]
        values = [value for m in members for value in (m.deviation, m.low, m.high)]
        values += [group.margin for group in analysis.groups]
        names = [member.family for member in members]
        markers = family_markers(names)
        looks = {name: (color, markers[name]) for name, color in family_colors(names).items()}
        return cls(values, min([0.0, *ends]), max([0.0, *ends]), margins, looks)


def _between(member: FamilyDeviation) -> list[np.ndarray]:
    """Ends of a member's pointwise 95 % interval along x, in percent; the difference where there is none."""
    if member.difference is None:
        return []
    y, error = np.asarray(member.difference), member.standard_error
    reach = 0.0 if error is None else NORMAL * np.asarray(error)
    return [100 * (y - reach), 100 * (y + reach)]


def _members(entry: AcrossFamilies) -> Sequence[FamilyDeviation]:
    """Families by falling difference; of two the first alone."""
    members = sorted(entry.per_family, key=lambda member: (member.deviation is None, -(member.deviation or 0.0)))
    return members[:1] if _mirrored(members) else members


def _draw_largest(
    sheet: Sheet,
    axes: Axes,
    entry: AcrossFamilies,
    members: Sequence[FamilyDeviation],
    rows: ChartRows,
    frame: _Frame,
) -> None:
    margins = frame.margins.get((entry.dataset, entry.leg), set())
    margin = next(iter(margins)) if len(margins) == 1 else None
    left = percent_axis(axes, rows, frame.values)
    axes.set_xlabel("largest difference (%)")
    for row, member in enumerate(members):
        color, marker = frame.looks[member.family]
        interval = (member.deviation, member.low, member.high)
        draw_interval(sheet, axes, row, interval, _mark(entry, member), left, {"color": color, "marker": marker})
        draw_single(sheet, axes, row, margin, _mark(entry, member), "margin", rows.reach)
        rows.write(axes, row, color=legible(color), weight="bold")


def _named(entry: AcrossFamilies, member: FamilyDeviation) -> str:
    """A family by its name, and the other of two."""
    if len(_members(entry)) < len(entry.per_family):
        (other,) = (one.name for one in entry.per_family if one is not member)
        return f"{member.name} against {other}"
    return member.name


def _mirrored(members: Sequence[FamilyDeviation]) -> bool:
    """Two families are each other's master curve: their rows say the same with the sign turned."""
    return len(members) == 2 and all(member.difference is not None for member in members)


def _said(member: FamilyDeviation) -> str:
    return member.verdict if member.reason is None else f"{member.verdict}: {say(member.reason)}"


def _mark(entry: AcrossFamilies, member: FamilyDeviation) -> Mark:
    return Mark(
        panel="across", series="", family=member.family, dataset=entry.dataset, recipe=member.recipe, leg=entry.leg
    )


def _draw_differences(
    sheet: Sheet,
    axes: Axes,
    entry: AcrossFamilies,
    members: Sequence[FamilyDeviation],
    frame: _Frame,
) -> None:
    drawn = [member for member in members if member.x is not None and member.difference is not None]
    if not drawn:
        words(axes, "no family has a curve to compare", sheet.width_of(axes))
        return
    axes.set_xscale("log")
    for member in drawn:
        color, marker = frame.looks[member.family]
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

"""The chart of all deviations: one row a group, a dot with its bounds, and the verdict in words."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ...results.quantity import LOSS
from ..outcome import Analysis, GroupResult
from ..sentences.reasons import say
from ..sentences.verdicts import reading_order, told_apart, verdict_words
from .headings import p_value
from .lettering import wrap
from .limits import limit_axis
from .palette import FAINT, INK, family_colors, family_markers
from .panels import DrawnGroup
from .sheet import Mark, Sheet

ROW = 0.33
_LABELS, _CHART, _VERDICT = 2.7, 4.0, 2.5
_SHAPE_NOTE = (
    "(shape): on the shape scale, as no irreducible loss is subtracted. These numbers are relative to the mean "
    "improvement and cannot be compared with the others."
)
_SAID: dict[str, Any] = {"fontsize": 7.5, "style": "italic"}
_CONTROL = {"holds": "control, must collapse", "fails": "control, must fail"}


def deviations_sheet(analysis: Analysis) -> Sheet:
    """Every group's deviation, its 95 % bounds, its margin and the deviation of unrelated curves."""
    groups = sorted(analysis.groups, key=reading_order)
    sheet = Sheet(_LABELS + _CHART + _VERDICT)
    title = asked(analysis, "how far does each model size lie from the shared curve?")
    top = 0.15 + sheet.text(0.15, 0.12, wrap(title, sheet.width - 0.3, 11, weight="bold"), fontsize=11, weight="bold")
    if not groups:
        sheet.text(0.15, top + 0.1, "There is no group of curves.", style="italic")
        return sheet.finish(top + 0.5)
    labels = [_label(group, groups) for group in groups]
    # Names are never cut here: two groups that differ in their last word would read alike.
    height = max(ROW, 0.04 + 0.145 * max(label.count("\n") + 1 for label in labels)) * len(groups)
    axes = sheet.axes(_LABELS, top + 0.1, _CHART, height)
    numbers = [
        (group.deviation, group.lower_bound, group.upper_bound, group.unrelated_deviation, group.margin)
        for group in groups
    ]
    left = percent_axis(axes, len(groups), [value for row in numbers for value in row])
    axes.set_xlabel("largest deviation of a model size from the mean of all sizes (%)")
    names = [group.family for group in groups]
    colors, markers = family_colors(names), family_markers(names)
    for row, group in enumerate(groups):
        mark = DrawnGroup(group=group, curves=(), name=group.family, color=colors[group.family]).mark("deviations", "")
        interval = (group.deviation, group.lower_bound, group.upper_bound)
        style = {"color": colors[group.family], "marker": markers[group.family], "hollow": group.single}
        draw_interval(sheet, axes, row, interval, mark, left, style)
        if any(value is not None for value in interval):
            draw_single(sheet, axes, row, group.unrelated_deviation, mark, "unrelated")
            draw_single(sheet, axes, row, group.margin, mark, "margin")
        else:
            why = wrap(f"no number: {say(group.reason or 'no reason given')}", _CHART - 0.3, 7.5, 2)
            beside(axes, row, 0.1, why, "left", color=FAINT, style="italic")
        verdict = f"{verdict_words(group)}\n{_evidence(group)}"
        beside(axes, row, -0.08, labels[row], "right", color=INK)
        beside(axes, row, _CHART + 0.12, verdict, "left", color=INK)
    end = top + 0.1 + height + 0.5
    if any(_on_shape(group) for group in groups):
        end += sheet.text(_LABELS, end, wrap(_SHAPE_NOTE, sheet.width - _LABELS - 0.3, 7.5), **_SAID) + 0.05
    return sheet.finish(end)


def asked(analysis: Analysis, question: str) -> str:
    """A question as a title, after what the curves are of; the loss goes without saying."""
    if analysis.quantity == LOSS:
        return question[0].upper() + question[1:]
    return f"{analysis.quantity.heading}: {question}"


def _evidence(group: GroupResult) -> str:
    if not group.single:
        pooled = ", pooled noise" if group.noise_from == "sizes" else ""
        return f"{group.evidence}, p_exact {p_value(group.p_exact)}{pooled}"
    noise = {"groups": ", noise of other groups", "reruns": ", noise of reruns"}.get(group.noise_from or "", "")
    return f"one run a size, described{noise}"


def _on_shape(group: GroupResult) -> bool:
    return group.rescaled is not None and group.rescaled.scale == "shape"


def _label(group: GroupResult, groups: Sequence[GroupResult]) -> str:
    scale = " (shape)" if _on_shape(group) else ""
    name = wrap(f"{told_apart(group, groups)} on {group.dataset}{scale}", _LABELS - 0.2, 7.5)
    return f"{name}\n{_CONTROL[group.control]}" if group.control else name


def beside(axes: Axes, row: int, inches: float, text: str, side: str, **style: object) -> None:
    where = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "annotation_clip": False}
    axes.annotate(text, (0, row), xytext=(72 * inches, 0), ha=side, va="center", fontsize=7.5, **where, **style)  # pyright: ignore[reportArgumentType]


def percent_axis(axes: Axes, rows: int, values: Iterable[float | None]) -> float:
    """A logarithmic axis in percent, wide enough for all; returns its left end, where a bound of zero is drawn."""
    shown = [100 * value for value in values if value is not None and value > 0 and math.isfinite(value)] or [0.1, 100]
    axes.set(xscale="log", ylim=(rows - 0.5, -0.5), yticks=[])
    limit_axis(axes, "x", (max(min(shown), 1e-4 * max(shown)), max(shown)), log=True, pad=(0.12, 0.06))
    axes.spines["left"].set_visible(False)
    for row in range(0, rows, 2):
        axes.axhspan(row - 0.5, row + 0.5, color="#f4f4f4", linewidth=0, zorder=0)
    return axes.get_xlim()[0]


def draw_interval(
    sheet: Sheet, axes: Axes, row: int, interval: Sequence[float | None], mark: Mark, left: float, style: dict
) -> None:
    """A dot for the value and a whisker for its bounds, an arrow head where a bound lies off the axis."""
    value, low, high = (None if number is None else 100 * float(number) for number in interval)
    if value is None and low is None and high is None:
        return
    sheet.remember(dataclasses.replace(mark, series="deviation"), row, value, low, high)
    sheet.key("deviation (colour and shape: family)", Line2D([], [], color=INK, marker="o", linestyle="none"))
    ends = [value if end is None else end for end in (low, high)]
    if ends[0] is not None and ends[1] is not None:
        axes.hlines(row, max(ends[0], left), max(ends[1], left), color=style["color"], linewidth=1.6)
        sheet.key("95 % lower to upper bound", Line2D([], [], color=INK, linewidth=1.6))
    if low is not None and low <= left:
        arrow: dict[str, Any] = {"marker": 8, "markersize": 5, "linestyle": "none"}
        axes.plot([left], [row], color=style["color"], clip_on=False, **arrow)
        sheet.key("bound of zero, or beyond the axis", Line2D([], [], color=INK, **arrow))
    if value is not None:
        dot: dict[str, Any] = {"markersize": 6, "markeredgecolor": "white", "markeredgewidth": 0.6, "linestyle": "none"}
        look = {key: style[key] for key in ("color", "marker")}
        if style.get("hollow"):
            dot |= {"markerfacecolor": "white", "markeredgecolor": style["color"], "markeredgewidth": 1.2}
            hollow = Line2D([], [], color=INK, marker="o", markerfacecolor="white", linestyle="none")
            sheet.key("one run a size: a description, not tested", hollow)
        axes.plot([max(value, left)], [row], clip_on=False, zorder=4, **(look | dot))


def draw_single(sheet: Sheet, axes: Axes, row: int, value: float | None, mark: Mark, series: str) -> None:
    """The row's margin as a stretch of line, or the deviation of unrelated curves as a grey bar."""
    if value is None:
        return
    sheet.remember(dataclasses.replace(mark, series=series), row, 100 * value, None, None)
    if series == "margin":
        axes.vlines(100 * value, row - 0.5, row + 0.5, color=INK, linewidth=0.9, linestyle=":", zorder=1.5)
        sheet.key("margin", Line2D([], [], color=INK, linewidth=0.9, linestyle=":"))
        return
    style = {"color": "#8c8c8c", "marker": "|", "markersize": 9, "markeredgewidth": 2, "linestyle": "none"}
    axes.plot([100 * value], [row], zorder=2, **style)
    sheet.key("deviation of unrelated curves", Line2D([], [], **style))

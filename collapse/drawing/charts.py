"""The chart of all deviations: one row a group, a dot with its bounds, and the verdict in words."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ...results.group_names import full_name
from ...results.quantity import LOSS
from ..outcome import Analysis, GroupResult
from ..sentences.reasons import say
from ..sentences.verdicts import reading_order, verdict_words
from .headings import p_value
from .lettering import wrap
from .limits import limit_axis
from .palette import FAINT, INK, family_colors, family_markers
from .panels import DrawnGroup
from .sheet import Mark, Sheet
from .styles import SCREEN, Style

T = TypeVar("T")
ROW = 0.33
_LINES = 0.66  # of a row whose label stands above it
_AROUND = 2.1  # inches of a page that a chart's title, axis, notes and key take
_SHAPE_NOTE = (
    "(shape): on the shape scale, as no irreducible loss is subtracted. These numbers are relative to the mean "
    "improvement and cannot be compared with the others."
)
_SAID: dict[str, Any] = {"fontsize": 7.5, "style": "italic"}
_CONTROL = {"holds": "control, must collapse", "fails": "control, must fail"}


@dataclasses.dataclass(frozen=True, slots=True)
class Columns:
    """Inches of the labels, of the chart and of what is said beside it; what has no inches stands above its row."""

    labels: float
    chart: float
    said: float

    @property
    def width(self) -> float:
        """Of all three."""
        return self.labels + self.chart + self.said

    @classmethod
    def of(cls, style: Style, screen: Columns) -> Columns:
        """Those of a style: on a screen the given ones, in one column the chart alone, else shares of the width."""
        if style.width is None:
            return screen
        if style.narrow:
            return cls(0.15, style.width - 0.3, 0.15)
        chart = style.width - 2 * _BESIDE
        return cls(_BESIDE, chart, _BESIDE)


_SCREEN = Columns(2.7, 4.0, 2.5)
_BESIDE = 2.05


def pages(rows: Sequence[T], style: Style) -> list[Sequence[T]]:
    """Rows of a chart by the figures that they go to: as many as the page of the style is high for."""
    if style.height is None or not rows:
        return [rows]
    most = max(1, int((style.height - _AROUND) / (_LINES if style.narrow else ROW)))
    count = -(-len(rows) // most)
    return [rows[len(rows) * k // count : len(rows) * (k + 1) // count] for k in range(count)]


def ordered(groups: Iterable[GroupResult]) -> list[GroupResult]:
    """Groups as the chart has them: controls first, then by data set and bound."""
    return sorted(groups, key=reading_order)


def deviations_sheet(analysis: Analysis, style: Style = SCREEN, groups: Sequence[GroupResult] | None = None) -> Sheet:
    """Every group's deviation, its 95 % bounds, its margin and the deviation of unrelated curves.

    Parameters
    ----------
    analysis : whose groups are drawn.
    style : what the figure is laid out for.
    groups : the rows of this figure, where there are too many for one.
    """
    groups = ordered(analysis.groups) if groups is None else groups
    place = Columns.of(style, _SCREEN)
    sheet = Sheet(place.width, style.dpi)
    title = asked(analysis, "how far does each model size lie from the shared curve?")
    top = 0.15 + sheet.text(0.15, 0.12, wrap(title, sheet.width - 0.3, 11, weight="bold"), fontsize=11, weight="bold")
    if not groups:
        sheet.text(0.15, top + 0.1, "There is no group of curves.", style="italic")
        return sheet.finish(top + 0.5)
    rows = ChartRows(place, [(_label(group, analysis.groups), _verdict(group)) for group in groups])
    axes = sheet.axes(place.labels, top + 0.1, place.chart, rows.height)
    numbers = [  # of all groups, so that figures of one chart have one axis
        (group.deviation, group.lower_bound, group.upper_bound, group.unrelated_deviation, group.margin)
        for group in analysis.groups
    ]
    left = percent_axis(axes, rows, [value for row in numbers for value in row])
    axes.set_xlabel(
        wrap(
            "largest deviation of a model size from the mean of all sizes (%)",
            min(place.chart + 0.8, sheet.width - 0.3),
        )
    )
    names = [group.family for group in analysis.groups]
    colors, markers = family_colors(names), family_markers(names)
    for row, group in enumerate(groups):
        mark = DrawnGroup(group=group, curves=(), name=group.family, color=colors[group.family]).mark("deviations", "")
        interval = (group.deviation, group.lower_bound, group.upper_bound)
        look = {"color": colors[group.family], "marker": markers[group.family], "hollow": group.single}
        draw_interval(sheet, axes, row, interval, mark, left, look)
        if any(value is not None for value in interval):
            draw_single(sheet, axes, row, group.unrelated_deviation, mark, "unrelated")
            draw_single(sheet, axes, row, group.margin, mark, "margin", rows.reach)
        else:
            why = wrap(f"no number: {say(group.reason or 'no reason given')}", place.chart - 0.3, 7.5, rows.lines)
            beside(axes, row, 0.1, why, "left", color=FAINT, style="italic")
        rows.write(axes, row)
    end = top + 0.1 + rows.height + 0.5 + 0.14 * axes.get_xlabel().count("\n")
    if any(_on_shape(group) for group in groups):
        end += sheet.text(place.labels, end, wrap(_SHAPE_NOTE, sheet.width - place.labels - 0.3, 7.5), **_SAID) + 0.05
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
    name = full_name(group, groups) + scale
    return f"{name}\n{_CONTROL[group.control]}" if group.control else name


def _verdict(group: GroupResult) -> str:
    return f"{verdict_words(group)}\n{_evidence(group)}"


class ChartRows:
    """Rows of a chart: a label on the left and a text on the right of each, or, where there is no room, above it.

    Attributes
    ----------
    height : of all rows, in inches.
    reach : how far a row reaches above and below its middle, which is where its dot is, in rows.
    lines : of text for which a row has room in its chart.
    """

    def __init__(self, place: Columns, texts: Sequence[tuple[str, str]], low: float = ROW) -> None:
        self._place, self._above = place, place.labels < 1
        if self._above:
            self._texts = [(_in_one(label, said, place.chart), "") for label, said in texts]
            lines = max(label.count("\n") + 1 for label, _ in self._texts)
            self._row, self.lines = 0.14 * lines + 0.24, 1
            self.reach = (1 - 0.13 / self._row, 0.13 / self._row)
        else:
            self._texts = [(_broken(a, place.labels - 0.2), _broken(b, place.said - 0.2)) for a, b in texts]
            # Names are never cut here: two groups that differ in their last word would read alike.
            deep = max(text.count("\n") + 1 for pair in self._texts for text in pair)
            self._row, self.reach, self.lines = max(low, 0.04 + 0.145 * deep), (0.5, 0.5), 2
        self.height = self._row * len(texts)

    def __len__(self) -> int:
        return len(self._texts)

    def write(self, axes: Axes, row: int, **style: Any) -> None:
        """Write what belongs to a row, a label that has a place of its own in a style."""
        label, said = self._texts[row]
        if self._above:
            beside(axes, row, 0.0, label, "left", up=0.09, color=INK)
            return
        beside(axes, row, -0.08, label, "right", **{"color": INK, **style})
        beside(axes, row, self._place.chart + 0.12, said, "left", color=INK)


def _broken(text: str, inches: float) -> str:
    return "\n".join(wrap(line, inches, 7.5) for line in text.split("\n"))


def _in_one(label: str, said: str, inches: float) -> str:
    """A label and what is said of it as one text: the name alone on its line, the rest on the next."""
    first, *rest = [*label.split("\n"), *said.split("\n")]
    return "\n".join([wrap(first, inches, 7.5), wrap(", ".join(filter(None, rest)), inches, 7.5)])


def beside(axes: Axes, row: int, inches: float, text: str, side: str, up: float | None = None, **style: object) -> None:
    """Write beside the left end of a row, level with it, or, where ``up`` is given, so many inches above it."""
    where = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "annotation_clip": False}
    offset = (72 * inches, 72 * (up or 0.0))
    stand = "center" if up is None else "bottom"
    axes.annotate(text, (0, row), xytext=offset, ha=side, va=stand, fontsize=7.5, **where, **style)  # pyright: ignore[reportArgumentType]


def percent_axis(axes: Axes, rows: ChartRows, values: Iterable[float | None]) -> float:
    """A logarithmic axis in percent, wide enough for all; returns its left end, where a bound of zero is drawn."""
    shown = [100 * value for value in values if value is not None and value > 0 and math.isfinite(value)] or [0.1, 100]
    above, below = rows.reach
    axes.set(xscale="log", ylim=(len(rows) - 1 + below, -above), yticks=[])
    limit_axis(axes, "x", (max(min(shown), 1e-4 * max(shown)), max(shown)), log=True, pad=(0.12, 0.06))
    axes.spines["left"].set_visible(False)
    for row in range(0, len(rows), 2):
        axes.axhspan(row - above, row + below, color="#f4f4f4", linewidth=0, zorder=0)
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


def draw_single(
    sheet: Sheet,
    axes: Axes,
    row: int,
    value: float | None,
    mark: Mark,
    series: str,
    reach: tuple[float, float] = (0.5, 0.5),
) -> None:
    """The row's margin as a stretch of line, or the deviation of unrelated curves as a grey bar."""
    if value is None:
        return
    sheet.remember(dataclasses.replace(mark, series=series), row, 100 * value, None, None)
    if series == "margin":
        above, below = reach
        top = row - (above if above == below else below / 2)  # where a text stands above the row, below it
        axes.vlines(100 * value, top, row + below, color=INK, linewidth=0.9, linestyle=":", zorder=1.5)
        sheet.key("margin", Line2D([], [], color=INK, linewidth=0.9, linestyle=":"))
        return
    style = {"color": "#8c8c8c", "marker": "|", "markersize": 9, "markeredgewidth": 2, "linestyle": "none"}
    axes.plot([100 * value], [row], zorder=2, **style)
    sheet.key("deviation of unrelated curves", Line2D([], [], **style))

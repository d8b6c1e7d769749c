"""The figure of the table of constants: one row a claim, one dot a family, the predicted constant as a line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ..drawing.files import write_sheets
from ..drawing.lettering import wrap
from ..drawing.palette import FAINT, HUES, INK
from ..drawing.sheet import Mark, Sheet
from .constants import VERDICTS, judged_together, number
from .judging import Judged
from .record import Record

_WIDTH, _LEFT, _NAMES, _CHART = 7.6, 0.12, 1.9, 3.8  # in inches: the sheet, its margin, names of claims, the chart
_DOT, _ROW = 0.125, 0.46  # height of a dot, and the least height of a row, which has three lines about the claim
_REACH, _LINEAR = 30.0, 2.0  # the axis in margins: its ends, and how far it is linear
_TICKS = (-30, -10, -3, -1, 0, 1, 3, 10, 30)
# Families are named beside their dots, since there are more of them than colours: a colour is a verdict.
_LOOKS: dict[str, dict[str, Any]] = {
    "holds": {"color": HUES[2], "marker": "o", "markersize": 4.5},
    "fails": {"color": HUES[1], "marker": "D", "markersize": 4.2},
    "cannot tell": {"color": INK, "marker": "o", "markersize": 4.2, "markerfacecolor": "white"},
    "out of regime": {"color": "#aaaaaa", "marker": "s", "markersize": 3.2, "markerfacecolor": "white"},
}


def draw_claims(records: Sequence[Record], directory: str | Path) -> list[Path]:
    """Draw the figure into a folder, as PNG, SVG, PDF and CSV."""
    return write_sheets([("claims", lambda: claims_sheet(records))], directory)


def claims_sheet(records: Sequence[Record]) -> Sheet:
    """One row a claim: each family's distance from the predicted constant, in margins, with its 95 % interval.

    Beyond two margins the axis is logarithmic, and what lies further than thirty is drawn at its end.
    """
    sheet = Sheet(_WIDTH)
    top = 0.2 + sheet.text(_LEFT, 0.12, "Which claims hold, and where?", fontsize=11, weight="bold")
    told = judged_together(records)
    if not told:
        sheet.text(_LEFT, top, "No claim has judged a network yet.", style="italic")
        return sheet.finish(top + 0.4)
    counts = ", ".join(f"{sum(judged.verdict == word for _, judged in told)} {word}" for word in VERDICTS)
    top += 0.1 + sheet.text(_LEFT, top - 0.1, f"{len(told)} verdicts: {counts}", color=FAINT)
    mine = [(record, [judged for of, judged in told if of is record]) for record in records if record.findings]
    ends = np.cumsum([0.0, *(max(_ROW, _DOT * (len(each) + 0.6)) for _, each in mine)])
    axes = sheet.axes(_WIDTH - _CHART - _LEFT, top, _CHART, ends[-1])
    _frame(axes, ends)
    for row, (record, each) in enumerate(mine):
        _label(sheet, record, top + ends[row])
        for place, judged in enumerate(each):
            y = ends[row] + _DOT * (place + 0.8)
            _name(axes, judged, y, each)
            _dot(sheet, axes, judged, row, y)
    for word, look in _LOOKS.items():
        sheet.key(word, Line2D([], [], linewidth=0.9, **look))
    sheet.key("within the margin", Patch(color="#e8e8e8"))
    return sheet.finish(top + ends[-1] + 0.5)


def _frame(axes: Axes, ends: np.ndarray) -> None:
    axes.set_xscale("symlog", linthresh=_LINEAR, linscale=1.0)
    axes.set(xlim=(-_REACH * 1.3, _REACH * 1.3), ylim=(ends[-1], 0), yticks=[])
    axes.set_xticks(_TICKS, [f"{tick:+d}".replace("-", "−") if tick else "predicted" for tick in _TICKS])
    axes.minorticks_off()
    axes.axvspan(-1, 1, color="#e8e8e8", zorder=0, linewidth=0)
    axes.axvline(0, color=INK, linewidth=0.9, zorder=1)
    for end in ends[1:-1]:  # through the names of the claims, too
        start = -(_WIDTH - _CHART - 2 * _LEFT) / _CHART
        axes.plot([start, 1], [end, end], transform=axes.get_yaxis_transform(), color="#bbbbbb", lw=0.5, clip_on=False)
    axes.set_xlabel("distance from the predicted constant, in margins")


def _label(sheet: Sheet, record: Record, top: float) -> None:
    said = record.claim
    name = wrap(said["name"], _NAMES, 7.5, weight="bold")
    below = top + 0.04 + sheet.text(_LEFT, top + 0.04, name, fontsize=7.5, weight="bold")
    about = f"{said['evidence']}\npredicted {number(said['predicts'])} ± {said['margin']:.2g}"
    sheet.text(_LEFT, below, about, fontsize=6.5, color=FAINT)


def _name(axes: Axes, judged: Judged, y: float, row: Sequence[Judged]) -> None:
    one = judged.finding
    twice = sum(other.finding.family == one.family for other in row) > 1
    name = f"{one.family} on {one.dataset}" if twice else one.family
    color = FAINT if judged.verdict == "out of regime" else INK
    style: dict[str, Any] = {"xycoords": axes.get_yaxis_transform(), "textcoords": "offset points"}
    style |= {"ha": "right", "va": "center", "fontsize": 6.5, "annotation_clip": False}
    axes.annotate(name, (0, y), xytext=(-4, 0), color=color, **style)
    axes.axhline(y, color="#eeeeee", linewidth=0.4, zorder=0.2)


def _dot(sheet: Sheet, axes: Axes, judged: Judged, row: int, y: float) -> None:
    one = judged.finding.estimate
    if one is None:
        axes.text(0, y, " no number", fontsize=6, color=FAINT, va="center")
        return
    away = (np.array([one.low, one.value, one.high]) - judged.finding.predicted) / judged.finding.margin
    held = np.clip(away, -_REACH, _REACH)
    look = _LOOKS[judged.verdict]
    axes.plot(held[[0, 2]], [y, y], color=look["color"], linewidth=0.9, zorder=2)
    axes.plot(held[1], y, linestyle="none", zorder=3, **look)
    about = Mark(
        panel="claims", series=judged.finding.claim, family=judged.finding.family, dataset=judged.finding.dataset
    )
    sheet.remember(about, row, one.value, one.low, one.high)

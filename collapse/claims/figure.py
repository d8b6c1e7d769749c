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
from ..drawing.palette import FAINT, INK, family_colors, family_markers
from ..drawing.sheet import Mark, Sheet
from .constants import judged_together, number
from .judging import Judged
from .record import Record

_ROW, _DOT, _LEFT, _CHART, _WIDTH = 0.52, 0.13, 3.0, 4.6, 9.6  # the least height of a row, and that of a dot in it
_REACH, _LINEAR = 30.0, 2.0  # the axis in margins: its ends, and how far it is linear
_TICKS = (-30, -10, -3, -1, 0, 1, 3, 10, 30)


def draw_claims(records: Sequence[Record], directory: str | Path) -> list[Path]:
    """Draw the figure into a folder, as PNG, SVG, PDF and CSV."""
    return write_sheets([("claims", lambda: claims_sheet(records))], directory)


def claims_sheet(records: Sequence[Record]) -> Sheet:
    """One row a claim: each family's distance from the predicted constant, in margins, with its 95 % interval.

    Beyond two margins the axis is logarithmic, and what lies further than thirty is drawn at its end.
    """
    sheet = Sheet(_WIDTH)
    title = "Which claims hold, and where?"
    top = 0.2 + sheet.text(0.15, 0.12, title, fontsize=11, weight="bold")
    shown = [record for record in records if record.findings]
    if not shown:
        sheet.text(0.15, top, "No claim has judged a network yet.", style="italic")
        return sheet.finish(top + 0.4)
    told = judged_together(records)
    names = sorted({judged.finding.family for _, judged in told})
    colors, markers = family_colors(names), family_markers(names)
    mine = [[judged for of, judged in told if of is record] for record in shown]
    heights = np.array([max(_ROW, _DOT * (len(each) + 1)) for each in mine])
    ends = np.concatenate([[0.0], np.cumsum(heights)])
    axes = sheet.axes(_LEFT, top, _CHART, ends[-1])
    _frame(axes, ends)
    for row, (record, each) in enumerate(zip(shown, mine, strict=True)):
        _label(axes, record, 1 - (ends[row] + ends[row + 1]) / 2 / ends[-1], each)
        for place, judged in enumerate(each):
            y = ends[row] + heights[row] * (place + 1) / (len(each) + 1)
            family = judged.finding.family
            _dot(sheet, axes, judged, row, y, {"color": colors[family], "marker": markers[family]})
    for name in names:
        sheet.key(name, Line2D([], [], color=colors[name], marker=markers[name], linestyle="none", markersize=4.5))
    sheet.key("within the margin", Patch(color="#e8e8e8"))
    sheet.key("hollow: cannot tell, or out of the regime", _hollow())
    return sheet.finish(top + ends[-1] + 0.5)


def _hollow() -> Line2D:
    return Line2D([], [], color=INK, marker="o", markerfacecolor="white", linestyle="none", markersize=4.5)


def _frame(axes: Axes, ends: np.ndarray) -> None:
    axes.set_xscale("symlog", linthresh=_LINEAR, linscale=1.0)
    axes.set(xlim=(-_REACH * 1.3, _REACH * 1.3), ylim=(ends[-1], 0), yticks=[])
    axes.set_xticks(_TICKS, [f"{tick:+d}".replace("-", "−") if tick else "predicted" for tick in _TICKS])
    axes.minorticks_off()
    axes.axvspan(-1, 1, color="#e8e8e8", zorder=0, linewidth=0)
    axes.axvline(0, color=INK, linewidth=0.9, zorder=1)
    for end in ends[1:-1]:
        axes.axhline(end, color="#dddddd", linewidth=0.5, zorder=0.5)
    axes.set_xlabel("distance from the predicted constant, in margins")


def _label(axes: Axes, record: Record, place: float, mine: Sequence[Judged]) -> None:
    said = record.claim
    style = {"transform": axes.transAxes, "va": "center", "fontsize": 7.5}
    about = f"{said['evidence']}; predicted {number(said['predicts'])} ± {said['margin']:.2g}"
    beside: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points", "ha": "right", "va": "center"}
    axes.annotate(said["name"], (0, place), xytext=(-6, 6), fontsize=8, weight="bold", **beside)
    axes.annotate(about, (0, place), xytext=(-6, -5), fontsize=6.5, color=FAINT, **beside)
    counts = [(word, sum(one.verdict == word for one in mine)) for word in dict.fromkeys(one.verdict for one in mine)]
    axes.text(1.02, place, wrap(", ".join(f"{n} {word}" for word, n in counts), 1.7, 7.5), ha="left", **style)


def _dot(sheet: Sheet, axes: Axes, judged: Judged, row: int, y: float, look: dict) -> None:
    one = judged.finding.estimate
    if one is None:
        return
    away = (np.array([one.low, one.value, one.high]) - judged.finding.predicted) / judged.finding.margin
    held = np.clip(away, -_REACH, _REACH)
    axes.plot(held[[0, 2]], [y, y], color=look["color"], linewidth=0.9, zorder=2)
    solid = judged.verdict in ("holds", "fails")
    face = look["color"] if solid else "white"
    axes.plot(held[1], y, markersize=4.5, markerfacecolor=face, linestyle="none", zorder=3, **look)
    about = Mark(
        panel="claims", series=judged.finding.claim, family=judged.finding.family, dataset=judged.finding.dataset
    )
    sheet.remember(about, row, one.value, one.low, one.high)

"""Figure of forecasts from one schedule to another: measured curves, and those that were forecast."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D

from ..laws.other_schedule import ScheduleForecast
from ..sentences.of_schedules import schedules_heading
from .files import safe_name, write_sheets
from .lettering import wrap
from .limits import limit_axis
from .palette import HUES, INK, Color, shades
from .sheet import Mark, Sheet

_LEFT, _WIDE, _HIGH, _LOW, _GAP = 0.75, 3.1, 2.5, 1.3, 0.75
_MEASURED: dict[str, Any] = {"marker": "o", "markersize": 3, "linestyle": "none"}
_FORECAST: dict[str, Any] = {"linewidth": 1.2}
_BY_TIME: dict[str, Any] = {"linewidth": 1, "linestyle": ":"}


def save_schedule_forecasts(found: Sequence[ScheduleForecast], directory: str | Path) -> list[Path]:
    """Draw a figure for each ladder: PNG, SVG, PDF, and the points plotted as CSV."""
    ladders = dict.fromkeys(one.ladder for one in found if one.curves)
    of = {ladder: [one for one in found if one.ladder == ladder and one.curves] for ladder in ladders}
    sheets = [(safe_name(f"schedules {ladder}"), lambda own=own: schedules_sheet(own)) for ladder, own in of.items()]
    return write_sheets(sheets, directory)


def schedules_sheet(found: Sequence[ScheduleForecast]) -> Sheet:
    """A column a schedule: above the curves, below what the forecasts are off by."""
    sheet = Sheet(_LEFT + len(found) * (_WIDE + _GAP) - _GAP + 0.15)
    title = f"Does one schedule tell the curves under another? {found[0].ladder}, from {found[0].source}"
    top = 0.15 + sheet.text(0.15, 0.12, wrap(title, sheet.width - 0.3, 11, weight="bold"), fontsize=11, weight="bold")
    said = "\n".join(wrap(schedules_heading(one), sheet.width - 0.3, 8) for one in found)
    top += sheet.text(0.15, top, said, fontsize=8) + 0.3
    sizes = sorted({curve.size for one in found for curve in one.curves})
    colors = shades(to_rgb(HUES[0]), sizes)
    for place, one in enumerate(found):
        left = _LEFT + place * (_WIDE + _GAP)
        _curves(sheet, sheet.axes(left, top, _WIDE, _HIGH), one, colors, first=not place)
        _errors(sheet, sheet.axes(left, top + _HIGH + 0.25, _WIDE, _LOW), one, colors, first=not place)
    sheet.key("measured, mean of seeds", Line2D([], [], color=INK, **_MEASURED))
    sheet.key("forecast, with the gradient's noise", Line2D([], [], color=INK, **_FORECAST))
    sheet.key("by the sum of the learning rates alone", Line2D([], [], color=INK, **_BY_TIME))
    for one in found[0].curves:
        sheet.key(one.rung, Line2D([], [], color=colors[one.size], linewidth=3))
    return sheet.finish(top + _HIGH + 0.25 + _LOW + 0.6)


def _curves(sheet: Sheet, axes: Axes, found: ScheduleForecast, colors: dict[float, Color], *, first: bool) -> None:
    axes.set(xscale="log", yscale="log", title=found.target)
    axes.set_ylabel("reducible loss" if first else "")
    axes.tick_params(labelbottom=False)
    for one in found.curves:
        color = colors[one.size]
        for series, values, style in (
            ("measured", one.measured, _MEASURED),
            ("forecast", one.forecast, _FORECAST),
            ("by time", one.by_time, _BY_TIME),
        ):
            mark = Mark(panel=found.target, series=series, rung=one.rung, size=one.size)
            sheet.line(axes, one.x, values, mark, color=color, **style)
    _limit(axes, found)
    limit_axis(axes, "y", axes.dataLim.intervaly, log=True, pad=(0.05, 0.05))


def _errors(sheet: Sheet, axes: Axes, found: ScheduleForecast, colors: dict[float, Color], *, first: bool) -> None:
    axes.set(xscale="log", xlabel="share of the training length", ylabel="off by, %" if first else "")
    axes.axhline(0, color=INK, linewidth=0.6)
    for one in found.curves:
        for series, values, style in (
            ("forecast", one.forecast, _FORECAST),
            ("by time", one.by_time, _BY_TIME),
        ):
            mark = Mark(panel=f"{found.target}, error", series=series, rung=one.rung, size=one.size)
            off = 100 * (values / one.measured - 1)
            sheet.line(axes, one.x, off, mark, color=colors[one.size], **style)
    _limit(axes, found)


def _limit(axes: Axes, found: ScheduleForecast) -> None:
    x = np.concatenate([one.x for one in found.curves])
    limit_axis(axes, "x", (float(x.min()), float(x.max())), log=True, pad=(0.03, 0.03))

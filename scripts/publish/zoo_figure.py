"""The figure of `zoo_table`: families in rows, slopes with intervals under both parametrisations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ...benchmark.checks.rate_transfer import TRANSFER_BOUND
from ...benchmark.checks.slopes import BOUND
from ...collapse.drawing.charts import beside
from ...collapse.drawing.palette import FAINT, INK
from ...collapse.drawing.sheet import Mark, Sheet

_ROW, _LABELS, _CHART, _GAP = 0.2, 1.15, 3.1, 0.35
_STYLES = {"mup": ("#0072B2", "o", -0.16, "maximal update"), "standard": ("#D55E00", "s", 0.16, "standard (control)")}


def zoo_sheet(rows: Sequence[Mapping[str, Any]]) -> Sheet:
    """Draw the families that were checked: changes of activations on the left, best learning rates on the right."""
    shown = sorted((row for row in rows if row["reason"] is None), key=lambda row: (row["library"], row["family"]))
    sheet = Sheet(_LABELS + 2 * _CHART + _GAP + 0.2)
    top = 0.15 + sheet.text(0.15, 0.12, "What changes with width?", fontsize=11, weight="bold")
    if not shown:
        sheet.text(0.15, top + 0.1, "No family was checked.", style="italic")
        return sheet.finish(top + 0.5)
    height = _ROW * len(shown)
    left = sheet.axes(_LABELS, top + 0.1, _CHART, height)
    right = sheet.axes(_LABELS + _CHART + _GAP, top + 0.1, _CHART, height)
    for axes, bound, title in (
        (left, BOUND, "slope of log activation change against log width"),
        (right, TRANSFER_BOUND, "slope of log best learning rate against log width"),
    ):
        _frame(axes, len(shown), bound, title)
    for place, row in enumerate(shown):
        beside(left, place, -0.08, row["family"], "right", color=INK)
        for how in _STYLES:
            _coordinates(sheet, left, place, row, how)
            _transfer(sheet, right, place, row, how)
    sheet.key("inside the bound: passes", Patch(color="#e8f1e8"))
    return sheet.finish(top + 0.1 + height + 0.5)


def _frame(axes: Axes, rows: int, bound: float, title: str) -> None:
    axes.set(ylim=(rows - 0.5, -0.5), yticks=[], xlabel=title)
    axes.spines["left"].set_visible(False)
    axes.axvspan(-bound, bound, color="#e8f1e8", linewidth=0, zorder=0)
    axes.axvline(0, color=FAINT, linewidth=0.6, zorder=0.5)
    for row in range(rows + 1):
        axes.axhline(row - 0.5, color="#eeeeee", linewidth=0.5, zorder=0.4)


def _coordinates(sheet: Sheet, axes: Axes, place: int, row: Mapping[str, Any], how: str) -> None:
    check, (color, _, shift, _) = row["coordinates"][how], _STYLES[how]
    slopes = [layer["slope"]["value"] for layer in check["layers"] if layer["slope"]["value"] is not None]
    axes.plot(slopes, [place + shift] * len(slopes), "|", color=color, alpha=0.45, markersize=4, zorder=2)
    sheet.key("a layer", Line2D([], [], color=FAINT, marker="|", linestyle="none", markersize=5))
    for layer in check["layers"]:
        slope = layer["slope"]
        mark = Mark(panel=f"layers, {how}", series=layer["layer"], family=row["family"], dataset=row["dataset"])
        sheet.remember(mark, place, slope["value"], slope["low"], slope["high"])
    _interval(sheet, axes, place, check["hidden"], how, Mark(panel="hidden layers", series=how, family=row["family"]))


def _transfer(sheet: Sheet, axes: Axes, place: int, row: Mapping[str, Any], how: str) -> None:
    if how not in row["transfers"]:
        return
    slope = row["transfers"][how]["slope"]
    if slope["value"] is None:
        axes.annotate(slope["reason"], (0, place + _STYLES[how][2]), fontsize=5, color=_STYLES[how][0], va="center")
        return
    _interval(sheet, axes, place, slope, how, Mark(panel="learning rate", series=how, family=row["family"]))


def _interval(sheet: Sheet, axes: Axes, place: int, slope: Mapping[str, Any], how: str, mark: Mark) -> None:
    if slope["value"] is None:
        return
    color, marker, shift, label = _STYLES[how]
    axes.hlines(place + shift, slope["low"], slope["high"], color=color, linewidth=1.4, zorder=3)
    style: dict[str, Any] = {"color": color, "marker": marker, "markersize": 4, "linestyle": "none"}
    axes.plot([slope["value"]], [place + shift], zorder=4, markeredgecolor="white", markeredgewidth=0.4, **style)
    sheet.key(f"{label}, 95 % interval", Line2D([], [], **style))
    sheet.remember(mark, place, slope["value"], slope["low"], slope["high"])

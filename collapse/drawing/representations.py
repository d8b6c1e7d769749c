"""Figures of representations: which are alike, and whether they grow alike with the model size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ..representations.between_trials import LayerComparison, WithSize
from ..sentences.of_representations import NAMES, comparison_heading
from .files import safe_name, write_sheets
from .lettering import wrap
from .limits import limit_axis, words
from .palette import INK, family_colors, family_markers
from .sheet import Mark, Sheet

_LEFT, _SIDE, _GAP, _HIGH, _BAR = 1.15, 3.1, 0.75, 2.6, 0.12
_MAP = "viridis"


def save_representations(found: Sequence[LayerComparison], directory: str | Path) -> list[Path]:
    """Draw a figure for each data set and layer: PNG, SVG, PDF, and the points plotted as CSV."""
    sheets = [
        (safe_name(f"representations-{one.dataset}-{one.layer}"), lambda one=one: representations_sheet(one))
        for one in found
    ]
    return write_sheets(sheets, directory)


def representations_sheet(found: LayerComparison) -> Sheet:
    """Above, all pairs of trials, trained and untrained, families grouped; below, similarity against model size."""
    sheet = Sheet(_LEFT + 2 * _SIDE + _GAP + 0.95)
    said = comparison_heading(found)
    title = f"Do networks come to represent their inputs alike? {said[0].upper()}{said[1:]}"
    top = 0.15 + sheet.text(0.15, 0.12, wrap(title, sheet.width - 0.3, 11, weight="bold"), fontsize=11, weight="bold")
    top += 0.25
    low = min(0.0, float(np.nanmin([found.trained, found.untrained]))) if found.measure == "cka" else 0.0
    high = 1.0 if found.measure == "cka" else float(np.nanmax([found.trained, found.untrained]))
    for place, (name, matrix) in enumerate((("trained", found.trained), ("untrained", found.untrained))):
        axes = sheet.axes(_LEFT + place * (_SIDE + _GAP), top, _SIDE, _SIDE)
        _heat(sheet, axes, found, name, matrix, (low, high), labels=place == 0)
    _bar(sheet.axes(_LEFT + 2 * _SIDE + _GAP + 0.12, top, _BAR, _SIDE), (low, high), NAMES[found.measure])
    top += _SIDE + 0.85
    within = [row for row in found.growth if row.first == row.second]
    across = [row for row in found.growth if row.first != row.second]
    for place, (said, rows) in enumerate((("seeds of one size", within), ("two families, size by size", across))):
        axes = sheet.axes(_LEFT + place * (_SIDE + _GAP), top, _SIDE, _HIGH)
        _against_size(sheet, axes, said, rows, _limits(found), found)
        if not place:
            axes.set_ylabel(NAMES[found.measure])
    _keys(sheet, found)
    return sheet.finish(top + _HIGH + 0.5)


def _heat(
    sheet: Sheet,
    axes: Axes,
    found: LayerComparison,
    name: str,
    matrix: np.ndarray,
    limits: tuple[float, float],
    *,
    labels: bool,
) -> None:
    families = [each.family for each in found.trials]
    axes.imshow(matrix, cmap=_map_of(found), vmin=limits[0], vmax=limits[1], interpolation="nearest", aspect="auto")
    axes.set_title(name, fontsize=8.5)
    firsts = [i for i, family in enumerate(families) if i == 0 or families[i - 1] != family]
    ends = [*firsts[1:], len(families)]
    for first in firsts[1:]:
        axes.axhline(first - 0.5, color="white", linewidth=1.2)
        axes.axvline(first - 0.5, color="white", linewidth=1.2)
    sizes = [(each.family, each.size) for each in found.trials]
    for i in range(1, len(sizes)):
        if sizes[i] != sizes[i - 1] and sizes[i][0] == sizes[i - 1][0]:
            axes.axhline(i - 0.5, color="white", linewidth=0.3)
            axes.axvline(i - 0.5, color="white", linewidth=0.3)
    middles = [(first + end - 1) / 2 for first, end in zip(firsts, ends, strict=True)]
    names = [wrap(families[first], 1.0, 7, 2) for first in firsts]
    axes.set_xticks(middles, names, rotation=40, ha="right", rotation_mode="anchor", fontsize=7)
    axes.set_yticks(middles, names if labels else [""] * len(names), fontsize=7)
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    for i, one in enumerate(found.trials):
        for j, other in enumerate(found.trials[: i + 1]):
            about = Mark(panel=name, series=f"{other.family} {other.rung} seed {other.seed}", family=one.family,
                         dataset=one.dataset, rung=one.rung, size=one.size, seed=one.seed)  # fmt: skip
            sheet.remember(about, j, float(matrix[i, j]), None, None)


def _map_of(found: LayerComparison) -> str:
    return _MAP if found.measure == "cka" else f"{_MAP}_r"


def _bar(axes: Axes, limits: tuple[float, float], name: str) -> None:
    bright = name == NAMES["cka"]
    steps = np.linspace(*limits, 128)[:, None]
    axes.imshow(
        steps,
        cmap=_MAP if bright else f"{_MAP}_r",
        vmin=limits[0],
        vmax=limits[1],
        origin="lower",
        aspect="auto",
        extent=(0, 1, *limits),
    )
    axes.set(xticks=[])
    axes.yaxis.tick_right()
    axes.yaxis.set_label_position("right")
    axes.set_ylabel(name)


def _against_size(
    sheet: Sheet, axes: Axes, said: str, rows: Sequence[WithSize], limits: tuple[float, float], found: LayerComparison
) -> None:
    axes.set_xscale("log")
    axes.set_title(said, fontsize=8.5)
    axes.set_xlabel("parameters")
    if not rows:
        words(axes, "needs two model sizes of a family, or of two", _SIDE)
        return
    colors, markers = (of([each.family for each in found.trials]) for of in (family_colors, family_markers))
    for row in rows:
        for place, moment in enumerate(("trained", "untrained")):
            alone = row.first == row.second
            dot = {"marker": markers[row.second], "markerfacecolor": colors[row.second], "markersize": 3.5}
            look = {"color": colors[row.first], "linestyle": "--" if place else "-", "linewidth": 0.8 if place else 1.3}
            shade = {"color": colors[row.first], "alpha": 0.12 if alone and not place else 0.0, "linewidth": 0}
            of = [(point[1], point[2])[place] for point in row.points]
            ends = (
                [np.nan if end is None else end for end in side]
                for side in zip(*((i.low, i.high) for i in of), strict=True)
            )
            mark = Mark(
                panel=said,
                series=f"{moment}, with {row.second}",
                family=row.first,
                dataset=found.dataset,
            )
            band = next(ends), next(ends)
            x = [point[0] for point in row.points]
            edge = {"markeredgecolor": colors[row.second]}
            sheet.line(axes, x, [one.value for one in of], mark, band=band, shade=shade, **look, **dot, **edge)
    points = [point for row in rows for point in row.points]
    sizes = [size for size, *_ in points]
    limit_axis(axes, "x", (min(sizes), max(sizes)), log=True, pad=(0.06, 0.06))
    axes.set_ylim(*limits)


def _limits(found: LayerComparison) -> tuple[float, float]:
    """Of similarities: what is drawn, with room; intervals may reach beyond."""
    values = [one.value for row in found.growth for _, *both in row.points for one in both] or [0.0, 1.0]
    room = 0.1 * (max(values) - min(values) or 1.0)
    return min(values) - room, max(values) + room


def _keys(sheet: Sheet, found: LayerComparison) -> None:
    names = [each.family for each in found.trials]
    colors, markers = family_colors(names), family_markers(names)
    for name in dict.fromkeys(names):
        sheet.key(name, Line2D([], [], color=colors[name], marker=markers[name], markersize=3.5, linewidth=1.3))
    sheet.key("untrained", Line2D([], [], color=INK, linestyle="--", linewidth=0.8))
    sheet.key("95 % interval, over seeds", Patch(color=INK, alpha=0.12, linewidth=0))
    if any(row.first != row.second for row in found.growth):
        sheet.key("two families: the line is one, the dots the other", Line2D([], [], color=INK, linewidth=1.3))

"""Figure of the onset: bounds of each sub-ladder against its smallest size, and how the sizes approach the limit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ...results.group_names import full_name, with_control
from ...results.quantity import LOSS, Quantity
from ..composing import Missing
from ..onset.corrections import Corrections
from ..onset.question import OnsetAnswer
from ..onset.single_runs import SingleOnset
from ..onset.sub_ladders import Onset, SubLadder
from ..sentences.of_onset import correction_sentence, onset_sentence, single_onset_line
from ..sentences.reasons import say
from .files import safe_name, write_sheets
from .lettering import wrap
from .limits import limit_axis
from .palette import FAINT, INK, NOISE, family_colors
from .sheet import Mark, Sheet
from .styles import SCREEN, Style

if TYPE_CHECKING:
    from ..group_inquiry import GroupInquiry
    from ..inquiry import Inquiry
    from ..outcome import GroupResult

_LEFT, _WIDE, _HIGH, _GAP = 0.75, 3.6, 1.9, 0.85
_DASHED = (0, (4, 2))


def save_onset(inquiry: Inquiry, directory: str | Path, style: Style = SCREEN) -> list[Path]:
    """Write the figure of all groups that were asked, or, in a style that has a page, one a group.

    Files are PNG, SVG, PDF, and the points plotted as CSV.
    """
    quantity = inquiry.analysis.quantity
    name = "onset" if quantity == LOSS else f"onset-{safe_name(quantity.noun)}"
    if style.width is None:
        return write_sheets([(name, lambda: onset_sheet(inquiry))], directory)
    results = inquiry.analysis.groups
    pairs = [
        (f"{name}-{safe_name(_named(result, results).replace(' on ', '-'))}", [place])
        for place, result in enumerate(results)
    ]
    return write_sheets(
        ((each, lambda places=places: onset_sheet(inquiry, style, places)) for each, places in pairs), directory
    )


def onset_sheet(inquiry: Inquiry, style: Style = SCREEN, places: Sequence[int] | None = None) -> Sheet:
    """A row a group: bounds of the sub-ladders on the left, the limit with its corrections on the right or below.

    Parameters
    ----------
    inquiry : whose groups were asked for their onset.
    style : what the figure is laid out for.
    places : of the groups that are drawn; all without.
    """
    sheet = Sheet(style.width or _LEFT + 2 * _WIDE + _GAP + 0.15, style.dpi)
    wide = sheet.width - _LEFT - 0.15 if style.narrow else (sheet.width - _LEFT - _GAP - 0.15) / 2
    high = _HIGH if style.height is None or style.height > 5 else 1.4
    top = 0.15 + sheet.text(0.15, 0.12, "From which model size on?", fontsize=11, weight="bold")
    colors, quantity = family_colors(group.family for group in inquiry.groups), inquiry.analysis.quantity
    for place, (group, result) in enumerate(zip(inquiry.groups, inquiry.analysis.groups, strict=True)):
        if places is not None and place not in places:
            continue
        name = wrap(_named(result, inquiry.analysis.groups), sheet.width - 0.3, 9, weight="bold")
        top += sheet.text(0.15, top, name, fontsize=9, weight="bold")
        onset = _onset(group)
        corrections = group.onset.corrections if isinstance(group.onset, OnsetAnswer) else None
        # Where omega is not identified there is no limit: the text that says why takes its place.
        limit = isinstance(corrections, Corrections) and corrections.correction is not None
        beside = onset is not None and not limit and not style.narrow
        x, y = (_LEFT + wide + _GAP, top + 0.12) if beside else (0.15, top)
        for said in _said(group, quantity):
            y += sheet.text(x, y, wrap(said, sheet.width - 0.25 - x, 8), fontsize=8) + (0.08 if beside else 0)
        top = (top if beside else y) + 0.12
        if onset is None:
            continue
        left = sheet.axes(_LEFT, top, wide, high)
        _draw_bounds(sheet, left, onset, group, colors[group.family])
        if isinstance(corrections, Corrections) and corrections.correction is not None:
            across = (_LEFT, top + high + 0.5) if style.narrow else (_LEFT + wide + _GAP, top)
            top = across[1]
            right = sheet.axes(*across, wide, high)
            _draw_limit(sheet, right, corrections, group, colors[group.family])
        top = max(top + high + 0.6, y + 0.12)
    return sheet.finish(top)


def _named(group: GroupResult, peers: Sequence[GroupResult]) -> str:
    return with_control(full_name(group, peers), group)


def _onset(group: GroupInquiry) -> Onset | SingleOnset | None:
    if isinstance(group.onset, OnsetAnswer):
        return group.onset.onset
    return group.single_runs.onset if group.single_runs is not None else None


def _said(group: GroupInquiry, quantity: Quantity) -> list[str]:
    if isinstance(group.onset, OnsetAnswer):
        said = onset_sentence(group.onset.onset, quantity)
        return [
            f"{said[0].upper()}{said[1:]}.",
            f"Corrections to scaling c(x) p^-omega: {correction_sentence(group.onset.corrections, quantity)}.",
        ]
    if isinstance(group.onset, Missing):
        return [f"No onset: {say(group.onset.status, quantity)}."]
    single = group.single_runs.onset if group.single_runs is not None else None
    return ["No onset could be looked for." if single is None else f"{single_onset_line(single, quantity)}."]


def _draw_bounds(sheet: Sheet, axes: Axes, onset: Onset | SingleOnset, group: GroupInquiry, color: Any) -> None:
    rows = onset.sub_ladders
    axes.set(xscale="log", xlabel="smallest size of the sub-ladder (parameters)", ylabel="deviation (%)")
    sizes = np.array([row.size for row in rows])
    # Limits first: a line across axes that have none makes them singular.
    limit_axis(axes, "x", (sizes[0] / 1.25, sizes[-1] * 1.25), log=True, pad=(0.03, 0.03))
    tops = [100 * (row.deviation if row.upper_bound is None else row.upper_bound) for row in rows]
    limit_axis(axes, "y", (0.0, max(*tops, 100 * onset.margin)), log=False, pad=(0.0, 0.08))
    about: dict[str, Any] = {"panel": "onset", "family": group.family, "dataset": group.dataset, "recipe": group.recipe}
    if isinstance(onset, Onset) and onset.size is not None:
        ends = (onset.low or sizes[0] / 1.5, onset.high or sizes[-1] * 1.5)
        axes.axvspan(*ends, facecolor=NOISE, linewidth=0, zorder=0)
        sheet.key("95 % interval of the onset", Patch(facecolor=NOISE, linewidth=0))
    if onset.size is not None:
        axes.axvline(onset.size, color=FAINT, linewidth=0.9)
        sheet.key("onset", Line2D([], [], color=FAINT, linewidth=0.9))
    axes.axhline(100 * onset.margin, color=INK, linewidth=0.8, linestyle=_DASHED)
    sheet.key("margin", Line2D([], [], color=INK, linewidth=0.8, linestyle=_DASHED))
    for row in rows:
        _bar(sheet, axes, row, about, color)
    sheet.key("deviation of a sub-ladder, 95 % bounds", Line2D([], [], color=INK, marker="o", markersize=4))


def _bar(sheet: Sheet, axes: Axes, row: SubLadder, about: dict[str, Any], color: Any) -> None:
    """One sub-ladder, filled where it is within the margin."""
    value = 100 * row.deviation
    low = value if row.lower_bound is None else 100 * row.lower_bound
    high = value if row.upper_bound is None else 100 * row.upper_bound
    axes.vlines(row.size, low, high, color=color, linewidth=1.4)
    face = color if row.within_margin else "white"
    style = {"color": color, "markerfacecolor": face, "marker": "o", "markersize": 5, "linestyle": "none"}
    mark = Mark(series="deviation", rung=row.model_size, size=row.size, **about)
    sheet.line(axes, [row.size], [value], mark, band=([low], [high]), shade={"alpha": 0}, **style)


def _draw_limit(sheet: Sheet, axes: Axes, found: Corrections, group: GroupInquiry, color: Any) -> None:
    axes.set(xscale="log", xlabel="x", ylabel="departure from the limit (%)")
    about: dict[str, Any] = {
        "panel": "corrections",
        "family": group.family,
        "dataset": group.dataset,
        "recipe": group.recipe,
    }
    assert found.correction is not None and found.limit_half_width is not None
    half, zero = 100 * found.limit_half_width, np.zeros_like(found.x)
    band = {"facecolor": NOISE, "linewidth": 0}
    mark = Mark(series="limit", **about)
    sheet.line(axes, found.x, zero, mark, band=(-half, half), shade=band, color=FAINT, linewidth=0.8)
    sheet.key("limit of infinite size, 95 % band", Patch(facecolor=NOISE, linewidth=0))
    line = Mark(series="c(x) p^-omega", size=found.from_size, **about)
    sheet.line(axes, found.x, 100 * found.correction, line, color=color, linewidth=1.4)
    sheet.key("correction at the smallest size fitted", Line2D([], [], color=INK, linewidth=1.4))
    _limit_both(axes, found.x, [half, -half, 100 * found.correction])


def _limit_both(axes: Axes, x: np.ndarray, rows: Sequence[np.ndarray]) -> None:
    limit_axis(axes, "x", (x[0], x[-1]), log=True, pad=(0.03, 0.03))
    limit_axis(axes, "y", (min(r.min() for r in rows), max(r.max() for r in rows)), log=False, pad=(0.05, 0.08))

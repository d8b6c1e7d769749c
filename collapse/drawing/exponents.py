"""Figure of the exponents: every estimate that has an interval, one panel an exponent, one row a group."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from matplotlib.lines import Line2D

from ...results.group_names import full_name
from ...results.quantity import LOSS
from ..onset.corrections import Corrections
from ..onset.question import OnsetAnswer
from .charts import ROW, beside
from .lettering import wrap
from .limits import limit_axis
from .palette import INK, family_colors, family_markers
from .sheet import Mark, Sheet

if TYPE_CHECKING:
    from ..group_inquiry import GroupInquiry
    from ..inquiry import Inquiry

_LABELS, _CHART = 2.9, 3.6
Row = tuple[str, float, float, float]


def exponents_sheet(inquiry: Inquiry) -> Sheet:
    """Exponents of all groups that were asked for their laws or their onset, with 95 % intervals."""
    sheet = Sheet(_LABELS + _CHART + 0.5)
    heading = "Exponents" if inquiry.analysis.quantity == LOSS else f"{inquiry.analysis.quantity.heading}: exponents"
    top = 0.15 + sheet.text(0.15, 0.12, heading, fontsize=11, weight="bold")
    results = inquiry.analysis.groups
    families = [group.family for group in results]
    colors, markers = family_colors(families), family_markers(families)
    panels: dict[str, list[tuple[int, Row]]] = {}
    for place, group in enumerate(inquiry.groups):
        for row in exponents_of(group):
            panels.setdefault(row[0], []).append((place, row))
    if not panels:
        top += sheet.text(0.15, top + 0.1, "No exponent with an interval could be had.", style="italic") + 0.2
        return sheet.finish(top)
    for name, rows in panels.items():
        top += 0.1 + sheet.text(0.15, top + 0.1, name, fontsize=9, weight="bold")
        height = ROW * len(rows)
        axes = sheet.axes(_LABELS, top + 0.08, _CHART, height)
        axes.set(ylim=(len(rows) - 0.5, -0.5), yticks=[])
        axes.spines["left"].set_visible(False)
        ends = [end for _, (_, _, low, high) in rows for end in (low, high)]
        limit_axis(axes, "x", (min(ends), max(ends)), log=False, pad=(0.05, 0.05))
        for row, (place, (_, value, low, high)) in enumerate(rows):
            result, color = results[place], colors[results[place].family]
            about = {"family": result.family, "dataset": result.dataset, "recipe": result.recipe, "leg": result.leg}
            sheet.remember(Mark(panel=name, series="exponent", **about), row, value, low, high)
            axes.hlines(row, low, high, color=color, linewidth=1.6)
            look = {"markersize": 6, "markeredgecolor": "white", "markeredgewidth": 0.6, "linestyle": "none"}
            axes.plot([value], [row], color=color, marker=markers[result.family], **look)
            control = f" (control: {result.control})" if result.control else ""
            label = wrap(full_name(result, results) + control, _LABELS - 0.2, 7.5)
            beside(axes, row, -0.08, label, "right", color=INK)
        top += 0.08 + height + 0.35
    sheet.key("estimate, 95 % interval", Line2D([], [], color=INK, marker="o", linewidth=1.6))
    return sheet.finish(top)


def exponents_of(group: GroupInquiry) -> Iterator[Row]:
    """Name, value and ends of the 95 % interval of each exponent of a group."""
    found = group.laws.deltas if group.laws is not None else None
    if found is not None:
        named = {
            "delta, frontier slope": found.frontier,
            "delta, composed of mu and nu": found.composed,
            "delta, end slope": found.end_slope,
            "mu, in time": found.mu,
            "nu, in size": found.nu,
            "gamma = nu/mu, training length": found.gamma,
        }
        for name, one in named.items():
            if one.estimate is not None:
                yield name, one.estimate.value, one.estimate.low, one.estimate.high
    corrections = group.onset.corrections if isinstance(group.onset, OnsetAnswer) else None
    if isinstance(corrections, Corrections):
        omega, low, high = corrections.omega, corrections.low, corrections.high
        if omega is not None and low is not None and high is not None:
            yield "omega, correction to scaling", omega, low, high

"""Figures of an analysis: each data set, all deviations, families against each other, and one for the front page.

Every figure is a `Sheet`, so the table of what was plotted is written beside it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from ..errors import InputError, unknown
from ..results.curves import CurveSet, seed_order
from ..results.group_names import full_name, told_apart
from ..results.quantity import LOSS
from .drawing.across import across_sheet, differences_sheet, largest_sheet
from .drawing.alone import LOOKS, ladder_sheet
from .drawing.charts import deviations_sheet, ordered, pages
from .drawing.files import safe_name, write_sheets
from .drawing.lettering import house_style, wrap
from .drawing.palette import family_colors
from .drawing.panels import DrawnGroup, draw_collapsed, draw_residual
from .drawing.placement import LEFT, block, finish, gap, in_columns, in_rows
from .drawing.sheet import Sheet
from .drawing.styles import SCREEN, Style, style_of
from .outcome import Analysis, GroupResult

_SUMMARY_WIDTH = 9.0
_OF_FAMILIES = ("differences", "largest-differences")
#: Panels that can be drawn alone: three of each ladder, one of all ladders, and two of the families of each data set.
PANELS = (*LOOKS, "deviations", *_OF_FAMILIES)
_KINDS = {
    "paper": ("ladders", "deviations", *_OF_FAMILIES),
    "paper-wide": ("summary", "datasets", "deviations", *_OF_FAMILIES),
    "slides": PANELS,
}
Drawn = Iterator[tuple[str, Callable[[], Sheet]]]


def draw_dataset(analysis: Analysis, curves: CurveSet, dataset: str) -> Figure:
    """Draw every group of one data set: as trained, rescaled, and the deviations of its rungs.

    A column a group; where the data set has controls a row a group instead, the control that must hold above the one
    that must fail, on the same axes.

    Parameters
    ----------
    analysis : what is drawn.
    curves : the curves that it was made from.
    dataset : the data set's name.
    """
    return _dataset_sheet(analysis, curves, dataset).figure


def draw_deviations(analysis: Analysis) -> Figure:
    """Draw each group's deviation with its 95 % bounds, the margin and what unrelated curves show."""
    with house_style():
        return deviations_sheet(analysis).figure


def draw_across_families(analysis: Analysis) -> Figure:
    """Draw how far each family lies from the master curve of the others, against x and as one number."""
    with house_style():
        return across_sheet(analysis).figure


def draw_summary(analysis: Analysis, curves: CurveSet) -> Figure:
    """Draw the control that must hold, the network group with the tightest bound, and the control that must fail."""
    return _summary_sheet(analysis, curves).figure


def save_figures(
    analysis: Analysis, curves: CurveSet, directory: str | Path, *, style: str = "screen", panels: Sequence[str] = ()
) -> list[Path]:
    """Write every figure as PNG, SVG and PDF, and the points plotted in it as CSV; the same input gives the same bytes.

    Parameters
    ----------
    analysis, curves : what is drawn.
    directory : where to; made if missing, files of the same name are replaced. Names end in the quantity that the
        curves are of, unless it is the loss.
    style : ``screen``; ``paper``, 3.4 inches wide; ``paper-wide``, 7 inches; ``slides``, 6.3 inches.
    panels : names of `PANELS`, each drawn alone, in place of the figures of the style.

    Returns
    -------
    The files written, in the order of the figures.

    Raises
    ------
    InputError
        No such style or panel, or none of these curves has such a panel.
    """
    for panel in panels:
        if panel not in PANELS:
            raise unknown("panel", panel, PANELS)
        if panel in _OF_FAMILIES and not analysis.across_families:
            raise InputError(f"there is no panel {panel!r}: no data set has two families that can be compared")
    # The figures of several observables lie beside each other in one folder.
    ending = "" if analysis.quantity == LOSS else f"-{safe_name(analysis.quantity.noun)}"
    sheets = styled_sheets(analysis, curves, style_of(style), panels)
    return write_sheets(((f"{name}{ending}", draw) for name, draw in sheets), directory)


def sheets_of(analysis: Analysis, curves: CurveSet) -> Drawn:
    """Every figure's name and what draws it, which is called in the `house_style`."""
    yield "summary", lambda: _summary_sheet(analysis, curves)
    yield "deviations", lambda: deviations_sheet(analysis)
    if analysis.across_families:
        yield "across-families", lambda: across_sheet(analysis)
    for dataset in dict.fromkeys(group.dataset for group in analysis.groups):
        yield f"dataset-{safe_name(dataset)}", lambda dataset=dataset: _dataset_sheet(analysis, curves, dataset)


def sheet_of(analysis: Analysis, figure: str) -> Sheet:
    """One figure of an analysis that has its curves, by the name of its files.

    Raises
    ------
    InputError
        An analysis without curves, or no figure of that name.
    """
    if analysis.curves is None:
        raise InputError("this analysis was made without its curves: draw it by `onecurve.plot(analysis, curves, DIR)`")
    drawn = dict(sheets_of(analysis, analysis.curves))
    if figure not in drawn:
        raise unknown("figure", figure, drawn)
    with house_style():
        return drawn[figure]()


def styled_sheets(analysis: Analysis, curves: CurveSet, style: Style, panels: Sequence[str] = ()) -> Drawn:
    """As `sheets_of`, laid out for a style, or panels alone; no figure is higher than the style's page.

    On a screen a figure shows all there is of its kind. In two columns of a paper a data set's ladders go three to a
    figure, in one column each is a figure of its own, and on a slide each of its panels.
    """
    if style is SCREEN and not panels:
        yield from sheets_of(analysis, curves)
        return
    kinds = panels or _KINDS[style.name]
    views = _named(analysis, curves, analysis.groups)
    for kind in dict.fromkeys(kinds):
        yield from _of_kind(kind, analysis, curves, views, style)


def _of_kind(kind: str, analysis: Analysis, curves: CurveSet, views: Sequence[DrawnGroup], style: Style) -> Drawn:
    if kind == "summary":
        yield "summary", lambda: _summary_sheet(analysis, curves, style)
    elif kind == "deviations":
        for number, groups in enumerate(pages(ordered(analysis.groups), style)):
            yield _numbered("deviations", number), lambda groups=groups: deviations_sheet(analysis, style, groups)
    elif kind in _OF_FAMILIES:
        draw = differences_sheet if kind == "differences" else largest_sheet
        for entry in analysis.across_families:
            leg = "" if entry.leg == "decayed" else f"-{entry.leg}"
            name = f"{kind}-{safe_name(entry.dataset)}{leg}"
            yield name, lambda entry=entry, draw=draw: draw(analysis, entry, style)
    elif kind == "datasets":
        for dataset in dict.fromkeys(group.dataset for group in analysis.groups):
            members = _of_dataset(analysis, curves, dataset)
            for number, some in enumerate(members[start : start + 3] for start in range(0, len(members), 3)):
                name = _numbered(f"dataset-{safe_name(dataset)}", number)
                yield name, lambda some=some, dataset=dataset: in_columns(some, _title(analysis, dataset), style)
    else:
        looks = tuple(LOOKS) if kind == "ladders" else (kind,)
        first = "ladder" if kind == "ladders" else kind
        for view in views:
            name = f"{first}-{safe_name(view.name.replace(' on ', '-'))}"
            if view.group.control:  # both controls may be of one family and data set
                name += f"-{view.group.control}"
            yield name, lambda view=view: ladder_sheet(view, looks, style)


def _numbered(name: str, number: int) -> str:
    return name if number == 0 else f"{name}-{number + 1}"


def _named(analysis: Analysis, curves: CurveSet, groups: Sequence[GroupResult]) -> list[DrawnGroup]:
    """Ladders by names that tell them apart wherever they stand."""
    views = _views(analysis, curves, groups)
    return [dataclasses.replace(view, name=full_name(view.group, analysis.groups)) for view in views]


def _views(analysis: Analysis, curves: CurveSet, groups: Sequence[GroupResult]) -> list[DrawnGroup]:
    colors = family_colors(group.family for group in analysis.groups)
    members = curves.groups()
    of = {"axis": curves.axis, "quantity": curves.quantity}
    views = []
    for group in groups:
        own = members.get((group.family, group.dataset, group.recipe, group.leg), CurveSet(()))
        ordered = tuple(sorted(own, key=lambda curve: (curve.size, seed_order(curve.seed))))
        name = told_apart(group, analysis.groups)
        views.append(DrawnGroup(group=group, curves=ordered, name=name, color=colors[group.family], **of))
    return views


def _of_dataset(analysis: Analysis, curves: CurveSet, dataset: str) -> list[DrawnGroup]:
    """The ladders of a data set, controls first."""
    groups = [group for group in analysis.groups if group.dataset == dataset]
    if not groups:
        raise unknown("data set", dataset, {group.dataset for group in analysis.groups})
    rank = {"holds": 0, "fails": 1}
    groups.sort(key=lambda group: rank.get(group.control or "", 2))
    return _views(analysis, curves, groups)


def _title(analysis: Analysis, dataset: str) -> str:
    of = "" if analysis.quantity == LOSS else f", {analysis.quantity.title}"
    return f"Data set {dataset}{of}"


def _dataset_sheet(analysis: Analysis, curves: CurveSet, dataset: str) -> Sheet:
    views, title = _of_dataset(analysis, curves, dataset), _title(analysis, dataset)
    with house_style():
        return in_rows(views, title) if any(view.group.control for view in views) else in_columns(views, title)


def _summary_sheet(analysis: Analysis, curves: CurveSet, style: Style = SCREEN) -> Sheet:
    groups = analysis.groups
    holds = next((group for group in groups if group.control == "holds" and group.rescaled is not None), None)
    fails = next((group for group in groups if group.control == "fails" and group.rescaled is not None), None)
    chosen = [group for group in (holds, _tightest(groups), fails) if group is not None]
    views = _named(analysis, curves, chosen)
    with house_style():
        between = gap(views)
        whole = style.width or _SUMMARY_WIDTH
        width = min(3.6, (whole - LEFT - 0.2 - (len(views) - 1) * between) / max(len(views), 1))
        sheet = Sheet(style.width or max(5.5, LEFT + len(views) * width + (len(views) - 1) * between + 0.2), style.dpi)
        if not views:
            sheet.text(0.3, 0.3, "No group of curves could be rescaled, so there is nothing to show.", fontsize=10)
            return sheet.finish(0.9)
        top = 0.12
        if curves.quantity != LOSS:
            said = wrap(curves.quantity.heading, sheet.width - 0.3, 11, weight="bold")
            top += sheet.text(0.15, top, said, fontsize=11, weight="bold") + 0.08
        panels, top = block(sheet, views, ((draw_collapsed, 2.1), (draw_residual, 1.3)), top, width, between)
        remarks = _remarks(groups, holds, fails)
        top += sheet.text(LEFT, top, wrap(remarks, sheet.width - LEFT - 0.3, 7.5), fontsize=7.5, style="italic") + 0.05
        return finish(sheet, panels, top)


def _remarks(groups: Sequence[GroupResult], holds: GroupResult | None, fails: GroupResult | None) -> str:
    """How the groups of the summary were chosen, and which could not be."""
    networks = sum(group.control is None for group in groups)
    said = []
    if networks > 1:
        said.append(
            f"The network is the one of {networks} groups with the smallest bound, known irreducible losses first."
        )
    if holds is None:
        said.append("No control that must collapse is among these curves.")
    if fails is None:
        said.append("No control that must fail is among these curves.")
    return " ".join(said)


def _tightest(groups: Sequence[GroupResult]) -> GroupResult | None:
    """The network group with the smallest bound, one with a known floor before any other."""
    networks = [group for group in groups if group.control is None and group.rescaled is not None]

    def order(group: GroupResult) -> tuple[bool, bool, float]:
        known = group.irreducible_loss.source in ("known", "given")
        return group.upper_bound is None, not known, group.upper_bound or 0.0

    return min(networks, key=order, default=None)

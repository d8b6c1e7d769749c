"""The figures of a page: the sheets of the analysis as files, and what the page needs to draw their points itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.colors import to_hex

from ...collapse.drawing.exponents import exponents_sheet
from ...collapse.drawing.lettering import house_style
from ...collapse.drawing.limits import y_label
from ...collapse.drawing.onset import onset_sheet
from ...collapse.drawing.palette import family_colors, family_markers, legible, shades
from ...collapse.drawing.panels import short_number
from ...collapse.figures import sheets_of
from ...results.group_names import told_apart
from ...results.quantity import LOSS

if TYPE_CHECKING:
    from ...collapse.drawing.sheet import Sheet
    from ...collapse.inquiry import Inquiry
    from ...collapse.outcome import GroupResult
    from ...results.curves import CurveSet
    from .downloads import Downloads

# Matplotlib's markers by the names that the page has for them.
_SYMBOLS = {
    "o": "circle",
    "s": "square",
    "^": "triangle",
    "D": "diamond",
    "v": "triangle-down",
    "P": "plus",
    "X": "cross",
    "p": "pentagon",
    "h": "hexagon",
}
_TITLES = {
    "summary": "At a glance",
    "deviations": "The deviation of every ladder",
    "across-families": "Each family against the others",
    "onset": "From which model size on",
    "exponents": "Exponents",
}


def figures_of(inquiry: Inquiry, curves: CurveSet, downloads: Downloads, ending: str) -> list[dict[str, Any]]:
    """Draw each figure once, pack its files, and say what the page needs to draw its points.

    Returns
    -------
    A dictionary a figure: ``name`` of its files, ``kind``, ``title``, and ``dataset`` where it shows one.
    """
    found = []
    for kind, draw in _drawn(inquiry, curves):
        with house_style():
            sheet = draw()
        if not sheet.points:
            continue
        dataset = sheet.points[0]["dataset"] if kind.startswith("dataset-") else None
        downloads.add_figure(f"{kind}{ending}", sheet)
        title = _TITLES.get(kind, f"Data set {dataset}")
        found.append(
            {
                "name": f"{kind}{ending}",
                "kind": "dataset" if dataset is not None else kind,
                "title": title,
                "dataset": dataset,
            }
        )
    return found


def _drawn(inquiry: Inquiry, curves: CurveSet) -> Iterator[tuple[str, Callable[[], Sheet]]]:
    yield from sheets_of(inquiry.analysis, curves)
    if any(group.onset is not None for group in inquiry.groups):
        yield "onset", lambda: onset_sheet(inquiry)
    if any(group.laws is not None or group.onset is not None for group in inquiry.groups):
        yield "exponents", lambda: exponents_sheet(inquiry)


def families_of(inquiries: Sequence[Inquiry], others: Sequence[str] = ()) -> dict[str, dict[str, str]]:
    """Each family's colour on light and on dark ground, and its symbol; of ``others`` as well."""
    names = sorted({group.family for inquiry in inquiries for group in inquiry.analysis.groups} | set(others))
    markers = family_markers(names)
    return {
        name: {
            "light": to_hex(legible(color)),
            "dark": to_hex(legible(color, on_dark=True)),
            "symbol": _SYMBOLS[markers[name]],
        }
        for name, color in family_colors(names).items()
    }


def groups_of(inquiry: Inquiry, curves: CurveSet) -> list[dict[str, Any]]:
    """What the page must know of each group to draw it: whose it is, its shades, what its panels show."""
    analysis = inquiry.analysis
    colors = family_colors(group.family for group in analysis.groups)
    members = curves.groups()
    found = []
    for group in analysis.groups:
        own = members.get((group.family, group.dataset, group.recipe, group.leg), ())
        sizes = {float(size) for size in ([] if group.rescaled is None else group.rescaled.sizes)}
        sizes |= {float(curve.size) for curve in own}
        names = {float(curve.size): curve.rung for curve in own}
        ramps = [shades(colors[group.family], sorted(sizes), on_dark=dark) for dark in (False, True)] if sizes else []
        light, dark = ramps or ({}, {})
        found.append(
            {
                "key": [group.family, group.dataset, group.recipe, group.leg],
                "family": group.family,
                "name": told_apart(group, analysis.groups),
                "verdict": group.verdict,
                "control": group.control,
                "single": group.single,
                "margin": group.margin,
                "silent": _silent(group),
                "labels": _labels(group, curves),
                "shades": [
                    {
                        "size": size,
                        "label": short_number(size),
                        "rung": names.get(size, ""),
                        "light": to_hex(light[size]),
                        "dark": to_hex(dark[size]),
                    }
                    for size in sorted(sizes)
                ],
            }
        )
    return found


def _silent(group: GroupResult) -> float | None:
    """From which x on agreement says nothing; None where it always says something."""
    found = group.discrimination
    if found is None or found.informs.all():
        return None
    return float(found.x[~found.informs].min())


def _labels(group: GroupResult, curves: CurveSet) -> dict[str, str]:
    """What the y axes of the three panels show."""
    kinds = {
        "raw": "excess" if group.irreducible_loss.value is not None else "loss",
        "collapsed": group.rescaled.scale if group.rescaled is not None else "",
        "residual": "described" if group.single else "residual",
    }
    return {panel: y_label(kind, curves.quantity or LOSS).replace("\n", " ") for panel, kind in kinds.items()}

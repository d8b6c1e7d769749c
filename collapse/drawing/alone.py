"""Panels of one ladder: one of them alone, or all three in one column."""

from __future__ import annotations

from collections.abc import Sequence

from .headings import describe, headings
from .limits import Panel, label_y
from .panels import DrawnGroup, draw_collapsed, draw_raw, draw_residual, draw_sizes
from .placement import LEFT, Look, finish
from .sheet import Sheet
from .styles import Style

LOOKS: dict[str, Look] = {"raw": draw_raw, "collapsed": draw_collapsed, "residuals": draw_residual}
_WIDTH = 6.3  # of a panel alone on a screen, its key beside it
_SHORT = 0.4  # inches of a panel that has nothing to show but the reason


def ladder_sheet(view: DrawnGroup, looks: Sequence[str], style: Style) -> Sheet:
    """Panels of one ladder below each other, with its name, verdict and sizes above them.

    Parameters
    ----------
    view : the ladder, by the name that it is to have.
    looks : which panels, names of `LOOKS`.
    style : what for. A single panel has its key beside it where that fits, else below.
    """
    sheet = Sheet(style.width or _WIDTH, style.dpi)
    wide = len(looks) == 1 and not style.narrow
    width = (0.6 if wide else 1.0) * sheet.width - LEFT - (0.0 if wide else 0.12)
    top = headings(sheet, [0.15], 0.12, sheet.width - 0.3, [(describe(view.group, view.name), view.color)])
    strip = min(0.7 * width, width - 0.7)  # what its cells are stands beside it
    draw_sizes(sheet.axes(LEFT, top + 0.06, strip, 0.09), view, strip)
    top += 0.42
    panels: list[Panel] = []
    below = top
    shown = [look for look in looks if _shows(view, look)]
    for look in looks:
        high = _height(len(looks), style, top) if look in shown else _SHORT
        panels.append(LOOKS[look](sheet, sheet.axes(LEFT, below, width, high), view))
        label_y(panels[-1])
        below += high + 0.28
        if panels[-1].kind and look == shown[-1]:
            panels[-1].axes.set_xlabel(view.axis)
            below += 0.2
    left = LEFT + width + 0.25
    free = (left, top, sheet.width - left - 0.1, below - top)
    return finish(sheet, panels, below, free if wide else None)


def _shows(view: DrawnGroup, look: str) -> bool:
    group = view.group
    return not (look != "raw" and group.rescaled is None or look == "residuals" and group.d is None)


def _height(count: int, style: Style, top: float) -> float:
    if count > 1:
        return 1.65
    tall = 2.1 if style.narrow else 2.3
    return tall if style.height is None else min(tall, max(1.4, style.height - top - 0.55))

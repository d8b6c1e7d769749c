"""Where the panels of several groups go: a column a group, or a row a group."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes

from .headings import describe, headings
from .lettering import wrap
from .limits import Panel, label_y, share_limits
from .panels import DrawnGroup, draw_collapsed, draw_raw, draw_residual, draw_sizes
from .sheet import Box, Sheet
from .styles import SCREEN, Style

LEFT = 0.75
_PANEL, _TALL, _LOW, _SPACE = 2.6, 1.85, 1.6, 0.3
_COLUMNS, _WIDEST = 4, 3.0
_NARROWEST = 4.6

Look = Callable[[Sheet, Axes, DrawnGroup], Panel]


def in_rows(views: Sequence[DrawnGroup], title: str) -> Sheet:
    """A row a group: as trained, rescaled and deviations side by side, each on the same axes as those below it."""
    step = _PANEL + LEFT + 0.1
    sheet = Sheet(LEFT + 3 * step - 0.6)
    top = _title(sheet, title)
    panels: list[Panel] = []
    for view in views:
        described = [(describe(view.group, view.name), view.color)]
        top = headings(sheet, [LEFT], top + 0.08, 3 * step - 0.8, described)
        draw_sizes(sheet.axes(LEFT, top + 0.03, 0.7 * _PANEL, 0.09), view, 0.7 * _PANEL)
        top += _SPACE + 0.08
        for place, draw in enumerate((draw_raw, draw_collapsed, draw_residual)):
            panels.append(draw(sheet, sheet.axes(LEFT + place * step, top, _PANEL, _TALL), view))
            label_y(panels[-1])
        top += _TALL + _SPACE
    for column in range(3):
        _label_x(panels[column::3], views[0].axis)
    return finish(sheet, panels, top + 0.2)


def in_columns(views: Sequence[DrawnGroup], title: str, style: Style = SCREEN) -> Sheet:
    """A column a group, at most four beside each other: as trained above rescaled above the deviations.

    Where the style has a width the columns share it, however many there are.
    """
    if style.width is not None:
        return _in_width(views, title, style, style.width)
    blocks = -(-len(views) // _COLUMNS)
    columns = -(-len(views) // blocks)
    looks = _looks(views)
    sheet = Sheet(max(LEFT + columns * _PANEL + (columns - 1) * gap(views) + 0.2, _NARROWEST))
    top = _title(sheet, title)
    panels: list[Panel] = []
    for start in range(0, len(views), columns):
        above = top + 0.08
        drawn, top = block(sheet, views[start : start + columns], looks, above, _PANEL, gap(views))
        panels += drawn
    # The last block may have empty places: the first of them takes the key.
    left = LEFT + (len(views) - (blocks - 1) * columns) * (_PANEL + gap(views))
    free = (left, above, _PANEL, top - above)
    return finish(sheet, panels, top, free if left < sheet.width - 0.9 * _PANEL else None)


def _looks(views: Sequence[DrawnGroup]) -> list[tuple[Look, float]]:
    """The three looks and their heights; where no group has such a panel its place shrinks to the words that say so."""
    rescaled = any(view.group.rescaled is not None for view in views)
    deviating = any(view.group.d is not None for view in views)
    return [
        (draw_raw, _TALL),
        (draw_collapsed, _TALL if rescaled else 0.4),
        (draw_residual, _LOW if deviating else 0.4),
    ]


def _in_width(views: Sequence[DrawnGroup], title: str, style: Style, width: float) -> Sheet:
    sheet = Sheet(width, style.dpi)
    top, between = _title(sheet, title) + 0.08, gap(views)
    panel = min(_WIDEST, (width - LEFT - 0.25 - (len(views) - 1) * between) / len(views))
    # A page is not as high as a screen; words in place of a panel keep clear of the label above them.
    looks = [(draw, 0.9 * height if height > 1 else height + 0.15) for draw, height in _looks(views)]
    panels, end = block(sheet, views, looks, top, panel, between)
    free = (LEFT + len(views) * (panel + between), top, _PANEL, end - top)
    return finish(sheet, panels, end, free if free[0] + _PANEL < width else None)


def gap(views: Sequence[DrawnGroup]) -> float:
    """Inches between columns: more where they show different quantities and each needs a label of its own."""
    shown = set()
    for view in views:
        rescaled = view.group.rescaled
        shown.add((view.group.irreducible_loss.value is None, None if rescaled is None else rescaled.scale))
    return LEFT if len(shown) > 1 else 0.5


def block(
    sheet: Sheet,
    views: Sequence[DrawnGroup],
    looks: Sequence[tuple[Look, float]],
    top: float,
    width: float,
    between: float,
) -> tuple[list[Panel], float]:
    """Columns side by side with their headings level; returns the panels and where the block ends."""
    lefts = [LEFT + place * (width + between) for place in range(len(views))]
    described = [(describe(view.group, view.name), view.color) for view in views]
    start = headings(sheet, lefts, top, width + 0.2, described) + 0.03
    columns = [_column(sheet, view, looks, left, start, width) for left, view in zip(lefts, views, strict=True)]
    for row in zip(*columns, strict=True):
        for place, panel in enumerate(row):
            if place == 0 or panel.kind != row[place - 1].kind:
                label_y(panel)
    end = start + _SPACE + 0.05 + sum(height + _SPACE for _, height in looks) + 0.15
    return [panel for column in columns for panel in column], end


def _column(
    sheet: Sheet, view: DrawnGroup, looks: Sequence[tuple[Look, float]], left: float, top: float, width: float
) -> list[Panel]:
    draw_sizes(sheet.axes(left, top, 0.7 * width, 0.09), view, 0.7 * width)
    below = top + _SPACE + 0.05
    panels: list[Panel] = []
    for draw, height in looks:
        panels.append(draw(sheet, sheet.axes(left, below, width, height), view))
        below += height + _SPACE
    _label_x(panels, view.axis)
    return panels


def _label_x(column: Sequence[Panel], axis: str) -> None:
    """Name the x axis below the lowest panel that has one."""
    drawn = [panel for panel in column if panel.kind]
    if drawn:
        drawn[-1].axes.set_xlabel(axis)


def finish(sheet: Sheet, panels: Sequence[Panel], bottom: float, free: Box | None = None) -> Sheet:
    """Share the limits of the panels and close the sheet, its key in the place ``free`` if it fits there."""
    share_limits(sheet, panels)
    return sheet.finish(bottom, free)


def _title(sheet: Sheet, title: str) -> float:
    said = wrap(title, sheet.width - 0.3, 11, weight="bold")
    return 0.15 + sheet.text(0.15, 0.12, said, fontsize=11, weight="bold")

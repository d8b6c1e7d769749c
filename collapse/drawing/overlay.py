"""One family's curves laid over those of others, and what is between it and the nearest: what `onecurve try` draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ..families.along import Along
from ..families.mean_curve import Member
from ..ladders.rescaling import master_curve
from ..sentences.of_families import along_sentence
from .lettering import house_style, wrap
from .limits import extent, limit_axis
from .palette import INK, Color, family_colors, family_markers, shades
from .sheet import Mark, Sheet

_LEFT, _WIDTH, _HEIGHT, _BETWEEN = 0.75, 3.3, 2.6, 0.85


def overlay_sheet(members: Sequence[Member], found: Along, title: str) -> Sheet:
    """Draw every family's mean curve with the rungs of one of them, and its difference from the nearest other.

    Parameters
    ----------
    members : ladders on one grid and one scale.
    found : which of them is asked about, and what was found.
    title : heading.
    """
    with house_style():
        sheet = Sheet(_LEFT + 2 * _WIDTH + _BETWEEN + 0.25)
        top = 0.12 + sheet.text(0.15, 0.12, title, fontsize=11, weight="bold")
        said = f"{along_sentence(found)}. Lines with markers are means over model sizes."
        top += 0.12 + sheet.text(0.15, top, wrap(said, sheet.width - 0.3, 8))
        names = [member.family for member in members]
        _draw_curves(sheet, sheet.axes(_LEFT, top, _WIDTH, _HEIGHT), members, found)
        axes = sheet.axes(_LEFT + _WIDTH + _BETWEEN, top, _WIDTH, _HEIGHT)
        _draw_difference(sheet, axes, found, family_colors(names)[found.family])
        return sheet.finish(top + _HEIGHT + 0.5)


def _draw_curves(sheet: Sheet, axes: Axes, members: Sequence[Member], found: Along) -> None:
    ends = found.scale == "end-point"
    axes.set(xscale="log", yscale="log" if ends else "linear")
    names = [member.family for member in members]
    colors, markers = family_colors(names), family_markers(names)
    for member in members:
        color, x = colors[member.family], member.group.x
        if member.family == found.family:
            _draw_rungs(sheet, axes, member, color, ends)
        own: dict[str, Any] = {"linewidth": 2.0 if member.family == found.family else 1.1, "zorder": 4}
        dots: dict[str, Any] = {"marker": markers[member.family], "markersize": 3.5, "markevery": max(1, len(x) // 6)}
        mark = Mark(panel="curves", series="mean over rungs", family=member.family, recipe=member.recipe)
        sheet.line(axes, x, _shown(master_curve(member.group), ends), mark, color=color, **dots, **own)
        sheet.key(member.family, Line2D([], [], color=color, **dots, linewidth=own["linewidth"]))
    label = "reducible loss over its final value" if ends else "loss above its end,\nover its mean improvement"
    axes.set(xlabel="fraction of training x", ylabel=label)
    _limit(axes, log=ends)


def _draw_rungs(sheet: Sheet, axes: Axes, member: Member, color: Color, ends: bool) -> None:
    group = member.group
    tones = shades(color, [float(size) for size in group.sizes])
    for size, rung, values in zip(group.sizes, group.rungs, group.values, strict=True):
        mark = Mark(panel="curves", series="mean over seeds", family=member.family, rung=rung, size=float(size))
        mean = _shown(values.mean(axis=0), ends)
        sheet.line(axes, group.x, mean, mark, color=tones[float(size)], linewidth=0.7, zorder=3)
    sheet.key(f"model sizes of {member.family}, light to dark", Line2D([], [], color=color, linewidth=0.7))


def _shown(values: np.ndarray, ends: bool) -> np.ndarray:
    return np.exp(values) if ends else values


def _draw_difference(sheet: Sheet, axes: Axes, found: Along, color: Color) -> None:
    axes.set_xscale("log")
    y, half = 100 * found.difference, 100 * found.half
    mark = Mark(panel="difference", series=f"less {found.nearest}", family=found.family)
    shade = {"color": color, "alpha": 0.2, "linewidth": 0}
    sheet.line(axes, found.x, y, mark, band=(y - half, y + half), shade=shade, color=color, linewidth=1.6)
    sheet.key("simultaneous 95 % band", Line2D([], [], color=color, alpha=0.2, linewidth=6))
    axes.axhspan(0, 0, color=INK, linewidth=0.6, zorder=1)
    unit = "%" if found.scale == "end-point" else "% of the mean improvement"
    axes.set(xlabel="fraction of training x", ylabel=wrap(f"{found.family} less {found.nearest} ({unit})", 2.4, 8))
    _limit(axes, log=False, zero=True)


def _limit(axes: Axes, *, log: bool, zero: bool = False) -> None:
    x, y = extent(axes)
    if x is None or y is None:
        return
    limit_axis(axes, "x", x, log=True, pad=(0.03, 0.03))
    y = (min(y[0], 0.0), max(y[1], 0.0)) if zero else y
    limit_axis(axes, "y", y, log=log, pad=(0.06, 0.06))

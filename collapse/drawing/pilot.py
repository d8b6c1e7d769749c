"""Figure of a pilot: loss against compute with the crossings of neighbouring sizes, and the training length."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D

from ..pilots.horizon_law import HorizonLaw
from ..pilots.sensitivity import CollapseAt
from ..pilots.trunks import Trunk
from ..sentences.of_onset import count
from ..sentences.of_pilots import pilot_sentence
from .files import safe_name, write_sheets
from .lettering import wrap
from .limits import limit_axis
from .palette import HUES, INK, Color, shades
from .sheet import Mark, Sheet

_LEFT, _WIDE, _HIGH, _GAP = 0.75, 3.4, 2.7, 0.9
_DOT = {"color": INK, "marker": "o", "markersize": 4, "linestyle": "none"}


def save_pilot(
    name: str, law: HorizonLaw, trunks: Sequence[Trunk], at: Sequence[CollapseAt], directory: str | Path
) -> list[Path]:
    """Write the figure of one ladder's pilot: PNG, SVG, PDF, and the points plotted as CSV.

    Parameters
    ----------
    name : what was trained on what.
    at : how well the trunks collapse at several exponents.
    """
    return write_sheets([(safe_name(f"pilot {name}"), lambda: pilot_sheet(name, law, trunks, at))], directory)


def pilot_sheet(name: str, law: HorizonLaw, trunks: Sequence[Trunk], at: Sequence[CollapseAt] = ()) -> Sheet:
    """Trunks on the left, crossings beside them, and the collapse at several exponents where it is known."""
    told = [one for one in at if one.deviation is not None]
    sheet = Sheet(_LEFT + (3 if told else 2) * (_WIDE + _GAP) - _GAP + 0.15)
    question = f"When is the next model size the better use of compute? {name}"
    top = 0.15 + sheet.text(0.15, 0.12, question, fontsize=11, weight="bold")
    said = pilot_sentence(law)
    top += sheet.text(0.15, top, wrap(f"{said[0].upper()}{said[1:]}.", sheet.width - 0.4, 8), fontsize=8) + 0.3
    colors = shades(to_rgb(HUES[0]), [trunk.size for trunk in trunks])
    _draw_trunks(sheet, sheet.axes(_LEFT, top, _WIDE, _HIGH), law, trunks, colors)
    if any(one.updates for one in law.crossings):
        _draw_law(sheet, sheet.axes(_LEFT + _WIDE + _GAP, top, _WIDE, _HIGH), law)
    if told:
        _draw_collapse(sheet, sheet.axes(_LEFT + 2 * (_WIDE + _GAP), top, _WIDE, _HIGH), told)
    return sheet.finish(top + _HIGH + 0.6)


def _draw_trunks(
    sheet: Sheet, axes: Axes, law: HorizonLaw, trunks: Sequence[Trunk], colors: dict[float, Color]
) -> None:
    """Mean loss of each size against compute, and a dot at each crossing."""
    of = "test loss of averaged weights" if any(trunk.averaged for trunk in trunks) else "test loss"
    axes.set(xscale="log", yscale="log", xlabel="training FLOPs", ylabel=f"{of}, mean of seeds")
    for trunk in trunks:
        mark = Mark(panel="trunks", series="mean over seeds", rung=trunk.rung, size=trunk.size)
        compute, loss = trunk.updates * trunk.flops, np.exp(np.log(trunk.loss).mean(axis=0))
        sheet.line(axes, compute, loss, mark, color=colors[trunk.size], linewidth=1.2)
        sheet.key(f"{trunk.rung}: {count(trunk.size)} parameters", Line2D([], [], color=colors[trunk.size]))
    compute = np.concatenate([trunk.updates * trunk.flops for trunk in trunks])
    limit_axis(axes, "x", (float(compute.min()), float(compute.max())), log=True, pad=(0.03, 0.03))
    limit_axis(axes, "y", axes.dataLim.intervaly, log=True, pad=(0.05, 0.05))
    by_name = {trunk.rung: trunk for trunk in trunks}
    found = [one for one in law.crossings if one.compute is not None]
    if found:
        x = np.array([one.compute for one in found])
        y = [_loss_at(by_name[one.larger], at) for one, at in zip(found, x, strict=True)]
        mark = Mark(panel="trunks", series="crossing")
        sheet.line(axes, x, y, mark, zorder=4, **_DOT)
        sheet.key("crossing: here the next size becomes the better one", Line2D([], [], **_DOT))


def _loss_at(trunk: Trunk, compute: float) -> float:
    at = np.log(trunk.updates * trunk.flops)
    return float(np.exp(np.interp(np.log(compute), at, np.log(trunk.loss).mean(axis=0))))


def _draw_law(sheet: Sheet, axes: Axes, law: HorizonLaw) -> None:
    """t* at each crossing with its interval, and the fitted power law."""
    axes.set(xscale="log", yscale="log", xlabel="parameters", ylabel="compute-optimal updates t*")
    found = [(one.size, one.updates) for one in law.crossings if one.updates is not None]
    x = np.array([size for size, _ in found])
    y, low, high = (np.array([getattr(t, name) for _, t in found]) for name in ("value", "low", "high"))
    axes.errorbar(x, y, yerr=(y - low, high - y), color=INK, linestyle="none", linewidth=1, capsize=2)
    mark = Mark(panel="t*", series="crossing")
    sheet.line(axes, x, y, mark, zorder=4, **_DOT)
    for row, (size, t) in enumerate(found):
        sheet.remember(Mark(panel="t* intervals", series="95 % interval", size=size), row, t.value, t.low, t.high)
    if law.updates is not None and law.exponent is not None:
        ends = np.array([law.first, x[-1]])
        line = law.updates.value * (ends / law.first) ** law.exponent.value
        sheet.line(axes, ends, line, Mark(panel="t*", series="power law"), color=to_rgb(HUES[1]), linewidth=1.2)
        sheet.key("power law through the crossings", Line2D([], [], color=to_rgb(HUES[1])))
    limit_axis(axes, "x", (law.first, float(x[-1])), log=True, pad=(0.05, 0.05))
    limit_axis(
        axes,
        "y",
        (min(float(low.min()), law.updates.value if law.updates else np.inf), float(high.max())),
        log=True,
        pad=(0.05, 0.05),
    )


def _draw_collapse(sheet: Sheet, axes: Axes, told: Sequence[CollapseAt]) -> None:
    """The deviation of the trunks from a common curve, with its bounds, against the exponent."""
    axes.set(xlabel="exponent over the one found", ylabel="deviation at the constant rate, %")
    x = np.array([one.factor for one in told])
    y, low, high = (
        100 * np.array([getattr(one, name) for one in told], dtype=float)
        for name in ("deviation", "lower_bound", "upper_bound")
    )
    axes.errorbar(x, y, yerr=(np.maximum(y - low, 0), np.maximum(high - y, 0)), color=INK, linestyle="none", capsize=2)
    mark = Mark(panel="collapse", series="deviation")
    sheet.line(axes, x, y, mark, band=(low, high), shade={"alpha": 0.0}, zorder=4, **_DOT)
    axes.set_ylim(bottom=0)
    axes.set_xticks(x, [f"{factor:g}" for factor in x])

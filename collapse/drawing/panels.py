"""The three looks at one group of curves: as trained, rescaled, and what is left between its rungs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from scipy.special import stdtrit

from ...results.curves import LearningCurve
from ...results.levels import NORMAL, UPPER
from ...results.quantity import LOSS, Quantity
from ..ladders.rescaling import falling
from ..outcome import GroupResult, RescaledGroup
from .limits import Panel, extent, widen, words
from .palette import FAINT, FAN, INK, NOISE, Color, shades
from .sheet import Mark, Sheet

_FAN_LINES = 12
_WINDOW = "#eeeeee"
_TRIAL = 0.6
_EARLY = (0, (3, 1.5))
_SINGLE = {
    None: "a description: no noise level",
    "reruns": "a description: noise from reruns",
    "groups": "a description: noise of other groups",
    "neighbours": "a description: noise of neighbouring points",
}


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DrawnGroup:
    """One group as it is drawn: its result, its curves and what they are of, its name here, its colour, what x is."""

    group: GroupResult
    curves: tuple[LearningCurve, ...]
    name: str
    color: Color
    axis: str = "fraction of training x"
    quantity: Quantity = LOSS

    @property
    def sizes(self) -> tuple[float, ...]:
        """Every size that has a curve, ascending."""
        rescaled = self.group.rescaled
        known = set() if rescaled is None else {float(size) for size in rescaled.sizes}
        return tuple(sorted(known | {float(curve.size) for curve in self.curves}))

    def mark(self, panel: str, series: str, **more: Any) -> Mark:
        """What a line of this group shows."""
        group = self.group
        about = {"family": group.family, "dataset": group.dataset, "recipe": group.recipe, "leg": group.leg}
        return Mark(panel=panel, series=series, **about, **more)


def draw_sizes(axes: Axes, view: DrawnGroup, inches: float) -> None:
    """A strip with one cell a rung in its shade, labelled with the parameters: the key to the shades."""
    sizes, colors = view.sizes, shades(view.color, view.sizes)
    for place, size in enumerate(sizes):
        axes.axvspan(place, place + 1, color=colors[size], linewidth=0)
    few = len(sizes) <= min(6, inches / 0.3)  # beyond, their numbers would run together
    some = {0, len(sizes) // 2, len(sizes) - 1} if len(sizes) > 4 else {0, len(sizes) - 1}
    named = range(len(sizes)) if few else sorted(some)
    axes.set(xlim=(0, max(len(sizes), 1)), yticks=[], xticks=[place + 0.5 for place in named])
    axes.set_xticklabels([short_number(sizes[place]) for place in named], fontsize=6.5)
    axes.tick_params(length=0, pad=1.5)
    axes.spines[:].set_visible(False)
    axes.text(1.03, 0.5, "parameters", transform=axes.transAxes, fontsize=6.5, va="center", color=FAINT)


def short_number(value: float) -> str:
    """A count in few characters: 950, 1.2k, 34M, 5.6B."""
    for scale, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if value >= 0.9995 * scale:
            return f"{value / scale:.3g}{letter}" if value / scale < 9.995 else f"{value / scale:.0f}{letter}"
    return f"{value:.3g}"


def draw_raw(sheet: Sheet, axes: Axes, view: DrawnGroup) -> Panel:
    """Every trial as trained: the excess over a floor where one is known; dashed where it ended early."""
    floor = view.group.irreducible_loss.value
    if not any(len(curve.x) for curve in view.curves):
        return words(axes, "no curves of this group were given", sheet.width_of(axes))
    losses = [curve.loss - (floor or 0.0) for curve in view.curves]
    # A loss without a floor may well be negative, and then only a linear axis shows it.
    log = floor is not None or all(np.all(loss > 0) for loss in losses)
    axes.set(xscale="log", yscale="log" if log else "linear")
    colors = shades(view.color, view.sizes)
    for curve, loss in zip(view.curves, losses, strict=True):
        whole = curve.complete
        mark = view.mark(
            "raw", "trial" if whole else "censored trial", rung=curve.rung, size=float(curve.size), seed=curve.seed
        )
        style: dict[str, Any] = (
            {"linewidth": _TRIAL, "alpha": 0.85} if whole else {"linewidth": 1.0, "linestyle": _EARLY}
        )
        sheet.line(axes, curve.x, loss, mark, color=colors[float(curve.size)], zorder=2 if whole else 3, **style)
    span = extent(axes)
    _explain_raw(sheet, axes, view)
    kind = "excess" if floor is not None else "loss" if log else "loss, linear"
    return Panel(axes, kind, *span, quantity=view.quantity)


def _explain_trial(sheet: Sheet) -> None:
    sheet.key("one trial (one seed of a model size)", Line2D([], [], color=INK, linewidth=_TRIAL))


def _explain_raw(sheet: Sheet, axes: Axes, view: DrawnGroup) -> None:
    _explain_trial(sheet)
    group = view.group
    first = min((float(x) for curve in view.curves for x in curve.x if x > 0), default=np.inf)
    if group.x_min is not None and group.x_max is not None and first < 0.95 * group.x_min:
        axes.axvspan(group.x_min, group.x_max, color=_WINDOW, linewidth=0, zorder=0)
        sheet.key("stretch that is rescaled and compared", Patch(facecolor=_WINDOW, linewidth=0))
    censored = sum(not curve.complete for curve in view.curves)
    if censored:
        sheet.key("trial that ended early", Line2D([], [], color=INK, linewidth=1.0, linestyle=_EARLY))
        sheet.note(axes, f"{censored} of {len(view.curves)} trials ended early")
    empty = sum(len(curve.x) == 0 for curve in view.curves)
    if empty:
        sheet.note(axes, f"{empty} without a single point")
    floor = group.irreducible_loss
    if floor.value is None:
        sheet.note(axes, "no irreducible loss is known")
        return
    sure = floor.low is None or floor.high is None or floor.low == floor.high
    interval = "" if sure else f", 95 % interval {floor.low:.4g} to {floor.high:.4g}"
    sheet.note(axes, f"{view.quantity.symbol} = {floor.value:.4g} ({floor.source}{interval})")


def draw_collapsed(sheet: Sheet, axes: Axes, view: DrawnGroup) -> Panel:
    """The rescaled curves, seed means thick and seeds thin, before the fan of unrelated curves."""
    rescaled = view.group.rescaled
    if rescaled is None:
        return words(axes, _missing("not rescaled", view.group), sheet.width_of(axes))
    end_point = rescaled.scale == "end-point"
    shown = np.exp if end_point else np.asarray
    axes.set(xscale="log", yscale="log" if end_point else "linear")
    colors = shades(view.color, view.sizes)
    for size, rung, values, seeds in zip(rescaled.sizes, rescaled.rungs, rescaled.values, rescaled.seeds, strict=True):
        about = {"rung": rung, "size": float(size)}
        style = {"color": colors[float(size)], "zorder": 2}
        if view.group.single:
            mark = view.mark("collapsed", "single run", seed=seeds[0], **about)
            sheet.line(axes, rescaled.x, shown(values[0]), mark, linewidth=1.1, **style)
            continue
        for row, seed in zip(values, seeds, strict=True):
            mark = view.mark("collapsed", "seed", seed=seed, **about)
            sheet.line(axes, rescaled.x, shown(row), mark, linewidth=_TRIAL, alpha=0.4, **style)
        if len(values):
            mark = view.mark("collapsed", "rung mean", **about)
            sheet.line(axes, rescaled.x, shown(np.mean(values, axis=0)), mark, linewidth=1.3, **style)
    if view.group.single:
        sheet.key("the one run of a size", Line2D([], [], color=INK, linewidth=1.1))
    else:
        _explain_trial(sheet)
        sheet.key("mean over the seeds of a model size", Line2D([], [], color=INK, linewidth=1.3))
    x, y = extent(axes)
    _draw_fan(sheet, axes, view, shown)
    y = widen(y, extent(axes)[1], log=end_point)
    return Panel(axes, rescaled.scale, x, y, quantity=view.quantity)


def _missing(what: str, group: GroupResult) -> str:
    return f"{what}, for the reason given above" if group.reason else f"{what}; the analysis gives no reason"


def _draw_fan(sheet: Sheet, axes: Axes, view: DrawnGroup, shown: Callable[[np.ndarray], np.ndarray]) -> None:
    """Unrelated curves behind the rescaled ones; of many an even choice by their first value, the extremes included."""
    group = view.group
    if group.unrelated is None or group.rescaled is None or not len(group.unrelated):
        return
    fan = np.asarray(group.unrelated, dtype=float)
    if falling(group.rescaled) is not group.rescaled:  # they fall; beside curves that rise they are turned over
        fan = -fan
    order = np.argsort(fan[:, 0], kind="stable")
    picked = order[np.unique(np.linspace(0, len(fan) - 1, min(_FAN_LINES, len(fan))).round().astype(int))]
    for draw in np.sort(picked):
        mark = view.mark("collapsed", f"unrelated {draw}")
        sheet.line(axes, group.rescaled.x, shown(fan[draw]), mark, color=FAN, linewidth=0.7, zorder=1)
    if group.null is not None and group.null.warning is not None:  # without a schedule it is generous
        sheet.note(axes, "unrelated curves: a generous control")
    if len(picked) < len(fan):
        sheet.note(axes, f"{len(picked)} of {len(fan)} unrelated curves drawn")
    sheet.key("unrelated curves: they share the schedule alone", Line2D([], [], color=FAN, linewidth=1.2))


def _draw_silent(sheet: Sheet, axes: Axes, view: DrawnGroup) -> None:
    """A shade over the x at which agreement says nothing, because unrelated curves agree there as well."""
    found = view.group.discrimination
    if found is None or found.informs.all():
        return
    silent, shade = ~found.informs, {"facecolor": "none", "edgecolor": FAN, "hatch": "////", "linewidth": 0}
    first = float(found.x[silent].min())
    axes.axvspan(first, float(found.x[-1]), **shade, zorder=0)
    sheet.key("unrelated curves agree within the margin: no information", Patch(**shade))


def draw_residual(sheet: Sheet, axes: Axes, view: DrawnGroup) -> Panel:
    """Each rung's deviation from the mean of the rungs over the margin, before bands of noise around zero."""
    group = view.group
    if group.rescaled is None or group.d is None:
        return words(axes, _missing("no deviation between model sizes", group), sheet.width_of(axes))
    # What is described is shown at its own scale: no verdict holds it against the margin.
    rescaled, margin = group.rescaled, 0.01 if group.single else group.margin
    axes.set_xscale("log")
    _draw_silent(sheet, axes, view)
    colors = shades(view.color, view.sizes)
    _draw_noise(sheet, axes, view, rescaled.x, margin)
    for rank, size in enumerate(rescaled.sizes):
        mark = view.mark("residual", "deviation", rung=rescaled.rungs[rank], size=float(size))
        style = {"color": colors[float(size)], "linewidth": 1.2, "zorder": 3}
        sheet.line(axes, rescaled.x, group.d[rank] / margin, mark, **style)
    _draw_own(sheet, axes, view, rescaled, margin)
    x, y = extent(axes)
    if group.single:
        sheet.note(axes, _SINGLE[group.noise_from])
        return Panel(axes, "described", x, y)
    style = {"color": INK, "linewidth": 0.9, "linestyle": ":"}
    for side in (-1.0, 1.0):
        sheet.line(axes, rescaled.x[[0, -1]], [side, side], view.mark("residual", "margin"), **style)
    sheet.key(f"margin, ±{100 * margin:.3g} %", Line2D([], [], **style))
    return Panel(axes, "residual", x, y)


def _draw_noise(sheet: Sheet, axes: Axes, view: DrawnGroup, x: np.ndarray, unit: float) -> None:
    """Zero, and around it how far the noisiest rung at each x may lie by chance."""
    half, how, shade = _half_band(view.group)
    if half is None:
        return
    mark = view.mark("residual", "noise band")
    # A rung without a standard error at some x leaves the word to the others there.
    widest = np.fmax.reduce(half, axis=0) / unit
    sheet.line(axes, x, 0 * x, mark, (-widest, widest), shade, color=FAINT, linewidth=0.5, zorder=2)
    sheet.key(how, Patch(**shade))


def _draw_own(sheet: Sheet, axes: Axes, view: DrawnGroup, rescaled: RescaledGroup, unit: float) -> None:
    """How far each rung may lie by chance, in its colour: the verdict says of those that leave it that they do."""
    half = _half_band(view.group)[0]
    if half is None or view.group.single:
        return
    style: dict[str, Any] = {"linewidth": 0.6, "linestyle": (0, (4, 2)), "zorder": 2}
    colors = shades(view.color, view.sizes)
    for row, size, rung in zip(half, rescaled.sizes, rescaled.rungs, strict=True):
        mark = view.mark("residual", "own band", rung=rung, size=float(size))
        style["color"] = colors[float(size)]
        for side in (-1.0, 1.0):
            sheet.line(axes, rescaled.x, side * row / unit, mark, **style)
    sheet.key("edge of each size's own band", Line2D([], [], **style))


def _half_band(group: GroupResult) -> tuple[np.ndarray | None, str, dict[str, Any]]:
    """Half the width of the band of each rung's deviation, what it is called, and how it is shaded."""
    if group.single and group.band is not None:
        how = {
            "neighbours": "± 2 sd of neighbouring evaluations: a lower limit of the noise of a run",
            "groups": "95 % noise band of one run, borrowed from other groups",
        }.get(group.noise_from or "", "95 % noise band of one run, from this group's reruns")
        return group.band, how, {"facecolor": "none", "edgecolor": NOISE, "hatch": "//////", "linewidth": 0}
    if group.band is not None:
        how = "95 % simultaneous noise band around zero, noisiest size (wild bootstrap over seeds)"
        return group.band, how, {"facecolor": NOISE, "linewidth": 0}
    # Hatched, for it stands for less: each x by itself.
    shade = {"facecolor": "none", "edgecolor": NOISE, "hatch": "//////", "linewidth": 0}
    if group.se is None:
        return None, "", shade
    quantile = stdtrit(np.maximum(group.df, 1.0), UPPER) if group.df is not None else NORMAL
    how = "1.96 × standard error" if group.df is None else "t quantile × standard error"
    how = "t quantile × standard error, noise pooled over sizes" if group.noise_from == "sizes" else how
    return quantile * group.se, f"95 % pointwise noise band around zero, noisiest size ({how})", shade

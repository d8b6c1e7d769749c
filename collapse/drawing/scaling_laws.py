"""Figures of a scaling law: iso-FLOP profiles, the frontier, residuals; exponents of several families as a forest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ...results.levels import ALPHA
from ..composing import Missing
from ..scaling.isoflop import budgets_of
from ..scaling.study import Fitted, Shared, Study
from ..sentences.numbers import interval, percent, signed_percent
from ..sentences.of_scaling_laws import law_status
from .charts import ROW
from .files import safe_name, write_sheets
from .lettering import wrap
from .limits import limit_axis, words
from .palette import FAINT, INK, NOISE, family_colors, family_markers
from .sheet import Mark, Sheet

_LEFT, _WIDE, _HIGH, _GAP = 0.75, 2.75, 2.3, 0.75
_MOST = 8  # budgets that the key names one by one


def save_scaling(studies: Mapping[str, Study], shared: Sequence[Shared], directory: str | Path) -> list[Path]:
    """Write one figure a family, and with several families the forest of their exponents: PNG, SVG, PDF, points."""
    named = [(f"scaling-law-{safe_name(name)}", lambda one=one: scaling_sheet(one)) for name, one in studies.items()]
    forest = [("scaling-exponents", lambda: forest_sheet(studies, shared))] if len(studies) > 1 else []
    return write_sheets([*named, *forest], directory)


def scaling_sheet(study: Study) -> Sheet:
    """Loss against size with a curve a budget, the best size against the budget, and what is left of the runs."""
    sheet = Sheet(_LEFT + 3 * _WIDE + 2 * _GAP + 0.15)
    title = "Scaling law of final losses" + (f": {study.family}" if study.family not in ("", "runs") else "")
    top = 0.15 + sheet.text(0.15, 0.12, title, fontsize=11, weight="bold")
    top += sheet.text(0.15, top, wrap(_said(study), sheet.width - 0.4, 8.5), fontsize=8.5) + 0.2
    panels = [sheet.axes(_LEFT + k * (_WIDE + _GAP), top, _WIDE, _HIGH) for k in range(3)]
    _draw_profiles(sheet, panels[0], study)
    _draw_frontier(sheet, panels[1], study)
    _draw_residuals(sheet, panels[2], study)
    return sheet.finish(top + _HIGH + 0.45)


def _said(study: Study) -> str:
    if isinstance(study.fitted, Missing):
        return f"No law is fitted: {law_status(study.fitted)}."
    p, found = study.fitted.law.parameters, study.fitted.profile
    shown = ", ".join(
        f"{letter} {p[name]:.3f} {interval(found[name].low, found[name].high, '.3f')}"
        for name, letter in (("E", "E"), ("alpha", "α"), ("beta", "β"))
    )
    return f"L = E + A / N^α + B / D^β:  {shown}; runs scatter by {percent(study.fitted.law.noise)} about it"


def _colors(study: Study) -> np.ndarray:
    """One colour a budget, light for small, dark for large."""
    count = int(budgets_of(study.runs).max()) + 1
    return colormaps["viridis"](np.linspace(0.88, 0.08, count) if count > 1 else np.array([0.4]))


def _draw_profiles(sheet: Sheet, axes: Axes, study: Study) -> None:
    axes.set(xscale="log", yscale="log", xlabel="parameters N", ylabel="final loss")
    colors, profiles = _colors(study), study.iso.profiles
    fixed = len(profiles) <= len(study.runs.loss) / 3
    for color, one in zip(colors, profiles, strict=True):
        about: dict[str, Any] = {"family": study.family, "panel": "profiles"}
        dots = {"color": color, "marker": "o", "markersize": 3, "linestyle": "none"}
        sheet.line(axes, one.params, one.loss, Mark(series=f"runs at {one.budget:.3g} FLOPs", **about), **dots)
        if one.coefficients is not None and fixed:
            x = np.linspace(np.log(one.params.min()), np.log(one.params.max()), 60)
            parabola = Mark(series=f"parabola at {one.budget:.3g} FLOPs", **about)
            y = np.polyval(one.coefficients, x - one.middle)
            sheet.line(axes, np.exp(x), y, parabola, color=color, linewidth=1.0)
        if study.law is not None and fixed and len(one.params) > 1:
            x = np.geomspace(one.params.min(), one.params.max(), 60)
            ratio = float(np.median(study.runs.flops / (6 * study.runs.params * study.runs.tokens)))
            law = Mark(series=f"law at {one.budget:.3g} FLOPs", **about)
            style = {"color": INK, "linewidth": 0.6, "linestyle": (0, (4, 2))}
            sheet.line(axes, x, study.law.loss(x, one.budget / (6 * ratio * x)), law, **style)
        if one.minimum is not None:
            style = {"color": color, "marker": "D", "markersize": 5.5, "markeredgecolor": "white", "linestyle": "none"}
            mark = Mark(series=f"minimum at {one.budget:.3g} FLOPs", **about)
            sheet.line(axes, [one.minimum.best_params.value], [one.minimum.best_loss], mark, zorder=4, **style)
    runs = study.runs
    limit_axis(axes, "x", (runs.params.min(), runs.params.max()), log=True, pad=(0.05, 0.05))
    limit_axis(axes, "y", (runs.loss.min(), runs.loss.max()), log=True, pad=(0.06, 0.05))
    if fixed:
        _name_budgets(sheet, colors, [one.budget for one in profiles])
        sheet.key("parabola of one budget", Line2D([], [], color=INK, linewidth=1.0))
        sheet.key("minimum of a parabola", Line2D([], [], color=INK, marker="D", markersize=5, linestyle="none"))
    else:
        sheet.note(axes, "no fixed budgets: no parabolas")
    if study.law is not None and fixed:
        style = {"color": INK, "linewidth": 0.6, "linestyle": (0, (4, 2))}
        sheet.key("the fitted law L(N, D)", Line2D([], [], **style))


def _name_budgets(sheet: Sheet, colors: np.ndarray, budgets: Sequence[float]) -> None:
    places = range(len(budgets)) if len(budgets) <= _MOST else sorted({0, len(budgets) // 2, len(budgets) - 1})
    for place in places:
        sheet.key(f"{budgets[place]:.3g} FLOPs", Line2D([], [], color=colors[place], marker="o", linestyle="none"))


def _draw_frontier(sheet: Sheet, axes: Axes, study: Study) -> None:
    axes.set(xscale="log", yscale="log", xlabel="budget C in FLOPs", ylabel="best size N")
    fitted = study.fitted if isinstance(study.fitted, Fitted) else None
    if fitted is None and not any(one.minimum for one in study.iso.profiles):
        words(axes, "no law and no minimum inside a budget, so there is no frontier", sheet.width_of(axes))
        return
    about: dict[str, Any] = {"family": study.family, "panel": "frontier"}
    values: list[float] = []
    x_span = (float(study.runs.flops.min()), float(study.runs.flops.max()))
    if fitted is not None:
        line = fitted.frontier
        band, shade = (line["low"], line["high"]), {"facecolor": NOISE, "linewidth": 0}
        sheet.line(axes, line["flops"], line["params"], Mark(series="law", **about), band, shade, color=INK)
        sheet.key("best size by the law", Line2D([], [], color=INK))
        sheet.key("its 95 % interval (wild bootstrap)", Patch(**shade))
        values += [*line["params"], *line["low"], *line["high"]]
        x_span = (float(line["flops"].min()), float(line["flops"].max()))
    growth = study.iso.params
    if not isinstance(growth, Missing):
        x = np.array(x_span)
        y = np.exp(growth.log_factor) * x**growth.exponent.value
        style = {"color": "#D55E00", "linewidth": 1.0, "linestyle": ":"}
        sheet.line(axes, x, y, Mark(series="power law of the minima", **about), **style)
        sheet.key("power law through the minima", Line2D([], [], **style))
        values += y.tolist()
        ends = growth.exponent
        sheet.note(axes, f"minima: N ~ C^{ends.value:.3f} {interval(ends.low, ends.high, '.3f')}")
    for color, one in zip(_colors(study), study.iso.profiles, strict=True):
        if one.minimum is None:
            continue
        best = one.minimum.best_params
        low, high = best.low, best.high
        style = {"color": color, "marker": "D", "markersize": 5, "markeredgecolor": "white", "linestyle": "none"}
        sheet.line(axes, [one.budget], [best.value], Mark(series="minimum", **about), zorder=4, **style)
        if low is not None and high is not None:
            axes.vlines(one.budget, low, high, color=color, linewidth=1.2, zorder=3)
        values.append(best.value)
    if fitted is not None:
        a = fitted.bootstrap["best size"]
        sheet.note(axes, f"law: N ~ C^{a.value:.3f} {interval(a.low, a.high, '.3f')}")
    limit_axis(axes, "x", x_span, log=True, pad=(0.04, 0.04))
    limit_axis(axes, "y", (min(values), max(values)), log=True, pad=(0.16, 0.06))


def _draw_residuals(sheet: Sheet, axes: Axes, study: Study) -> None:
    if study.law is None:
        words(axes, "no law, so there are no residuals", sheet.width_of(axes))
        return
    axes.set(xscale="log", xlabel="parameters N", ylabel="loss over the law's, less 1 (%)")
    runs, which, left = study.runs, budgets_of(study.runs), 100 * np.expm1(study.law.residuals)
    axes.axhspan(-100 * study.law.noise, 100 * study.law.noise, facecolor=NOISE, linewidth=0, zorder=0)
    sheet.key("± one sd of a run about the law", Patch(facecolor=NOISE, linewidth=0))
    axes.axhline(0, color=FAINT, linewidth=0.6)
    for place, color in enumerate(_colors(study)):
        mine = which == place
        mark = Mark(panel="residuals", series=f"budget {place}", family=study.family)
        dots = {"color": color, "marker": "o", "markersize": 3, "linestyle": "none"}
        sheet.line(axes, runs.params[mine], left[mine], mark, **dots)
    held, shown = study.held_out, left
    if not isinstance(held, Missing):
        miss = 100 * (held.observed / held.expected - 1)
        style = {"color": "#D55E00", "marker": "x", "markersize": 4.5, "linestyle": "none"}
        mark = Mark(panel="residuals", series="held out", family=study.family)
        sheet.line(axes, held.params, miss, mark, **style)
        shown = np.append(left, miss)
        sheet.key("largest budgets, predicted from the smaller", Line2D([], [], **style))
        sheet.note(axes, f"held out: error {percent(held.error)}, bias {signed_percent(held.bias)}")
    limit_axis(axes, "x", (runs.params.min(), runs.params.max()), log=True, pad=(0.05, 0.05))
    limit_axis(axes, "y", (float(shown.min()), float(shown.max())), log=False, pad=(0.18, 0.06))


def forest_sheet(studies: Mapping[str, Study], shared: Sequence[Shared]) -> Sheet:
    """The exponents of every family with their intervals, their mean, and what a new family may have."""
    sheet = Sheet(1.9 + 3 * 2.5 + 0.2)
    top = 0.15 + sheet.text(0.15, 0.12, "Do families share the exponents?", fontsize=11, weight="bold")
    height = ROW * max(len(studies), 3) + 0.1
    top += 0.35
    colors, markers = family_colors(studies), family_markers(studies)
    letters = {"alpha": "α", "beta": "β", "best size": "a = β/(α + β), of the best size"}
    for column, one in enumerate(shared):
        axes = sheet.axes(1.9 + 2.5 * column, top, 2.2, height)
        _draw_forest(sheet, axes, studies, one, (colors, markers))
        axes.set_xlabel(letters[one.name])
        if column == 0:
            axes.set_yticks(range(len(studies)), [wrap(name, 1.6, 7.5, 2) for name in studies])
    return sheet.finish(top + height + 0.5)


def _draw_forest(
    sheet: Sheet, axes: Axes, studies: Mapping[str, Study], shared: Shared, looks: tuple[dict, dict]
) -> None:
    axes.set(ylim=(len(studies) - 0.5, -0.5), yticks=[])
    effects = shared.effects
    if effects is not None:
        low, high = np.exp([effects.low, effects.high])
        axes.axvspan(low, high, facecolor=NOISE, linewidth=0, zorder=0)
        axes.axvline(np.exp(effects.mean), color=FAINT, linewidth=0.8)
        sheet.key("mean over families, with its 95 % interval", Patch(facecolor=NOISE, linewidth=0))
        said = "equal within the margin" if effects.equal else "not shown to be equal"
        differ = f"they differ, p = {effects.p:.1g}" if effects.p < ALPHA else f"one value fits, p = {effects.p:.2g}"
        left, above, wide, _ = sheet.box_of(axes)
        sheet.text(left, above - 0.3, wrap(f"{differ}; {said}", wide, 7), fontsize=7)
    for row, (name, study) in enumerate(studies.items()):
        if isinstance(study.fitted, Missing):
            axes.text(0.5, row, "no law", transform=axes.get_yaxis_transform(), fontsize=7, color=FAINT, ha="center")
            continue
        one = study.fitted.bootstrap[shared.name]
        mark = Mark(panel="forest", series=shared.name, family=name)
        sheet.remember(mark, row, one.value, one.low, one.high)
        axes.hlines(row, one.low or one.value, one.high or one.value, color=looks[0][name], linewidth=1.6)
        axes.plot([one.value], [row], color=looks[0][name], marker=looks[1][name], markersize=6, linestyle="none")
    sheet.key("a family, with its 95 % interval", Line2D([], [], color=INK, marker="o", linewidth=1.6))

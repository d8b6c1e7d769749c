"""Axes of panels that belong together: equal limits, few and plain ticks, labels where the quantity changes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter, NullLocator

from ...results.quantity import LOSS, Quantity
from .lettering import text_width, wrap
from .palette import FAINT
from .sheet import Sheet

Interval = tuple[float, float]
_LABELS = {
    "excess": "test loss above L0",
    "loss": "test loss",
    "loss, linear": "test loss",
    "end-point": "reducible loss\nover its final value",
    "shape": "loss above its end,\nover its mean improvement",
    "residual": "deviation of a size\nover the margin",
    "described": "deviation of a run from\nthe mean of the runs (%)",
}
_LOGARITHMIC = ("excess", "loss", "end-point")
_SYMLOG_FROM = 10.0
_LINEAR_TO = 3
_TICKS, _TICK_INCHES = 7, 0.3  # on a logarithmic axis at most, and what one of them takes
_LABEL_INCHES = 1.9  # the height of a panel
_SYMLOG_TICKS = [step * 10**decade for decade in range(9) for step in (3, 10)]


@dataclasses.dataclass(frozen=True, slots=True)
class Panel:
    """Drawn axes, what their y axis shows (panels of one kind get equal limits), the span of what is in them, and of
    what the curves are."""

    axes: Axes
    kind: str
    x: Interval | None = None
    y: Interval | None = None
    quantity: Quantity = LOSS


def extent(axes: Axes) -> tuple[Interval | None, Interval | None]:
    """The span of everything drawn so far, in x and in y."""
    spans = (tuple(axes.dataLim.intervalx), tuple(axes.dataLim.intervaly))
    x, y = ((float(low), float(high)) if np.isfinite([low, high]).all() else None for low, high in spans)
    return x, y


def widen(inner: Interval | None, outer: Interval | None, *, log: bool) -> Interval | None:
    """Widen ``inner`` towards ``outer``, but by no more than its own length on either side, half of it if linear."""
    if inner is None or outer is None:
        return inner or outer
    (a, b), (c, d) = (np.log(inner), np.log(outer)) if log else (inner, outer)
    most = (b - a) if log else (b - a) / 2
    low, high = max(min(a, c), a - most), min(max(b, d), b + most)
    return (math.exp(low), math.exp(high)) if log else (low, high)


def share_limits(sheet: Sheet, panels: Iterable[Panel]) -> None:
    """Give panels of one kind the same limits and ticks, with room below for their notes."""
    kinds: dict[str, list[Panel]] = {}
    for panel in panels:
        if panel.x is not None and panel.y is not None:
            kinds.setdefault(panel.kind, []).append(panel)
    for kind, alike in kinds.items():
        x, y = _union(panel.x for panel in alike), _union(panel.y for panel in alike)
        lines = max(len(sheet.notes(panel.axes).splitlines()) for panel in alike)
        for panel in alike:
            limit_axis(panel.axes, "x", x, log=True, pad=(0.03, 0.03), inches=sheet.width_of(panel.axes))
            if kind == "residual":
                _limit_residual(panel.axes, max(abs(y[0]), abs(y[1])))
            else:
                limit_axis(panel.axes, "y", y, log=kind in _LOGARITHMIC, pad=(0.05 + 0.065 * lines, 0.05))


def label_y(panel: Panel) -> None:
    """Say in words what the y axis of a panel shows."""
    panel.axes.set_ylabel(y_label(panel.kind, panel.quantity))


def y_label(kind: str, quantity: Quantity = LOSS) -> str:
    """What the y axis of a kind of panel shows, in a line or two."""
    label = _LABELS.get(kind, "")
    if quantity.known_floor is not None:  # nothing is subtracted
        label = label.replace(" above L0", "").replace("reducible loss", "test loss")
    return label if quantity == LOSS else _label_of(quantity, label.replace("above L0", "above its floor"))


def _label_of(quantity: Quantity, label: str) -> str:
    """A label said of a quantity; a name too long for the axis gives way to "value", for the title has it."""
    said = quantity.say(label)
    if all(text_width(line, 8) < _LABEL_INCHES for line in said.split("\n")):
        return said
    return wrap(said, _LABEL_INCHES, 8, 2) if said == quantity.title else Quantity("value").say(label)


def words(axes: Axes, text: str, inches: float) -> Panel:
    """A panel that has nothing to show says why."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    style = {"fontsize": 7.5, "color": FAINT, "style": "italic"}
    axes.text(0.5, 0.5, wrap(text, inches - 0.3, 7.5, 8), transform=axes.transAxes, ha="center", va="center", **style)
    return Panel(axes, "")


def limit_axis(
    axes: Axes, which: str, span: Interval, *, log: bool, pad: Interval, inches: float | None = None
) -> None:
    """Set the limits of one axis a share of its length beyond ``span``, with few ticks in plain numbers.

    Logarithmic axes of a length in ``inches`` have no more ticks than there is room for.
    """
    low, high = np.log10(span) if log else span
    length = (high - low) or (0.5 if log else abs(low) or 1.0)
    low, high = low - pad[0] * length, high + pad[1] * length
    if which == "x":
        axes.set_xlim((10**low, 10**high) if log else (low, high))
    else:
        axes.set_ylim((10**low, 10**high) if log else (low, high))
    if log:
        axis = axes.xaxis if which == "x" else axes.yaxis
        axis.set_major_locator(FixedLocator(log_ticks(10**low, 10**high, _room(inches))))
        axis.set_major_formatter(FuncFormatter(_plain))
        axis.set_minor_locator(NullLocator())
        axis.set_minor_formatter(NullFormatter())


def _room(inches: float | None) -> int:
    return _TICKS if inches is None else min(_TICKS, max(3, int(inches / _TICK_INCHES)))


def log_ticks(low: float, high: float, most: int = _TICKS) -> list[float]:
    """Between three and ``most`` round numbers in a logarithmic range, where there are as many."""
    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    fine: list[list[float]] = [[1 + k / 5 for k in range(45)], [1 + k / 10 for k in range(90)]]
    steps: Sequence[Sequence[float]] = ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7), *fine)
    ticks: list[float] = []
    for step in steps:
        ticks = [float(f"{s}e{d}") for d in decades for s in step if low <= float(f"{s}e{d}") <= high]
        if len(ticks) >= 3:
            break
    return ticks[:: -(-len(ticks) // most)] if ticks else []


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def _plain(value: float, _: int | None = None) -> str:
    if 1e-3 <= value < 1e5:
        return f"{value:g}"
    exponent = math.floor(math.log10(value))
    digits = value / 10**exponent
    return (f"{digits:g}×" if not math.isclose(digits, 1) else "") + "10" + str(exponent).translate(_RAISED)


def _limit_residual(axes: Axes, reach: float) -> None:
    symlog, reach = reach > _SYMLOG_FROM, 1.1 * max(reach, 1.4)
    if symlog:
        # One failing group must not flatten what the others do within the margin.
        axes.set_yscale("symlog", linthresh=_LINEAR_TO, linscale=1.0)
        ticks = [tick for tick in _SYMLOG_TICKS if tick <= reach]
        # Few numbers, far apart; the ticks between them go without.
        named = ticks[:: -(-len(ticks) // 3)]
        axes.set_yticks([-tick for tick in named[::-1]] + [0] + named)
        axes.set_yticks([side * tick for tick in ticks if tick not in named for side in (-1, 1)], minor=True)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", "−")))
        axes.yaxis.set_minor_formatter(NullFormatter())
        if axes.get_ylabel():
            axes.set_ylabel(f"deviation over the margin\n(logarithmic beyond ±{_LINEAR_TO})")
    else:
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True, symmetric=True))
    axes.set_ylim(-reach, reach)


def _union(spans: Iterable[Interval | None]) -> Interval:
    known = [span for span in spans if span is not None]
    return min(low for low, _ in known), max(high for _, high in known)

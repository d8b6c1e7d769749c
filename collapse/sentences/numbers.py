"""How numbers are written, everywhere: a percentage, an interval, a stretch of x, a list of model sizes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeGuard

import numpy as np


def percent(value: float) -> str:
    """Two digits: ``1.8 %``, ``12 %``, ``0.37 %``."""
    return f"{100 * value:.2g} %" if value < 0.995 else f"{100 * value:.0f} %"


def detectable(value: float | None) -> str:
    """The smallest error that shows: above 100 %, or where none does, a number would say nothing."""
    return percent(value) if sensible(value) else "none that is smaller than the curves themselves"


def sensible(value: float | None) -> TypeGuard[float]:
    """Whether there is an error that shows, and curves may have it: one of up to 100 %."""
    return value is not None and value <= 1.0


def interval(low: float | None, high: float | None, digits: str = ".3g") -> str:
    """``[0.28, 0.31]``; an end that could not be had is ``?``."""
    ends = ("?" if end is None or not math.isfinite(end) else f"{end:{digits}}" for end in (low, high))
    return "[" + ", ".join(ends) + "]"


def stretch(first: float, last: float) -> str:
    """A stretch of x by its ends: ``between x = 0.22 and 0.41``, or ``at x = 0.22`` where it is one point."""
    low, high = f"{first:.2g}", f"{last:.2g}"
    return f"at x = {low}" if low == high else f"between x = {low} and {high}"


def stretches(where: Sequence[tuple[float, float]]) -> str:
    """Several stretches of x, joined by ``and``."""
    return " and ".join(stretch(*one) for one in where)


def stretch_of(inside: np.ndarray, x: np.ndarray) -> str:
    """Where a mask ``(m,)`` over the grid ``x`` holds, from its first to its last point."""
    first, last = np.flatnonzero(inside)[[0, -1]]
    if first == 0 and last == len(x) - 1:
        return "over the whole range of x"
    if first == 0 and last > 0:
        return f"at x < {x[last + 1]:.2g}"
    if last == len(x) - 1 and first < last:
        return f"at x > {x[first - 1]:.2g}"
    return stretch(float(x[first]), float(x[last]))


def runs_of(inside: np.ndarray, x: np.ndarray) -> str:
    """Where a mask ``(m,)`` over the grid ``x`` holds, stretch by stretch; a single point is one."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], inside.astype(int), [0]])))
    found = []
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        run = np.zeros(len(x), dtype=bool)
        run[start:end] = True
        found.append(f"at x = {x[start]:.2g}" if end - start == 1 else stretch_of(run, x))
    return " and ".join(found)


def together(names: Sequence[str]) -> str:
    """``widths 24, 32`` for ``width 24`` and ``width 32``; a plain list where the names share no first word."""
    words = {name.split(" ", 1)[0] for name in names}
    if len(names) < 2 or len(words) > 1 or not all(" " in name for name in names):
        return ", ".join(names)
    return f"{words.pop().removesuffix('s')}s " + ", ".join(name.split(" ", 1)[1] for name in names)


def signed_percent(value: float) -> str:
    """A change with its sign: ``+42 %``, ``-1.8 %``."""
    return ("+" if value >= 0 else "-") + percent(abs(value))


def percent_interval(low: float, high: float, *, signed: bool = False) -> str:
    """``[28 %, 55 %]``, or ``[+28 %, +55 %]`` for a change."""
    write = signed_percent if signed else percent
    return f"[{write(low)}, {write(high)}]"


def estimate(value: float, low: float | None, high: float | None, digits: str = ".4g") -> str:
    """A number with its interval: ``0.51 [0.49, 0.53]``."""
    return f"{value:{digits}} {interval(low, high, digits)}"


def some(names: Sequence[str]) -> str:
    """The first three names, and how many more there are."""
    return "; ".join(names[:3]) + (f"; and {len(names) - 3} more" if len(names) > 3 else "")


def counted(count: int, noun: str) -> str:
    """``1 more seed``, ``7 more seeds``."""
    return f"{count} {noun}" + ("" if count == 1 else "s")

"""A verdict in plain words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .equivalence import Deviations
from .outcome import Verdict


def percent(value: float) -> str:
    """Two digits: ``1.8 %``, ``12 %``, ``0.37 %``."""
    return f"{100 * value:.2g} %" if value < 0.995 else f"{100 * value:.0f} %"


def together(names: Sequence[str]) -> str:
    """``widths 24, 32`` for ``width 24`` and ``width 32``; a plain list where the names share no first word."""
    words = {name.split(" ", 1)[0] for name in names}
    if len(names) < 2 or len(words) > 1 or not all(" " in name for name in names):
        return ", ".join(names)
    return f"{words.pop()}s " + ", ".join(name.split(" ", 1)[1] for name in names)


def leaving(deviations: Deviations, x: np.ndarray, names: Sequence[str]) -> str | None:
    """Which rungs leave the shared curve, and where, by the simultaneous band; None where none does."""
    out = np.abs(deviations.d) > deviations.band()
    if not out.any():
        return None
    rungs = [name for name, row in zip(names, out, strict=True) if row.any()]
    who = f"all {len(names)} rungs" if len(rungs) == len(names) else together(rungs)
    return f"{who} leave{'s' if len(rungs) == 1 else ''} {stretch(out.any(axis=0), x)}"


def stretch(inside: np.ndarray, x: np.ndarray) -> str:
    """Where a mask ``(m,)`` holds, from its first to its last point."""
    first, last = np.flatnonzero(inside)[[0, -1]]
    if first == 0 and last == len(x) - 1:
        return "over the whole range"
    if first == 0:
        return f"at x < {x[last + 1]:.2g}"
    if last == len(x) - 1:
        return f"at x > {x[first - 1]:.2g}"
    return f"between x = {x[first]:.2g} and {x[last]:.2g}"


def sentence(
    verdict: Verdict,
    reason: str | None,
    *,
    n_rungs: int,
    deviation: float | None,
    lower: float | None,
    upper: float | None,
    p: float | None,
    leaves: str | None,
    unrelated: float | None,
) -> str:
    """One sentence for a table."""
    others = f"; unrelated curves differ by {percent(unrelated)}" if unrelated is not None else ""
    if verdict == "cannot-tell" or upper is None or deviation is None:
        said = (reason or "no verdict").removeprefix("underpowered: ")
        return f"{leaves}; {said}" if leaves else said
    if verdict == "no-collapse":
        size = f"the deviation is {percent(deviation)}, at least {percent(lower or 0.0)}"
        return f"{leaves}: {size}{others}" if leaves else f"{size}{others}"
    if verdict == "collapse":
        untested = f" ({reason})" if reason else ""
        return f"all {n_rungs} rungs share one curve within {percent(upper)}{untested}{others}"
    real = f"not exactly (p = {p:.2g})" if p is not None else "not exactly"
    where = f"; {leaves}" if leaves else ""
    return f"all {n_rungs} rungs share one curve within {percent(upper)}, {real}{where}{others}"

"""A verdict in plain words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .outcome import GroupResult


def percent(value: float) -> str:
    """Two digits: ``1.8 %``, ``12 %``, ``0.37 %``."""
    return f"{100 * value:.2g} %" if value < 0.995 else f"{100 * value:.0f} %"


def together(names: Sequence[str]) -> str:
    """``widths 24, 32`` for ``width 24`` and ``width 32``; a plain list where the names share no first word."""
    words = {name.split(" ", 1)[0] for name in names}
    if len(names) < 2 or len(words) > 1 or not all(" " in name for name in names):
        return ", ".join(names)
    return f"{words.pop()}s " + ", ".join(name.split(" ", 1)[1] for name in names)


def leaving(result: GroupResult) -> str | None:
    """Which rungs leave the shared curve, and where, by the simultaneous band; None where none does."""
    if result.single or result.d is None or result.band is None or result.rescaled is None:
        return None
    out = np.abs(result.d) > result.band
    if not out.any():
        return None
    names = result.rescaled.rungs
    rungs = [name for name, row in zip(names, out, strict=True) if row.any()]
    who = f"all {len(names)} rungs" if len(rungs) == len(names) else together(rungs)
    return f"{who} leave{'s' if len(rungs) == 1 else ''} {stretch(np.asarray(out.any(axis=0)), result.rescaled.x)}"


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


def sentence(result: GroupResult, *, sound: bool = True) -> str:
    """The verdict in one sentence for a table; curves that are not ``sound`` do not say which rungs leave."""
    leaves = leaving(result) if sound else None
    upper, other = result.upper_bound, result.unrelated_deviation
    others = f"; unrelated curves differ by {percent(other)}" if other is not None else ""
    if result.verdict == "cannot-tell" or upper is None or result.deviation is None:
        said = (result.reason or "no verdict").removeprefix("underpowered: ")
        return f"{leaves}; {said}" if leaves else said
    if result.verdict == "no-collapse":
        size = f"the deviation is {percent(result.deviation)}, at least {percent(result.lower_bound or 0.0)}"
        return (f"{leaves}: {size}" if leaves else size) + others
    shared = f"all {result.n_rungs} rungs share one curve within {percent(upper)}"
    if result.verdict == "collapse":
        return shared + (f" ({result.reason})" if result.reason else "") + others
    return f"{shared}, not exactly (p = {result.p_exact:.2g})" + (f"; {leaves}" if leaves else "") + others


def told_apart(group: GroupResult, peers: Sequence[GroupResult]) -> str:
    """The family, and the recipe and the leg where another group among ``peers`` differs in nothing else."""
    # Controls are told apart by what they must do, which is written beside the name.
    own = (group.family, group.dataset, group.control)
    alike = [peer for peer in peers if (peer.family, peer.dataset, peer.control) == own]
    parts = [group.family]
    if len({peer.recipe for peer in alike}) > 1:
        labels = {peer.recipe_label for peer in alike if peer.recipe != group.recipe}
        parts.append(group.recipe_label if group.recipe_label and group.recipe_label not in labels else group.recipe)
    if len({peer.leg for peer in alike}) > 1:
        parts.append(f"{group.leg} rate" if group.leg == "constant" else group.leg)
    return ", ".join(parts)

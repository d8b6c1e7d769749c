"""A verdict in plain words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...results.quantity import LOSS, Quantity
from ..outcome import GroupResult
from .numbers import percent, runs_of, together
from .reasons import say


def leaving(result: GroupResult) -> str | None:
    """Which model sizes leave the shared curve, each where it does, by the simultaneous band; None where none does or
    the evaluations are too rare to say. Where only the smaller ones do, the size from which on none does."""
    if result.single or result.d is None or result.band is None or result.rescaled is None:
        return None
    if result.exact is not None and result.exact.reason is not None and result.exact.reason.code == "points-too-rare":
        return None
    out = np.abs(result.d) > result.band
    if not out.any():
        return None
    names, x = result.rescaled.rungs, result.rescaled.x
    where: dict[str, list[str]] = {}
    for name, row in zip(names, out, strict=True):
        if row.any():
            where.setdefault(runs_of(row, x), []).append(name)
    parts = [f"{_who(sizes, names)} leave{'s' if len(sizes) == 1 else ''} {place}" for place, sizes in where.items()]
    last = int(np.flatnonzero(out.any(axis=1))[-1])
    settled = last < len(names) - 1 and bool(out[: last + 1].any(axis=1).all())
    return ", ".join(parts) + (f", from {names[last + 1]} on none does" if settled else "")


def _who(sizes: Sequence[str], names: Sequence[str]) -> str:
    return f"all {len(names)} model sizes" if len(sizes) == len(names) else together(sizes)


#: Of which irreducible losses a claim holds, where these curves chose it.
_CHOSEN = {
    "profile": {
        "collapse": "there is an irreducible loss at which",
        "approximate": "there is an irreducible loss at which",
        "no-collapse": "at every irreducible loss that is possible",
    },
    "fit": dict.fromkeys(("collapse", "approximate", "no-collapse"), "at the irreducible loss that fits the ends"),
}


def _of(result: GroupResult) -> Quantity:
    return LOSS if result.rescaled is None else result.rescaled.quantity


def verdict_words(result: GroupResult) -> str:
    """The verdict, with a word of its own where the curves chose the irreducible loss: ``collapse, conditional``."""
    return f"{result.verdict}, conditional" if result.conditional else result.verdict


def sentence(result: GroupResult) -> str:
    """The verdict in one sentence for a table; curves that are not sound do not say which model sizes leave."""
    other = result.unrelated_deviation
    others = f"; unrelated curves differ by {percent(other)}" if other is not None else ""
    if result.single:
        return _described(result) + others
    leaves, upper = leaving(result) if result.sound else None, result.upper_bound
    dies = "" if result.settles_from is None else f"; it dies out: {_settled(result.settles_from, result.margin)}"
    pooled = " by noise pooled over sizes" if result.noise_from == "sizes" else ""
    if result.verdict == "cannot-tell" or upper is None or result.deviation is None:
        said = say(result.reason or "no verdict").removeprefix("underpowered: ")
        return (f"{leaves}; {said}" if leaves else said) + dies + (f" (bounded{pooled})" if pooled else "")
    under = _of(result).say(_CHOSEN.get(result.irreducible_loss.source, {}).get(result.verdict, ""))
    if result.verdict == "no-collapse":
        least = percent(result.lower_bound or 0.0)
        if under:
            return f"{under} the deviation is at least {least}{others}"
        size = f"the deviation is {percent(result.deviation)}, at least {least}"
        return (f"{leaves}: {size}" if leaves else size) + dies + others
    shared = (
        f"{under}{' ' if under else ''}all {result.n_rungs} model sizes share one curve within {percent(upper)}{pooled}"
    )
    if result.verdict == "collapse":
        return shared + (f" ({say(result.reason)})" if result.reason else "") + others
    return f"{shared}, not exactly (p = {result.p_exact:.2g})" + (f"; {leaves}" if leaves else "") + others


def _settled(size: str, margin: float) -> str:
    return f"from {size} on all sizes lie within {percent(margin)}"


_WHOSE = {"reruns": "its reruns'", "groups": "other groups'", "neighbours": "neighbouring evaluations'"}


def _described(result: GroupResult) -> str:
    """What one run of each model size shows, with the noise level that it has."""
    within = f"{result.n_rungs} runs lie within {percent(result.deviation)} of their mean curve"
    said = f"{say(result.reason)}: {within}" if result.reason else within
    if result.noise_floor is None or result.noise_from is None:
        return said
    most = "at least" if result.upper_bound is None else f"at most {percent(result.upper_bound)}"
    return f"{said}, with {_WHOSE[result.noise_from]} noise of {percent(result.noise_floor)} {most}"


def reading_order(group: GroupResult) -> tuple[int, str, float, str, str]:
    """A key by which groups are listed: controls first, then by data set, the smallest bound first."""
    rank = {"holds": 0, "fails": 1}.get(group.control or "", 2)
    bound = np.inf if group.upper_bound is None else group.upper_bound
    return rank, group.dataset, bound, group.family, group.recipe

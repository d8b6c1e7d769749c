"""Scaling laws of final losses in words."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...results.levels import ALPHA
from ..composing import Missing
from ..scaling.held_out import HeldOut
from ..scaling.intervals import Interval
from ..scaling.isoflop import Growth, IsoFlop
from ..scaling.study import Fitted, Shared, Study
from .numbers import estimate, percent, percent_interval, signed_percent
from .reasons import say

_MOST = 4  # budgets without a minimum that are named one by one


def law_status(found: Fitted | Missing) -> str:
    """``ok``, what the data leave open, or why there is no law."""
    if isinstance(found, Missing):
        return say(found.status)
    return "; ".join(say(one) for one in found.law.reservations) or "ok"


def study_lines(one: Study) -> Iterator[str]:
    """The law of one family, its iso-FLOP profiles and the prediction of its largest budgets."""
    if isinstance(one.fitted, Missing):
        yield f"no law L(N, D) is fitted: {say(one.fitted.status)}"
    else:
        yield from _law_lines(one.fitted)
    yield from _profile_lines(one.iso)
    yield _held_out_line(one.held_out)


def _law_lines(found: Fitted) -> Iterator[str]:
    law, p = found.law, found.law.parameters
    yield f"L(N, D) = {p['E']:.4g} + {p['A']:.4g} / N^{p['alpha']:.4g} + {p['B']:.4g} / D^{p['beta']:.4g}"
    yield "profile: " + _listed(found.profile, ("E", "alpha", "beta"))
    yield "bootstrap: " + _listed(found.bootstrap, ("E", "A", "alpha", "B", "beta"))
    yield f"best size of the law: N ~ C^{_said(found.bootstrap['best size'])}"
    line = (
        f"runs scatter by {percent(law.noise)} about the law; {percent(law.reached)} of {law.starts} starts reached "
        "this minimum"
    )
    yield "; ".join([line, *(say(one) for one in law.reservations)])


def _profile_lines(iso: IsoFlop) -> Iterator[str]:
    for row in iso.profiles:
        if row.minimum is not None:
            best = row.minimum
            yield f"at {row.budget:.3g} FLOPs: best size {_said(best.best_params)}, {best.best_tokens:.4g} tokens"
    # A table without fixed budgets has one budget a run: one line for all of them.
    bad = [row for row in iso.profiles if row.minimum is None]
    for row in bad[:_MOST]:
        yield f"at {row.budget:.3g} FLOPs: {say(row.status)}"
    if len(bad) > _MOST:
        yield f"and {len(bad) - _MOST} more budgets without a minimum"
    yield _growth_line("N", "best size", iso.params)
    if not isinstance(iso.tokens, Missing):
        yield _growth_line("D", "best number of tokens", iso.tokens)


def _growth_line(letter: str, what: str, found: Growth | Missing) -> str:
    if isinstance(found, Missing):
        return f"growth of the {what} with the budget: {say(found.status)}"
    bias = "" if found.bias is None else f" (parabolas through the law itself are off by {found.bias:+.2g})"
    return f"minima of the parabolas: {letter} ~ C^{_said(found.exponent)}{bias}"


def _held_out_line(held: HeldOut | Missing) -> str:
    if isinstance(held, Missing):
        return f"the largest budgets are not predicted from the smaller ones: {say(held.status)}"
    what = f"the largest {held.budgets} budgets" if held.budgets > 1 else "the largest budget"
    line = (
        f"{what if held.budgets else 'the fifth of the runs with the most FLOPs'}, predicted from the rest: error "
        f"{percent(held.error)}, bias {signed_percent(held.bias)}, noise of a run {percent(held.noise)}, "
        f"{percent(held.covered)} of the runs inside the 90 % band"
    )
    if held.baseline is None or held.error_at_best is None:
        return line
    return (
        f"{line}; for the best runs the error is {percent(held.error_at_best)}, and that of a plain power law in C "
        f"{percent(held.baseline)}"
    )


def shared_line(found: Shared) -> str:
    """Whether families share an exponent."""
    one = found.effects
    if one is None:
        return f"{found.name}: {say(found.status)}"
    mean, low, high = np.exp([one.mean, one.low, one.high])
    told = "one value for all families is rejected" if one.p < ALPHA else "one value fits all families"
    equal = "equal within" if one.equal else "not shown to be equal within"
    return (
        f"{found.name}: mean {estimate(mean, low, high)}, spread between families {percent(one.tau)} "
        f"{percent_interval(0.0, one.tau_upper)}; {told}, p = {one.p:.2g}; {equal} {percent(one.margin)}"
    )


def _listed(found: dict[str, Interval], names: tuple[str, ...]) -> str:
    return ", ".join(f"{name} {_said(found[name])}" for name in names)


def _said(one: Interval) -> str:
    return estimate(one.value, one.low, one.high)

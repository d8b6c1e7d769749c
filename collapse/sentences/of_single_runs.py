"""What one run of each model size answers, in words."""

from __future__ import annotations

from collections.abc import Iterator

from ...results.quantity import LOSS, Quantity
from ..single.questions import SingleAnswers, SingleLaws, SingleWhere
from .numbers import estimate, percent_interval, signed_percent
from .of_laws import forecast_line
from .of_onset import single_onset_line
from .reasons import say

_BEYOND = {True: ", beyond the noise", False: ", within the noise", None: ""}


def single_lines(found: SingleAnswers, quantity: Quantity = LOSS) -> Iterator[str]:
    """What single runs can say, and why they say no more."""
    if found.where is not None:
        yield from _where_lines(found.where)
    if found.onset is not None:
        yield single_onset_line(found.onset, quantity)
    if found.laws is not None:
        yield from _law_lines(found.laws, quantity)
    if found.forecast is not None:
        yield forecast_line(found.forecast, quantity)
    for reason in found.reasons:
        yield say(reason, quantity)


def _where_lines(found: SingleWhere) -> Iterator[str]:
    rows = [f"{r.rung} {signed_percent(r.deviation)} at x = {r.at:.2g}{_BEYOND[r.beyond]}" for r in found.rungs]
    yield f"where, as a description: largest deviation of {'; '.join(rows)}"
    if found.trend is not None:
        around = percent_interval(found.trend.low, found.trend.high, signed=True)
        change = f"{signed_percent(found.trend.value)} {around}"
        yield f"  at x = {found.at:.2g} it changes by {change} with each doubling of the model size"


def _law_lines(found: SingleLaws, quantity: Quantity) -> Iterator[str]:
    ends = quantity.say("last losses")
    if found.end_floor is None:
        yield f"{ends}: four or more are needed, on a power law above a floor; these give none"
    else:
        span = found.end_floor_range
        left = "" if span is None else f", {span[0]:.4g} to {span[1]:.4g} with one run left out"
        yield f"{ends} as L0 + a p^-b: L0 {found.end_floor:.4g}{left}, b {found.end_exponent:.3g}"
    if found.frontier is not None:
        one = found.frontier
        value = estimate(one.value, one.low, one.high, ".3g")
        yield f"last reducible {quantity.noun} ~ size^-b: b {value}, from the scatter of the runs"
    if found.tightness is not None:
        tight = found.tightness
        name = quantity.say("irreducible loss")
        yield f"{name} at which the runs are tightest: {tight.tightest:.4g}; {say(tight.status, quantity)}"
    form = found.form
    if form.mu is None:
        yield f"form of the mean curve: {say(form.status, quantity)}"
    else:
        fitted = f"mu {form.mu:.3g}, time share {form.share:.2g}, gain {form.gain:.2g}"
        yield f"form of the mean curve: {fitted} ({say(form.status, quantity)})"

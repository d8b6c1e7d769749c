"""What one run a size answers, on the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..collapse.sentences.reasons import say

if TYPE_CHECKING:
    from ..collapse.laws.forecast import Forecast
    from ..collapse.single.questions import SingleAnswers, SingleLaws, SingleWhere


def single_lines(found: SingleAnswers) -> Iterator[str]:
    """What one run a size can say, and why it says no more."""
    if found.where is not None:
        yield from _single_where(found.where)
    if found.laws is not None:
        yield from _single_laws(found.laws)
    if found.forecast is not None:
        yield forecast_line(found.forecast)
    yield from map(say, found.reasons)


def _single_where(found: SingleWhere) -> Iterator[str]:
    beyond = {True: ", beyond the noise", False: ", within the noise", None: ""}
    rows = [f"{r.rung} {100 * r.deviation:+.2g} % at x {r.at:.2g}{beyond[r.beyond]}" for r in found.rungs]
    yield f"where, as a description: largest deviation of {'; '.join(rows)}"
    if found.trend is not None:
        low, value, high = (100 * end for end in (found.trend.low, found.trend.value, found.trend.high))
        yield f"  at x {found.at:.2g} it changes by {value:+.2g} % [{low:+.2g}, {high:+.2g}] with each doubling of size"


def _single_laws(found: SingleLaws) -> Iterator[str]:
    if found.end_floor is None:
        yield "end points: four or more are needed, on a power law above a floor; these give none"
    else:
        span = found.end_floor_range
        left = "" if span is None else f", {span[0]:.4g} to {span[1]:.4g} with one run left out"
        yield f"end points as L0 + a p^-b: L0 {found.end_floor:.4g}{left}, b {found.end_exponent:.3g}"
    if found.frontier is not None:
        one = found.frontier
        yield f"end excess ~ size^-b: b {one.value:.3g} [{one.low:.3g}, {one.high:.3g}], from the scatter of the runs"
    if found.tightness is not None:
        yield f"tightest floor: {found.tightness.tightest:.4g}; {say(found.tightness.status)}"
    form = found.form
    if form.mu is None:
        yield f"form of the mean curve: {form.status}"
    else:
        fitted = f"mu {form.mu:.3g}, time share {form.share:.2g}, gain {form.gain:.2g}"
        yield f"form of the mean curve: {fitted} ({form.status})"


def forecast_line(found: Forecast) -> str:
    """A forecast in one line, or why there is none."""
    if found.master is None:
        return f"forecast: {found.status}"
    skill = ", ".join(f"{name} {value.value:.2f}" for name, value in found.master.skill.items())
    return (
        f"forecast of {found.rung}: CRPS {100 * found.master.crps:.2f} %, skill against {skill}; "
        f"90 % bands cover {100 * found.master.coverage_90:.0f} %"
    )

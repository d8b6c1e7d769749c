"""One group of curves in words: where model sizes leave, the noise of the seeds, the tightness of single runs."""

from __future__ import annotations

from collections.abc import Iterator

from ...results.quantity import LOSS, Quantity
from ..ladders.last_losses import SeedNoise
from ..outcome import GroupResult
from ..single.from_reruns import SingleRuns
from ..within.envelope import Departures
from .numbers import estimate, percent, percent_interval, signed_percent, stretches
from .reasons import say


def where_line(found: Departures, quantity: Quantity = LOSS) -> str:
    """At which x which model size leaves the common curve."""
    if found.reason:
        return f"where: {say(found.reason, quantity)}"
    rows = [f"{row.rung} {row.sign} {stretches(row.stretches)}" for row in found.rungs]
    said = "where: " + ("; ".join(rows) or "no model size leaves the common curve")
    said += f" (p = {found.p_value:.3f} of the global envelope)"
    if found.slope is None or found.slope_low is None or found.slope_high is None:
        return said
    around = percent_interval(found.slope_low, found.slope_high, signed=True)
    return f"{said}; with each doubling of the model size {signed_percent(found.slope)} {around}"


def noise_line(row: SeedNoise, quantity: Quantity = LOSS) -> str:
    """The noise of one model size over its seeds."""
    where = "" if row.x is None else f", read at x = {row.x:.4g}"
    cut = f", {row.n_censored} of them cut short" if row.n_censored else ""
    runs = f"noise of {row.rung}, {row.n_seeds} seeds{cut}{where}: "
    if row.sd is None:
        return runs + say(row.status, quantity)
    relative = "" if row.relative is None else f", {percent(row.relative)} of the reducible {quantity.noun}"
    return f"{runs}sd {estimate(row.sd, row.low, row.high, '.3g')} about {row.mean:.5g}{relative}"


def spread_line(result: GroupResult) -> str | None:
    """The collapse deviation of the literature beside its noise floor: a description, which decides nothing."""
    if result.collapse_deviation is None or result.noise_floor is None:
        return None
    side = "below" if result.collapse_deviation < result.noise_floor else "not below"
    return (
        f"collapse deviation {percent(result.collapse_deviation)}, {side} the noise floor of "
        f"{percent(result.noise_floor)}: sd over mean of the normalised curves, and over seeds of the reducible loss, "
        "means over ln x (a description, not a test)"
    )


def tightness_lines(found: SingleRuns, quantity: Quantity = LOSS) -> Iterator[str]:
    """At which irreducible loss single runs are tightest, and their bound from reruns."""
    name = quantity.say("irreducible loss")
    if found.tightness is None:
        yield f"tightness: {say(found.status, quantity)}"
        return
    tight, origin = found.tightness, " of other settings" if found.borrowed else ""
    bands = ", ".join(f"{floor:.4g}" for floor in tight.by_band)
    ends = "" if found.end_point is None else f"; a power law of the last losses gives {found.end_point:.4g}"
    at = f"{tight.tightest:.4g} (early, middle, late: {bands})"
    yield f"{name} at which single runs are tightest: {at}; {say(tight.status, quantity)}{quantity.say(ends)}"
    if found.bound is None:
        yield f"bound on single runs: none; give a value below every {quantity.noun} with --irreducible-loss"
    elif found.bound.upper_bound is None or found.bound.noise is None:
        yield f"single runs deviate by {percent(found.bound.deviation)}; {say(found.bound.status, quantity)}"
    else:
        yield (
            f"single runs deviate by {percent(found.bound.deviation)}, at most {percent(found.bound.upper_bound)}, at "
            f"{quantity.symbol} = {found.irreducible_loss:.4g} from x = {found.x_min:.2g}; the noise is "
            f"{percent(found.bound.noise)}, from {found.n_reruns} reruns{origin}"
        )

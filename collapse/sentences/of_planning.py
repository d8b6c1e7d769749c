"""Plans in words: what a ladder would have detected, and what a sweep needs."""

from __future__ import annotations

from ...results.quantity import LOSS, Quantity
from ..composing import Missing
from ..planning.detectable import Detectable
from ..planning.planner import Design, Plan
from .numbers import detectable, estimate, percent, percent_interval, sensible
from .reasons import say

DESIGN_HEADINGS = ("goal", "power", "model sizes", "span", "seeds", "simulated power", "cost", "status")
_GOALS = {
    "detect": "detect a trend with size of",
    "odd rung": "detect one deviating model size of",
    "certify": "certify a margin of",
    "horizon": "detect an error of the horizon exponent of",
}


def detectable_line(found: Detectable | Missing, quantity: Quantity = LOSS) -> str:
    """The minimum detectable deviations of a ladder."""
    if isinstance(found, Missing):
        return f"minimum detectable deviation: none, because {say(found.status, quantity)}"
    shown = [("a trend with size", found.trend), ("one deviating model size", found.odd_rung)]
    said = ", ".join(f"{name} {detectable(size)}" for name, size in shown)
    line = f"minimum detectable deviation, with {percent(found.power)} power: {said}"
    line += f"; {_at_least('a margin of', found.certifiable, 'no margin')} can be certified"
    if found.horizon_error is not None:
        error = _at_least("an error of", found.horizon_error, "no error")
        line += f"; {error} in the horizon exponent can be detected"
    return line


def _at_least(some: str, value: float, none: str) -> str:
    return f"{some} {percent(value)}" if sensible(value) else f"{none} below 100 %"


def noise_line(found: Plan, quantity: Quantity | None = None) -> str:
    """The noise that a plan starts from."""
    of = "" if quantity is None or quantity == LOSS else f" of the {quantity.title}"
    around = percent_interval(found.noise_low, found.noise_high)
    return f"noise of one normalised curve{of}: {percent(found.noise)} {around}"


def design_row(design: Design, unit: str | None) -> list[str]:
    """A design under `DESIGN_HEADINGS`."""
    need = design.need
    seeds, power = "-", "-"
    if not isinstance(need, Missing):
        seeds = str(need.seeds) + (f" [{need.seeds_low}, {need.seeds_high}]" if need.seeds_low is not None else "")
        share = need.simulated_power
        power = "-" if share is None else estimate(share.value, share.low, share.high, ".2f")
    return [
        f"{_GOALS[design.goal.kind]} {percent(design.goal.amount)}",
        percent(design.power),
        str(design.rungs),
        f"{design.span:.3g}",
        seeds,
        power,
        "-" if design.cost is None else f"{design.cost:.3g} {unit}",
        say(need.status),
    ]

"""A pilot's answer in words."""

from __future__ import annotations

from collections.abc import Sequence

from ..pilots.horizon_law import HorizonLaw
from ..pilots.scans import LadderRate
from ..pilots.sensitivity import CollapseAt
from ..within.rise import Rise
from .numbers import percent, percent_interval, sensible, signed_percent
from .of_onset import count
from .reasons import say


def pilot_sentence(law: HorizonLaw) -> str:
    """The compute-optimal training length and how it grows, or why there is none."""
    if law.updates is None or law.exponent is None or law.compute_exponent is None:
        return f"no compute-optimal training length: {say(law.status)}"
    t, g, c = law.updates, law.exponent, law.compute_exponent
    said = (
        f"{count(t.value)} updates ({count(t.low)} to {count(t.high)}) at {count(law.first)} parameters, growing as "
        f"p^{g.value:.2f} ({g.low:.2f} to {g.high:.2f}); compute as p^{c.value:.2f} ({c.low:.2f} to {c.high:.2f})"
    )
    return said if law.status.code == "ok" else f"{said}, which is not used: {say(law.status)}"


def sensitivity_sentence(found: Sequence[CollapseAt]) -> str:
    """How far the trunks deviate from a common curve at the exponent and at others."""
    most = max(one.sizes for one in found)
    told = [
        f"{percent(one.deviation)} {percent_interval(one.lower_bound or 0.0, one.upper_bound or 0.0)} at "
        f"{100 * one.factor:.0f} %{'' if one.sizes == most else f' ({one.sizes} sizes)'}"
        for one in found
        if one.deviation is not None
    ]
    if not told:
        return f"how well its trunks collapse is not known: {say(found[0].status)}"
    said = f"at the constant rate its trunks deviate from a common curve by {', '.join(told)} of the exponent"
    known = [one for one in found if isinstance(one.rise, Rise)]
    if not known:
        return said
    others = ", ".join(f"{_rise(one)} at {100 * one.factor:.0f} %" for one in known)
    said = f"{said}; the root mean square of the deviations changes against that at 100 % by {others}"
    least = next((one.least for one in found if one.least is not None), None)
    if least is None:
        return said
    if not sensible(least):
        return f"{said}; no change smaller than the curves themselves is told with 80 % power by the ladder's seeds"
    return f"{said}; from {percent(least)} on the ladder's seeds tell it with 80 % power"


def _rise(one: CollapseAt) -> str:
    assert isinstance(one.rise, Rise)
    said = f"{signed_percent(one.rise.rise)} {percent_interval(one.rise.low, one.rise.high, signed=True)}"
    return said if one.power is None else f"{said} (told with {percent(one.power.value)} power)"


def rate_sentence(found: LadderRate) -> str:
    """The best learning rate and whether it moves with size, or why there is none."""
    if found.rate is None or found.larger is None or found.slope is None:
        return f"no best learning rate: {say(found.status)}"
    small, large, slope = found.rate, found.larger, found.slope
    moves = {"yes": "tuned", "mis-scaled": "mis-scaled: the best rate moves with size", "unknown": "not told apart"}
    return (
        f"best learning rate {small.value:.3g} ({small.low:.3g} to {small.high:.3g}) at {found.rungs[0]}, "
        f"{large.value:.3g} ({large.low:.3g} to {large.high:.3g}) at {found.rungs[1]}, as p^{slope.value:.2f} "
        f"({slope.low:.2f} to {slope.high:.2f}): {moves[found.tuned]}"
    )

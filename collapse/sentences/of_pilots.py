"""A pilot's answer in words."""

from __future__ import annotations

from ..pilots.horizon_law import HorizonLaw
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

"""Curves under one schedule, forecast from those under another, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..laws.other_schedule import ForecastCurve, ScheduleForecast
from .as_json import worded
from .numbers import percent, percent_interval
from .reasons import say

TOLD = (
    "errors are root mean squares of forecast/measured - 1, with 95 % intervals over seeds. By time: the source's "
    "loss at an equal sum of learning rates. With alpha: with the gradient's noise, alpha fitted to the other sizes. "
    "Alpha 1/4: with that of fully relaxed modes of a quadratic loss, the most that it may be"
)


def schedules_heading(found: ScheduleForecast) -> str:
    """From which schedule to which, with the fitted alpha, or why there is none."""
    about = f"{found.ladder}: {found.target} from {found.source}"
    if found.alpha is None:
        return f"{about}: no forecast, {say(found.status)}"
    a = found.alpha
    of_theory = "theory 1/4" if found.plain else "not comparable with 1/4: each weight has a rate of its own"
    return f"{about}: alpha {a.value:.3f} ({a.low:.3f} to {a.high:.3f}), {of_theory}"


def schedule_cells(curve: ForecastCurve) -> dict[str, Any]:
    """A size's errors, a row of the printed table."""
    errors = {"by time": curve.error_by_time, "with alpha": curve.error, "alpha 1/4": curve.error_at_theory}
    said = {name: f"{percent(one.value)} {percent_interval(one.low, one.high)}" for name, one in errors.items()}
    return {"model size": curve.rung, "parameters": f"{curve.size:,.0f}", **said, "alpha": f"{curve.alpha:.3f}"}


def schedules_json(found: Sequence[ScheduleForecast]) -> dict[str, Any]:
    """All forecasts as JSON."""
    return {"schema_version": 1, "forecasts": [worded(one) for one in found]}

"""The exponent of an observable in time."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np

from ..trial_runs import TrialRun
from .estimator import ESTIMATORS, CannotTell, Estimator, Reading
from .one_setting import excess, log_mean, slope

_FEWEST = 4


@ESTIMATORS.register
@dataclasses.dataclass(frozen=True)
class TimeExponent(Estimator):
    """``-d ln E / d ln tau`` by least squares over a window, at the largest size.

    E is the mean over seeds of the observable less its floor, tau the integral of the learning rate (or the steps).

    Facts: ``curvature``, the exponent of the later half of the window (in ln tau) less that of the earlier; ``factor``,
    by which tau grows in the window; ``fall``, by which E falls.

    Attributes
    ----------
    start, end : the window in x.
    floor : ``known`` takes off the known irreducible loss, ``none`` nothing.
    clock : ``tau`` or ``steps``.
    """

    name: ClassVar[str] = "time-exponent"
    summary: ClassVar[str] = "-d ln E / d ln tau over a window"
    facts: ClassVar[Mapping[str, str]] = {
        "curvature": "the exponent of the later half less that of the earlier",
        "factor": "the factor by which time grows",
        "fall": "the factor by which the curve falls",
    }
    start: float = 0.1
    end: float = 1.0
    floor: Literal["known", "none"] = "known"
    clock: Literal["tau", "steps"] = "tau"

    def measure(self, runs: Sequence[TrialRun], observable: str) -> Reading:
        largest = max(run.settings["size"] for run in runs)
        steps, tau, values = excess([run for run in runs if run.settings["size"] == largest], observable, self.floor)
        x, time = steps / steps[-1], tau if self.clock == "tau" else steps
        inside = (x >= self.start - 1e-9) & (x <= self.end + 1e-9) & (time > 0)
        if inside.sum() < _FEWEST:
            raise CannotTell(f"{inside.sum()} evaluations lie in the window, an exponent needs {_FEWEST}")
        u, y = np.log(time[inside]), log_mean(values[:, inside])
        early = u <= (u[0] + u[-1]) / 2
        curvature = slope(u[early], y[early]) - slope(u[~early], y[~early]) if 2 <= early.sum() <= len(u) - 2 else 0.0
        facts = {"curvature": curvature, "factor": float(np.exp(u[-1] - u[0])), "fall": float(np.exp(y[0] - y[-1]))}
        return Reading(value=-slope(u, y), facts=facts)

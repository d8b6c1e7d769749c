"""An observable against what its settings predict for it: a plateau, a constant."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from ..trial_runs import TrialRun, grouped
from .estimator import ESTIMATORS, CannotTell, Estimator, Reading
from .one_setting import slope, stacked


@ESTIMATORS.register
@dataclasses.dataclass(frozen=True)
class Ratio(Estimator):
    """Mean over a window of ``factor * v * product of settings^power``, averaged over all settings.

    Facts: ``peak``, the largest ratio that the mean over seeds has at any time, of the setting where it is smallest;
    ``drift``, by how much ln v changes in the window, the largest of all settings; ``spread``, the largest less the
    smallest of the settings' ratios over their mean; ``beside``, the largest mean over the window of what is beside.

    Attributes
    ----------
    start, end : the window in x.
    factor : a number.
    powers : as text, such as ``peak_lr^1 optimizer.weight_decay^-0.5``.
    beside : the other observable, of which the regime may ask; empty for none.
    """

    name: ClassVar[str] = "ratio"
    summary: ClassVar[str] = "mean of an observable over a window, times powers of settings"
    facts: ClassVar[Mapping[str, str]] = {
        "drift": "the change of the logarithm in the window",
        "spread": "the spread of the settings' ratios over their mean",
        "peak": "the largest ratio at any time",
        "beside": "the mean of what stands beside",
    }
    start: float = 0.5
    end: float = 1.0
    factor: float = 1.0
    powers: str = ""
    beside: str = ""

    def measure(self, runs: Sequence[TrialRun], observable: str) -> Reading:
        found, drifts, peaks = [], [], []
        for each in grouped(runs, lambda run: tuple(sorted(run.settings.items()))).values():
            steps, _, values = stacked(each, observable)
            x = steps / steps[-1]
            inside = (x >= self.start) & (x <= self.end)
            if not inside.any():
                raise CannotTell("no evaluation lies in the window")
            late = values[:, inside].mean(axis=0)
            found.append(late.mean() * self.factor * self._scale(each[0]))
            peaks.append(values.mean(axis=0).max() * self.factor * self._scale(each[0]))
            drifts.append(self._drift(x[inside], late))
        ratios = np.array(found)
        spread = float(np.ptp(ratios) / abs(ratios.mean())) if ratios.mean() else 0.0
        facts = {"drift": max(drifts), "spread": spread, "peak": float(min(peaks)), "beside": self._beside(runs)}
        return Reading(value=float(ratios.mean()), facts=facts)

    def _beside(self, runs: Sequence[TrialRun]) -> float:
        if not self.beside:
            return 0.0
        found = []
        for each in grouped(runs, lambda run: tuple(sorted(run.settings.items()))).values():
            steps, _, values = stacked(each, self.beside)
            x = steps / each[0].steps[-1]
            found.append(values[:, (x >= self.start) & (x <= self.end)].mean())
        return float(max(found))

    def _scale(self, run: TrialRun) -> float:
        scale = 1.0
        for term in self.powers.split():
            name, _, power = term.partition("^")
            if name not in run.settings:
                raise CannotTell(f"runs have no setting {name!r}, they have {', '.join(run.settings)}")
            scale *= run.settings[name] ** float(power or 1)
        return scale

    @staticmethod
    def _drift(x: np.ndarray, late: np.ndarray) -> float:
        if len(x) < 2 or (late <= 0).any():
            return 0.0
        return abs(slope(x, np.log(late)) * (x[-1] - x[0]))

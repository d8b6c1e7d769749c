"""How far curves of two settings differ at equal time: nothing, where one setting stands for the other."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np

from ..trial_runs import TrialRun, grouped
from .estimator import ESTIMATORS, CannotTell, Estimator, Reading
from .one_setting import excess, log_mean


@ESTIMATORS.register
@dataclasses.dataclass(frozen=True)
class SettingsDiffer(Estimator):
    """Root mean square over a window of ``ln E_a - ln E_b`` at equal x, the largest of all settings against the first.

    E is the mean over seeds. Settings are the values of ``setting``, in ascending order; other settings may change
    with it, as a learning rate with a batch size. Noise adds to it: it is the distance of the means that were found.

    Facts: ``fall``, by which E falls in the window at the first setting; ``settings``, how many there are.

    Attributes
    ----------
    setting : what parts the runs.
    start, end : the window in x.
    floor : ``known`` takes off the known irreducible loss, ``none`` nothing.
    """

    name: ClassVar[str] = "settings-differ"
    summary: ClassVar[str] = "distance of the curves of two settings at equal x"
    facts: ClassVar[Mapping[str, str]] = {
        "fall": "the factor by which the curve falls",
        "settings": "the number of settings",
    }
    setting: str = "batch_size"
    start: float = 0.1
    end: float = 1.0
    floor: Literal["known", "none"] = "none"

    def measure(self, runs: Sequence[TrialRun], observable: str) -> Reading:
        grid = np.geomspace(max(self.start, 1e-3), self.end, 24)
        curves = []
        for each in grouped(runs, lambda run: run.settings.get(self.setting, np.nan)).values():
            steps, _, values = excess(each, observable, self.floor)
            x = steps / steps[-1]
            curves.append(np.interp(np.log(grid), np.log(x[x > 0]), log_mean(values[:, x > 0])))
        if len(curves) < 2:
            raise CannotTell(f"{self.setting} has one value only")
        first = curves[0]
        distances = [float(np.sqrt(np.square(curve - first).mean())) for curve in curves[1:]]
        facts = {"fall": float(np.exp(first[0] - first[-1])), "settings": float(len(curves))}
        return Reading(value=max(distances), facts=facts)

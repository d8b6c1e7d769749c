"""How an observable grows with a setting of the sweep: a power of width, learning rate, output scale."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np

from ..trial_runs import TrialRun, grouped
from .estimator import ESTIMATORS, CannotTell, Estimator, Reading
from .one_setting import excess, misfit, slope


@ESTIMATORS.register
@dataclasses.dataclass(frozen=True)
class SettingExponent(Estimator):
    """``d ln v / d ln s`` by least squares over the values of a setting s.

    ``of`` says what v is of the runs of one setting: ``end`` the mean over seeds of the last value, ``late`` of the
    mean over x from .5, ``change`` of the last less the first, ``spread`` the variance over seeds of the last value,
    ``relative-spread`` that of its logarithm.

    Facts: ``settings``, how many there are; ``span``, the largest over the smallest; ``misfit``, the largest distance
    of ln v from the line.

    Attributes
    ----------
    setting : its name among the runs' settings, such as ``width``, ``peak_lr`` or ``family.output_scale``.
    of : what is read off the runs.
    floor : ``known`` takes off the known irreducible loss, ``none`` nothing.
    """

    name: ClassVar[str] = "setting-exponent"
    summary: ClassVar[str] = "d ln v / d ln s over the values of a setting"
    facts: ClassVar[Mapping[str, str]] = {
        "settings": "the number of settings",
        "span": "the largest setting over the smallest",
        "misfit": "the largest distance of the logarithm from the power law",
    }
    setting: str = "width"
    of: Literal["end", "late", "change", "spread", "relative-spread"] = "end"
    floor: Literal["known", "none"] = "none"

    def measure(self, runs: Sequence[TrialRun], observable: str) -> Reading:
        if any(self.setting not in run.settings for run in runs):
            raise CannotTell(f"runs have no setting {self.setting!r}, they have {', '.join(runs[0].settings)}")
        by_value = grouped(runs, lambda run: run.settings[self.setting])
        if len(by_value) < 2:
            raise CannotTell(f"{self.setting} has one value only")
        u = np.log(list(by_value))
        found = np.array([self._read(each, observable) for each in by_value.values()])
        if (found <= 0).any():
            raise CannotTell(f"a power law is of positive values, and {self.of} is {found.min():.3g} somewhere")
        y = np.log(found)
        facts = {"settings": float(len(u)), "span": float(np.exp(u[-1] - u[0])), "misfit": misfit(u, y)}
        return Reading(value=slope(u, y), facts=facts)

    def _read(self, runs: Sequence[TrialRun], observable: str) -> float:
        steps, _, values = excess(runs, observable, self.floor)
        last = values[:, -1]
        if self.of == "spread":
            return float(last.var(ddof=1))
        if self.of == "relative-spread":
            return float(np.log(last).var(ddof=1)) if (last > 0).all() else 0.0
        if self.of == "change":
            return float(np.abs((last - values[:, 0]).mean()))
        if self.of == "late":
            return float(values[:, steps >= steps[-1] / 2].mean())
        return float(last.mean())

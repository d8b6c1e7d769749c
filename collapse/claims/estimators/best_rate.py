"""How the best learning rate moves with a setting."""

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
class BestRateExponent(Estimator):
    """``d ln eta* / d ln s``: eta* the learning rate of the lowest end value at each value of a setting s.

    The lowest point of a parabola through ln value on ln eta at the best rate and its two neighbours, of means over
    seeds. Facts: ``interior``, the share of the settings whose best rate lies inside the rates that were tried; 1 where
    all do. ``settings``, how many there are.

    Attributes
    ----------
    setting : its name, such as ``width``.
    """

    name: ClassVar[str] = "best-rate"
    summary: ClassVar[str] = "d ln (best learning rate) / d ln s over the values of a setting"
    facts: ClassVar[Mapping[str, str]] = {
        "interior": "the share of settings whose best rate lies inside the rates tried",
        "settings": "the number of settings",
    }
    setting: str = "width"

    def measure(self, runs: Sequence[TrialRun], observable: str) -> Reading:
        by_value = grouped(runs, lambda run: run.settings.get(self.setting, np.nan))
        if len(by_value) < 2:
            raise CannotTell(f"{self.setting} has one value only")
        found, inside = zip(*(self._best(each, observable) for each in by_value.values()), strict=True)
        facts = {"interior": float(np.mean(inside)), "settings": float(len(found))}
        return Reading(value=slope(np.log(list(by_value)), np.array(found)), facts=facts)

    @staticmethod
    def _best(runs: Sequence[TrialRun], observable: str) -> tuple[float, bool]:
        """ln of the best rate, and whether it lies inside."""
        by_rate = grouped(runs, lambda run: run.settings["peak_lr"])
        if len(by_rate) < 3:
            raise CannotTell(f"{len(by_rate)} learning rates were tried, a best one needs three")
        rates = np.log(list(by_rate))
        ends = np.array([np.log(stacked(each, observable)[2][:, -1].mean()) for each in by_rate.values()])
        best = int(np.argmin(ends))
        if best in (0, len(rates) - 1):
            return float(rates[best]), False
        near = slice(best - 1, best + 2)
        square, line, _ = np.polyfit(rates[near] - rates[best], ends[near], 2)
        return float(rates[best] - line / (2 * square)), True

"""How an observable approaches its limit as a setting grows."""

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
class CorrectionPower(Estimator):
    """``d ln |v(s) - v(next s)| / d ln s`` of the last value, for values of a setting that grow by one factor.

    For ``v = limit + c s^-p`` it is -p, with no limit to be fitted. v is a mean over seeds, which share their data. A
    change of sign has no power law: ``signs`` is 1 where all differences have one sign.

    Facts: ``signs``, the share of differences with the commoner sign; ``clear``, the smallest difference over its
    standard error, by seeds; ``share``, the largest difference over the smallest value.

    Attributes
    ----------
    setting : its name, such as ``width``.
    """

    name: ClassVar[str] = "correction-power"
    summary: ClassVar[str] = "how an observable approaches its limit as a setting grows by one factor"
    facts: ClassVar[Mapping[str, str]] = {
        "signs": "the share of differences with one sign",
        "clear": "the smallest difference over its standard error",
        "share": "the largest difference over the smallest loss",
    }
    setting: str = "width"

    def measure(self, runs: Sequence[TrialRun], observable: str) -> Reading:
        by_value = grouped(runs, lambda run: run.settings.get(self.setting, np.nan))
        sizes = np.array(list(by_value))
        if len(sizes) < 3:
            raise CannotTell(f"{self.setting} has {len(sizes)} values, differences that fall need three")
        factors = sizes[1:] / sizes[:-1]
        if np.ptp(factors) > 0.05 * factors[0]:
            raise CannotTell(f"the values of {self.setting} do not grow by one factor")
        ends = np.stack([self._ends(each, observable) for each in by_value.values()])
        apart = ends[:-1] - ends[1:]
        mean, error = apart.mean(axis=1), apart.std(axis=1, ddof=1) / np.sqrt(apart.shape[1])
        if (mean == 0).any():
            raise CannotTell("two values of the setting give the same number")
        positive = float((mean > 0).mean())
        facts = {
            "signs": max(positive, 1 - positive),
            "clear": float(np.min(np.abs(mean) / np.where(error > 0, error, np.finfo(float).tiny))),
            "share": float(np.abs(mean).max() / np.abs(ends.mean(axis=1)).min()),
        }
        return Reading(value=slope(np.log(sizes[:-1]), np.log(np.abs(mean))), facts=facts)

    @staticmethod
    def _ends(runs: Sequence[TrialRun], observable: str) -> np.ndarray:
        ordered = sorted(runs, key=lambda run: run.seed)
        return stacked(ordered, observable)[2][:, -1]

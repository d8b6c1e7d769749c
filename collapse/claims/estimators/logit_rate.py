"""How fast a share grows that follows a logistic curve."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from ..trial_runs import TrialRun
from .estimator import ESTIMATORS, CannotTell, Estimator, Reading
from .one_setting import misfit, slope, stacked

_FEWEST = 3


@ESTIMATORS.register
@dataclasses.dataclass(frozen=True)
class LogitRate(Estimator):
    """``d ln[v/(1-v)] / d tau`` over the predicted ``rate``, where ``low < v < high``; mean over seeds.

    A logistic curve has a constant one, wherever it begins. Facts: ``points``, the fewest evaluations of a seed between
    the two; ``misfit``, the largest distance of a seed's logit from its line.

    Attributes
    ----------
    rate : what the slope is predicted to be.
    low, high : the range of v.
    """

    name: ClassVar[str] = "logit-rate"
    summary: ClassVar[str] = "d ln[v/(1-v)] / d tau over a predicted rate"
    facts: ClassVar[Mapping[str, str]] = {
        "points": "the number of evaluations on the curve",
        "misfit": "the largest distance of the logit from its line",
    }
    rate: float = 1.0
    low: float = 0.03
    high: float = 0.97

    def measure(self, runs: Sequence[TrialRun], observable: str) -> Reading:
        _, tau, values = stacked(runs, observable)
        slopes, counts, misfits = [], [], []
        for v in values:
            inside = (v > self.low) & (v < self.high)
            if inside.sum() < _FEWEST:
                raise CannotTell(f"{inside.sum()} evaluations of a seed lie between {self.low:g} and {self.high:g}")
            u, y = tau[inside], np.log(v[inside] / (1 - v[inside]))
            slopes.append(slope(u, y))
            counts.append(inside.sum())
            misfits.append(misfit(u, y))
        return Reading(
            value=float(np.mean(slopes)) / self.rate,
            facts={"points": float(min(counts)), "misfit": float(max(misfits))},
        )

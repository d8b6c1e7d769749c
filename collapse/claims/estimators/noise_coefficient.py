"""By how much of the gradients' noise SGD holds the loss above that of a smaller rate."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from ..trial_runs import TrialRun, grouped
from .estimator import ESTIMATORS, CannotTell, Estimator, Reading
from .one_setting import stacked


@ESTIMATORS.register
@dataclasses.dataclass(frozen=True)
class NoiseCoefficient(Estimator):
    """``alpha`` of ``L = F(tau) + alpha eta tr Sigma``, from the smallest and the largest of several constant rates.

    ``(mean L_2 - mean L_1) / (eta_2 tr Sigma_2 - eta_1 tr Sigma_1)``, means over a window at equal integrals tau of the
    rate and over seeds, so that F drops out. tr Sigma is that of a batch's gradient: of an example's, over the batch
    size. Facts: ``clear``, the difference of the losses over its standard error, by seeds; ``apart``, the largest rate
    over the smallest.

    Attributes
    ----------
    trace : the observable that is the trace of the covariance of single examples' gradients.
    start, end : the window in x.
    """

    name: ClassVar[str] = "noise-coefficient"
    summary: ClassVar[str] = "loss above that of a smaller rate, over rate and trace of the gradients' covariance"
    facts: ClassVar[Mapping[str, str]] = {
        "clear": "the difference of the losses over its standard error",
        "apart": "the largest rate over the smallest",
    }
    trace: str = "gradient_noise"
    start: float = 0.5
    end: float = 1.0

    def measure(self, runs: Sequence[TrialRun], observable: str) -> Reading:
        by_rate = grouped(runs, lambda run: run.settings["peak_lr"])
        if len(by_rate) < 2:
            raise CannotTell("one rate alone has nothing to be compared with")
        slow, fast = min(by_rate), max(by_rate)
        ends = [float(by_rate[rate][0].tau[-1]) for rate in (slow, fast)]
        if abs(ends[1] / ends[0] - 1) > 0.05:
            raise CannotTell(f"the rates' integrals end at {ends[0]:.3g} and {ends[1]:.3g}, not together")
        low, high = (self._late(by_rate[rate], observable) for rate in (slow, fast))
        noise = [
            rate * self._late(by_rate[rate], self.trace).mean() / self._batch(by_rate[rate]) for rate in (slow, fast)
        ]
        if noise[1] <= noise[0]:
            raise CannotTell("the larger rate has no more noise than the smaller one")
        error = np.sqrt(sum(each.var(ddof=1) / len(each) if len(each) > 1 else 0.0 for each in (low, high)))
        apart = high.mean() - low.mean()
        clear = float(apart / error) if error > 0 else float("inf")
        return Reading(value=float(apart / (noise[1] - noise[0])), facts={"clear": clear, "apart": fast / slow})

    def _late(self, runs: Sequence[TrialRun], observable: str) -> np.ndarray:
        """``(n,)`` mean of each run over the window."""
        steps, _, values = stacked(runs, observable)
        x = steps / runs[0].steps[-1]
        inside = (x >= self.start) & (x <= self.end)
        if not inside.any():
            raise CannotTell("no evaluation lies in the window")
        return values[:, inside].mean(axis=1)

    @staticmethod
    def _batch(runs: Sequence[TrialRun]) -> float:
        return runs[0].settings["batch_size"]

"""SGD whose noise is known: the loss and the trace of its gradients' covariance by an exact recursion."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from ....results.quantity import stored_name
from ..trial_runs import TrialRun
from .truth import TRUTHS, ExactSystem, evaluations, made, noisy


@TRUTHS.register
@dataclasses.dataclass(frozen=True)
class SgdNoise(ExactSystem):
    """SGD on least squares with Gaussian inputs and noisy labels at two rates, over equal integrals of the rate.

    Of the loss ``(x^T w - y)^2`` with eigenvalues l and second moments m of the error, ``S = sum l m`` and label noise
    s^2, by Gaussian fourth moments: ``m <- (1 - 2 eta l)^2 m + 4 eta^2/B (l^2 m + l (S + s^2))``, and the trace of
    the covariance of an example's gradient is ``4 sum (l^2 m + l (S + s^2))``. Where all directions are relaxed the
    excess is ``eta tr Sigma / (4 B)`` up to a share of order eta. With ``relaxed`` false it ends long before.
    """

    name: ClassVar[str] = "sgd-noise"
    summary: ClassVar[str] = "least squares by SGD with its gradients' noise: a quarter of rate times trace"
    relaxed: bool = True
    noise: float = 0.0005
    seeds: int = 5

    def runs(self, observable: str, rng: np.random.Generator) -> list[TrialRun]:
        found = []
        for rate in (0.005, 0.01):
            last = round((40 if self.relaxed else 0.4) / rate)
            steps = np.unique(np.round(evaluations(last))).astype(int)
            loss, trace = (curve[steps] for curve in self._curves(rate, last))
            settings = {"size": 16.0, "peak_lr": rate, "batch_size": 4.0}
            for seed in range(self.seeds):
                run = made(observable, seed, steps, noisy(loss, self.noise, rng), settings)
                both = {stored_name(observable): run.of(observable), "gradient_noise": noisy(trace, self.noise, rng)}
                found.append(dataclasses.replace(run, observed=both))
        return found

    @staticmethod
    def _curves(
        rate: float, last: int, batch: float = 4.0, label_variance: float = 0.5
    ) -> tuple[np.ndarray, np.ndarray]:
        eigenvalues = np.arange(1.0, 17.0) ** -0.5
        moments, losses, traces = np.full(16, 0.1), [], []
        for _ in range(last + 1):
            learned = eigenvalues @ moments
            spread = eigenvalues**2 * moments + eigenvalues * (learned + label_variance)
            losses.append(learned + label_variance)
            traces.append(4 * spread.sum())
            moments = (1 - 2 * rate * eigenvalues) ** 2 * moments + 4 * rate**2 / batch * spread
        return np.array(losses), np.array(traces)

"""SGD whose critical batch size is known: least squares on isotropic Gaussian inputs, by an exact recursion."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from ..trial_runs import TrialRun
from .truth import TRUTHS, ExactSystem, made, noisy


@TRUTHS.register
@dataclasses.dataclass(frozen=True)
class CriticalBatch(ExactSystem):
    """One-pass SGD on least squares with d isotropic Gaussian inputs and no noise on the labels, at five batch sizes.

    An update with the rate eta takes the expected loss times ``(1 - eta)^2 + eta^2 (d + 1)/B``, for the noise scale is
    ``B_noise = d + 1`` exactly. At rates of ``eta_max / (1 + B_noise/B)`` that is ``1 - (2 eta_max - eta_max^2) /
    (1 + B_noise/B)``, so that updates to a target are ``S_min (1 + B_noise/B)`` up to a share of order eta_max
    (McCandlish et al. 2018, arXiv 1812.06162). With ``adapted`` false all batch sizes have the rate eta_max, and the
    hyperbola is none.
    """

    name: ClassVar[str] = "critical-batch"
    summary: ClassVar[str] = "SGD on isotropic least squares at five batch sizes: updates to a target are a hyperbola"
    adapted: bool = True
    rate: float = 0.1
    inputs: int = 63
    noise: float = 0.005
    seeds: int = 5

    def runs(self, observable: str, rng: np.random.Generator) -> list[TrialRun]:
        found, scale = [], self.inputs + 1
        for batch in (4, 16, 64, 256, 1024):
            rate = self.rate / (1 + scale / batch) if self.adapted else self.rate
            steps = np.unique(np.round(np.geomspace(1, 30 * (1 + scale / batch), 60)))
            clean = ((1 - rate) ** 2 + rate**2 * scale / batch) ** np.append(0, steps)
            settings = {"size": float(self.inputs), "peak_lr": rate, "batch_size": float(batch)}
            for seed in range(self.seeds):
                values = noisy(clean, self.noise, rng)
                found.append(made(observable, seed, np.append(0, steps), values, settings))
        return found

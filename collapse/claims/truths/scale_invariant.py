"""Weights whose length the loss does not see: how far an update turns them under momentum and weight decay."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from ..trial_runs import TrialRun
from .truth import TRUTHS, ExactSystem, evaluations, made


@TRUTHS.register
@dataclasses.dataclass(frozen=True)
class MomentumRotation(ExactSystem):
    """Scale-invariant weights under SGD with momentum b and weight decay; the observable is the angle of an update.

    Gradients are noise orthogonal to the weights, of length ``1/|w|``, as those of a loss that does not depend on the
    length of w. Momentum makes the length grow by ``eta^2 |g|^2 / (1 - b)^2`` and decay makes it fall by
    ``2 eta lambda |w|^2 / (1 - b)`` an update; where both are equal an update, of ``eta |g| / sqrt(1 - b^2)``, turns
    the weights by ``sqrt(2 eta lambda / (1 + b))`` (Kosson, Messmer and Jaggi 2023, arXiv 2305.17212). Two rates.
    """

    name: ClassVar[str] = "momentum-rotation"
    summary: ClassVar[str] = "scale-invariant weights under SGD with momentum and decay turn by a constant angle"
    momentum: float = 0.9
    weight_decay: float = 0.01
    dimension: int = 400
    steps: int = 3000
    seeds: int = 5

    def runs(self, observable: str, rng: np.random.Generator) -> list[TrialRun]:
        steps, found = np.unique(np.round(evaluations(self.steps))), []
        for rate in (0.05, 0.1):
            settings = {"size": float(self.dimension), "peak_lr": rate, "optimizer.weight_decay": self.weight_decay}
            for seed in range(self.seeds):
                found.append(made(observable, seed, steps, self._angles(rate, steps, rng), settings))
        return found

    def _angles(self, rate: float, wanted: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        places, angles = set(wanted.astype(int)), []
        weights, kept = 1.5 * self.dimension**-0.5 * rng.standard_normal(self.dimension), np.zeros(self.dimension)
        for step in range(self.steps + 1):
            square = weights @ weights
            noise = rng.standard_normal(self.dimension)
            noise -= (noise @ weights) / square * weights
            kept = self.momentum * kept + noise / np.sqrt(square * (noise @ noise)) + self.weight_decay * weights
            after = weights - rate * kept
            if step in places:
                cosine = weights @ after / np.sqrt(square * (after @ after))
                angles.append(np.arccos(np.clip(cosine, -1, 1)))
            weights = after
        return np.array(angles)

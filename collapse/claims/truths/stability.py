"""Gradient descent at the edge of stability, and weights that turn at a constant angle."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from ..trial_runs import TrialRun
from .truth import TRUTHS, ExactSystem, evaluations, made


@TRUTHS.register
@dataclasses.dataclass(frozen=True)
class EdgeOfStability(ExactSystem):
    """Gradient descent on ``L = (1 - x^2 y^2)^2 / 16`` from a sharp start; the observable is the sharpness.

    It settles where the sharpness is ``2/eta`` less a share of about ``eta^2 / 64``, wherever it began (Zhu, Wang,
    Wang, Zhou and Ge 2023, arXiv 2210.03294); with heavy-ball ``momentum`` b at ``(2 + 2b)/eta``. With ``stable`` it
    begins in a flat valley and stays there.
    """

    name: ClassVar[str] = "edge-of-stability"
    summary: ClassVar[str] = "gradient descent on (1 - x^2 y^2)^2 / 16, whose sharpness settles at 2/eta"
    stable: bool = False
    momentum: float = 0.0
    steps: int = 20_000
    seeds: int = 5

    def runs(self, observable: str, rng: np.random.Generator) -> list[TrialRun]:
        found, steps = [], np.unique(np.round(evaluations(self.steps)))
        starts = rng.uniform(0.05, 0.1, size=self.seeds) * (1 - self.momentum)
        for rate in (0.1, 0.2):
            for seed in range(self.seeds):
                # At a minimum xy = 1 the sharpness is (x^2 + y^2)/2.
                edge = (2 + 2 * self.momentum) / rate
                target = 0.7 * edge if self.stable else edge + 2.0 * (1 - self.momentum)
                x = np.sqrt(target + np.sqrt(max(target**2 - 1, 0.0)))
                values = self._sharpness(x, (1 + starts[seed]) / x, rate, steps)
                found.append(made(observable, seed, steps, values, {"size": 2.0, "peak_lr": rate}))
        return found

    def _sharpness(self, x: float, y: float, rate: float, wanted: np.ndarray) -> np.ndarray:
        values, places, fast_x, fast_y = [], set(wanted.astype(int)), 0.0, 0.0
        for step in range(self.steps + 1):
            product = x * y
            if step in places:
                # Hessian of (1 - p^2)^2/16 with p = xy.
                first, second = -(1 - product**2) * product / 4, (3 * product**2 - 1) / 4
                hessian = np.array([[second * y * y, second * product + first], [0.0, second * x * x]])
                hessian[1, 0] = hessian[0, 1]
                values.append(np.linalg.eigvalsh(hessian)[-1])
            slope = -(1 - product**2) * product / 4
            fast_x, fast_y = self.momentum * fast_x + slope * y, self.momentum * fast_y + slope * x
            x, y = x - rate * fast_x, y - rate * fast_y
        return np.array(values)


@TRUTHS.register
@dataclasses.dataclass(frozen=True)
class RotationalEquilibrium(ExactSystem):
    """Weights that walk at random under AdamW; the observable is the angle of an update.

    Steps have the gradient's moments of white noise, so that Adam's are of nearly constant length. The angle settles at
    ``sqrt(2 eta lambda) sqrt((1 - beta1)/(1 + beta1))`` (Kosson, Messmer and Jaggi 2023, arXiv 2305.17212). Without
    ``decay`` the weights go on growing and the angle falls.
    """

    name: ClassVar[str] = "rotational-equilibrium"
    summary: ClassVar[str] = "weights that walk at random under AdamW turn by a constant angle an update"
    decay: bool = True
    rate: float = 0.01
    weight_decay: float = 0.5
    beta1: float = 0.9
    dimension: int = 1000
    steps: int = 1500
    seeds: int = 5

    def runs(self, observable: str, rng: np.random.Generator) -> list[TrialRun]:
        steps = np.unique(np.round(evaluations(self.steps)))
        settings = {"size": float(self.dimension), "peak_lr": self.rate, "optimizer.weight_decay": self.weight_decay}
        return [made(observable, seed, steps, self._angles(steps, rng), settings) for seed in range(self.seeds)]

    def _angles(self, wanted: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        places, angles = set(wanted.astype(int)), []
        weights, first, second = (np.zeros(self.dimension) for _ in range(3))
        weights += 0.1 * rng.standard_normal(self.dimension)
        for step in range(1, self.steps + 2):
            gradient = rng.standard_normal(self.dimension)
            first = self.beta1 * first + (1 - self.beta1) * gradient
            second = 0.999 * second + 0.001 * gradient**2
            move = first / (1 - self.beta1**step) / np.sqrt(second / (1 - 0.999**step))
            after = weights * (1 - self.rate * self.weight_decay * self.decay) - self.rate * move
            if step - 1 in places:
                cosine = weights @ after / np.linalg.norm(weights) / np.linalg.norm(after)
                angles.append(np.arccos(np.clip(cosine, -1, 1)))
            weights = after
        return np.array(angles)

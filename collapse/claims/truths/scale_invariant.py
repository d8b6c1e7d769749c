"""Weights whose length the loss does not see: what momentum, rate and weight decay make of them."""

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


@TRUTHS.register
@dataclasses.dataclass(frozen=True)
class DecayTimescale(ExactSystem):
    """AdamW on a loss that does not see the length of the weights, at rates and decays of one product.

    ``L = 1 - cos(w, u)`` with noise on the gradient, orthogonal to w. Adam's step has a length of its own, so that w
    times c, the rate times c and the decay over c turn the weights alike: once the length at the start is forgotten,
    after ``1/(eta lambda)`` updates, curves are a function of that time alone (Wang and Aitchison 2024, arXiv
    2405.13698). Where the loss is ``|w - u|^2 / 2`` and not ``invariant``, the rate decides the noise by itself.
    """

    name: ClassVar[str] = "decay-timescale"
    summary: ClassVar[str] = "AdamW on a scale-invariant loss, at rates and decays of one product"
    invariant: bool = True
    product: float = 0.005
    noise: float = 3.0
    dimension: int = 1200
    steps: int = 1200
    seeds: int = 5

    def runs(self, observable: str, rng: np.random.Generator) -> list[TrialRun]:
        steps, found = np.unique(np.round(evaluations(self.steps))), []
        for rate in (0.005, 0.01, 0.02):
            settings = {"size": float(self.dimension), "peak_lr": rate, "optimizer.weight_decay": self.product / rate}
            for seed in range(self.seeds):
                found.append(made(observable, seed, steps, self._losses(rate, steps, rng), settings))
        return found

    def _losses(self, rate: float, wanted: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        root, places, losses = self.dimension**0.5, set(wanted.astype(int)), []
        target, first, second = np.full(self.dimension, 1 / root), *np.zeros((2, self.dimension))
        weights = rng.standard_normal(self.dimension) / root
        for step in range(1, self.steps + 2):
            noise = self.noise * rng.standard_normal(self.dimension) / root
            length = np.sqrt(weights @ weights)
            cosine = weights @ target / length
            if step - 1 in places:
                losses.append(1 - cosine if self.invariant else np.square(weights - target).sum() / 2)
            gradient = (noise - target) if self.invariant else noise + weights - target
            if self.invariant:
                gradient = (gradient - (gradient @ weights) / length**2 * weights) / length
            first, second = 0.9 * first + 0.1 * gradient, 0.95 * second + 0.05 * gradient**2
            move = first / (1 - 0.9**step) / np.sqrt(second / (1 - 0.95**step))
            weights = weights * (1 - self.product) - rate * move
        return np.array(losses)

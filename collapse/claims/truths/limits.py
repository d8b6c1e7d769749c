"""Limits that are reached exactly: a lazy product of two numbers, the noise of Adam at two batch sizes, 1/width."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from ..trial_runs import TrialRun
from .truth import TRUTHS, ExactSystem, evaluations, made, noisy


@TRUTHS.register
@dataclasses.dataclass(frozen=True)
class LazyProduct(ExactSystem):
    """``f = alpha (u v - u' v')`` that learns 1 by gradient descent from ``u = u'`` and ``v = v'``.

    Its error follows the linearisation's, ``exp(-2 alpha^2 |(u, v)|^2 2 tau)``, where alpha is large, and the rate goes
    as ``1/alpha^2`` so that the curves of all alpha are one (Chizat, Oyallon and Bach 2019, arXiv 1812.07956). Where
    alpha is small the numbers have to grow first.
    """

    name: ClassVar[str] = "lazy-product"
    summary: ClassVar[str] = "a scaled product of two numbers, lazy where the scale is large"
    smallest: float = 16.0
    seeds: int = 5

    def runs(self, observable: str, rng: np.random.Generator) -> list[TrialRun]:
        found, steps = [], np.unique(np.round(evaluations(500)))
        starts = rng.normal(1.0, 0.05, size=(self.seeds, 2))
        for alpha in self.smallest * 2.0 ** np.arange(3):
            for seed, (u, v) in enumerate(starts):
                settings = {"size": 4.0, "peak_lr": 0.001 / alpha**2, "family.output_scale": float(alpha)}
                found.append(made(observable, seed, steps, _lazy(alpha, u, v, steps, 0.001 / alpha**2), settings))
        return found


def _lazy(alpha: float, u: float, v: float, wanted: np.ndarray, rate: float) -> np.ndarray:
    losses, places, w, z = [], set(wanted.astype(int)), u, v
    for step in range(int(wanted[-1]) + 1):
        error = alpha * (u * v - w * z) - 1
        if step in places:
            losses.append(error**2)
        slope = 2 * rate * alpha * error
        u, v, w, z = u - slope * v, v - slope * u, w + slope * z, z + slope * w
    return np.array(losses)


@TRUTHS.register
@dataclasses.dataclass(frozen=True)
class AdamOnNoise(ExactSystem):
    """Adam on a quadratic whose gradient is mostly noise of standard deviation ``1/sqrt(batch)``.

    Batch sizes of 1, 2 and 4 times a first one, rates that follow to the power ``rule`` and 1, 1/2 and 1/4 of the
    updates, moments that average over as many examples. With the square root the curves are one (Malladi, Lyu,
    Panigrahi and Arora 2022, arXiv 2205.10287).
    """

    name: ClassVar[str] = "adam-on-noise"
    summary: ClassVar[str] = "Adam on a quadratic under noise, at several batch sizes"
    rule: float = 0.5
    rate: float = 0.002
    noise: float = 20.0
    dimension: int = 1500
    seeds: int = 4

    def runs(self, observable: str, rng: np.random.Generator) -> list[TrialRun]:
        found = []
        for times in (1, 2, 4):
            steps = np.unique(np.round(evaluations(1600 // times)))
            settings = {"size": 1.0, "peak_lr": self.rate * times**self.rule, "batch_size": float(times)}
            for seed in range(self.seeds):
                found.append(made(observable, seed, steps, self._losses(times, steps, rng), settings))
        return found

    def _losses(self, times: int, wanted: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        beta1, beta2 = 0.9**times, 0.99**times
        weights, first, second = (np.zeros(self.dimension) for _ in range(3))
        weights += 1.0
        losses, places = [], set(wanted.astype(int))
        for step in range(1, int(wanted[-1]) + 2):
            if step - 1 in places:
                losses.append(np.square(weights).mean())
            gradient = weights + self.noise * times**-0.5 * rng.standard_normal(self.dimension)
            first = beta1 * first + (1 - beta1) * gradient
            second = beta2 * second + (1 - beta2) * gradient**2
            move = first / (1 - beta1**step) / np.sqrt(second / (1 - beta2**step))
            weights = weights - self.rate * times**self.rule * move
        return np.array(losses)


@TRUTHS.register
@dataclasses.dataclass(frozen=True)
class FiniteWidth(ExactSystem):
    """A last value of ``1 + width^-power`` with noise between seeds that all widths share in part."""

    name: ClassVar[str] = "finite-width"
    summary: ClassVar[str] = "a last value that approaches its limit as a power of the width"
    power: float = 1.0
    noise: float = 0.002
    seeds: int = 8

    def runs(self, observable: str, rng: np.random.Generator) -> list[TrialRun]:
        steps, found = evaluations(100), []
        shared = self.noise * rng.normal(size=self.seeds)
        for width in 8.0 * 2.0 ** np.arange(4):
            for seed in range(self.seeds):
                clean = np.full(len(steps), (1 + 4 * width**-self.power) * np.exp(shared[seed]))
                settings = {"size": width**2, "width": float(width)}
                found.append(made(observable, seed, steps, noisy(clean, self.noise / 4, rng), settings))
        return found

"""Features that are known exactly: random ones of a kernel, unconstrained ones, those of balanced linear networks."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np
from scipy.special import softmax

from ....results.grams import Gram
from ..trial_runs import TrialRun
from .truth import TRUTHS, ExactSystem, evaluations, made


@TRUTHS.register
@dataclasses.dataclass(frozen=True)
class RandomKernelFeatures(ExactSystem):
    """``width`` Gaussian features of one kernel, so that 1 - CKA between draws goes as ``1/width``.

    ``H = K^(1/2) G / sqrt(width)`` has the kernel K in the mean and fluctuates about it as ``1/sqrt(width)``. With a
    ``private`` part each seed has a kernel of its own beside the shared one, and CKA does not tend to 1.
    """

    name: ClassVar[str] = "random-kernel-features"
    summary: ClassVar[str] = "random features of a kernel: CKA between seeds tends to 1 as 1/width"
    private: float = 0.0
    examples: int = 64
    seeds: int = 16

    def runs(self, observable: str, rng: np.random.Generator) -> list[TrialRun]:
        found, n, steps = [], self.examples, evaluations(100)
        decay = np.arange(1, 9) ** -0.5
        shared = rng.normal(size=(n, 8)) * decay
        own = [
            np.concatenate([shared, self.private * rng.normal(size=(n, 8)) * decay], axis=1) for _ in range(self.seeds)
        ]
        for width in (32, 64, 128):
            for seed in range(self.seeds):
                features = own[seed] @ rng.normal(size=(16, width)) / width**0.5
                features -= features.mean(axis=0)
                about = {"layer": "last", "features": width, "inputs": "truth", "matrix": features @ features.T}
                run = made(observable, seed, steps, 0 * steps, {"size": width**2, "width": float(width)})
                grams = [Gram(**about, step=0), Gram(**about, step=int(steps[-1]))]
                found.append(dataclasses.replace(run, grams=grams))
        return found


@TRUTHS.register
@dataclasses.dataclass(frozen=True)
class UnconstrainedFeatures(ExactSystem):
    """Features that are parameters themselves, with a linear readout, cross-entropy and weight decay.

    Gradient descent leads them to a simplex: cosines of centred class means of ``-1/(C - 1)`` (Zhu et al. 2021, arXiv
    2105.02375). The observable is the mean distance of the cosines from that. Where they are not ``moving``, the
    readout alone learns.
    """

    name: ClassVar[str] = "unconstrained-features"
    summary: ClassVar[str] = "features that are parameters collapse to a simplex"
    classes: int = 4
    examples: int = 5
    width: int = 8
    moving: bool = True
    decay: float = 0.005
    seeds: int = 5

    def runs(self, observable: str, rng: np.random.Generator) -> list[TrialRun]:
        steps = np.unique(np.round(evaluations(3000)))
        settings = {"size": 100.0, "peak_lr": 1.0}
        found = []
        for seed in range(self.seeds):
            distances, losses = self._curves(steps, rng)
            run = made(observable, seed, steps, distances, settings)
            found.append(dataclasses.replace(run, observed={**run.observed, "train_loss": losses}))
        return found

    def _curves(self, steps: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Distances of the cosines and cross-entropies at the steps."""
        classes = np.repeat(np.arange(self.classes), self.examples)
        features, readout = (rng.normal(size=(n, self.width)) for n in (len(classes), self.classes))
        target, wanted, found = np.eye(self.classes)[classes], set(steps.astype(int)), []
        for step in range(int(steps[-1]) + 1):
            share = softmax(features @ readout.T, axis=1)
            if step in wanted:
                loss = -np.log(share[np.arange(len(classes)), classes]).mean()
                found.append((self._distance(features, classes), loss))
            error = share - target
            slopes = error @ readout + self.decay * features, error.T @ features / self.examples + self.decay * readout
            features, readout = features - 0.5 * self.moving * slopes[0], readout - 0.5 * slopes[1]
        distances, losses = np.array(found).T
        return distances, losses

    def _distance(self, features: np.ndarray, classes: np.ndarray) -> float:
        means = np.array([features[classes == c].mean(axis=0) for c in range(self.classes)])
        unit = means - means.mean(axis=0)
        unit /= np.linalg.norm(unit, axis=1, keepdims=True)
        apart = ~np.eye(self.classes, dtype=bool)
        return float(np.abs((unit @ unit.T)[apart] + 1 / (self.classes - 1)).mean())


@TRUTHS.register
@dataclasses.dataclass(frozen=True)
class BalancedLinear(ExactSystem):
    """The first of ``depth`` balanced matrices whose product is known, and the power of its feature ansatz.

    Balanced, ``W_1^T W_1 = (M^T M)^(1/depth)`` of the product M, which is the gradient of the outputs; the observable
    is the power a, of .05, .1 to 2, at which ``W_1^T W_1`` correlates best with ``(M^T M)^a``, and beside it stands the
    imbalance. With another ``share`` the first matrix has that many times its part of M, which no balanced network has.
    """

    name: ClassVar[str] = "balanced-linear"
    summary: ClassVar[str] = "feature ansatz of balanced linear networks: the power is one over the depth"
    share: float = 1.0
    inputs: int = 8
    seeds: int = 5

    def runs(self, observable: str, rng: np.random.Generator) -> list[TrialRun]:
        steps, found = evaluations(100), []
        for depth in (2, 4):
            for seed in range(self.seeds):
                values = rng.uniform(0.5, 2.0, size=self.inputs)
                basis = np.linalg.qr(rng.normal(size=(self.inputs, self.inputs)))[0]
                power = self._power(basis, values, self.share / depth)
                settings = {"size": float(depth * self.inputs**2), "family.depth": float(depth)}
                run = made(observable, seed, steps, np.full(len(steps), power), settings)
                found.append(dataclasses.replace(run, observed={**run.observed, "layer_balance": 0 * steps}))
        return found

    @staticmethod
    def _power(basis: np.ndarray, values: np.ndarray, share: float) -> float:
        """Of ``M^T M = basis values basis^T`` and ``W_1^T W_1`` with the values to a share of it."""
        first = ((basis * values**share) @ basis.T).ravel()
        powers = 0.05 * np.arange(1, 41)
        alike = [np.corrcoef(first, ((basis * values**power) @ basis.T).ravel())[0, 1] for power in powers]
        return float(powers[int(np.argmax(alike))])

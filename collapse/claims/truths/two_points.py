"""Two points that are learned by two matrices: gradient descent whose curves are known."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from ..trial_runs import TrialRun
from .truth import TRUTHS, ExactSystem, made


@TRUTHS.register
@dataclasses.dataclass(frozen=True)
class TwoPoints(ExactSystem):
    """A network of two matrices that learns two opposite points by gradient descent, from small aligned weights.

    The second matrix begins as ``p u^T``, with u the direction in which the first one parts the points, and stays of
    that form. Then the equations of van Rossem and Saxe (2024, arXiv 2402.09142) hold exactly in the limit of small
    steps, with both of their rates ``eta_h = eta_y = 1/2`` for the loss ``sum |e|^2 / 4`` over the two points. Where
    the second matrix begins ``frozen``, at random and large, features are learned for a readout that hardly moves, and
    the curves are others.
    """

    name: ClassVar[str] = "two-points"
    summary: ClassVar[str] = "two matrices that learn two points from small aligned weights"
    frozen: float = 0.0
    scale: float = 0.02
    width: int = 16
    outputs: int = 4
    rate: float = 0.02
    steps: int = 1500
    seeds: int = 4

    def runs(self, observable: str, rng: np.random.Generator) -> list[TrialRun]:
        steps = np.unique(np.round(np.append(0, np.geomspace(10, self.steps, 80)))).astype(int)
        settings, found = {"size": float(self.width * 12), "peak_lr": self.rate}, []
        for seed in range(self.seeds):
            features, outputs, error = self._curves(rng)[:, steps]
            run = made(observable, seed, steps, features, settings)
            both = {**run.observed, "pair_outputs": outputs, "pair_error": error}
            found.append(dataclasses.replace(run, observed=both))
        return found

    def _curves(self, rng: np.random.Generator) -> np.ndarray:
        """``(3, steps + 1)`` h, y and w, for ``|dx| = 2`` and ``|dy| = 1``; of the first matrix ``W dx`` is enough."""
        parted, target, toward = (rng.standard_normal(n) for n in (self.width, self.outputs, self.outputs))
        parted, target = self.scale * parted / self.width**0.5, target / np.linalg.norm(target)
        second = self.scale * np.outer(toward / self.outputs**0.5, parted / np.linalg.norm(parted))
        if self.frozen:
            second = self.frozen * rng.standard_normal(second.shape) / self.width**0.5
        found = []
        for _ in range(self.steps + 1):
            made_of = second @ parted
            found.append((parted @ parted / 4, made_of @ made_of, made_of @ (made_of - target)))
            error = made_of - target
            # Half of each difference is one point's, x = +-dx/2: the gradient of W is second^T e dx^T / 4.
            parted, second = (
                parted - self.rate * second.T @ error,  # |dx|^2 / 4 = 1
                second - self.rate * np.outer(error, parted) / 4,
            )
        return np.array(found).T

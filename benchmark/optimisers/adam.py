"""Adam."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from .arithmetic import adam_tables, adam_update
from .optimiser import OPTIMISERS, Optimiser, Pace, Weight


@dataclasses.dataclass(frozen=True)
class TwoMoments(Optimiser):
    """What keeps two moments of the gradient of every weight."""

    beta1: float = 0.9
    beta2: float = 0.95
    eps: float = 1e-8

    def check(self) -> None:
        self.refuse_outside(0, 1, "beta1", "beta2")
        self.refuse_unless_positive("eps")

    def slots(self, weight: Weight) -> tuple[str, ...]:
        return "first", "second"

    def tables(self, updates: int) -> dict[str, np.ndarray]:
        return adam_tables(updates, self.beta1, self.beta2)

    def preconditioner(self, weight: Weight, state: dict[str, Tensor], updates: int) -> Tensor:
        """``(1 - beta1**t) (sqrt(v / (1 - beta2**t)) + eps)`` after t updates (Cohen et al. 2022, `arXiv 2207.14484`).

        NaN before the first.
        """
        second = (state["second"] / (1 - self.beta2**updates)).sqrt() if updates else state["second"] * math.nan
        return (1 - self.beta1**updates) * (second + self.eps)

    def adam(
        self, weights: Sequence[Weight], grads: Sequence[Tensor], state: Sequence[dict[str, Tensor]], pace: Pace
    ) -> None:
        """Adam's step."""
        adam_update(weights, grads, state, pace, beta1=self.beta1, beta2=self.beta2, eps=self.eps)


@OPTIMISERS.register
@dataclasses.dataclass(frozen=True)
class Adam(TwoMoments):
    """Adam (Kingma and Ba 2015, `arXiv 1412.6980`).

    With the gradient g of update t = 1, 2, ..: ``m = beta1 m + (1 - beta1) g``, ``v = beta2 v + (1 - beta2) g**2`` and
    ``p -= rate / (1 - beta1**t) * m / (sqrt(v / (1 - beta2**t)) + eps)``.
    """

    name = "adam"
    summary = "steps of the size of the rate, by two moments of the gradient"

    def update(
        self, weights: Sequence[Weight], grads: Sequence[Tensor], state: Sequence[dict[str, Tensor]], pace: Pace
    ) -> None:
        self.adam(weights, grads, state, pace)

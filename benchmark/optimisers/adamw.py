"""Adam with decoupled weight decay, and the timescale of a decay."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from .arithmetic import adam_tables, adam_update, decay
from .optimiser import OPTIMISERS, Optimiser, Pace, Weight


@OPTIMISERS.register
@dataclasses.dataclass(frozen=True)
class AdamW(Optimiser):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019, `arXiv 1711.05101`): first ``p *= 1 - rate *
    weight_decay``, then Adam's step.

    All weights decay, biases and gains among them, as in torch. The decay has the learning rate of the schedule and not
    the multiplier of maximal update. A weight is an average of its steps over the last ``1 / (rate * weight_decay)``
    updates; that time has to stay the same share of the training at every width (Wang and Aitchison 2024,
    `arXiv 2405.13698`), and with the multiplier ``1 / m_in`` it would grow with the width, in some layers alone. See
    `timescale`.
    """

    name = "adamw"
    summary = "Adam with decoupled weight decay"
    beta1: float = 0.9
    beta2: float = 0.95
    eps: float = 1e-8
    weight_decay: float = 0.1

    def check(self) -> None:
        self.refuse_outside(0, 1, "beta1", "beta2")
        self.refuse_outside(0, math.inf, "weight_decay")
        self.refuse_unless_positive("eps")

    def slots(self, weight: Weight) -> tuple[str, ...]:
        return "first", "second"

    def tables(self, updates: int) -> dict[str, np.ndarray]:
        return adam_tables(updates, self.beta1, self.beta2)

    def update(
        self, weights: Sequence[Weight], grads: Sequence[Tensor], state: Sequence[dict[str, Tensor]], pace: Pace
    ) -> None:
        decay(weights, pace.rate, self.weight_decay)
        adam_update(weights, grads, state, pace, beta1=self.beta1, beta2=self.beta2, eps=self.eps)


@dataclasses.dataclass(frozen=True)
class Timescale:
    """Over how long a weight averages its steps: in updates, and in passes over the training examples."""

    updates: float
    passes: float | None = None


def timescale(
    rate: float, weight_decay: float, *, batch_size: int | None = None, examples: int | None = None
) -> Timescale | None:
    """Timescale of a decoupled decay.

    Parameters
    ----------
    rate : eta, learning rate; its peak, or its mean over the schedule.
    weight_decay : lambda.
    batch_size, examples : B and D, examples an update and in all; with both the passes are known.

    Returns
    -------
    Timescale or None
        ``1 / (eta lambda)`` updates and ``B / (eta lambda D)`` passes; None where nothing decays.
    """
    if rate * weight_decay == 0:
        return None
    updates = 1 / (rate * weight_decay)
    if batch_size is None or examples is None:
        return Timescale(updates)
    return Timescale(updates, updates * batch_size / examples)

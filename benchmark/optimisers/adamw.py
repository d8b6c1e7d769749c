"""Adam with decoupled weight decay, and the timescale of a decay."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from torch import Tensor

from .adam import TwoMoments
from .arithmetic import decay
from .optimiser import OPTIMISERS, Pace, Weight


@OPTIMISERS.register
@dataclasses.dataclass(frozen=True)
class AdamW(TwoMoments):
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
    weight_decay: float = 0.1

    def check(self) -> None:
        super().check()
        self.refuse_outside(0, math.inf, "weight_decay")

    def update(
        self, weights: Sequence[Weight], grads: Sequence[Tensor], state: Sequence[dict[str, Tensor]], pace: Pace
    ) -> None:
        decay(weights, pace.rate, self.weight_decay)
        self.adam(weights, grads, state, pace)


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

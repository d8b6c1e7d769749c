"""Lion."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from .arithmetic import blocks, columns, decay
from .optimiser import OPTIMISERS, Optimiser, Pace, Weight


@OPTIMISERS.register
@dataclasses.dataclass(frozen=True)
class Lion(Optimiser):
    """Lion (Chen et al. 2023, `arXiv 2302.06675`, algorithm 2): the sign of an interpolated momentum.

    ``p *= 1 - rate * weight_decay``, ``p -= rate * sign(beta1 m + (1 - beta1) g)``, ``m = beta2 m + (1 - beta2) g``.
    The entries of a step are 1, as Adam's are about 1, so its exponents and its rule for depth are Adam's; rates are
    three to ten times smaller. The decay goes without the multiplier, as in `adamw.AdamW`.
    """

    name = "lion"
    summary = "the sign of an interpolated momentum"
    beta1: float = 0.9
    beta2: float = 0.99
    weight_decay: float = 0.0

    def check(self) -> None:
        self.refuse_outside(0, 1, "beta1", "beta2")
        self.refuse_outside(0, math.inf, "weight_decay")

    def slots(self, weight: Weight) -> tuple[str, ...]:
        return ("momentum",)

    def update(
        self, weights: Sequence[Weight], grads: Sequence[Tensor], state: Sequence[dict[str, Tensor]], pace: Pace
    ) -> None:
        decay(weights, pace.rate, self.weight_decay)
        rates = columns(weights, lambda multiplier: -(pace.rate * multiplier))
        for p, g, m, by in blocks(weights, grads, [slots["momentum"] for slots in state], rates):
            between = torch._foreach_lerp(m, g, 1 - self.beta1)
            step = torch._foreach_sign(between)
            # torch's sign of NaN is 0: a network that diverged would stand still and look sound.
            torch._foreach_add_(step, between, alpha=0)
            torch._foreach_addcmul_(p, step, by, 1.0)
            torch._foreach_lerp_(m, g, 1 - self.beta2)

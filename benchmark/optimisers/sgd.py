"""Stochastic gradient descent."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ...architectures.exponents import SGD as LINEAR
from ...errors import InputError
from ..entry import later
from .arithmetic import blocks, columns
from .optimiser import OPTIMISERS, Optimiser, Pace, Weight


@OPTIMISERS.register
@dataclasses.dataclass(frozen=True)
class SGD(Optimiser):
    """Stochastic gradient descent, with heavy-ball or Nesterov's momentum and with weight decay as in torch.

    ``g += weight_decay / multiplier * p``, ``b = momentum b + g`` and ``p -= rate * multiplier * b``, or with
    ``nesterov`` ``p -= rate * multiplier * (g + momentum b)``. The decay is divided by the multiplier of maximal
    update, so that a weight decays by ``rate * weight_decay`` in an update at every width; see `adamw.AdamW`.
    """

    name = "sgd"
    summary = "the gradient times the rate, with momentum if wanted"
    exponents = LINEAR
    momentum: float = later(0.0)
    nesterov: bool = later(False)
    weight_decay: float = later(0.0)

    def check(self) -> None:
        self.refuse_outside(0, 1, "momentum")
        self.refuse_outside(0, math.inf, "weight_decay")
        if self.nesterov and not self.momentum:
            raise InputError("the optimiser 'sgd' has `nesterov` without a `momentum`; give one, such as 0.9")

    def slots(self, weight: Weight) -> tuple[str, ...]:
        return ("momentum",) if self.momentum else ()

    def preconditioner(self, weight: Weight, state: dict[str, Tensor], updates: int) -> Tensor:
        """1: momentum changes the threshold of stability and not the matrix."""
        return torch.ones_like(weight.tensor)

    def update(
        self, weights: Sequence[Weight], grads: Sequence[Tensor], state: Sequence[dict[str, Tensor]], pace: Pace
    ) -> None:
        if self.weight_decay:
            grads = [
                grad.add(weight.tensor, alpha=self.weight_decay / weight.multiplier)
                for weight, grad in zip(weights, grads, strict=True)
            ]
        if not self.momentum and pace.common is not None and weights[0].tensor.device.type == "cpu":
            for weight, grad in zip(weights, grads, strict=True):
                weight.tensor.add_(grad, alpha=-(pace.common * weight.multiplier))
            return
        rates = columns(weights, lambda multiplier: -(pace.rate * multiplier))
        kept = [slots["momentum"] for slots in state] if self.momentum else grads
        for p, g, b, by in blocks(weights, grads, kept, rates):
            step = g
            if self.momentum:
                torch._foreach_mul_(b, self.momentum)
                torch._foreach_add_(b, g)
                step = torch._foreach_add(g, b, alpha=self.momentum) if self.nesterov else b
            # Rounds as `add_(step, alpha=-rate)` above, which multiplies and adds at once, for a rate a replica.
            torch._foreach_addcmul_(p, step, by, 1.0)

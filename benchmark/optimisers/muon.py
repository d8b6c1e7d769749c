"""Muon: matrices step by an orthogonal matrix."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ...architectures.exponents import MUON
from .arithmetic import adam_tables, adam_update, columns, decay
from .optimiser import OPTIMISERS, Optimiser, Pace, Weight

# The quintic of the authors: steep at 0, and it keeps singular values between about 0.7 and 1.2.
_A, _B, _C = 3.4445, -4.7750, 2.0315
_TINY = 1e-7


@OPTIMISERS.register
@dataclasses.dataclass(frozen=True)
class Muon(Optimiser):
    """Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon) for hidden and narrow matrices, AdamW for the rest.

    ``b = momentum b + (1 - momentum) g``; what is orthogonalised is b, or with ``nesterov`` ``(1 - momentum) g +
    momentum b``. `orthogonalised` gives O, and ``p -= rate * multiplier * sqrt(fan_out / fan_in) * O``. The kernel of a
    convolution is the matrix ``(out, in * places)``, and stacked gates or queries, keys and values are one matrix.

    The scale is that of the spectral condition, as derived by Bernstein (jeremybernste.in/writing/deriving-muon) and
    without the authors' ``max(1, ..)``: a step then changes what any matrix puts out by as much, whether it widens or
    narrows, so that the exponents of the width are 0 (`exponents.MUON`) and no rung lies on the other side of a bend.
    It is ``adjust_lr_fn="spectral_unclamped"`` of torch. The iteration runs in the weights' own precision, where torch
    takes bfloat16.

    All other weights (input, output, vectors, and matrices that do not grow) take AdamW's step at ``ratio`` times the
    rate, with Adam's exponents. Every weight decays by ``rate * weight_decay``, without multiplier and ratio, so that
    all share one timescale; see `adamw.timescale`. Which weights are matrices follows from the roles that the ladder's
    ends give, so it is the same at every rung.
    """

    name = "muon"
    summary = "an orthogonal matrix times the rate for hidden matrices, AdamW for the rest"
    exponents = MUON
    momentum: float = 0.95
    nesterov: bool = True
    iterations: int = 5
    weight_decay: float = 0.1
    ratio: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.95
    eps: float = 1e-8

    def check(self) -> None:
        self.refuse_outside(0, 1, "momentum", "beta1", "beta2")
        self.refuse_outside(0, math.inf, "weight_decay")
        self.refuse_unless_positive("ratio", "eps")
        if not 1 <= self.iterations < 100:
            raise self.refuse("iterations", "between 1 and 99")

    def slots(self, weight: Weight) -> tuple[str, ...]:
        return ("momentum",) if _is_matrix(weight) else ("first", "second")

    def tables(self, updates: int) -> dict[str, np.ndarray]:
        return adam_tables(updates, self.beta1, self.beta2)

    def update(
        self, weights: Sequence[Weight], grads: Sequence[Tensor], state: Sequence[dict[str, Tensor]], pace: Pace
    ) -> None:
        decay(weights, pace.rate, self.weight_decay)
        rows = list(zip(weights, grads, state, strict=True))
        others = [row for row in rows if not _is_matrix(row[0])]
        adam = {"beta1": self.beta1, "beta2": self.beta2, "eps": self.eps, "ratio": self.ratio}
        adam_update([w for w, _, _ in others], [g for _, g, _ in others], [s for _, _, s in others], pace, **adam)
        matrices = [row for row in rows if _is_matrix(row[0])]
        rates = columns([weight for weight, *_ in matrices], lambda multiplier: -(pace.rate * multiplier))
        for (weight, grad, slots), rate in zip(matrices, rates, strict=True):
            kept = slots["momentum"].lerp_(grad, 1 - self.momentum)
            pushed = grad.lerp(kept, self.momentum) if self.nesterov else kept
            matrix = pushed.flatten(2) if weight.stacked else pushed.flatten(1)
            fan_out, fan_in = matrix.shape[-2:]
            step = orthogonalised(matrix, self.iterations).mul_(math.sqrt(fan_out / fan_in))
            weight.tensor.addcmul_(step.reshape(weight.tensor.shape), rate)


def orthogonalised(matrices: Tensor, iterations: int) -> Tensor:
    """About the nearest matrix with singular values 1, by the Newton-Schulz iteration of Muon.

    From ``X = M / |M|`` (Frobenius), ``X = 3.4445 X - 4.7750 (X X^T) X + 2.0315 (X X^T)**2 X``; after five iterations
    the singular values that were above about 1e-3 of the largest lie near 1.

    Parameters
    ----------
    matrices : ``(m, n)`` or ``(R, m, n)``.
    """
    norm = torch.linalg.vector_norm(matrices.flatten(-2), dim=-1)[..., None, None]
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices / norm.clamp(min=_TINY)
    x = x.mT if tall else x
    for _ in range(iterations):
        gram = x @ x.mT
        x = _A * x + (_B * gram + _C * (gram @ gram)) @ x
    return x.mT if tall else x


def _is_matrix(weight: Weight) -> bool:
    return weight.role in ("hidden", "narrow") and weight.tensor.dim() - weight.stacked > 1

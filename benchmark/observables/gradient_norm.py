"""The norm of the gradient that the next update will follow."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from ..replicas import Replicas
from .observable import OBSERVABLES, Observable, Probe


@OBSERVABLES.register
@dataclasses.dataclass(frozen=True)
class GradientNorm(Observable):
    """Euclidean norm of the gradient of the loss on the batch of the next update, over all parameters."""

    name = "gradient-norm"
    names = ("gradient_norm",)
    summary = "norm of the gradient on the batch of the next update"
    scale = "ratio"

    def measure(self, replicas: Replicas, probe: Probe) -> Tensor:
        probe.gradients()
        stacked = not hasattr(replicas, "model")
        squares = [
            _squares(p.grad.double() if stacked else p.grad.double()[None])
            for _, p in replicas.named_parameters()
            if p.grad is not None
        ]
        return torch.stack(squares).sum(0).sqrt()[:, None]


def _squares(gradients: Tensor) -> Tensor:
    """Sum of squares of each network's part, row by row, so that no sum depends on the number of rows."""
    return torch.stack([row.square().sum() for row in gradients])

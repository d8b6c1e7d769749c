"""How long the weights are."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from ..flattened import aligned, norm
from ..replicas import Replicas
from .by_layer import ByLayer, matrices
from .observable import OBSERVABLES, Probe


@OBSERVABLES.register
@dataclasses.dataclass(frozen=True)
class WeightNorm(ByLayer):
    """Euclidean norm of all matrices together, and of each."""

    name = "weight-norm"
    whole = "weight_norm"
    summary = "norm of the weights, of all matrices and of each"
    scale = "ratio"

    def measure(self, replicas: Replicas, probe: Probe) -> Tensor:
        each = torch.stack([norm(aligned(tensor.double().flatten(1))) for _, tensor in matrices(replicas)], dim=1)
        whole = torch.stack([row.square().sum().sqrt() for row in each])[:, None]
        return torch.cat([whole, each], dim=1) if self.layers else whole

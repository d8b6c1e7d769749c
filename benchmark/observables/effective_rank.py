"""Over how many directions the singular values of a layer are spread."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from ...datasets.dataset import Dataset
from ..replicas import Replicas
from .by_layer import ByLayer, spectra
from .observable import OBSERVABLES, Probe, Unmeasurable


@OBSERVABLES.register
@dataclasses.dataclass(frozen=True)
class EffectiveRank(ByLayer):
    """``exp(-sum p ln p)`` with ``p = s / sum s`` of the singular values s: Roy and Vetterli 2007.

    Of each matrix with at least two rows and columns, the kernel of a convolution as ``(out, in * places)``, and their
    mean. Missing for a matrix of zeros.
    """

    name = "effective-rank"
    whole = "effective_rank"
    summary = "effective rank of the weights, of each matrix and in the mean"
    scale = "ratio"

    def names_for(self, replicas: Replicas, dataset: Dataset) -> tuple[str, ...]:
        found = [name for name, _ in spectra(replicas, values=False)]
        if not found:
            raise Unmeasurable("these networks have no matrix with two rows and columns")
        return (self.whole, *(f"{self.whole} {name}" for name in found if self.layers))

    def measure(self, replicas: Replicas, probe: Probe) -> Tensor:
        each = torch.stack([effective_rank(values) for _, values in spectra(replicas)], dim=1)
        whole = torch.stack([row.mean() for row in each])[:, None]
        return torch.cat([whole, each], dim=1) if self.layers else whole


def effective_rank(values: Tensor) -> Tensor:
    """``(R, k)`` singular values to ``(R,)``; NaN where all are 0."""
    shares = values / values.sum(-1, keepdim=True)
    return torch.special.entr(shares).sum(-1).exp()

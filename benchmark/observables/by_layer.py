"""Observables of the weights: of all of them, and of each matrix by the name of its parameter."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import torch
from torch import Tensor

from ...datasets.dataset import Dataset
from ..flattened import aligned
from ..replicas import Replicas
from .observable import Observable


@dataclasses.dataclass(frozen=True)
class ByLayer(Observable):
    """Values named ``whole`` for the whole network and ``whole LAYER`` for each matrix; without ``layers`` the first.

    Attributes
    ----------
    whole : what the value of the whole network is called.
    """

    whole: ClassVar[str]
    layers: bool = True

    def names_on(self, dataset: Dataset) -> tuple[str, ...]:
        return (self.whole,)

    def names_for(self, replicas: Replicas, dataset: Dataset) -> tuple[str, ...]:
        each = [f"{self.whole} {name}" for name, _ in matrices(replicas)] if self.layers else []
        return (self.whole, *each)


def matrices(replicas: Replicas) -> list[tuple[str, Tensor]]:
    """Names and tensors ``(R, out, ...)`` of the weights that are trained and have rows of more than one number."""
    single = hasattr(replicas, "model")
    found = [
        (name, tensor.detach()[None] if single else tensor.detach())
        for name, tensor in replicas.named_parameters()
        if tensor.requires_grad
    ]
    return [(name, tensor) for name, tensor in found if tensor.dim() > 2 and tensor[0, 0].numel() > 1]


def angle(left: Tensor, right: Tensor) -> Tensor:
    """``(R,)`` angle in radians between rows ``(R, P)``, exact for small angles, too (Kahan 2006); NaN for zeros."""
    u, v = ([row / torch.linalg.vector_norm(row) for row in aligned(rows)] for rows in (left, right))
    halves = [
        torch.atan2(torch.linalg.vector_norm(a - b), torch.linalg.vector_norm(a + b)) for a, b in zip(u, v, strict=True)
    ]
    return 2 * torch.stack(halves)


def spectra(replicas: Replicas, *, values: bool = True) -> list[tuple[str, Tensor]]:
    """Singular values ``(R, k)``, float64, of each matrix ``(out, in * places)`` that has at least two of them.

    Without ``values`` they are not computed, and the matrices are given.
    """
    shaped = [(name, tensor.flatten(2)) for name, tensor in matrices(replicas)]
    wide = [(name, tensor) for name, tensor in shaped if min(tensor.shape[1:]) > 1]
    if not values:
        return wide
    return [(name, torch.stack([torch.linalg.svdvals(row) for row in tensor.double()])) for name, tensor in wide]

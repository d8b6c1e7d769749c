"""Tensors of all weights as one vector a network, and sums that do not depend on how many networks there are."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from .optimisers.optimiser import Weight


def aligned(rows: Tensor) -> Tensor:
    """``(R, n)`` with zeros up to a multiple of 8 columns: sums over a row depend on where in memory it begins."""
    return functional.pad(rows, (0, -rows.shape[1] % 8))


def flat(tensors: Sequence[Tensor | None], weights: Sequence[Weight]) -> Tensor:
    """One tensor a weight as ``(R, P)`` float64, `aligned`; zeros for None."""
    parts = [torch.zeros_like(w.tensor) if t is None else t for t, w in zip(tensors, weights, strict=True)]
    rows = [
        part.detach().double().reshape(len(part) if weight.stacked else 1, -1)
        for part, weight in zip(parts, weights, strict=True)
    ]
    return aligned(torch.cat(rows, dim=1))


def unflat(vectors: Tensor, weights: Sequence[Weight]) -> list[Tensor]:
    """``(R, P)`` as one tensor a weight, of its shape and type."""
    count = len(vectors)
    sizes = [weight.tensor.numel() // count for weight in weights]
    parts = vectors[:, : sum(sizes)].split(sizes, dim=1)
    return [
        part.reshape(weight.tensor.shape).to(weight.tensor.dtype) for part, weight in zip(parts, weights, strict=True)
    ]


def dot(left: Tensor, right: Tensor) -> Tensor:
    """``(R,)`` scalar products of the rows of ``(R, P)``, row by row: no sum depends on the number of rows."""
    return torch.stack([torch.dot(x, y) for x, y in zip(left, right, strict=True)])


def norm(vectors: Tensor) -> Tensor:
    """``(R,)`` Euclidean norms of the rows."""
    return dot(vectors, vectors).sqrt()

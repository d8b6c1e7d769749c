"""A sum of waves at many random points: points are sums of two, so that the values are one matrix product."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

SIDE = 256  # points of each of the two sets; a batch of so many consecutive examples is independent
BLOCK = SIDE**2  # examples that are drawn at once


def summed_points(
    generator: torch.Generator, count: int, vectors: np.ndarray, amplitudes: np.ndarray
) -> tuple[Tensor, Tensor]:
    """Random points and ``y = sqrt(2) Re sum_m c_m e^(2 pi i k_m . x)`` there.

    With ``a_1 .. a_s`` and ``b_1 .. b_s`` uniform on the torus ``[-.5, .5)^d``, the points are all ``a_i + b_j``.
    A wave at a sum is a product of waves, so with ``A_im = e^(2 pi i k_m . a_i)`` and ``B`` alike the values are
    ``sqrt(2) Re (A C) B^T``: one matrix product, and cosines at 2 s points for s^2 values.

    Each point is uniform, and any two of a block are independent, so the mean and the variance of a sum over any batch
    are those of independent points. Only four that form a rectangle, ``x_ij - x_il - x_kj + x_kl = 0``, are not
    independent of each other. Points come along the diagonals ``j = i + r``, so that up to `SIDE` consecutive ones
    have no ``a`` and no ``b`` in common, and are independent altogether.

    Parameters
    ----------
    generator : chance.
    count : n, how many points.
    vectors, amplitudes : ``k``, ``(m, d)``, whole numbers, and complex ``c``, ``(m,)``.

    Returns
    -------
    Tensor, Tensor
        ``(n, d)`` and ``(n, 1)``, float32; values to about 2e-6 where those of all waves together have variance 1.
    """
    side = max(1, math.isqrt(max(0, count - 1)) + 1)
    first, second = (torch.rand(side, vectors.shape[1], generator=generator) - 0.5 for _ in range(2))
    matrix = torch.tensor(2 * math.pi * vectors.T, dtype=torch.float32)
    phases = torch.tensor(np.angle(amplitudes), dtype=torch.float32)
    scale = torch.tensor(math.sqrt(2) * np.abs(amplitudes), dtype=torch.float32)
    left, right = _waves(torch.addmm(phases, first, matrix)), _waves(second @ matrix)
    left *= torch.cat([scale, -scale])  # cos(u + v) = cos u cos v - sin u sin v
    values = left @ right.T
    numbers = torch.arange(count)
    rows = numbers % side
    columns = (rows + numbers // side) % side
    points = first[rows] + second[columns]
    # Both are multiples of 2^-24, so the sum and what is taken off it are exact.
    points -= torch.floor(points + 0.5)
    return points, values[rows, columns][:, None]


def _waves(angles: Tensor) -> Tensor:
    """Cosines and sines beside each other: ``(s, m)`` to ``(s, 2 m)``."""
    count = angles.shape[1]
    both = torch.empty(len(angles), 2 * count)
    np.cos(angles.numpy(), out=both.numpy()[:, :count])  # three times as fast as torch's
    np.sin(angles.numpy(), out=both.numpy()[:, count:])
    return both

"""The test loss of weights that are averaged over a share of the training so far."""

from __future__ import annotations

import dataclasses
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ..replicas import Replicas
from .observable import OBSERVABLES
from .weight_average import AveragedWeightsLoss, WeightAverage


class PowerAverage(WeightAverage):
    """The mean of the weights after updates t = 1, 2, ..., each with the weight ``t^(g + 1) - (t - 1)^(g + 1)``.

    After each of them ``w += (1 - (1 - 1/t)^(g + 1)) (theta - w)``. The number of updates is on the device, so that an
    update reads nothing back, and is kept for each replica, so that a replica can be kept alone.
    """

    def __init__(self, replicas: Replicas, power: float) -> None:
        super().__init__(replicas)
        device = next(iter(self.weights.values())).device
        self._done = torch.zeros(replicas.count, dtype=torch.float64, device=device)
        self._power = power

    def share(self) -> Tensor:
        self._done += 1
        return 1 - (1 - 1 / self._done[0]) ** (self._power + 1)

    def tensors(self) -> list[Tensor]:
        return [*super().tensors(), self._done]


@OBSERVABLES.register
@dataclasses.dataclass(frozen=True)
class AveragedLoss(AveragedWeightsLoss):
    """Test loss of averaged weights, those of update t with a weight of about ``t^g`` (Karras et al. 2024).

    The average (arXiv 2312.02696) is as wide, in shares of the training so far, at all times and for all training
    lengths, so that it has no time scale of its own: of trainings that are one curve in x it is one curve in x. An
    average over a fixed number of updates lags behind more in short trainings. The standard deviation of t under the
    weights, over the number of updates done, is ``share = sqrt(g + 1) / ((g + 2) sqrt(g + 3))``; the mean lies at
    ``(g + 1) / (g + 2)``, 5 % back for a share of .05. Buffers, such as the running statistics of batch norm, are those
    of the weights themselves.

    Attributes
    ----------
    share : width of the average over the updates done.
    """

    name = "averaged-loss"
    names = ("averaged_loss",)
    summary = "test loss of weights averaged over a share of the training so far"

    share: float = 0.05

    def check(self) -> None:
        if not 0 < self.share <= 0.28:
            raise self.refuse("share", "above 0 and at most .28, which weighs all updates alike")

    @property
    def power(self) -> float:
        """The exponent g of the weights."""
        return _power_of(self.share)

    def follower(self, replicas: Replicas) -> WeightAverage:
        return PowerAverage(replicas, self.power)


@lru_cache
def _power_of(share: float) -> float:
    """The largest root of ``share^2 (g + 2)^2 (g + 3) = g + 1``."""
    square = share**2
    roots = np.roots([square, 7 * square, 16 * square - 1, 12 * square - 1])
    return float(max(root.real for root in roots if abs(root.imag) < 1e-9))

"""The test loss of the moving average of the weights."""

from __future__ import annotations

import dataclasses

from ..replicas import Replicas
from .observable import OBSERVABLES
from .weight_average import AveragedWeightsLoss, WeightAverage


class _Average(WeightAverage):
    """An exponential moving average."""

    def __init__(self, replicas: Replicas, decay: float) -> None:
        super().__init__(replicas)
        self._share = 1.0 - decay

    def share(self) -> float:
        return self._share


@OBSERVABLES.register
@dataclasses.dataclass(frozen=True)
class EmaLoss(AveragedWeightsLoss):
    """Test loss of the averaged weights ``w <- decay w + (1 - decay) theta``, taken after every update.

    Buffers, such as the running statistics of batch norm, are those of the weights themselves.
    """

    name = "ema-loss"
    names = ("ema_loss",)
    summary = "test loss of the exponential moving average of the weights"

    decay: float = 0.99

    def check(self) -> None:
        if not 0 < self.decay < 1:
            raise self.refuse("decay", "between 0 and 1")

    def follower(self, replicas: Replicas) -> WeightAverage:
        return _Average(replicas, self.decay)

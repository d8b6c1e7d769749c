"""The test loss of the moving average of the weights."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from ..replicas import Replicas
from ..update import Follower
from .loss import LossReader
from .observable import OBSERVABLES, Observable, Probe, read


class _Average:
    """An exponential moving average of every parameter that is trained."""

    def __init__(self, replicas: Replicas, decay: float) -> None:
        self._own = {name: tensor for name, tensor in replicas.named_parameters() if tensor.requires_grad}
        self.weights = {name: tensor.detach().clone() for name, tensor in self._own.items()}
        self._share = 1.0 - decay

    @torch.no_grad()
    def after_update(self) -> None:
        for name, tensor in self._own.items():
            self.weights[name].lerp_(tensor, self._share)

    def tensors(self) -> list[Tensor]:
        return list(self.weights.values())


@OBSERVABLES.register
@dataclasses.dataclass(frozen=True)
class EmaLoss(Observable):
    """Test loss of the averaged weights ``w <- decay w + (1 - decay) theta``, taken after every update.

    Buffers, such as the running statistics of batch norm, are those of the weights themselves.
    """

    name = "ema-loss"
    names = ("ema_loss",)
    scale = "as-loss"
    summary = "test loss of the exponential moving average of the weights"

    decay: float = 0.99

    def check(self) -> None:
        if not 0 < self.decay < 1:
            raise self.refuse("decay", "between 0 and 1")

    def follower(self, replicas: Replicas) -> Follower:
        return _Average(replicas, self.decay)

    def measure(self, replicas: Replicas, probe: Probe) -> Tensor:
        average = probe.followers[self]
        assert isinstance(average, _Average), "the recorder makes what `follower` gives"
        weights = {**dict(replicas.named_parameters()), **average.weights}
        return read(replicas, probe, [LossReader(probe.dataset.task, probe.test)], weights=weights)[0]

"""The test loss of a moving average of the weights; how much of each update it takes in is for others to say."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from ...results.quantity import Scale
from ..replicas import Replicas
from .loss import LossReader
from .observable import Observable, Probe, read


class WeightAverage(ABC):
    """A moving average of every parameter that is trained: after an update ``w += share (theta - w)``."""

    def __init__(self, replicas: Replicas) -> None:
        self._own = {name: tensor for name, tensor in replicas.named_parameters() if tensor.requires_grad}
        self.weights = {name: tensor.detach().clone() for name, tensor in self._own.items()}

    @abstractmethod
    def share(self) -> float | Tensor:
        """Of the weights that an update has just left, asked once an update; on the device where it is a tensor."""

    @torch.no_grad()
    def after_update(self) -> None:
        """Take in the weights as they are now."""
        share = self.share()
        for name, tensor in self._own.items():
            self.weights[name].lerp_(tensor, share.to(tensor.dtype) if isinstance(share, Tensor) else share)

    def tensors(self) -> list[Tensor]:
        """What is kept from update to update."""
        return list(self.weights.values())


@dataclasses.dataclass(frozen=True)
class AveragedWeightsLoss(Observable):
    """Test loss of averaged weights. Buffers, such as the running statistics of batch norm, are not averaged."""

    scale: ClassVar[Scale] = "as-loss"

    @abstractmethod
    def follower(self, replicas: Replicas) -> WeightAverage:
        """The average that is kept along."""

    def measure(self, replicas: Replicas, probe: Probe) -> Tensor:
        average = probe.followers[self]
        assert isinstance(average, WeightAverage), "the recorder makes what `follower` gives"
        weights = {**dict(replicas.named_parameters()), **average.weights}
        return read(replicas, probe, [LossReader(probe.dataset.task, probe.test)], weights=weights)[0]

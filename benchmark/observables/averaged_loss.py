"""The test loss of weights that are averaged over a share of the training so far."""

from __future__ import annotations

import dataclasses
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ..replicas import Replicas
from ..update import Follower
from .loss import LossReader
from .observable import OBSERVABLES, Observable, Probe, read


class PowerAverage:
    """The mean of the weights after updates t = 1, 2, ..., each with the weight ``t^(g + 1) - (t - 1)^(g + 1)``.

    After each of them ``w += (1 - (1 - 1/t)^(g + 1)) (theta - w)``. The number of updates is on the device, so that an
    update reads nothing back.
    """

    def __init__(self, replicas: Replicas, power: float) -> None:
        self._own = {name: tensor for name, tensor in replicas.named_parameters() if tensor.requires_grad}
        self.weights = {name: tensor.detach().clone() for name, tensor in self._own.items()}
        self._done = torch.zeros((), dtype=torch.float64, device=next(iter(self._own.values())).device)
        self._power = power

    @torch.no_grad()
    def after_update(self) -> None:
        self._done += 1
        share = 1 - (1 - 1 / self._done) ** (self._power + 1)
        for name, tensor in self._own.items():
            self.weights[name].lerp_(tensor, share.to(tensor.dtype))

    def tensors(self) -> list[Tensor]:
        return [*self.weights.values(), self._done]


@OBSERVABLES.register
@dataclasses.dataclass(frozen=True)
class AveragedLoss(Observable):
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
    scale = "as-loss"
    summary = "test loss of weights averaged over a share of the training so far"

    share: float = 0.05

    def check(self) -> None:
        if not 0 < self.share <= 0.28:
            raise self.refuse("share", "above 0 and at most .28, which weighs all updates alike")

    @property
    def power(self) -> float:
        """The exponent g of the weights."""
        return _power_of(self.share)

    def follower(self, replicas: Replicas) -> Follower:
        return PowerAverage(replicas, self.power)

    def measure(self, replicas: Replicas, probe: Probe) -> Tensor:
        average = probe.followers[self]
        assert isinstance(average, PowerAverage), "the recorder makes what `follower` gives"
        weights = {**dict(replicas.named_parameters()), **average.weights}
        return read(replicas, probe, [LossReader(probe.dataset.task, probe.test)], weights=weights)[0]


@lru_cache
def _power_of(share: float) -> float:
    """The largest root of ``share^2 (g + 2)^2 (g + 3) = g + 1``."""
    square = share**2
    roots = np.roots([square, 7 * square, 16 * square - 1, 12 * square - 1])
    return float(max(root.real for root in roots if abs(root.imag) < 1e-9))

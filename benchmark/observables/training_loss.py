"""The loss on training examples, as the next update will see it."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from ..losses import example_losses
from ..replicas import Replicas
from .observable import OBSERVABLES, Observable, Probe


@OBSERVABLES.register
@dataclasses.dataclass(frozen=True)
class TrainingLoss(Observable):
    """Mean loss of each network on the batch of its next update.

    In one pass over the data these examples are new, so it estimates the test loss with the noise of one batch; where
    examples repeat it falls below the test loss by what is memorised.
    """

    name = "training-loss"
    names = ("train_loss",)
    summary = "mean loss on the batch of the next update"

    def measure(self, replicas: Replicas, probe: Probe) -> Tensor:
        inputs, targets = probe.batch()
        with torch.no_grad():
            outputs = replicas.each(inputs)
        losses = example_losses(probe.dataset.task, outputs, targets).double()
        # Row by row: a reduction over several rows may choose another order of sums than over one.
        return torch.stack([row.mean() for row in losses])[:, None]

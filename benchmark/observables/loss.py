"""The test loss, the first of all observables."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import torch
from torch import Tensor

from ...datasets.dataset import TestSet
from ...task import Task
from ..losses import example_losses
from .observable import OBSERVABLES, Probe, Reader, Readout


@OBSERVABLES.register
@dataclasses.dataclass(frozen=True)
class TestLoss(Readout):
    """Mean loss over the test set: ``sum_i weights_i loss_i + offset`` (see `TestSet`)."""

    name = "loss"
    names = ("test_loss",)
    summary = "loss on the test set; always recorded"

    __test__ = False  # not a pytest class

    def reader(self, probe: Probe) -> LossReader:
        return LossReader(probe.dataset.task, probe.test)


class LossReader(Reader):
    """Keeps the loss of every test example and network, ``(R, n)``, until the end of the pass."""

    def __init__(self, task: Task, test: TestSet) -> None:
        self._task, self._test = task, test
        self._losses: list[Tensor] = []

    def take(self, rows: slice, outputs: Tensor, targets: Tensor) -> None:
        self._losses.append(example_losses(self._task, outputs, targets).double())

    def values(self) -> Tensor:
        return torch.from_numpy(self.mean_and_error()[0])[:, None]

    def mean_and_error(self) -> tuple[np.ndarray, np.ndarray]:
        """The loss of each network and the standard error that the finite test set leaves, ``(R,)`` each.

        The error is 0 where the loss has a closed form.
        """
        # Summed row by row in numpy: torch's reductions choose an order by the number of rows, and so by the pack.
        each, test = torch.cat(self._losses, dim=1).cpu().numpy(), self._test
        if test.weights is not None:
            loss = (each * test.weights.double().cpu().numpy()).sum(1) + test.offset
            return loss, np.zeros(len(loss))
        with np.errstate(invalid="ignore", over="ignore"):  # of a network that diverges
            return each.mean(1) + test.offset, each.std(1, ddof=1) / math.sqrt(test.size)

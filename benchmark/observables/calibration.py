"""Whether a network is right as often as it says."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from ...architectures.family import Family
from ...datasets.dataset import Dataset
from ...task import Task
from .classes import NO_CLASSES, Cases, cases
from .observable import OBSERVABLES, Probe, Reader, Readout


@OBSERVABLES.register
@dataclasses.dataclass(frozen=True)
class Calibration(Readout):
    """Expected calibration error: ``sum_b n_b / n |accuracy_b - confidence_b|`` over equal bins of the confidence.

    The confidence is the probability of the most probable class (Guo et al. 2017, `arXiv 1706.04599`). Where the test
    set holds true probabilities, the accuracy is that of the class, so no label is drawn. Each position of a text is an
    example.
    """

    name = "calibration"
    names = ("calibration_error",)
    summary = "expected calibration error on the test set"
    scale = "ratio"
    bins: int = 15

    def check(self) -> None:
        if not 1 <= self.bins <= 1000:
            raise self.refuse("bins", "a whole number from 1 to 1000")

    def misfit(self, family: Family, dataset: Dataset) -> str | None:
        return None if dataset.task.loss == "cross_entropy" else NO_CLASSES

    def reader(self, probe: Probe) -> Reader:
        return _Bins(probe.dataset.task, self.bins)


class _Bins(Reader):
    def __init__(self, task: Task, bins: int) -> None:
        self._task, self._bins = task, bins
        self._sums: list[Tensor] = []

    def take(self, rows: slice, outputs: Tensor, targets: Tensor) -> None:
        self._sums.append(
            torch.stack([self._of(cases(self._task, *one)) for one in zip(outputs, targets, strict=True)])
        )

    def _of(self, given: Cases) -> Tensor:
        """``(3, bins)`` sums of weight, of hits and of confidence."""
        confidence, chosen = given.logits.double().softmax(-1).max(-1)
        right = given.truth.gather(-1, chosen[:, None])[:, 0]
        weight = given.truth.sum(-1)
        place = (confidence * self._bins).ceil().long().sub(1).clamp(0, self._bins - 1)
        inside = torch.nn.functional.one_hot(place, self._bins).double()
        return torch.stack([weight, right, weight * confidence]) @ inside

    def values(self) -> Tensor:
        sums = torch.stack(self._sums).sum(0)
        return ((sums[:, 1] - sums[:, 2]).abs().sum(-1) / sums[:, 0].sum(-1))[:, None]

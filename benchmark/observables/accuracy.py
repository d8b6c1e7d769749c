"""The share of test examples whose most probable class is right."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from ...architectures.family import Family
from ...datasets.dataset import Dataset
from ...task import Task
from .observable import OBSERVABLES, Probe, Reader, Readout


@OBSERVABLES.register
@dataclasses.dataclass(frozen=True)
class Accuracy(Readout):
    """Share of right classes; where the test set holds true probabilities, the share that is expected to be right."""

    name = "accuracy"
    names = ("test_accuracy",)
    summary = "share of right classes on the test set; always recorded where there are classes"

    def misfit(self, family: Family, dataset: Dataset) -> str | None:
        return None if dataset.task.loss == "cross_entropy" else "the task has no classes"

    def reader(self, probe: Probe) -> Reader:
        return _Hits(probe.dataset.task, probe.test.size)


class _Hits(Reader):
    def __init__(self, task: Task, size: int) -> None:
        self._task, self._size = task, size
        self._hits: list[Tensor] = []

    def take(self, rows: slice, outputs: Tensor, targets: Tensor) -> None:
        self._hits.append(_hits(self._task, outputs.argmax(-1), targets))

    def values(self) -> Tensor:
        return (torch.stack(self._hits).sum(0) / self._size)[:, None]


def _hits(task: Task, chosen: Tensor, targets: Tensor) -> Tensor:
    """How many examples each replica gets right, ``(R,)``: with true probabilities, how many it is expected to."""
    if not targets.is_floating_point():
        return (chosen == targets).double().reshape(len(chosen), -1).mean(-1) * chosen.shape[1]
    right = targets.gather(-1, chosen[..., None])[..., 0].double()
    return (right.sum(-1) / targets.sum((-2, -1)) if task.kind == "tokens" else right).sum(-1)

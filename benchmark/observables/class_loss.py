"""The loss of each class."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from ...architectures.family import Family
from ...datasets.dataset import Dataset
from ...task import Task
from .classes import NO_CLASSES, cases
from .observable import OBSERVABLES, Probe, Reader, Readout

_MOST = 100


@OBSERVABLES.register
@dataclasses.dataclass(frozen=True)
class ClassLoss(Readout):
    """Cross-entropy of the test examples of each class: ``sum_i p_ic (-ln q_ic) / sum_i p_ic``, with p the truth.

    Missing for a class without test examples.
    """

    name = "class-loss"
    names = ("class_loss",)
    summary = "loss of each class on the test set"

    def names_on(self, dataset: Dataset) -> tuple[str, ...]:
        return tuple(f"class_loss {c}" for c in range(dataset.task.outputs))

    def misfit(self, family: Family, dataset: Dataset) -> str | None:
        if dataset.task.loss != "cross_entropy":
            return NO_CLASSES
        many = dataset.task.outputs > _MOST
        return (
            f"the task has {dataset.task.outputs} classes, more than the {_MOST} that are told apart" if many else None
        )

    def reader(self, probe: Probe) -> Reader:
        return _Losses(probe.dataset.task)


class _Losses(Reader):
    def __init__(self, task: Task) -> None:
        self._task = task
        self._sums: list[Tensor] = []

    def take(self, rows: slice, outputs: Tensor, targets: Tensor) -> None:
        found = [cases(self._task, *one) for one in zip(outputs, targets, strict=True)]
        self._sums.append(
            torch.stack(
                [
                    torch.stack([-(one.truth * one.logits.double().log_softmax(-1)).sum(0), one.truth.sum(0)])
                    for one in found
                ]
            )
        )

    def values(self) -> Tensor:
        losses, counts = torch.stack(self._sums).sum(0).unbind(1)
        return losses / counts

"""Test examples with the truth about their classes, whatever a data set's targets are."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ...task import Task

NO_CLASSES = "the task has no classes"


class Cases(NamedTuple):
    """``(n, outputs)`` logits, and the true probability of each class, float64; all 0 where nothing is scored."""

    logits: Tensor
    truth: Tensor


def cases(task: Task, outputs: Tensor, targets: Tensor) -> Cases:
    """Outputs and targets of one network with the positions of a text as examples."""
    logits = outputs.reshape(-1, task.outputs)
    if targets.is_floating_point():
        return Cases(logits, targets.reshape(-1, task.outputs).double())
    return Cases(logits, torch.nn.functional.one_hot(targets.reshape(-1), task.outputs).double())

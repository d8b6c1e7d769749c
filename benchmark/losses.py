"""The loss of each example, as every trial is trained and measured by it."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from ..task import Task


def example_losses(task: Task, outputs: Tensor, targets: Tensor) -> Tensor:
    """Loss of each example: ``(..., n, outputs)`` and targets of the task to ``(..., n)``.

    Targets of a cross-entropy are classes, or, as floats, the true probability of each class (see `TestSet`).
    """
    if task.loss == "squared_error":
        return (outputs - targets).square().mean(-1)
    if targets.is_floating_point():
        losses = -(targets * F.log_softmax(outputs, dim=-1)).sum(-1)
        return losses.sum(-1) / targets.sum((-2, -1)) if task.kind == "tokens" else losses
    losses = F.cross_entropy(outputs.reshape(-1, outputs.shape[-1]), targets.reshape(-1), reduction="none")
    losses = losses.reshape(targets.shape)
    return losses.mean(-1) if task.kind == "tokens" else losses

"""When a trial is evaluated, and how its loss on the test set is computed."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..datasets.dataset import TestSet, View
from ..errors import InputError
from ..task import Task

EVAL_GRID = "v1"
_CHUNK_NUMBERS = 2**15  # input numbers that pass through the network at once: activations should stay in the cache


def eval_steps(grid: str, horizon: int, warmup_fraction: float) -> list[int]:
    """Steps at which a trial is evaluated.

    ``v1``: step 0, four even points before x_min for the eye, 24 points log-spaced in x from x_min to .98 with
    x_min = max(10 warmup, .1), and x = 1. A point falls on the nearest whole step, the first on the one below, so that
    the grid on which curves are compared lies inside every curve.

    Parameters
    ----------
    grid : name of the rule.
    horizon : updates.
    warmup_fraction : share of the horizon.
    """
    if grid != EVAL_GRID:
        raise InputError(f"unknown evaluation grid {grid!r}; this version has {EVAL_GRID!r}")
    x_min = min(max(10 * warmup_fraction, 0.1), 0.9)
    early = [x_min * share for share in (0.2, 0.4, 0.6, 0.8)]
    analysis = np.geomspace(x_min, 0.98, 24)
    steps = {0, math.floor(x_min * horizon), horizon, *(round(float(x) * horizon) for x in (*early, *analysis))}
    return sorted(steps)


@dataclasses.dataclass(frozen=True)
class Measurement:
    """Test loss and accuracy of each replica, ``(R,)``; accuracy is None for regression. ``loss_se`` is the standard
    error that the finite test set leaves, 0 where the loss has a closed form. ``observables``, ``(R, names)``, are the
    view's, none without one."""

    loss: np.ndarray
    accuracy: np.ndarray | None
    loss_se: np.ndarray
    observables: np.ndarray


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


@torch.no_grad()
def evaluate(predict: Callable[[Tensor], Tensor], task: Task, test: TestSet, view: View | None = None) -> Measurement:
    """Measure replicas on the test set.

    Parameters
    ----------
    predict : maps inputs ``(n, ...)`` to outputs ``(R, n, ...)``.
    view : what else to read off the outputs.
    """
    losses, hits, sums = [], [], []
    chunk = max(32, min(1024, _CHUNK_NUMBERS // task.n_inputs))
    for inputs, targets in zip(test.inputs.split(chunk), test.targets.split(chunk), strict=True):
        outputs = predict(inputs)
        targets = targets.expand(len(outputs), *targets.shape)
        losses.append(example_losses(task, outputs, targets).double())
        if task.loss == "cross_entropy":
            hits.append(_hits(task, outputs.argmax(-1), targets))
        if view is not None:
            first = chunk * len(sums)
            sums.append(view.sums(slice(first, first + len(inputs)), outputs))
    # Summed row by row in numpy: torch's reductions choose an order by the number of rows, and so by the pack.
    each = torch.cat(losses, dim=1).numpy()
    accuracy = (torch.stack(hits).sum(0) / test.size).numpy() if hits else None
    views = view.values(torch.stack(sums).sum(0)).numpy() if view is not None else np.empty((len(each), 0))
    if test.weights is not None:
        loss = (each * test.weights.double().numpy()).sum(1) + test.offset
        return Measurement(loss, accuracy, np.zeros(len(loss)), views)
    se = each.std(1, ddof=1) / math.sqrt(test.size)
    return Measurement(each.mean(1) + test.offset, accuracy, se, views)


def _hits(task: Task, chosen: Tensor, targets: Tensor) -> Tensor:
    """How many examples each replica gets right, ``(R,)``: with true probabilities, how many it is expected to."""
    if not targets.is_floating_point():
        return (chosen == targets).double().reshape(len(chosen), -1).mean(-1) * chosen.shape[1]
    right = targets.gather(-1, chosen[..., None])[..., 0].double()
    return (right.sum(-1) / targets.sum((-2, -1)) if task.kind == "tokens" else right).sum(-1)

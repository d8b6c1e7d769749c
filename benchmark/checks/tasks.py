"""Tasks of each kind and of several sizes, on which the promises of a family are tried."""

from __future__ import annotations

import torch
from torch import Tensor

from ...architectures.draws import secluded
from ...architectures.family import Family
from ...architectures.flops import example_inputs
from ...errors import InputError
from ...task import Task


def images(channels: int, side: int) -> Task:
    """Ten classes of square images."""
    return Task(kind="image", shape=(channels, side, side), outputs=10, loss="cross_entropy")


TASKS = (
    Task(kind="vector", shape=(8,), outputs=1, loss="squared_error"),
    Task(kind="vector", shape=(128,), outputs=1, loss="squared_error"),
    images(1, 8),
    images(1, 16),
    images(1, 28),
    images(3, 32),
    images(3, 64),
    Task(kind="tokens", shape=(32,), outputs=64, loss="cross_entropy", vocabulary=64),
)


def fitting(family: Family) -> list[Task]:
    """Those of `TASKS` that the family can learn."""
    return [task for task in TASKS if family.misfit(task) is None]


def home(family: Family) -> Task:
    """The cheapest of `TASKS` that the family can learn: tokens before images, images of 16 pixels before others.

    Raises
    ------
    InputError
        It can learn none of them; the reasons are given.
    """
    found = fitting(family)
    if not found:
        reasons = dict.fromkeys(f"{task.kind}: {family.misfit(task)}" for task in TASKS)
        raise InputError(f"family {family.name!r} fits none of the {len(TASKS)} tasks tried. {'; '.join(reasons)}")
    cheap = ("vector 8 ", "vector", "tokens", "image 1x8", "image 1x16")
    return min(found, key=lambda task: [*(not str(task).startswith(start) for start in cheap)])


def random_batch(task: Task, n: int) -> tuple[Tensor, Tensor]:
    """Inputs and targets without a rule, from torch's generator."""
    inputs = example_inputs(task, n)
    if task.loss == "squared_error":
        return inputs, torch.randn(n, task.outputs)
    return inputs, torch.randint(task.outputs, (n, *task.shape) if task.kind == "tokens" else (n,))


def easy_batch(task: Task, n: int) -> tuple[Tensor, Tensor]:
    """Inputs with targets that any family can fit: a mean of four numbers, or its sign, or the token itself."""
    with secluded(0):
        inputs = example_inputs(task, n)
    if task.kind == "tokens":
        return inputs, inputs % task.outputs
    first = inputs.flatten(1)[:, :4].mean(1)
    return inputs, first[:, None].repeat(1, task.outputs) if task.loss == "squared_error" else (first > 0).long()

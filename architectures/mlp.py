"""Perceptrons: the residual one, the plain one. Images are flattened."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import torch
from torch import nn

from ..task import Task
from .family import FAMILIES, Family, Rung, widths


class Block(nn.Module):
    """``x + W2 relu(W1 x)``, without a norm: every layer sees what the parametrisation gives it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Linear(width, width)
        self.outer = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.outer(torch.relu(self.inner(x)))


def takes_numbers(task: Task) -> str | None:
    """Why a network that reads a flat list of numbers cannot learn the task, or None."""
    if task.kind == "tokens":
        return "needs vectors or images, the task has token sequences"
    return None


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class ResidualMLP(Family):
    """Residual perceptron: linear input, ``depth`` blocks of two layers, linear readout."""

    name: ClassVar[str] = "resmlp"
    ladder: ClassVar[tuple[Rung, ...]] = widths(24, 34, 48, 68, 96, 136)
    depth: int = 3

    def misfit(self, task: Task) -> str | None:
        return takes_numbers(task)

    def build(self, rung: Rung, task: Task) -> nn.Module:
        self.check_rung(rung)
        width = rung["width"]
        blocks = [Block(width) for _ in range(self.depth)]
        return nn.Sequential(
            nn.Flatten(), nn.Linear(task.n_inputs, width), *blocks, nn.ReLU(), nn.Linear(width, task.outputs)
        )


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class PlainMLP(Family):
    """Plain perceptron with ``depth`` hidden ReLU layers."""

    name: ClassVar[str] = "mlp"
    ladder: ClassVar[tuple[Rung, ...]] = widths(24, 34, 48, 68, 96, 136)
    depth: int = 4

    def misfit(self, task: Task) -> str | None:
        return takes_numbers(task)

    def build(self, rung: Rung, task: Task) -> nn.Module:
        self.check_rung(rung)
        sizes = [task.n_inputs] + [rung["width"]] * self.depth
        hidden = [
            layer
            for n_in, n_out in zip(sizes, sizes[1:], strict=False)
            for layer in (nn.Linear(n_in, n_out), nn.ReLU())
        ]
        return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(sizes[-1], task.outputs))

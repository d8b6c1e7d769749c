"""Perceptrons: the residual one, the plain one. Images are flattened."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import torch
from torch import nn

from ..task import Task
from .family import FAMILIES, Family, Rung, widths, wrong_kind
from .initial import he, readout, relu_layers


class Block(nn.Module):
    """``x + W2 relu(W1 x)``, without a norm: every layer sees what the parametrisation gives it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Linear(width, width)
        self.outer = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.outer(torch.relu(self.inner(x)))


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class ResidualMLP(Family):
    """Residual perceptron: linear input, ``depth`` blocks of two layers, ReLU, linear readout."""

    name: ClassVar[str] = "resmlp"
    ladder: ClassVar[tuple[Rung, ...]] = widths(24, 34, 48, 68, 96, 136)
    branch_ends: ClassVar[tuple[str, ...]] = (r"\d+\.outer",)
    depth: int = 3

    def misfit(self, task: Task) -> str | None:
        return wrong_kind(task, "vector", "image")

    def build(self, rung: Rung, task: Task) -> nn.Module:
        width = rung["width"]
        blocks = [Block(width) for _ in range(rung.get("depth", self.depth))]
        return nn.Sequential(
            nn.Flatten(), nn.Linear(task.n_inputs, width), *blocks, nn.ReLU(), readout(width, task.outputs)
        )


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class PlainMLP(Family):
    """Plain perceptron with ``depth`` hidden ReLU layers."""

    name: ClassVar[str] = "mlp"
    ladder: ClassVar[tuple[Rung, ...]] = widths(24, 34, 48, 68, 96, 136)
    depth: int = 4

    def misfit(self, task: Task) -> str | None:
        return wrong_kind(task, "vector", "image")

    def build(self, rung: Rung, task: Task) -> nn.Module:
        width = rung["width"]
        return nn.Sequential(
            nn.Flatten(), *he(relu_layers(task.n_inputs, width, self.depth)), readout(width, task.outputs)
        )

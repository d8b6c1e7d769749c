"""A residual perceptron whose hidden units are multiplied by gates."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import torch
from torch import nn

from ..task import Task
from .family import FAMILIES, Family, Rung, widths, wrong_kind
from .initial import readout


class GatedBlock(nn.Module):
    """``x + W3 (silu(W1 n(x)) * W2 n(x))`` with ``n`` a layer norm (SwiGLU, Shazeer 2020)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.gate = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.outer = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = self.norm(x)
        return x + self.outer(nn.functional.silu(self.gate(inner)) * self.value(inner))


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class GatedMLP(Family):
    """Gated perceptron: linear input, ``depth`` gated residual blocks, layer norm, linear readout.

    Products of features, where the residual perceptron has kinks. Images are flattened.
    """

    name: ClassVar[str] = "gatedmlp"
    ladder: ClassVar[tuple[Rung, ...]] = widths(20, 28, 40, 56, 80, 112)
    branch_ends: ClassVar[tuple[str, ...]] = (r"\d+\.outer",)
    depth: int = 3

    def misfit(self, task: Task) -> str | None:
        return wrong_kind(task, "vector", "image")

    def build(self, rung: Rung, task: Task) -> nn.Module:
        width = rung["width"]
        blocks = [GatedBlock(width) for _ in range(rung.get("depth", self.depth))]
        first = nn.Linear(task.n_inputs, width)
        return nn.Sequential(nn.Flatten(), first, *blocks, nn.LayerNorm(width), readout(width, task.outputs))

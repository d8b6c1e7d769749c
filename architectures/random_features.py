"""Random features: a first layer that is drawn and never trained, and a linear readout that is."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import torch
from torch import nn

from ..task import Task
from .family import FAMILIES, Family, Rung, widths, wrong_kind
from .initial import readout


class FrozenFeatures(nn.Module):
    """``relu(W x + b)`` with ``W`` of variance two over fan-in and ``b`` of variance one, both fixed.

    They are buffers and no parameters: nothing that trains, rescales or counts parameters sees them.
    """

    def __init__(self, n_inputs: int, width: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.randn(width, n_inputs) * (2 / n_inputs) ** 0.5)
        self.register_buffer("bias", torch.randn(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(nn.functional.linear(x, self.get_buffer("weight"), self.get_buffer("bias")))


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class RandomFeatures(Family):
    """``width`` random ReLU features with a trained linear readout (Rahimi and Recht 2007): kernel regression, sampled.

    It has ``(width + 1) * outputs`` parameters, so a rung doubles the width. Images are flattened.
    """

    name: ClassVar[str] = "randomfeatures"
    ladder: ClassVar[tuple[Rung, ...]] = widths(256, 512, 1024, 2048, 4096, 8192)

    def misfit(self, task: Task) -> str | None:
        return wrong_kind(task, "vector", "image")

    def build(self, rung: Rung, task: Task) -> nn.Module:
        width = rung["width"]
        return nn.Sequential(nn.Flatten(), FrozenFeatures(task.n_inputs, width), readout(width, task.outputs))

"""A plain convolutional network, without norms."""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar

import torch
from torch import nn

from ..task import Task
from .family import FAMILIES, Family, Rung, widths, wrong_kind
from .initial import he, readout


class GlobalAverage(nn.Module):
    """Mean over the pixels: ``(batch, channels, height, width)`` to ``(batch, channels)``."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean((-2, -1))


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class PlainCNN(Family):
    """3 x 3 convolutions with ReLU, stride 2 until 4 x 4 pixels are left, then ``depth`` more; pooled, linear readout.

    The same number of channels throughout, so that one width is the whole size.
    """

    name: ClassVar[str] = "cnn"
    ladder: ClassVar[tuple[Rung, ...]] = widths(12, 17, 24, 34, 48, 68)
    # Batched over seeds a convolution becomes a grouped one: on CPUs it was slower than a loop at every size but the
    # smallest, and oneDNN picks its kernel, hence the last bits, by the number of groups.
    packable: ClassVar[bool] = False
    depth: int = 2

    def misfit(self, task: Task) -> str | None:
        if task.kind == "image" and not (min(task.shape[1:]) >= 8 and max(task.shape[1:]) <= 64):
            height, width = task.shape[1:]
            return f"takes images of 8 to 64 pixels a side, the task has {height} x {width}"
        return wrong_kind(task, "image")

    def build(self, rung: Rung, task: Task) -> nn.Module:
        channels, *sides = task.shape
        first = 1 if min(sides) <= 16 else 2
        halvings = math.ceil(math.log2(min(sides) / first / 4))
        layers: list[nn.Module] = []
        for stride in [first] + [2] * halvings + [1] * self.depth:
            layers += [nn.Conv2d(channels, rung["width"], 3, stride, padding=1), nn.ReLU()]
            channels = rung["width"]
        return nn.Sequential(*he(nn.Sequential(*layers)), GlobalAverage(), readout(channels, task.outputs))

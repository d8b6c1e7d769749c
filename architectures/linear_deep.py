"""A deep linear network: a linear function, learned through a product of matrices."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from torch import nn

from ..task import Task
from .family import FAMILIES, Family, Rung, widths, wrong_kind
from .initial import readout


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class DeepLinear(Family):
    """``depth`` matrices and a readout, without activations: it fits what linear regression fits, at another pace.

    Weights have the variance one over fan-in, so that signals keep their size. Images are flattened.
    """

    name: ClassVar[str] = "deeplinear"
    ladder: ClassVar[tuple[Rung, ...]] = widths(32, 45, 64, 90, 128, 180)
    depth: int = 4

    def misfit(self, task: Task) -> str | None:
        return wrong_kind(task, "vector", "image")

    def build(self, rung: Rung, task: Task) -> nn.Module:
        width = rung["width"]
        layers = [nn.Linear(task.n_inputs, width, bias=False)]
        layers += [nn.Linear(width, width, bias=False) for _ in range(self.depth - 1)]
        for layer in layers:
            nn.init.normal_(layer.weight, std=layer.in_features**-0.5)
        return nn.Sequential(nn.Flatten(), *layers, readout(width, task.outputs))

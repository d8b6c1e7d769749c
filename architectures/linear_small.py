"""A deep linear network from small weights: it learns one direction of its target after the other."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from torch import nn

from ..errors import InputError
from ..task import Task
from .family import FAMILIES, Family, Rung, widths, wrong_kind


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class SmallLinear(Family):
    """``depth`` matrices without activations or biases, all drawn with standard deviation ``scale`` over root fan-in.

    From small weights the dynamics are those of the matrices' singular values alone (Saxe, McClelland and Ganguli 2014,
    arXiv 1312.6120): plateaus, then a jump for each direction of the target, of another shape for each depth. With
    ``depth`` 1 it is linear or softmax regression, whatever the width.
    """

    name: ClassVar[str] = "smalllinear"
    ladder: ClassVar[tuple[Rung, ...]] = widths(8, 16, 32, 64, 128, 256)
    depth: int = 2
    scale: float = 0.003

    def __post_init__(self) -> None:
        if type(self.depth) is not int or self.depth < 1 or not self.scale > 0:
            raise InputError(f"smalllinear takes a depth from 1 and a scale above 0, got {self.depth} and {self.scale}")

    def misfit(self, task: Task) -> str | None:
        return wrong_kind(task, "vector", "image")

    def build(self, rung: Rung, task: Task) -> nn.Module:
        sides = [task.n_inputs, *[rung["width"]] * (self.depth - 1), task.outputs]
        layers = [nn.Linear(a, b, bias=False) for a, b in zip(sides, sides[1:], strict=False)]
        for layer in layers:
            nn.init.normal_(layer.weight, std=self.scale * layer.in_features**-0.5)
        return nn.Sequential(nn.Flatten(), *layers)

"""A perceptron whose output is scaled: lazy where the scale is large, rich where it is small."""

from __future__ import annotations

import copy
import dataclasses
from typing import ClassVar

import torch
from torch import nn

from ..errors import InputError
from ..task import Task
from .family import FAMILIES, Family, Rung, widths, wrong_kind
from .initial import he, relu_layers


class ScaledDifference(nn.Module):
    """``scale (g - g')/sqrt(2)`` with two networks that begin alike: zero at the start, with the kernel of one."""

    def __init__(self, net: nn.Module, scale: float) -> None:
        super().__init__()
        self.first, self.second = net, copy.deepcopy(net)
        self.factor = scale * 2**-0.5

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.factor * (self.first(x) - self.second(x))


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class ScaledMLP(Family):
    """Perceptron with ``depth`` hidden ReLU layers, in two copies whose difference is multiplied by ``output_scale``.

    Large scales, with the learning rate divided by their square, train the network's linearisation: weights move by
    1/scale (Chizat, Oyallon and Bach 2019, arXiv 1812.07956). The second copy starts with the weights of the first and
    is trained too, so that the output is zero at the start and the kernel that of one network (Zhang, Xu, Luo and Ma
    2020, arXiv 1905.07777).
    """

    name: ClassVar[str] = "scaledmlp"
    ladder: ClassVar[tuple[Rung, ...]] = widths(24, 34, 48, 68, 96, 136)
    depth: int = 2
    output_scale: float = 1.0

    def __post_init__(self) -> None:
        if type(self.depth) is not int or self.depth < 1 or not self.output_scale > 0:
            raise InputError(
                f"scaledmlp takes a depth from 1 and an output_scale above 0, got {self.depth} and {self.output_scale}"
            )

    def misfit(self, task: Task) -> str | None:
        return wrong_kind(task, "vector", "image")

    def build(self, rung: Rung, task: Task) -> nn.Module:
        width = rung["width"]
        hidden = relu_layers(task.n_inputs, width, self.depth)
        readout = nn.Linear(width, task.outputs)
        nn.init.normal_(readout.weight, std=width**-0.5)
        return nn.Sequential(nn.Flatten(), ScaledDifference(nn.Sequential(*he(hidden), readout), self.output_scale))

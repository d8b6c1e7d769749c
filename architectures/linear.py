"""Linear regression on the leading coordinates: the control whose learning curve is known in closed form."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import torch
from torch import nn

from ..errors import InputError
from ..task import Task
from .family import FAMILIES, Family, Rung


class LeadingCoordinates(nn.Module):
    """``w . x[:features]``, with ``w`` zero at the start."""

    def __init__(self, features: int, outputs: int) -> None:
        super().__init__()
        self.features = features
        self.readout = nn.Linear(features, outputs, bias=False)
        nn.init.zeros_(self.readout.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.readout(x[:, : self.features])


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class LinearRegression(Family):
    """Linear in its parameters, so its size is the number of coordinates that it reads."""

    name: ClassVar[str] = "linear"
    ladder: ClassVar[tuple[Rung, ...]] = tuple({"features": n} for n in (16, 23, 32, 45, 64, 91, 128))

    def misfit(self, task: Task) -> str | None:
        if task.kind != "vector":
            return f"needs vectors, the task has {'images' if task.kind == 'image' else 'token sequences'}"
        if task.loss != "squared_error" or task.outputs != 1:
            return "needs one output and a squared error, the task has another readout or loss"
        smallest = self.ladder[0]["features"]
        if task.n_inputs < smallest:
            return f"reads at least {smallest} coordinates, the task has {task.n_inputs}"
        return None

    def build(self, rung: Rung, task: Task) -> nn.Module:
        self.check_rung(rung)
        if rung["features"] > task.n_inputs:
            raise InputError(f"rung {dict(rung)} of 'linear' reads more coordinates than the task's {task.n_inputs}")
        return LeadingCoordinates(rung["features"], task.outputs)

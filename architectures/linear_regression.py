"""Linear regression on the leading coordinates: the control whose learning curve is known in closed form."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import torch
from torch import nn

from ..errors import InputError
from ..task import Task
from .family import FAMILIES, Family, Rung, wrong_kind
from .initial import readout


class LeadingCoordinates(nn.Module):
    """``w . x[:features]``, with ``w`` zero at the start."""

    def __init__(self, features: int, outputs: int) -> None:
        super().__init__()
        self.features = features
        self.readout = readout(features, outputs, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.readout(x[:, : self.features])


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class LinearRegression(Family):
    """Linear in its parameters, so its size is the number of coordinates that it reads."""

    name: ClassVar[str] = "linear"
    ladder: ClassVar[tuple[Rung, ...]] = tuple({"features": n} for n in (16, 23, 32, 45, 64, 91, 128))

    def misfit(self, task: Task) -> str | None:
        if task.kind == "vector" and (task.loss != "squared_error" or task.outputs != 1):
            return f"needs one output and a squared error, the task has {task.outputs} and {task.loss}"
        smallest = self.ladder[0]["features"]
        if task.kind == "vector" and task.n_inputs < smallest:
            return f"reads at least {smallest} coordinates, the task has {task.n_inputs}"
        return wrong_kind(task, "vector")

    def build(self, rung: Rung, task: Task) -> nn.Module:
        if rung["features"] > task.n_inputs:
            raise InputError(
                f"rung {dict(rung)} of the family 'linear' reads {rung['features']} coordinates, "
                f"the task has {task.n_inputs}"
            )
        return LeadingCoordinates(rung["features"], task.outputs)

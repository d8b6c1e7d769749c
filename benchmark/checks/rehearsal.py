"""A few updates of a network on a small made-up batch: what the promises of a family are tried on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ...architectures.draws import secluded
from ...architectures.family import Family, Rung
from ...architectures.parametrization import initialise
from ...task import Task
from ..optimisers.optimiser import optimiser_from
from ..replicas import Single
from ..update import Repeated, update_of
from .tasks import easy_batch

_BATCH = 64


class _Watched(Single):
    """A network that keeps the loss of the batch that it last saw."""

    last: Tensor

    def losses(self, inputs: Tensor, targets: Tensor, weights: Mapping[str, Tensor] | None = None) -> Tensor:
        found = super().losses(inputs, targets, weights)
        self.last = found.detach()
        return found


@dataclass(frozen=True)
class Rehearsal:
    """A network of a rung under maximal update, and the trainer's updates of it by Adam."""

    family: Family
    rung: Rung
    task: Task
    net: nn.Module

    @classmethod
    def of(cls, family: Family, rung: Rung, task: Task, seed: int) -> Rehearsal:
        """The network that a seed stands for."""
        net = initialise(family, rung, task, seed=seed, parametrization="mup", optimizer="adam")
        return cls(family, rung, task, net)

    def trained(self) -> list[tuple[str, nn.Parameter]]:
        """Parameters that are not frozen, by name."""
        return [(name, p) for name, p in self.net.named_parameters() if p.requires_grad]

    def train(self, *, steps: int, lr: float, until: float = 0.0) -> list[float]:
        """Losses on the easy batch before each update and after the last.

        It stops early below ``until`` times the first loss, or where the loss is no number.
        """
        inputs, targets = (part[None] for part in easy_batch(self.task, _BATCH))
        watched = _Watched(self.net, self.task)
        update = update_of(
            self.family,
            self.rung,
            watched,
            Repeated(inputs, targets),
            optimiser=optimiser_from("adam"),
            rates=np.full((steps, 1), lr),
            parametrization="mup",
        )
        losses: list[float] = []
        for _ in range(steps):
            update()
            losses.append(watched.last.item())
            if losses[-1] < until * losses[0] or not math.isfinite(losses[-1]):
                return losses
        with torch.no_grad():
            return [*losses, watched.losses(inputs, targets).item()]

    def move(self, *, steps: int, lr: float) -> float:
        """Root mean square by which the outputs for the easy batch change in a few updates."""
        inputs, _ = easy_batch(self.task, _BATCH)
        with secluded(0), torch.no_grad():
            before = self.net(inputs)
        self.train(steps=steps, lr=lr)
        with secluded(0), torch.no_grad():
            return (self.net(inputs) - before).square().mean().sqrt().item()

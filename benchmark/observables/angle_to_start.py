"""How far the weights went from where they began."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from ...datasets.dataset import Dataset
from ..beginning import Beginning
from ..flattened import aligned, norm
from ..replicas import Replicas
from .by_layer import ByLayer, angle, matrices
from .observable import OBSERVABLES, Probe


@OBSERVABLES.register
@dataclasses.dataclass(frozen=True)
class AngleToStart(ByLayer):
    """Angle in radians between the weights and the first ones, of all matrices together and of each, and
    ``|w - w_0| / |w_0|`` of all together.

    In the lazy limit both go as one over the output scale (Chizat et al. 2019, `arXiv 1812.07956`). Missing for a
    matrix that began as zeros.
    """

    name = "angle-to-start"
    names = ("angle_to_start", "distance_from_start")
    whole = "angle_to_start"
    summary = "angle between the weights and the first ones, and the relative distance"
    scale = "ratio"

    def names_on(self, dataset: Dataset) -> tuple[str, ...]:
        return self.names

    def names_for(self, replicas: Replicas, dataset: Dataset) -> tuple[str, ...]:
        return (*self.names, *super().names_for(replicas, dataset)[1:])

    def follower(self, replicas: Replicas) -> Beginning:
        return Beginning(replicas)

    def measure(self, replicas: Replicas, probe: Probe) -> Tensor:
        beginning = probe.followers[self]
        assert isinstance(beginning, Beginning), "the recorder makes what `follower` gives"
        pairs = [
            (first.double().flatten(1), now.double().flatten(1))
            for (_, first), (_, now) in zip(matrices(beginning.replicas), matrices(replicas), strict=True)
        ]
        first, now = (aligned(torch.cat(side, dim=1)) for side in zip(*pairs, strict=True))
        values = [angle(first, now), norm(now - first) / norm(first)]
        each = [angle(*pair) for pair in pairs] if self.layers else []
        return torch.stack([*values, *each], dim=1)

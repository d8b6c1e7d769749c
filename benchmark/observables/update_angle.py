"""By what angle an update turns the weights."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from ..next_step import direction, last_rate
from ..replicas import Replicas
from .by_layer import ByLayer, angle, matrices
from .observable import OBSERVABLES, Probe


@OBSERVABLES.register
@dataclasses.dataclass(frozen=True)
class UpdateAngle(ByLayer):
    """Angle in radians between the weights before and after an update, of all matrices together and of each.

    The update is the next one, at the rate of the last one: a schedule that ends at 0 has no next rate. Under weight
    decay the angle of scale-invariant weights settles at ``sqrt(2 eta lambda)`` for plain SGD, times
    ``1 / sqrt(1 + b)`` with momentum b, and times ``sqrt((1 - beta1) / (1 + beta1))`` for AdamW (rotational
    equilibrium, Kosson et al. 2023, `arXiv 2305.17212`). Missing for weights that are all zero.
    """

    name = "update-angle"
    whole = "update_angle"
    summary = "angle by which an update turns the weights, of all matrices and of each"
    scale = "ratio"

    def measure(self, replicas: Replicas, probe: Probe) -> Tensor:
        steps, rate = direction(probe.update), last_rate(probe.update)[:, None]
        before = [(name, tensor.double().flatten(1)) for name, tensor in matrices(replicas)]
        after = [w + rate * steps[n].double().reshape(w.shape) if n in steps else w for n, w in before]
        own = [weights for _, weights in before]
        whole = angle(torch.cat(own, dim=1), torch.cat(after, dim=1))
        each = [angle(w, moved) for w, moved in zip(own, after, strict=True)] if self.layers else []
        return torch.stack([whole, *each], dim=1)

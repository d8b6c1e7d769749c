"""Optimisers and learning-rate schedules. Warmup is a fraction of the horizon, so that it scales with the ladder."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np
import torch

from ..task import Ref

OPTIMIZERS = {
    "adam": Ref(name="adam", params={"beta1": 0.9, "beta2": 0.95, "eps": 1e-8}),
    "sgd": Ref(name="sgd"),
}


def schedule(kind: str, horizon: int, warmup_fraction: float) -> np.ndarray:
    """Learning rate over its peak at each update.

    With u = (i - w)/(T - w) after w = round(warmup_fraction T) updates: ``linear`` 1 - u, ``cosine``
    (1 + cos(pi u))/2, ``constant`` 1; during warmup (i + 1)/(w + 1).

    Parameters
    ----------
    kind : ``linear``, ``cosine`` or ``constant``.
    horizon : T, updates.
    warmup_fraction : share of the horizon.

    Returns
    -------
    array ``(T + 1,)``
        Entry i is the rate of update i; the last one is what the next update would have.
    """
    warmup = round(warmup_fraction * horizon)
    steps = np.arange(horizon + 1)
    u = np.clip((steps - warmup) / max(1, horizon - warmup), 0.0, 1.0)
    decay = {"linear": 1.0 - u, "cosine": 0.5 * (1.0 + np.cos(math.pi * u)), "constant": np.ones_like(u)}[kind]
    return np.where(steps < warmup, (steps + 1) / (warmup + 1), decay)


def make_optimizer(
    ref: Ref, parameters: Iterable[tuple[str, torch.Tensor]], lr_multiplier: Mapping[str, float], *, packed: bool
) -> torch.optim.Optimizer:
    """The optimiser, with one parameter group for each learning-rate multiplier (key ``multiplier``).

    Packed weights do without the fused kernel: it rounds the last elements of a tensor differently, so a replica's
    bits would depend on its place in the pack.
    """
    groups: dict[float, list[torch.Tensor]] = {}
    for name, tensor in parameters:
        groups.setdefault(lr_multiplier[name], []).append(tensor)
    listed = [{"params": tensors, "multiplier": factor} for factor, tensors in groups.items()]
    if ref.name == "adam":
        p = ref.params
        betas = (float(p["beta1"]), float(p["beta2"]))
        return torch.optim.Adam(listed, lr=0.0, betas=betas, eps=float(p["eps"]), fused=not packed, foreach=False)
    return torch.optim.SGD(listed, lr=0.0)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set this update's learning rate, times each group's multiplier."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["multiplier"]

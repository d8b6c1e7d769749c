"""Optimisers and learning-rate schedules. Warmup is a fraction of the horizon, so that it scales with the ladder."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.optim.adam import adam

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


class Optimizer:
    """Adam or SGD by torch's own functions: the same bits as its classes, without what these do around an update.

    That is a quarter of a small network's update, and once in each worker the import of torch's compiler, a second.

    Parameters
    ----------
    ref : which one, with its parameters.
    groups : tensors by the multiplier of their learning rate.
    packed : whether the weights of several networks are stacked in each tensor.
    """

    def __init__(self, ref: Ref, groups: Mapping[float, Sequence[Tensor]], *, packed: bool) -> None:
        self._ref, self._groups, self._packed = ref, groups, packed
        self._moments: dict[Tensor, tuple[Tensor, Tensor, Tensor]] = {}
        self.rate = 0.0

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for tensors in self._groups.values():
            for tensor in tensors:
                tensor.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Update the weights that have a gradient."""
        for multiplier, tensors in self._groups.items():
            there = [(tensor, tensor.grad) for tensor in tensors if tensor.grad is not None]
            if there:
                update = self._adam if self._ref.name == "adam" else self._sgd
                update([tensor for tensor, _ in there], [grad for _, grad in there], self.rate * multiplier)

    def _adam(self, tensors: list[Tensor], grads: list[Tensor], rate: float) -> None:
        p = self._ref.params
        for tensor in tensors:
            if tensor not in self._moments:
                self._moments[tensor] = (torch.zeros_like(tensor), torch.zeros_like(tensor), torch.tensor(0.0))
        first, second, steps = (list(each) for each in zip(*(self._moments[t] for t in tensors), strict=True))
        adam(
            tensors,
            grads,
            first,
            second,
            [],
            steps,
            foreach=False,
            fused=not self._packed,
            amsgrad=False,
            beta1=float(p["beta1"]),
            beta2=float(p["beta2"]),
            lr=rate,
            weight_decay=0.0,
            eps=float(p["eps"]),
            maximize=False,
        )

    def _sgd(self, tensors: list[Tensor], grads: list[Tensor], rate: float) -> None:
        for tensor, grad in zip(tensors, grads, strict=True):
            tensor.add_(grad, alpha=-rate)


def make_optimizer(
    ref: Ref, parameters: Iterable[tuple[str, Tensor]], lr_multiplier: Mapping[str, float], *, packed: bool
) -> Optimizer:
    """The optimiser, with one group of parameters for each learning-rate multiplier.

    Packed weights do without the fused kernel: it rounds the last elements of a tensor differently, so a replica's
    bits would depend on its place in the pack.
    """
    groups: dict[float, list[Tensor]] = {}
    for name, tensor in parameters:
        groups.setdefault(lr_multiplier[name], []).append(tensor)
    return Optimizer(ref, groups, packed=packed)


def set_rate(optimizer: Optimizer, rate: float) -> None:
    """Set this update's learning rate; each group has it times its multiplier."""
    optimizer.rate = rate

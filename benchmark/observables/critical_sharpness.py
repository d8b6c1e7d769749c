"""The curvature along the next step, by a line search without second derivatives."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import torch
from torch import Tensor

from ..flattened import dot, flat
from ..next_step import direction, last_rate
from ..replicas import Replicas
from .examples import OnExamples
from .observable import OBSERVABLES, Probe

_GROWTH = 8.0  # largest factor between two rates that are tried while no increase was seen


@OBSERVABLES.register
@dataclasses.dataclass(frozen=True)
class CriticalSharpness(OnExamples):
    """``2 / eta_c``, with eta_c the rate from which on the next step would raise the loss of its batch.

    Kalra et al. 2026 (`arXiv 2601.16979`). The step is the optimiser's, with its momentum and decay, so for plain SGD
    on a quadratic it is the curvature along the gradient, at most the sharpness. What is sought is the zero of
    ``[L(theta + eta d) - L(theta)] / eta``, which is a straight line where the loss is quadratic, by regula falsi
    (Illinois) to one per cent. Missing where the step does not descend, or ``passes`` forward passes do not suffice.
    """

    name = "critical-sharpness"
    names = ("critical_sharpness",)
    summary = "curvature along the next step, by a line search"
    scale = "ratio"
    passes: int = 12
    tolerance: float = 0.01

    def check(self) -> None:
        super().check()
        if not 2 <= self.passes <= 100:
            raise self.refuse("passes", "a whole number from 2 to 100")
        if not 0 < self.tolerance < 1:
            raise self.refuse("tolerance", "between 0 and 1")

    def measure(self, replicas: Replicas, probe: Probe) -> Tensor:
        update = probe.update
        inputs, targets = self.chosen(probe)
        steps = direction(update)
        weights = [weight for weight in update.weights if weight.tensor.requires_grad]
        tensors = [weight.tensor for weight in weights]
        with update.apart(), torch.enable_grad():
            losses = update.losses(inputs, targets)
            grads = torch.autograd.grad(losses.sum(), tensors, allow_unused=True)
        slope = dot(flat(grads, weights), flat([steps.get(weight.name) for weight in weights], weights))
        here = losses.detach().double()

        def secants(rates: np.ndarray) -> np.ndarray:
            eta = torch.from_numpy(rates).to(here.device)
            moved = {
                weight.name: weight.tensor + _column(eta, weight.tensor, weight.stacked) * steps[weight.name]
                for weight in weights
                if weight.name in steps
            }
            with update.apart(), torch.no_grad():
                there = update.losses(inputs, targets, {**dict(replicas.named_parameters()), **moved}).double()
            return np.array(((there - here) / eta).tolist())

        first = last_rate(update).tolist()
        found = [_Search(s, rate, self.tolerance) for s, rate in zip(slope.tolist(), first, strict=True)]
        for _ in range(self.passes):
            seen = secants(np.array([search.rate for search in found]))
            for search, value in zip(found, seen, strict=True):
                search.take(float(value))
            if all(search.ended for search in found):
                break
        values = [2 / search.found for search in found]
        return torch.tensor(values, dtype=torch.float64, device=here.device)[:, None]


def _column(rates: Tensor, like: Tensor, stacked: bool) -> Tensor:
    own = rates.to(like.dtype)
    return own.reshape(-1, *[1] * (like.dim() - 1)) if stacked else own.reshape(())


class _Search:
    """The zero of a function that is below 0 at 0: one network's, so that no other one decides what is tried.

    Attributes
    ----------
    rate : to be tried next.
    found : the zero; NaN until it was found.
    """

    def __init__(self, slope: float, first: float, tolerance: float) -> None:
        self._below, self._above = (0.0, slope), (math.inf, math.nan)
        self._tolerance = tolerance
        self.rate = first if first > 0 and math.isfinite(first) else 1e-6
        self.found = math.nan
        self.ended = not slope < 0

    def take(self, value: float) -> None:
        """Take the value at ``rate`` in, and choose the next rate."""
        if self.ended:
            return
        if not math.isfinite(value):  # far beyond: the loss is no number there
            self._above, self.rate = (self.rate, math.nan), self._below[0] + (self.rate - self._below[0]) / _GROWTH
            return
        last = self.rate
        if value < 0:
            far, self._below = self._below, (last, value)
            slope = (value - far[1]) / (last - far[0])
            if math.isinf(self._above[0]):
                ahead = last - value / slope if slope > 0 else math.inf
                self.rate = min(max(ahead, 1.001 * last), _GROWTH * last)
                self._close(self.rate / last - 1 if ahead == self.rate else math.inf)
                return
            self._above = (self._above[0], self._above[1] / 2)  # Illinois: an end that stays counts half
        else:
            self._above = (last, value)
            self._below = (self._below[0], self._below[1] / 2) if self._below[0] else self._below
        (a, low), (b, high) = self._below, self._above
        self.rate = a - low * (b - a) / (high - low) if math.isfinite(high) else (a + b) / 2
        self._close(abs(self.rate / last - 1))

    def _close(self, moved: float) -> None:
        if moved <= self._tolerance:
            self.found, self.ended = self.rate, True

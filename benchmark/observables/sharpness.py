"""The largest curvature of the loss, plain and as the optimiser sees it."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from ..curvature import Hessian, fixed_start, largest_eigenvalues, twice_differentiable
from ..flattened import flat
from ..next_step import preconditioners
from ..replicas import Replicas
from .examples import OnExamples
from .observable import OBSERVABLES, Probe, Unmeasurable


@dataclasses.dataclass(frozen=True)
class _Largest(OnExamples):
    scale = "ratio"
    iterations: int = 100
    tolerance: float = 0.02

    def check(self) -> None:
        super().check()
        if not 2 <= self.iterations <= 1000:
            raise self.refuse("iterations", "a whole number from 2 to 1000")
        if not 0 < self.tolerance < 1:
            raise self.refuse("tolerance", "between 0 and 1")

    def _largest(self, hessian: Hessian, root: Tensor | None = None) -> Tensor:
        product = hessian if root is None else lambda vectors: root * hessian(root * vectors)
        start = fixed_start(hessian)
        found = largest_eigenvalues(product, start, iterations=self.iterations, tolerance=self.tolerance)
        return found[:, None]


@OBSERVABLES.register
@dataclasses.dataclass(frozen=True)
class Sharpness(_Largest):
    """Largest eigenvalue of the Hessian of the loss, by Lanczos' iteration.

    Gradient descent with rate eta is stable along an eigenvector while its eigenvalue is below ``2 / eta``; with
    heavy-ball momentum b the threshold is ``(2 + 2 b) / eta`` (Cohen et al. 2021, `arXiv 2103.00065`). Dropout has the
    masks of the next update, batch norm the statistics of the examples. Missing where ``iterations`` do not suffice.
    """

    name = "sharpness"
    names = ("sharpness",)
    summary = "largest eigenvalue of the Hessian of the loss"

    def measure(self, replicas: Replicas, probe: Probe) -> Tensor:
        with twice_differentiable(probe.update):
            return self._largest(Hessian(probe.update, *self.chosen(probe)))


@OBSERVABLES.register
@dataclasses.dataclass(frozen=True)
class PreconditionedSharpness(_Largest):
    """Largest eigenvalue of ``P^-1/2 H P^-1/2``, with P what the optimiser divides the gradient by.

    P has the multipliers of the parametrisation; for Adam it is ``(1 - beta1^t)(sqrt(v / (1 - beta2^t)) + eps)`` over
    them. The threshold of Adam is ``(2 + 2 beta1) / ((1 - beta1) eta)`` (Cohen et al. 2022, `arXiv 2207.14484`).
    Missing before the first update of Adam, which has no P yet.
    """

    name = "preconditioned-sharpness"
    names = ("preconditioned_sharpness",)
    summary = "largest eigenvalue of the Hessian, preconditioned by the optimiser"

    def measure(self, replicas: Replicas, probe: Probe) -> Tensor:
        diagonals = preconditioners(probe.update)
        if diagonals is None:
            raise Unmeasurable(f"the step of {probe.update.optimiser.name!r} is no gradient divided by a diagonal")
        with twice_differentiable(probe.update):
            hessian = Hessian(probe.update, *self.chosen(probe))
            used = {weight.name for weight in hessian.weights}
            own = [d for d, weight in zip(diagonals, probe.update.weights, strict=True) if weight.name in used]
            return self._largest(hessian, _inverse_root(flat(own, hessian.weights)))


def _inverse_root(diagonal: Tensor) -> Tensor:
    """``d^-1/2``; 0 where nothing is but zeros that fill a row up."""
    return torch.where(diagonal == 0, 0.0, diagonal.rsqrt())

"""The Hessian of the loss by its products with vectors, and the largest eigenvalue that such products tell."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode

from .flattened import aligned, dot, flat, norm, unflat
from .update import Update

_SEED = 0  # of the vector that every iteration starts from


class Hessian:
    """Products of vectors with the Hessian of each network's mean loss, by a second backward pass (Pearlmutter 1994).

    Make and use it inside `twice_differentiable`.

    Parameters
    ----------
    update : of the networks.
    inputs, targets : examples of each network, ``(R, n, ...)``.

    Attributes
    ----------
    weights : those that the loss depends on.
    gradient : ``(R, P)`` float64.
    """

    def __init__(self, update: Update, inputs: Tensor, targets: Tensor) -> None:
        trained = [weight for weight in update.weights if weight.tensor.requires_grad]
        with _Twice():
            loss = update.losses(inputs, targets).sum()
        found = torch.autograd.grad(loss, [w.tensor for w in trained], create_graph=True, allow_unused=True)
        there = [(weight, grad) for weight, grad in zip(trained, found, strict=True) if grad is not None]
        self.weights = [weight for weight, _ in there]
        self._tensors = [weight.tensor for weight in self.weights]
        self._grads = [grad for _, grad in there]
        self.gradient = flat(self._grads, self.weights)

    def __call__(self, vectors: Tensor) -> Tensor:
        """``(R, P)`` to ``(R, P)``, float64."""
        curved = [(g, v) for g, v in zip(self._grads, unflat(vectors, self.weights), strict=True) if g.requires_grad]
        if not curved:
            return torch.zeros_like(vectors)
        grads, parts = zip(*curved, strict=True)
        products = torch.autograd.grad(grads, self._tensors, parts, retain_graph=True, allow_unused=True)
        return flat(products, self.weights)


class _Twice(TorchFunctionMode):
    """Functions whose second derivative torch lacks, by others of the same value."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is functional.hardsigmoid:
            return torch.clamp(args[0] / 6 + 0.5, 0, 1)
        return func(*args, **(kwargs or {}))


@contextmanager
def twice_differentiable(update: Update) -> Iterator[None]:
    """Kernels that have a second derivative, and no trace in statistics that run along."""
    cudnn = torch.backends.cudnn.flags(enabled=False)
    with update.apart(), torch.enable_grad(), sdpa_kernel(SDPBackend.MATH), cudnn:
        yield


def largest_eigenvalues(
    product: Callable[[Tensor], Tensor], start: Tensor, *, iterations: int, tolerance: float
) -> Tensor:
    """Largest eigenvalue of a symmetric matrix a row, by Lanczos' iteration (Golub and Van Loan 2013, section 10.1).

    A row stops at the first iteration whose Ritz pair ``(theta, y)`` has ``|A y - theta y| <= tolerance |theta|``, as
    the iteration itself tells; the error of theta is then at most that, and usually of its square. Vectors are not made
    orthogonal again: that repeats eigenvalues and leaves the largest as it is (Paige 1980).

    Parameters
    ----------
    product : ``(R, P)`` to ``(R, P)``, row by row.
    start : ``(R, P)`` float64, not zero.
    iterations : products at most.
    tolerance : of the residual, relative to the eigenvalue.

    Returns
    -------
    Tensor
        ``(R,)`` float64; NaN for a row that did not get there, or that is not finite.
    """
    before, beta = torch.zeros_like(start), torch.zeros(len(start), dtype=start.dtype, device=start.device)
    now = start / norm(start)[:, None]
    alphas: list[np.ndarray] = []
    betas: list[np.ndarray] = []
    found = np.full(len(start), math.nan)
    left = np.ones(len(start), dtype=bool)
    for _ in range(min(iterations, start.shape[1])):
        ahead = product(now) - beta[:, None] * before
        alpha = dot(ahead, now)
        ahead = ahead - alpha[:, None] * now
        beta = norm(ahead)
        seen = np.array(torch.stack([alpha, beta]).tolist())
        alphas.append(seen[0])
        betas.append(seen[1])
        for row in np.flatnonzero(left):
            value, residual = _ritz([a[row] for a in alphas], [b[row] for b in betas])
            if not math.isfinite(residual):
                left[row] = False
            elif residual <= tolerance * abs(value):
                found[row], left[row] = value, False
        if not left.any():
            break
        before, now = now, ahead / beta.clamp(min=torch.finfo(beta.dtype).tiny)[:, None]
    return torch.from_numpy(found).to(start.device)


def _ritz(alphas: list[float], betas: list[float]) -> tuple[float, float]:
    """The largest Ritz value and the norm of its residual; NaN where the iteration is not finite."""
    if not (np.all(np.isfinite(alphas)) and np.all(np.isfinite(betas))):
        return math.nan, math.nan
    values, vectors = np.linalg.eigh(np.diag(alphas) + np.diag(betas[:-1], 1) + np.diag(betas[:-1], -1))
    return float(values[-1]), float(betas[-1] * abs(vectors[-1, -1]))


def fixed_start(hessian: Hessian) -> Tensor:
    """The same normal vector in every row: what is found is a function of the weights."""
    generator = torch.Generator().manual_seed(_SEED)
    like = hessian.gradient
    used = sum(weight.tensor.numel() for weight in hessian.weights) // len(like)
    row = torch.randn(used, generator=generator, dtype=torch.float64)
    return aligned(row.to(like.device).expand(len(like), -1))

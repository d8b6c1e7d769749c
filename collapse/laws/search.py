"""Nonlinear least squares for many curves at once: a bootstrap re-fits every form in a few matrix products."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Curve = Callable[[np.ndarray], np.ndarray]
_STEP = 1e-6
_ROUNDS = 300
_ENOUGH = 1e-10  # relative fall of the cost, found or promised by the slopes, below which a curve's search has ended


def fit_many(
    curve: Curve, starts: np.ndarray, targets: np.ndarray, weights: np.ndarray, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Levenberg-Marquardt within bounds, one damping for each curve.

    Parameters
    ----------
    curve : parameters ``(N, q)`` to curves ``(N, m)``.
    starts : ``(N, q)``.
    targets : ``(N, m)``.
    weights : ``(m,)`` of the squares.
    low, high : ``(q,)`` bounds.

    Returns
    -------
    Parameters ``(N, q)`` and weighted sums of squares ``(N,)``, never larger than those of the starts.
    """
    theta = np.clip(starts, low, high)
    root = np.sqrt(weights)
    curves = curve(theta)
    residual = (curves - targets) * root
    cost, damping = (residual**2).sum(-1), np.full(len(theta), 1e-2)
    open_ = np.arange(len(theta))
    for _ in range(_ROUNDS):
        t, r = theta[open_], residual[open_]
        slopes = _slopes(curve, t, curves[open_], high) * root
        downhill = -np.einsum("nqm,nm->nq", slopes, r)
        held = ((t <= low) & (downhill < 0)) | ((t >= high) & (downhill > 0))  # at a bound, and drawn beyond it
        slopes[held], downhill[held] = 0.0, 0.0
        normal = np.einsum("nqm,npm->nqp", slopes, slopes)
        scale = np.einsum("nqq->nq", normal) + 1e-12
        normal = normal + (damping[open_, None] * scale)[..., None] * np.eye(t.shape[1])
        step = np.linalg.solve(normal, downhill[..., None])[..., 0]
        tried = np.clip(t + step, low, high)
        promised = (downhill * step).sum(-1) / np.maximum(cost[open_], 1e-300)
        there = curve(tried)
        r = (there - targets[open_]) * root
        new = (r**2).sum(-1)
        better = new < cost[open_]
        gain = np.where(better, 1 - new / np.maximum(cost[open_], 1e-300), 1.0)
        chosen = open_[better]
        theta[chosen], residual[chosen], cost[chosen] = tried[better], r[better], new[better]
        curves[chosen] = there[better]
        damping[open_] = np.clip(np.where(better, damping[open_] / 5, damping[open_] * 8), 1e-9, 1e12)
        open_ = open_[(np.minimum(gain, promised) > _ENOUGH) & (damping[open_] < 1e9)]
        if not len(open_):
            break
    return theta, cost


def fit_from_many(
    curve: Curve, starts: np.ndarray, target: np.ndarray, weights: np.ndarray, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, float]:
    """Best of all starts ``(S, q)`` for one curve ``(m,)``: its parameters, and the share of starts that reached it."""
    theta, cost = fit_many(curve, starts, np.tile(target, (len(starts), 1)), weights, low, high)
    return theta[cost.argmin()], float(np.mean(cost <= cost.min() * 1.001 + 1e-14))


def _slopes(curve: Curve, theta: np.ndarray, base: np.ndarray, high: np.ndarray) -> np.ndarray:
    """``(N, q, m)`` one-sided differences from the curves ``base``, taken inwards at an upper bound."""
    slopes = np.empty((len(theta), theta.shape[1], base.shape[1]))
    for j in range(theta.shape[1]):
        moved = theta.copy()
        h = np.where(theta[:, j] + _STEP > high[j], -_STEP, _STEP)
        moved[:, j] += h
        slopes[:, j] = (curve(moved) - base) / h[:, None]
    return slopes

"""Robust fits of ``ln L = ln(E + A N^-alpha + B D^-beta)``, many at once and each to the end."""

from __future__ import annotations

import dataclasses

import numpy as np

# theta = (ln E, ln A', alpha, ln B', beta); A' and B' are the terms at the geometric mean N and D, so that an exponent
# and its amplitude are all but uncorrelated.
NAMES = ("E", "A", "alpha", "B", "beta")
EXPONENTS = (0.01, 3.0)
_DEEP = 9.0  # how far below the losses a term may sink before it is nothing (e^-9 is one part in 8,000)
_LASTING = 6  # rounds in a row with less gain than that, before a search ends


@dataclasses.dataclass(frozen=True, slots=True)
class Huber:
    """Where the square turns into a straight line, in ln L: above the law (``up``) and below it (``down``).

    Equal for the plain objective. With ``up`` small a run that lies above the law counts little, as one does that was
    trained badly: nothing but luck puts a run below the law, many faults put one above.
    """

    up: float
    down: float

    def reach(self, residual: np.ndarray) -> np.ndarray:
        """The threshold of each residual, observed less fitted."""
        return np.where(residual > 0, self.up, self.down)

    def cost(self, residual: np.ndarray) -> np.ndarray:
        """``(B,)`` sums over the last axis. A sum and no mean: with a mean, stopping rules that look at the size of the
        objective stop far from the minimum."""
        size, delta = np.abs(residual), self.reach(residual)
        return np.where(size <= delta, size**2 / 2, delta * (size - delta / 2)).sum(-1)

    def weights(self, residual: np.ndarray) -> np.ndarray:
        """Weights under which least squares has the same gradient."""
        return np.minimum(1.0, self.reach(residual) / np.maximum(np.abs(residual), 1e-300))


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class RunPlaces:
    """The places of the runs: ``u`` and ``v`` are ``(n,)`` ln N and ln D less their means ``centre``."""

    u: np.ndarray
    v: np.ndarray
    centre: tuple[float, float]

    @classmethod
    def of(cls, params: np.ndarray, tokens: np.ndarray) -> RunPlaces:
        """The design of runs of that many parameters and tokens."""
        u, v = np.log(params), np.log(tokens)
        return cls(u - u.mean(), v - v.mean(), (float(u.mean()), float(v.mean())))

    def at(self, params: np.ndarray, tokens: np.ndarray) -> RunPlaces:
        """Other places in the same coordinates."""
        return RunPlaces(np.log(params) - self.centre[0], np.log(tokens) - self.centre[1], self.centre)

    def log_loss(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """ln L ``(B, n)`` and its slopes ``(B, 5, n)`` at parameters ``(B, 5)``."""
        e, a, alpha, b, beta = (theta[:, i : i + 1] for i in range(5))
        terms = np.stack([np.broadcast_to(e, (len(theta), len(self.u))), a - alpha * self.u, b - beta * self.v])
        top = terms.max(axis=0)
        value = top + np.log(np.exp(terms - top).sum(axis=0))
        share = np.exp(terms - value)
        slopes = np.stack([share[0], share[1], -share[1] * self.u, share[2], -share[2] * self.v], axis=1)
        return value, slopes

    def natural(self, theta: np.ndarray) -> np.ndarray:
        """``(..., 5)`` E, A, alpha, B, beta as the formula has them, N and D in single units."""
        e, a, alpha, b, beta = np.moveaxis(theta, -1, 0)
        amplitudes = np.exp(a + alpha * self.centre[0]), np.exp(b + beta * self.centre[1])
        return np.stack([np.exp(e), amplitudes[0], alpha, amplitudes[1], beta], axis=-1)


def bounds(targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest parameters ``(5,)`` that are searched."""
    low, high = float(targets.min()), float(targets.max())
    floors = np.array([low - _DEEP, low - _DEEP, EXPONENTS[0], low - _DEEP, EXPONENTS[0]])
    return floors, np.array([low, high + 3.0, EXPONENTS[1], high + 3.0, EXPONENTS[1]])


def starts_of(design: RunPlaces, targets: np.ndarray, per_axis: int = 10) -> np.ndarray:
    """A full grid over both exponents, ``(per_axis^2, 5)``; for each of them E, A and B solve a linear problem."""
    axis = np.geomspace(0.03, 1.5, per_axis)
    alpha, beta = (grid.ravel() for grid in np.meshgrid(axis, axis))
    one = np.ones((len(alpha), len(design.u)))
    columns = np.stack([one, np.exp(-alpha[:, None] * design.u), np.exp(-beta[:, None] * design.v)], axis=-1)
    relative = columns * np.exp(-targets)[:, None]
    solved = np.linalg.pinv(relative) @ np.ones(len(targets))
    least = 0.02 * np.exp(targets.min())
    e, a, b = np.log(np.maximum(solved, least)).T
    return np.stack([e, a, alpha, b, beta], axis=1)


def minimise(
    design: RunPlaces,
    targets: np.ndarray,
    starts: np.ndarray,
    huber: Huber,
    low: np.ndarray,
    high: np.ndarray,
    *,
    free: np.ndarray | None = None,
    rounds: int = 400,
    enough: float = 1e-13,
) -> tuple[np.ndarray, np.ndarray]:
    """Levenberg-Marquardt on reweighted squares; no step is taken that does not lower the sum.

    Parameters
    ----------
    design : where the n runs lie.
    targets : ``(B, n)`` or ``(n,)`` ln L.
    starts : ``(B, 5)``.
    huber : the objective.
    low, high : ``(5,)`` bounds.
    free : ``(B, 5)`` parameters that may move; None is all.
    rounds : at most so many steps.
    enough : relative fall of the cost in a step below which a search is idle.

    Returns
    -------
    Parameters ``(B, 5)`` and costs ``(B,)``.
    """
    theta = np.clip(starts, low, high) if free is None else np.where(free, np.clip(starts, low, high), starts)
    targets = np.broadcast_to(targets, (len(theta), len(design.u)))
    moving = np.ones_like(theta, dtype=bool) if free is None else free
    residual = targets - design.log_loss(theta)[0]
    cost, damping = huber.cost(residual), np.full(len(theta), 1e-3)
    idle, open_ = np.zeros(len(theta), dtype=int), np.arange(len(theta))
    for _ in range(rounds):
        now = theta[open_]
        value, slopes = design.log_loss(now)
        r = targets[open_] - value
        slopes = slopes * moving[open_][:, :, None]
        weighted = slopes * huber.weights(r)[:, None, :]
        normal = np.einsum("bin,bjn->bij", weighted, slopes)
        scale = np.einsum("bii->bi", normal) + 1e-14
        normal = normal + (damping[open_, None] * scale + 1e-14)[..., None] * np.eye(5)
        step = np.linalg.solve(normal, np.einsum("bin,bn->bi", weighted, r)[..., None])[..., 0]
        tried = np.where(moving[open_], np.clip(now + step, low, high), now)
        new = huber.cost(targets[open_] - design.log_loss(tried)[0])
        better = new < cost[open_]
        gain = np.where(better, 1 - new / np.maximum(cost[open_], 1e-300), 0.0)
        chosen = open_[better]
        theta[chosen], cost[chosen] = tried[better], new[better]
        damping[open_] = np.clip(np.where(better, damping[open_] / 6, damping[open_] * 8), 1e-12, 1e14)
        idle[open_] = np.where(better & (gain > enough), 0, idle[open_] + 1)
        open_ = open_[idle[open_] < _LASTING]
        if not len(open_):
            break
    return theta, cost

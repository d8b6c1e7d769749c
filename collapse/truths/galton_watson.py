"""Critical branching with geometric offspring: survival in closed form at every time."""

from __future__ import annotations

import numpy as np


def survival(mean: float, generations: int) -> float:
    """Probability that a Galton-Watson family with geometric offspring of the given mean lives t generations.

    ``Q_t = m^t (m - 1)/(m^{t+1} - 1)``, and ``1/(t + 1)`` at m = 1 (Harris, The Theory of Branching Processes, I.4).
    """
    if mean == 1.0:
        return 1.0 / (generations + 1)
    # Powers of m would overflow where the family explodes: divide by m^t.
    return float((mean - 1) / (mean - mean**-generations)) if mean > 1 else _dying(mean, generations)


def _dying(mean: float, generations: int) -> float:
    return float(mean**generations * (1 - mean) / (1 - mean ** (generations + 1)))


def survival_by_iteration(mean: float, generations: int) -> float:
    """The same from the generating function ``f(s) = 1/(1 + m - m s)``, iterated t times from 0."""
    extinct = 0.0
    for _ in range(generations):
        extinct = 1.0 / (1.0 + mean - mean * extinct)
    return 1.0 - extinct


def scaled_survival(generations: int, u: np.ndarray) -> np.ndarray:
    """``(t + 1) Q_t`` at means ``m = 1 + u/t``; corrections of order 1/t."""
    return np.array([(generations + 1) * survival(1 + float(v) / generations, generations) for v in u])


def scaling_function(u: np.ndarray) -> np.ndarray:
    """Its limit, ``u / (1 - e^-u)``, 1 at u = 0."""
    u = np.asarray(u, dtype=float)
    safe = np.where(u == 0, 1.0, u)
    return np.where(u == 0, 1.0, safe / -np.expm1(-safe))

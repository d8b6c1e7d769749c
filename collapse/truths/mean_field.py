"""The Curie-Weiss magnet, summed exactly: mean-field exponents and slow corrections, of order N^-1/2."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln


def magnetisation(size: int, temperature: float) -> float:
    """``<|m|>`` of N spins, each coupled to all, from the exact sum over the N + 1 values of m.

    Weight of k spins up: ``C(N, k) exp(N m^2 / (2 T))`` with ``m = 2k/N - 1``; critical at T = 1.
    """
    k = np.arange(size + 1)
    m = 2 * k / size - 1
    log_weight = -gammaln(k + 1) - gammaln(size - k + 1) + size * m**2 / (2 * temperature)
    weight = np.exp(log_weight - log_weight.max())
    return float(weight @ np.abs(m) / weight.sum())


def scaled_magnetisation(size: int, scaled_temperature: np.ndarray) -> np.ndarray:
    """``N^{1/4} <|m|>`` at ``T = 1 + u N^{-1/2}`` for an array of u: exponents beta = 1/2, nu d = 2."""
    return size**0.25 * np.array([magnetisation(size, 1 + u / size**0.5) for u in scaled_temperature])


def scaling_function(scaled_temperature: np.ndarray) -> np.ndarray:
    """The limit of `scaled_magnetisation`: ``<|y|>`` under the density ``exp(-u y^2/2 - y^4/12)``."""
    y = np.linspace(0.0, 12.0, 6001)
    log_weight = -scaled_temperature[:, None] * y**2 / 2 - y**4 / 12
    weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
    return np.trapezoid(weight * y, y) / np.trapezoid(weight, y)

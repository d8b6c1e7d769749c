"""Power without simulation, good to about a third of the seeds: where a search starts, and how steep the power is."""

from __future__ import annotations

import numpy as np
from scipy.special import chdtri, ndtr, stdtrit
from scipy.stats import ncx2

from ...results.grid import log_weights
from ...results.levels import ALPHA, COVERAGE
from .pilot import Pilot

MOST_SEEDS = 200
FEWEST_SEEDS = 3


def points(pilot: Pilot) -> float:
    """How many independent points a curve is worth to an integral over ``d ln x``, with weights w and correlations rho:
    ``(sum w)^2 / sum w_i w_j rho_ij^2``."""
    weights = log_weights(pilot.x)
    sd = np.sqrt(np.diag(pilot.covariance))
    squared = (pilot.covariance / np.outer(sd, sd)) ** 2
    return float(weights.sum() ** 2 / (weights @ squared @ weights))


def rejection(pilot: Pilot, truth: np.ndarray, scales: np.ndarray, seeds: np.ndarray | float) -> np.ndarray:
    """Power of T1 for numbers of seeds: a noncentral chi-square with ``(K-1) points`` degrees of freedom.

    Parameters
    ----------
    pilot : noise of one curve.
    truth : ``(K, m)`` deviations.
    scales : ``(K,)`` sd of each rung's noise over the pilot's.
    seeds : seeds a rung, any shape; they need not be whole.
    """
    worth = points(pilot)
    shares = scales**-2 / (scales**-2).sum()
    d = truth - shares @ truth
    weights = log_weights(pilot.x)
    effect = float((d**2 / scales[:, None] ** 2).sum(axis=0) / np.diag(pilot.covariance) @ weights / weights.sum())
    df = (len(scales) - 1) * worth
    return np.asarray(ncx2.sf(chdtri(df, ALPHA), df, np.maximum(np.asarray(seeds) * worth * effect, 1e-12)))


def certification(
    pilot: Pilot, truth: np.ndarray, scales: np.ndarray, seeds: np.ndarray | float, margin: float
) -> np.ndarray:
    """Chance that U95 falls below the margin, as if each rung had two independent points and known noise."""
    n = np.asarray(seeds, dtype=float)[..., None, None]
    k = len(scales)
    variances = scales[:, None] ** 2 * np.diag(pilot.covariance)
    se = np.sqrt(((1 - 2 / k) * variances + variances.sum(axis=0) / k**2) / n)
    room = (margin - np.abs(truth)) / se - stdtrit(np.maximum(n - 1, 1.0), COVERAGE)
    return np.clip(2 * ndtr(room.min(axis=(-2, -1))) - 1, 0.0, 1.0) ** (2 * k)

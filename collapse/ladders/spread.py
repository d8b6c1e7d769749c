"""Descriptions of the spread: the collapse deviation of the literature, the noise floor, variances, size trend."""

from __future__ import annotations

import numpy as np

from ...results.grid import mean_over
from ..outcome import RescaledGroup, Spread


def describe(group: RescaledGroup) -> Spread:
    """Spread between and within at least two rungs.

    On the end-point scale, with ``l = exp z``, all standard deviations with ddof 1::

        Delta(x)   = sd_{k,s}(l) / mean_{k,s}(l)
        sigma_k(x) = sd_s(E_k) / mean_s(E_k)
        V_B        = max(0, var_k(zbar) - mean_k(var_s(z)/n_k)),   V_W = mean_k var_s(z)

    On the shape scale Delta is the plain standard deviation of q, whose mean over the grid is 1 (a ratio would blow up
    near the end, where q vanishes), and sigma that of the improvement over its mean.
    Delta and sigma follow Qiu and others 2025 (arXiv 2507.02119); Delta below sigma is a description, not a test.
    """
    counts = np.array([len(rows) for rows in group.values])
    variances = np.stack([rows.var(axis=0, ddof=1) for rows in group.values])
    means = np.stack([rows.mean(axis=0) for rows in group.values])
    of_means = variances / counts[:, None]
    slope, se, df = _trend(means, of_means, counts, np.log(group.sizes))
    return Spread(
        collapse_deviation=_pooled(group),
        noise=np.stack([_noise(rows, unit, group.scale) for rows, unit in zip(group.values, group.units, strict=True)]),
        between=np.maximum(0.0, means.var(axis=0, ddof=1) - of_means.mean(axis=0)),
        within=variances.mean(axis=0),
        slope=slope,
        slope_se=se,
        slope_df=df,
    )


def noise_floor(spread: Spread, x: np.ndarray) -> float:
    """Mean of sigma over rungs, and over the grid in d ln x."""
    return float(mean_over(spread.noise.mean(axis=0), x))


def _pooled(group: RescaledGroup) -> np.ndarray:
    pooled = np.concatenate(group.values)
    if group.scale == "shape":
        return pooled.std(axis=0, ddof=1)
    curves = np.exp(pooled)
    return curves.std(axis=0, ddof=1) / curves.mean(axis=0)


def _noise(rows: np.ndarray, unit: np.ndarray, scale: str) -> np.ndarray:
    if scale == "shape":
        return (rows * unit[:, None]).std(axis=0, ddof=1) / unit.mean()
    excess = np.exp(rows) * unit[:, None]
    return excess.std(axis=0, ddof=1) / excess.mean(axis=0)


def _trend(
    means: np.ndarray, variances: np.ndarray, counts: np.ndarray, log_sizes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Least-squares slope of the mean curves on ln p; its error comes from the seeds, not from the fit's residuals."""
    u = log_sizes - log_sizes.mean()
    u = u / (u**2).sum()
    parts = u[:, None] ** 2 * variances
    squared = parts.sum(axis=0)
    with np.errstate(invalid="ignore"):  # seeds that agree exactly at some x have no degrees of freedom there
        df = squared**2 / (parts**2 / (counts[:, None] - 1)).sum(axis=0)
    return u @ means, np.sqrt(squared), df

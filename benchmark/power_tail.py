"""The tail of a sample as a power law, and whether it is one."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

FEWEST = 50  # numbers: with fewer the exponent is biased (Clauset et al. 2009, section 3.3)
_TAIL = 10  # numbers that a tail has at least


class PowerTail(NamedTuple):
    """``p(x) ~ x^-exponent`` from ``start`` on, the distance from it, and its p-value; NaN where there is none."""

    exponent: float
    start: float
    distance: float
    p: float


_NONE = PowerTail(math.nan, math.nan, math.nan, math.nan)


def power_tail(values: np.ndarray, resamples: int, rng: np.random.Generator) -> PowerTail:
    """Maximum-likelihood exponent of the tail, its start by the smallest Kolmogorov-Smirnov distance, and a p-value.

    Clauset, Shalizi and Newman 2009 (`arXiv 0706.1062`): ``alpha = 1 + n / sum ln(x / x_min)`` over ``x >= x_min``; the
    p-value is the share of samples of the fitted law, with what lies below the start drawn from the data, that fit
    worse. At p <= 0.1 the tail is no power law.

    Parameters
    ----------
    values : ``(n,)`` positive numbers.
    resamples : for the p-value, whose standard error is at most ``1 / (2 sqrt(resamples))``.
    """
    values = np.sort(values[np.isfinite(values) & (values > 0)])
    if len(values) < FEWEST:
        return _NONE
    exponent, start, distance = (part[0] for part in _fits(values[None]))
    below, n = values[values < start], len(values)
    inside = rng.random((resamples, n)) >= len(below) / n
    drawn = start * (1 - rng.random((resamples, n))) ** (-1 / (exponent - 1))
    if len(below):
        drawn = np.where(inside, drawn, rng.choice(below, (resamples, n)))
    _, _, distances = _fits(np.sort(drawn, axis=1))
    return PowerTail(float(exponent), float(start), float(distance), float(np.mean(distances >= distance)))


def _fits(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Exponent, start and distance of the best tail of each sorted row of ``(B, n)``."""
    logs = np.log(rows)
    n = rows.shape[1]
    best = np.full(len(rows), np.inf)
    exponents, starts = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    sums = np.cumsum(logs[:, ::-1], axis=1)[:, ::-1]
    for first in range(n - _TAIL + 1):
        size = n - first
        mean = sums[:, first] / size - logs[:, first]
        with np.errstate(divide="ignore"):
            slope = 1 / mean  # exponent - 1
        beyond = -np.expm1(-slope[:, None] * (logs[:, first:] - logs[:, first, None]))
        steps = np.arange(size + 1) / size
        distance = np.maximum(np.abs(beyond - steps[1:]), np.abs(beyond - steps[:-1])).max(axis=1)
        better = (distance < best) & np.isfinite(slope)
        best = np.where(better, distance, best)
        exponents = np.where(better, 1 + slope, exponents)
        starts = np.where(better, rows[:, first], starts)
    return exponents, starts, best

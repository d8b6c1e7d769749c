"""Largest eigenvalues of random symmetric matrices: one law whatever the entries, unless their tails are heavy."""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np
from scipy.stats import norm

from ...errors import unknown
from ...results.levels import COVERAGE

Entries = Literal["gaussian", "rademacher", "heavy"]
TRACY_WIDOM_MEAN, TRACY_WIDOM_VARIANCE = -1.2065, 1.6078


def largest_eigenvalues(entries: Entries, size: int, draws: int, rng: np.random.Generator) -> np.ndarray:
    """``(draws,)`` edge statistics ``(lambda_max - 2 sqrt n) n^{1/6}`` of symmetric n x n matrices.

    Entries off the diagonal have unit variance: normal, signs, or Student's t with three degrees of freedom over
    ``sqrt 3``; those on it have variance 2, so that normal ones are the orthogonal ensemble. With four moments (Tao and
    Vu 2010) the statistic tends to the Tracy-Widom law of index 1; with t_3 the largest entry rules, and it diverges.
    """
    matrices = _entries(entries, (draws, size, size), rng)
    lower = np.tril(matrices, -1)
    diagonal = np.einsum("dii->di", matrices) * np.sqrt(2.0)
    lower = lower + lower.swapaxes(1, 2)
    index = np.arange(size)
    lower[:, index, index] = diagonal
    return (np.linalg.eigvalsh(lower)[:, -1] - 2 * np.sqrt(size)) * size ** (1 / 6)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class EdgeDifference:
    """How far two samples of edges lie apart: the larger difference of medians and of log interquartile ranges.

    The first is in units of the Tracy-Widom sd. ``low`` and ``high`` are one-sided 95 % bounds from a bootstrap;
    ``one_class`` is True with ``high`` below the margin, False with ``low`` above it, else None.
    """

    difference: float
    low: float
    high: float
    one_class: bool | None


def compare_edges(
    first: np.ndarray, second: np.ndarray, *, rng: np.random.Generator, margin: float = 0.5, resamples: int = 399
) -> EdgeDifference:
    """Whether two kinds of entries have one edge law within a margin; at n of about 100 laws of one class still lie
    .1 to .3 apart, so a test of equality would reject them with enough draws.

    Medians and interquartile ranges, because heavy entries may leave no variance to speak of.
    """

    def apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        quarters = np.quantile(a, [0.25, 0.5, 0.75], axis=-1), np.quantile(b, [0.25, 0.5, 0.75], axis=-1)
        median = (quarters[0][1] - quarters[1][1]) / np.sqrt(TRACY_WIDOM_VARIANCE)
        spread = np.log((quarters[0][2] - quarters[0][0]) / (quarters[1][2] - quarters[1][0]))
        return np.stack([median, spread])

    found = apart(first, second)
    again = apart(rng.choice(first, (resamples, len(first))), rng.choice(second, (resamples, len(second))))
    reach = norm.ppf(COVERAGE) * again.std(axis=1, ddof=1)
    low, high = float(max(0.0, (np.abs(found) - reach).max())), float((np.abs(found) + reach).max())
    told = True if high < margin else False if low >= margin else None
    return EdgeDifference(difference=float(np.abs(found).max()), low=low, high=high, one_class=told)


def _entries(entries: Entries, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    if entries == "gaussian":
        return rng.normal(size=shape)
    if entries == "rademacher":
        return 2.0 * rng.integers(0, 2, size=shape) - 1.0
    if entries == "heavy":
        return rng.standard_t(3, size=shape) / np.sqrt(3.0)
    raise unknown("entries", entries, ("gaussian", "rademacher", "heavy"))

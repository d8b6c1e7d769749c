"""Sets of unequal numbers of runs: T against exchanged runs, and against normal curves as noisy as each set."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..within.bootstrap import Moments, moments
from ..within.equivalence import separable
from ..within.exactness import p_value

_BLOCK = 250  # resamples at a time
_RESOLUTION = 0.01  # the smallest p that exchanged runs must be able to give

Rows = Sequence[np.ndarray]
_OfSize = tuple[int, np.ndarray, np.ndarray]


def band_of(sample: Moments) -> np.ndarray:
    """``(K, m, B)`` variances of the means, split into ``a_k h(x)``, which a few seeds can estimate."""
    a, h = separable(sample.variances)
    return (a / sample.counts[:, None])[:, None] * h


def largest(samples: Sequence[Moments], weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """T and the largest ``|D|/se~`` of B sets of curves or of pairs of sets, ``(B,)`` each."""
    d = samples[0].means - samples[1].means if len(samples) == 2 else samples[0].means
    ratio = d**2 / sum(map(band_of, samples))
    return np.einsum("kmb,m->kb", ratio, weights).max(axis=0), np.sqrt(ratio.max(axis=(0, 1)))


def p_exchanged(mine: Rows, published: Rows, weights: np.ndarray, rng: np.random.Generator, resamples: int) -> float:
    """p of T where whole runs are dealt anew to both sets in each size; exact where both are equally noisy.

    Parameters
    ----------
    mine, published : K arrays ``(n_k, m)``.
    weights : ``(m,)`` of the integral.
    rng, resamples : chance, and how often runs are dealt.

    Returns
    -------
    0 where there are too few ways to deal them: one size with its runs as they are gives T again, so that p is no
    smaller than the K sizes' share of such deals.
    """
    counts = [(len(own), len(other)) for own, other in zip(mine, published, strict=True)]
    if len(counts) * max(1 / math.comb(n + m, n) for n, m in counts) > _RESOLUTION:
        return 0.0
    pairs = [
        _dealt(np.concatenate([own, other]), len(own), rng, resamples)
        for own, other in zip(mine, published, strict=True)
    ]
    samples = [
        Moments(np.array([one[0] for one in each]), *(np.stack([one[i] for one in each]) for i in (1, 2)))
        for each in zip(*pairs, strict=True)
    ]
    observed, *others = largest(samples, weights)[0]
    return p_value(float(observed) * (1 - 1e-9), np.array(others))  # the same deal is the same T but for rounding


def _dealt(rows: np.ndarray, first: int, rng: np.random.Generator, resamples: int) -> list[_OfSize]:
    """``first`` of the runs ``(N, m)`` to one set and the rest to the other: as they are, and B times by chance."""
    order = np.column_stack([np.arange(len(rows)), rng.random((len(rows), resamples)).argsort(axis=0)])
    chosen = (order < first).astype(float)
    rows = rows - rows.mean(axis=0)
    return [_moments_of(rows, chosen), _moments_of(rows, 1.0 - chosen)]


def _moments_of(rows: np.ndarray, chosen: np.ndarray) -> _OfSize:
    """Count, means and variances ``(m, B)`` of those rows ``(N, m)`` that are chosen, ``(N, B)`` of 0 and 1."""
    n = int(chosen[:, 0].sum())
    means = rows.T @ chosen / n
    variances = ((rows**2).T @ chosen - n * means**2) / (n - 1)
    return n, means, np.maximum(variances, 1e-6 * (rows**2).mean(axis=0)[:, None])


def p_normal(mine: Rows, published: Rows, weights: np.ndarray, rng: np.random.Generator, resamples: int) -> float:
    """p of T by a parametric bootstrap (Krishnamoorthy, Lu and Mathew 2007), for sets that are not equally noisy.

    Curves without a change are drawn: as many in each set and size, normal, as noisy as the set, with the correlation
    along x of the residuals of both. How noisy a set is beside the other is taken over all sizes: T does not see how
    noisy a size is, and three runs of a size that chance has alike would have the other set's many runs decide.
    """
    data = [moments(mine), moments(published)]
    split = [tuple(one[..., 0] for one in separable(each.variances)) for each in data]
    residuals = [
        (rows - rows.mean(axis=0)) / np.sqrt(a * h * (1 - 1 / len(rows)))
        for rows_of, (levels, h) in zip((mine, published), split, strict=True)
        for rows, a in zip(rows_of, levels, strict=True)
    ]
    root = _root(np.concatenate(residuals))
    degrees = sum(one.counts - 1 for one in data)
    pooled = sum((one.counts - 1) * levels for one, (levels, _) in zip(data, split, strict=True)) / degrees
    spreads = [np.sqrt(np.mean(levels / pooled) * h) for levels, h in split]
    drawn = []
    for start in range(0, resamples, _BLOCK):
        size = min(_BLOCK, resamples - start)
        samples = [_drawn(one.counts, sd, root, size, rng) for one, sd in zip(data, spreads, strict=True)]
        drawn.append(largest(samples, weights)[0])
    return p_value(float(largest(data, weights)[0][0]), np.concatenate(drawn))


def _root(residuals: np.ndarray) -> np.ndarray:
    """``(m, r)`` whose square is the correlation along x of residuals ``(N, m)``."""
    values, vectors = np.linalg.eigh(residuals.T @ residuals / len(residuals))
    kept = values > 1e-9 * values[-1]
    return vectors[:, kept] * np.sqrt(values[kept])


def _drawn(counts: np.ndarray, sd: np.ndarray, root: np.ndarray, size: int, rng: np.random.Generator) -> Moments:
    """Moments ``(K, m, B)`` of normal runs without a mean; ``root @ root.T`` is their correlation along x."""
    means, variances = (np.empty((len(counts), len(sd), size)) for _ in range(2))
    for k, n in enumerate(counts):
        runs = sd * (rng.standard_normal((size, n, root.shape[1])) @ root.T)
        means[k], variances[k] = runs.mean(axis=1).T, runs.var(axis=1, ddof=1).T
    return Moments(counts, means, variances)

"""A sharper upper bound on the deviation: T5 at the pointwise level that its own maximum pays for."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from .bootstrap import Moments, moments
from .equivalence import Deviations, contrast, separable

ENOUGH = 3  # seeds of each size; with two, half of a variance that has one degree of freedom is no variance
RESAMPLES = 599
_ALPHA = 0.035  # in place of .05: the rest pays for what a few curves do not show of their noise (docs/method.md)
_LEVELS = np.array([1.0, 1.02, 1.1, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.5, 8.0]) * _ALPHA
_FLOOR = 1e-6  # resampled variances never fall below this share of the data's


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Pointwise:
    """One-sided bounds on each ``|d_k(x)|`` at A levels.

    Attributes
    ----------
    low, high : ``(A, K)`` quantiles of ``d/se`` below and above 0, as distances from it.
    se, error : ``(K, m)`` standard error of d, and what interpolation may have added to d.
    """

    low: np.ndarray
    high: np.ndarray
    se: np.ndarray
    error: np.ndarray

    def bounds(self, d: np.ndarray, where: np.ndarray | slice = slice(None)) -> np.ndarray:
        """``(A,)`` largest bound over sizes and the grid points ``where``, of deviations ``(K, m)``."""
        reach = np.where(d > 0, self.low[..., None], self.high[..., None])
        return (np.abs(d) + reach * self.se + self.error)[:, :, where].max(axis=(1, 2))


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class CalibratedLevels:
    """What the upper bound at each of A pointwise levels is worth on this group's noise.

    Attributes
    ----------
    pointwise : the bounds.
    tops : ``(A, m, B)`` largest bound over sizes where no size deviates, in each of B resamples.
    missed : ``(A, K, B)`` share of x at which the bound of a size would miss a deviation that is there alone.
    """

    pointwise: Pointwise
    tops: np.ndarray
    missed: np.ndarray

    def upper(self, d: np.ndarray, where: np.ndarray | slice = slice(None)) -> float:
        """The upper bound on the largest of the deviations ``d`` ``(K, m)`` at the grid points ``where``."""
        return not_refuted(self.pointwise.bounds(d, where), self.limits(where))

    def limits(self, where: np.ndarray | slice = slice(None)) -> np.ndarray:
        """``(A - 1,)`` the largest eps for which each level but the first serves, whatever size deviates.

        A deviation of eps at one point is refuted wrongly at the level a where its own bound misses it and no other
        bound reaches eps; both are counted in the same resamples.
        """
        largest = self.tops[1:, where].max(axis=1)
        order = np.argsort(largest, axis=1)
        chance = np.cumsum(np.take_along_axis(self.missed[1:], order[:, None], axis=2), axis=2).max(axis=1)
        last = np.maximum((chance <= _ALPHA * (largest.shape[1] + 1)).sum(axis=1) - 1, 0)
        return np.take_along_axis(largest, np.take_along_axis(order, last[:, None], axis=1), axis=1)[:, 0]


def not_refuted(bounds: np.ndarray, limits: np.ndarray) -> float:
    """``sup {eps : bound at a(eps) > eps}``, the largest deviation that is not refuted.

    a(eps) is the largest level that serves for eps. Both the bounds ``(A,)`` and the limits ``(A - 1,)`` fall with the
    level; where they cross is found by a straight line between two levels.
    """
    spare = limits - bounds[1:]
    refuted = int(np.argmax(spare <= 0)) if np.any(spare <= 0) else len(spare)
    if refuted in (0, len(spare)):
        return float(bounds[refuted])
    share = spare[refuted - 1] / (spare[refuted - 1] - spare[refuted])
    return float(bounds[refuted] + share * (bounds[refuted + 1] - bounds[refuted]))


def sharpened(found: Deviations, values: Sequence[np.ndarray], *, rng: np.random.Generator) -> Deviations:
    """The same with a calibrated upper bound; as they are with two seeds, or where all curves share an error.

    An error that all curves share moves all sizes at once, so it can hide a trend of its own shape everywhere: that no
    other bound reaches eps then says nothing.

    Parameters
    ----------
    found : bounds by `assess`.
    values : K arrays ``(n_k, m)``, as for `assess`.
    rng : chance.
    """
    if min(len(rows) for rows in values) < ENOUGH or np.any(found.common_se):
        return found
    error = np.broadcast_to(found.error, found.d.shape)
    return dataclasses.replace(found, calibration=calibrated(values, rng=rng, error=error))


def calibrated(
    values: Sequence[np.ndarray],
    *,
    rng: np.random.Generator,
    error: np.ndarray | None = None,
    resamples: int = RESAMPLES,
) -> CalibratedLevels:
    """Calibrate upper bounds on the noise of one group.

    Variances are half a size's own at x and half separable, ``(s2_k + a_k h)/2``, so that neighbouring x and other
    sizes steady them. Groups without deviations are drawn from the residual curves of all sizes,
    ``e_ks sqrt(n/(n-1)/a_k)``, with replacement and as whole curves. The quantiles of their ``d*/se*`` take the place
    of Student's, on the side on which d lies, because skewed noise has two different ones. About 10 ms for six sizes of
    five seeds and 24 points.

    Parameters
    ----------
    values : K arrays ``(n_k, m)``, three rows each or more.
    rng : chance.
    error : ``(K, m)`` what interpolation may have added to d.
    resamples : B.
    """
    data = moments(values)
    error = np.zeros(data.means.shape[:2]) if error is None else error
    drawn = _drawn(values, data, rng, resamples)
    d, se = drawn.means - drawn.means.mean(axis=0), _standard_error(drawn)
    pivots = d / se
    low, high = _quantiles(pivots, data.counts)
    size, tops, missed = np.abs(d) + error[..., None], [], []
    for below, above in zip(low[..., None, None], high[..., None, None], strict=True):
        tops.append((size + np.where(d > 0, below, above) * se).max(axis=0))
        missed.append(((pivots < -below).mean(axis=1) + (pivots > above).mean(axis=1)) / 2)
    pointwise = Pointwise(low, high, _standard_error(data)[..., 0], error)
    return CalibratedLevels(pointwise, np.stack(tops), np.stack(missed))


def _drawn(values: Sequence[np.ndarray], data: Moments, rng: np.random.Generator, resamples: int) -> Moments:
    """Moments ``(K, m, B)`` of groups without deviations, whose curves are drawn from all residual curves."""
    levels = separable(data.variances)[0][:, 0]
    curves = np.concatenate(
        [
            (rows - rows.mean(axis=0)) * np.sqrt(len(rows) / (len(rows) - 1) / level)
            for rows, level in zip(values, levels, strict=True)
        ]
    )
    squares, whole = np.square(curves), np.square(curves).mean(axis=0)
    shape, spread = (resamples, len(curves)), _spread(squares / whole, data.counts)
    means, variances = np.empty((2, *data.means.shape[:2], resamples))
    for k, (n, level) in enumerate(zip(data.counts, levels, strict=True)):
        picked = rng.integers(len(curves), size=(resamples, n)) + len(curves) * np.arange(resamples)[:, None]
        weights = np.sqrt(rng.gamma(1 / spread, spread, size=picked.shape))
        # How much of each curve is drawn makes mean and mean square one matrix product each.
        once, twice = (
            np.bincount(picked.ravel(), weight.ravel(), minlength=shape[0] * shape[1]).reshape(shape).T / n
            for weight in (weights, np.square(weights))
        )
        mean = curves.T @ once
        variance = (squares.T @ twice - np.square(mean)) * n / (n - 1)
        means[k] = np.sqrt(level) * mean
        variances[k] = level * np.maximum(variance, _FLOOR * whole[:, None])
    return Moments(data.counts, means, variances)


def _spread(energies: np.ndarray, counts: np.ndarray) -> float:
    """Variance of the factor by which the squares of drawn curves differ beyond those of the residual curves.

    Of the variance of mean squares among n normal curves ``(n - 2)/(n + 1)`` is left when they are residuals over their
    own root mean square (Thompson 1935).

    Parameters
    ----------
    energies : ``(N, m)`` squares over their mean at each x.
    counts : ``(K,)`` curves of each size.
    """
    left = float(np.var(energies.mean(axis=1)))
    kept = np.average((counts - 2) / (counts + 1), weights=counts)
    return max((1 + left / kept) / (1 + left) - 1, 1e-3)


def _standard_error(data: Moments) -> np.ndarray:
    """``(K, m, B)`` of d, on variances half-way to separable ones."""
    a, h = separable(data.variances)
    return np.sqrt(contrast((data.variances + a[:, None] * h) / (2 * data.column)))


def _quantiles(pivots: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``(A, K)`` each: how far below and above 0 the pivots ``(K, m, B)`` of a size reach at each level.

    Residual curves of n seeds have ``(n - 2)/sqrt(n (n - 1))`` of the noise's skewness, which is what makes the two
    sides differ; the difference is scaled up to the whole of it.
    """
    ordered = np.sort(pivots.reshape(len(pivots), -1), axis=1)
    ranks = np.ceil(_LEVELS * (ordered.shape[1] + 1)).astype(int) - 1
    low, high = -ordered[:, ranks].T, ordered[:, -1 - ranks].T
    kept = np.average((counts - 2) / np.sqrt(counts * (counts - 1)), weights=counts)
    middle, skew = (low + high) / 2, (low - high) / (2 * kept)
    return middle + skew, middle - skew

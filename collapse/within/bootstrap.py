"""Wild bootstrap of whole curves: one seed's curve is the unit, so its sign flips as a whole."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from ...results.levels import COVERAGE

_FLOOR = 1e-6  # resampled variances never fall below this share of the data's


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Mean and variance over seeds of each rung, of the data (``B = 1``) or of ``B`` resamples at once.

    Attributes
    ----------
    counts : ``(K,)`` seeds of each rung.
    means : ``(K, m, B)``.
    variances : ``(K, m, B)`` with divisor ``n_k - 1``.
    """

    counts: np.ndarray
    means: np.ndarray
    variances: np.ndarray

    @property
    def column(self) -> np.ndarray:
        """The counts as ``(K, 1, 1)``, to go with means and variances."""
        return self.counts[:, None, None]


def moments(values: Sequence[np.ndarray]) -> Moments:
    """Means and variances of the data.

    Parameters
    ----------
    values : K arrays ``(n_k, m)``, one row a seed; each ``n_k`` at least 2.
    """
    counts = np.array([len(rows) for rows in values])
    # Sums, not mean() and var(): on small arrays their checks cost more than the sums.
    means = np.stack([rows.sum(axis=0) / len(rows) for rows in values])
    residuals = [rows - mean for rows, mean in zip(values, means, strict=True)]
    variances = np.stack([np.einsum("sx,sx->x", rows, rows) / (len(rows) - 1) for rows in residuals])
    return Moments(counts, means[..., None], variances[..., None])


def draw_signs(counts: Sequence[int] | np.ndarray, resamples: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Independent signs, ``(n_k, B)`` for each rung: one for each seed and resample, the same at all x."""
    return [2.0 * rng.integers(0, 2, size=(int(n), resamples), dtype=np.int8) - 1.0 for n in counts]


def resample(values: Sequence[np.ndarray], signs: Sequence[np.ndarray]) -> Moments:
    """Moments of the wild resamples ``z*_ks(x) = v_ks sqrt(n/(n-1)) (z_ks - zbar_k)(x)``.

    A sign leaves a square alone, so the variance follows from the new mean: ``s2* = (c^2 sum_s r_s^2 - n M^2)/(n-1)``
    with residuals r, ``c^2 = n/(n-1)`` and ``M`` the new mean; all new means of a rung are one matrix product.

    Parameters
    ----------
    values : K arrays ``(n_k, m)``.
    signs : K arrays ``(n_k, B)`` of -1 and 1.
    """
    residuals = [_residuals(rows) for rows in values]
    return _flipped(residuals, _totals(residuals), signs)


def blocks(values: Sequence[np.ndarray], signs: Sequence[np.ndarray], size: int = 250) -> Iterator[Moments]:
    """The resamples in blocks that stay in a core's cache: twice as fast as all at once, in little memory."""
    residuals = [_residuals(rows) for rows in values]
    totals = _totals(residuals)
    for start in range(0, signs[0].shape[1], size):
        yield _flipped(residuals, totals, [flips[:, start : start + size] for flips in signs])


def _residuals(rows: np.ndarray) -> np.ndarray:
    """``(n, m)`` residuals, scaled up for the mean that was taken off."""
    n = len(rows)
    return (rows - rows.sum(axis=0) / n) * np.sqrt(n / (n - 1))


def _totals(residuals: Sequence[np.ndarray]) -> np.ndarray:
    """``(K, m)`` sums of squares over seeds, which no sign changes."""
    return np.stack([np.einsum("sx,sx->x", rows, rows) for rows in residuals])


def _flipped(residuals: Sequence[np.ndarray], totals: np.ndarray, signs: Sequence[np.ndarray]) -> Moments:
    counts = np.array([len(rows) for rows in residuals])
    n = counts[:, None, None]
    means = np.empty((*totals.shape, signs[0].shape[1]))
    for k, (rows, flips) in enumerate(zip(residuals, signs, strict=True)):
        np.matmul(rows.T / len(rows), flips, out=means[k])
    variances = np.square(means)
    variances *= -n / (n - 1)
    variances += totals[..., None] / (n - 1)
    # Signs may turn the seeds of a rung into equal curves; a variance of 0 would be a band of no width.
    np.maximum(variances, _FLOOR * totals[..., None] / n, out=variances)
    return Moments(counts, means, variances)


def quantile(resampled: np.ndarray, level: float = COVERAGE) -> float:
    """Order statistic ``ceil(level (B + 1))`` of B resampled values; infinite where B is too small for the level."""
    rank = int(np.ceil(level * (len(resampled) + 1)))
    return float(np.partition(resampled, rank - 1)[rank - 1]) if rank <= len(resampled) else float("inf")

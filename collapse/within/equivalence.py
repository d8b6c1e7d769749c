"""How large can the deviation be? T5: one-sided 95 % bounds on the largest deviation of a rung from the mean rung."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import stdtrit as student_quantile

from ...results.levels import COVERAGE
from .bootstrap import Moments, quantile

if TYPE_CHECKING:
    from .sharper import CalibratedLevels


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Deviations:
    """Each rung's deviation from the mean of the rungs, and what bounds it.

    Attributes
    ----------
    d, se, df : ``(K, m)`` deviation, standard error (plain variances), degrees of freedom.
    band_se : ``(K, m)`` standard error on separable variances, the unit of the simultaneous band.
    peaks : ``(m, B)`` largest ``|d*|/se~*`` over rungs in each resample.
    common_se : ``(K, m)`` part of ``se`` that all curves share, against which no seeds help.
    calibration : what makes the upper bound sharper (`sharpened`); None where it is the reference.
    error : ``(K, m)`` what interpolation may have added to d, beside its noise: bounds and band are wider by it.
    """

    d: np.ndarray
    se: np.ndarray
    df: np.ndarray
    band_se: np.ndarray
    peaks: np.ndarray
    error: np.ndarray | float = 0.0
    common_se: np.ndarray | float = 0.0
    calibration: CalibratedLevels | None = None

    def upper(self, where: np.ndarray | slice = slice(None)) -> float:
        """The upper bound that decides: the calibrated one where it is had, else the reference."""
        return self.reference(where) if self.calibration is None else self.calibration.upper(self.d, where)

    def reference(self, where: np.ndarray | slice = slice(None), level: float = COVERAGE) -> float:
        """``max_{k,x} [|d_k| + t_{level; df} se_k]`` over the grid points ``where``.

        "max |delta| >= eps" is a union over rungs and x, so one pointwise test each at 5 % is a test at 5 %
        (intersection-union): no simultaneous quantile is needed.
        """
        return float(self.pointwise_upper(level)[:, where].max())

    def pointwise_upper(self, level: float = COVERAGE) -> np.ndarray:
        """``(K, m)`` upper bounds on each ``|d_k(x)|``."""
        return np.abs(self.d) + student_quantile(self.df, level) * self.se + self.error

    def largest_se(self) -> float:
        """The standard error where the upper bound is reached."""
        upper = self.pointwise_upper()
        return float(self.se[np.unravel_index(np.argmax(upper), upper.shape)])

    def common_bound(self, level: float = COVERAGE) -> float:
        """``max_{k,x}`` of the upper bound that the shared error alone would leave, with any number of seeds."""
        return float(np.max(student_quantile(np.inf, level) * np.asarray(self.common_se)))

    def noise_bound(self, level: float = COVERAGE) -> float:
        """``max_{k,x} t se_k``: the upper bound that the seeds' own noise would leave if no rung deviated at all."""
        return float((student_quantile(self.df, level) * self.se).max())

    def band(self, where: np.ndarray | slice = slice(None), level: float = COVERAGE) -> np.ndarray:
        """``(K, m)`` half-widths of the simultaneous band over the grid points ``where``."""
        return quantile(self.peaks[where].max(axis=0), level) * self.band_se + self.error

    def lower(self, where: np.ndarray | slice = slice(None), level: float = COVERAGE) -> float:
        """``max(0, max_{k,x} [|d_k| - c se~_k])``: from the simultaneous band, so valid wherever the largest lies."""
        return max(0.0, float((np.abs(self.d) - self.band(where, level))[:, where].max()))


def separable(variances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split variances ``(K, m, B)`` into ``a_k h(x)``, which a few seeds can estimate.

    ``h = mean_k s2_k/a_k``, ``a_k = mean_x s2_k/h``, started at ``a_k = mean_x s2_k``, two rounds.

    Returns
    -------
    a ``(K, B)`` and h ``(m, B)``.
    """
    k, m, _ = variances.shape
    a = variances.mean(axis=1)
    h = np.empty(variances.shape[1:])
    for _ in range(2):
        np.einsum("kmb,kb->mb", variances, 1.0 / (k * a), out=h)
        a = np.einsum("kmb,mb->kb", variances, 1.0 / (m * h))
    return a, h


def contrast(variances: np.ndarray) -> np.ndarray:
    """Variance of ``d_k = zbar_k - mean_j zbar_j`` from the variances ``V_k`` of the means, along the first axis:
    ``(1-1/K)^2 V_k + K^-2 sum_{j != k} V_j``."""
    k = len(variances)
    return (1 - 2 / k) * variances + variances.sum(axis=0) / k**2


def assess_deviations(data: Moments, resampled_peaks: np.ndarray, common: np.ndarray | None = None) -> Deviations:
    """Deviations of the rungs with everything that bounds them (T5).

    Upper bounds take plain variances and Satterthwaite's degrees of freedom. The band takes separable variances,
    computed anew in each resample: with variances held fixed it covers 26 to 63 of 100 curves in place of 95.

    Parameters
    ----------
    data : moments of the data, ``B = 1``; variances above zero.
    resampled_peaks : ``(m, B)``, what `peaks` gives for the wild resamples.
    common : ``(K, m)`` variance of d from an error that all curves share; it is known, and has no degrees of freedom.
    """
    means = data.means[..., 0]
    se, df, band_se = standard_errors(data, common)
    return Deviations(
        d=means - means.mean(axis=0),
        se=se[..., 0],
        df=df[..., 0],
        band_se=band_se[..., 0],
        peaks=resampled_peaks,
        common_se=0.0 if common is None else np.sqrt(common),
    )


def standard_errors(data: Moments, common: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Standard errors of d on plain variances, their degrees of freedom, and standard errors on separable variances,
    ``(K, m, B)`` each; ``common`` as for `assess_deviations`."""
    n, k = data.column, len(data.counts)
    of_mean, shared = data.variances / n, 0.0 if common is None else common[..., None]
    squared = contrast(of_mean) + shared
    quartic = of_mean**2 / (n - 1)
    df = squared**2 / ((1 - 1 / k) ** 4 * quartic + (quartic.sum(axis=0) - quartic) / k**4)
    a, h = separable(data.variances)
    return np.sqrt(squared), df, np.sqrt(contrast(a / data.counts[:, None])[:, None] * h + shared)


def upper_bounds(data: Moments) -> np.ndarray:
    """``(B,)`` U95 of each of B groups or resamples, as `Deviations.upper` over the whole grid."""
    se, df, _ = standard_errors(data)
    d = data.means - data.means.mean(axis=0)
    return (np.abs(d) + student_quantile(df, COVERAGE) * se).max(axis=(0, 1))


def with_error(found: Deviations, error: np.ndarray | None) -> Deviations:
    """The same with errors ``e (K, m)`` of the rungs' means: of d at most ``(1-1/K) e_k + sum_{j != k} e_j / K``."""
    if error is None:
        return found
    k = len(error)
    return dataclasses.replace(found, error=(1 - 2 / k) * error + error.sum(axis=0) / k)


def peaks(resampled: Moments, common: np.ndarray | None = None) -> np.ndarray:
    """``(m, B)`` largest ``|d*_k|/se~*_k`` over rungs at each x, studentised anew in each resample; ``common`` as for
    `assess_deviations`."""
    a, h = separable(resampled.variances)
    scale = contrast(a / resampled.counts[:, None])
    d = resampled.means - resampled.means.sum(axis=0) / len(resampled.means)
    np.square(d, out=d)
    if common is not None:
        return np.sqrt((d / (scale[:, None] * h + common[..., None])).max(axis=0))
    d *= 1.0 / scale[:, None]
    return np.sqrt(d.max(axis=0) / h)

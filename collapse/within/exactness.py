"""Is the collapse exact? T1 on normalised curves (floor known), T3 on shapes (floor not needed)."""

from __future__ import annotations

import dataclasses

import numpy as np

from ...results.grid import log_weights
from ..reasons import Reason, because
from .bootstrap import Moments

_TIE = 1e-12  # resamples that differ from the data by rounding alone count as ties


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Exactness:
    """A test of one common mean curve.

    Attributes
    ----------
    statistic : T, the weighted spread of the rungs' mean curves, integrated over ``d ln x``.
    p : its wild-bootstrap p-value, None with a ``reason``.
    p_trend : p-value of the test directed at a trend with size; None where a rung has fewer than five seeds.
    reason : why there is no p-value, None where there is one.
    """

    statistic: float | None = None
    p: float | None = None
    p_trend: float | None = None
    reason: Reason | None = None


def statistics(sample: Moments, x: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """T1 and its directed form T1d for each resample.

    With weights ``w_k = n_k / [(s2_k + mean_k s2_k)/2]``, weighted mean ``zbar_w`` and ``u_k = ln p_k`` less its
    weighted mean::

        T1  = int sum_k w_k (zbar_k - zbar_w)^2 / (K-1) d ln x
        T1d = int [sum_k w_k u_k zbar_k]^2 / sum_k w_k u_k^2 d ln x

    Parameters
    ----------
    sample : moments ``(K, m, B)``.
    x : ``(m,)`` grid.
    sizes : ``(K,)`` parameters of the rungs.

    Returns
    -------
    Two arrays ``(B,)``; infinite or NaN where all variances vanish.
    """
    k, m, b = sample.means.shape
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        weights = sample.variances + sample.variances.sum(axis=0) / k
        np.divide(2.0 * sample.column, weights, out=weights)
        centred = np.log(sizes) - np.log(sizes).mean()
        powers = np.stack([np.ones(k), centred, centred**2])
        w0, w1, w2 = (powers @ weights.reshape(k, -1)).reshape(3, m, b)
        weights *= sample.means
        z0, z1 = (powers[:2] @ weights.reshape(k, -1)).reshape(2, m, b)
        weights *= sample.means
        spread = (weights.sum(axis=0) - z0**2 / w0) / (k - 1)
        directed = (z1 - w1 / w0 * z0) ** 2 / (w2 - w1**2 / w0)
        mu = log_weights(x)
        return mu @ spread, mu @ directed


def p_value(observed: float, resampled: np.ndarray) -> float:
    """``(1 + #{T* >= T}) / (B + 1)``; an infinite or undefined ``T*`` counts as at least T."""
    return float((1 + np.sum(~(resampled < observed * (1 - _TIE)))) / (len(resampled) + 1))


def assess_exactness(
    data: Moments, resampled: tuple[np.ndarray, np.ndarray], x: np.ndarray, sizes: np.ndarray
) -> Exactness:
    """T1 with the p-value of a wild bootstrap of whole curves, and T1d where each rung has five seeds.

    On ``z = ln(E(x)/E(1))`` this is the test of exact collapse with a known floor (T1); on the shape scale it is the
    test of one time law under any affine map of the loss (T3). Needs three seeds a rung: with two, half of a rung's
    resamples have no variance, and the test no power. Its null has equal mean curves and free noise in each rung.

    Parameters
    ----------
    data : moments of the data, ``B = 1``.
    resampled : what `statistics` gives for the wild resamples.
    x : ``(m,)`` grid.
    sizes : ``(K,)`` parameters of the rungs.
    """
    fewest = int(data.counts.min())
    if fewest < 3:
        return Exactness(reason=because("exactness-needs-three-seeds"))
    (spread,), (directed,) = statistics(data, x, sizes)
    if not np.isfinite(spread):
        return Exactness(reason=because("seeds-do-not-differ"))
    p_trend = p_value(directed, resampled[1]) if fewest >= 5 else None
    return Exactness(statistic=float(spread), p=p_value(spread, resampled[0]), p_trend=p_trend)

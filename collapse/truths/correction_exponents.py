"""How fast finite systems approach their limit: the exponent omega of the leading correction to scaling."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.stats import norm

from ...results.levels import UPPER

_OMEGA = np.geomspace(0.1, 4.0, 160)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class CorrectionExponent:
    """omega with a 95 % interval. ``drift`` is how far omega moves where the smallest size is left out and the second
    correction with it: the part of the interval that more data at these sizes cannot shrink."""

    omega: float | None
    low: float | None
    high: float | None
    drift: float | None
    status: str


def correction_exponent(
    sizes: np.ndarray,
    values: np.ndarray,
    *,
    rng: np.random.Generator,
    limit: np.ndarray | None = None,
    se: np.ndarray | None = None,
    resamples: int = 199,
) -> CorrectionExponent:
    """Fit ``y_N(x) = f(x) + g(x) N^-omega + h(x) N^-2omega`` with one omega for all x.

    For a given omega the model is linear in f, g and h at each x, so omega alone is searched, on a grid refined by a
    parabola: no starts. The point is the fit with both corrections to all sizes; the leading correction alone, without
    the smallest size, is a second opinion, and their difference, the drift, widens the interval on both sides.

    Parameters
    ----------
    sizes : ``(K,)``; at least four, or three where the limit is known.
    values : ``(K, m)`` rescaled observables.
    rng : chance, for the interval.
    limit : ``(m,)`` the limit f where it is known.
    se : ``(K, m)`` standard errors of the values; None for exact ones, which are weighted by their distance from the
        limit (or from the largest size).
    resamples : parametric resamples of the values.
    """
    unknowns = 2 if limit is not None else 3
    if len(sizes) <= unknowns:
        return _failed(f"omega needs {unknowns + 1} sizes, got {len(sizes)}")
    shifted = values if limit is None else values - limit
    weights = _weights(shifted, limit is not None) if se is None else 1 / se**2
    scaled = sizes / sizes[0]
    point = _fit(scaled, shifted[None], weights, limit is None, 2)[0]
    leading = _fit(scaled[1:], shifted[None, 1:], weights[1:], limit is None, 1)[0]
    if not (_OMEGA[0] * 1.05 < point < _OMEGA[-1] / 1.05):
        return _failed("omega at the edge of its range: the corrections are not seen")
    reach = drift = abs(point - leading)
    if se is not None:
        drawn = shifted + se * rng.normal(size=(resamples, *values.shape))
        reach += norm.ppf(UPPER) * _fit(scaled, drawn, weights, limit is None, 2).std(ddof=1)
    return CorrectionExponent(
        omega=float(point), low=float(point - reach), high=float(point + reach), drift=float(drift), status="ok"
    )


def _weights(shifted: np.ndarray, known: bool) -> np.ndarray:
    """Relative weights ``(K, m)``, one a size, for values without noise."""
    away = np.abs(shifted if known else shifted - shifted[-1]).max(axis=1)
    away[-1] = away[-1] if known else away[-2]
    return np.broadcast_to(1 / away[:, None] ** 2, shifted.shape)


def _fit(scaled: np.ndarray, values: np.ndarray, weights: np.ndarray, offset: bool, terms: int) -> np.ndarray:
    """Best omega of each resample, ``(B,)``, from values ``(B, K, m)``."""
    costs = np.stack([_cost(scaled, values, weights, offset, terms, omega) for omega in _OMEGA])
    best = costs.argmin(axis=0)
    middle = np.clip(best, 1, len(_OMEGA) - 2)
    column = np.arange(costs.shape[1])
    left, centre, right = (costs[middle + shift, column] for shift in (-1, 0, 1))
    bend = left - 2 * centre + right
    shift = np.divide(0.5 * (left - right), bend, out=np.zeros_like(bend), where=bend > 0)
    step = np.log(_OMEGA[1] / _OMEGA[0])
    return np.where(best == middle, np.exp(np.log(_OMEGA[middle]) + step * shift), _OMEGA[best])


def _cost(
    scaled: np.ndarray, values: np.ndarray, weights: np.ndarray, offset: bool, terms: int, omega: float
) -> np.ndarray:
    """Weighted residual sum of squares ``(B,)`` over sizes and x, with the linear coefficients at their best."""
    powers = [scaled ** (-omega * power) for power in range(0 if offset else 1, terms + 1)]
    roots = np.sqrt(weights)
    basis = np.linalg.qr(np.stack(powers, axis=1) * roots.T[..., None])[0]
    target = np.moveaxis(values * roots, -1, 0)[..., None]
    fitted = basis[:, None].swapaxes(-1, -2) @ target
    return ((target**2).sum(axis=(-1, -2)) - (fitted**2).sum(axis=(-1, -2))).sum(axis=0)


def _failed(status: str) -> CorrectionExponent:
    return CorrectionExponent(omega=None, low=None, high=None, drift=None, status=status)

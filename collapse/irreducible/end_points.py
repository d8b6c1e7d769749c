"""The floor from end points: ``L_k(1) = L0 + a p_k^-b (1 + c p_k^-omega)``, by variable projection."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.stats import t as student

from ...errors import InputError
from ..composing import OK
from ..reasons import Reason, because

_B = (0.01, 4.0)
_GRID = np.geomspace(*_B, 400)
_ZOOM, _ROUNDS = 9, 10
_SILENT = 1e-20  # relative variance of end losses that is rounding alone


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class EndPointFit:
    """A fitted end-point power law. ``floor`` has a 95 % interval from a bootstrap over seeds.

    ``chi2`` is the weighted residual sum of squares on ``df`` degrees of freedom: the fit's lack of fit. ``omega`` is
    the exponent of the correction to scaling that was allowed and ``correction`` its amplitude c at the geometric mean
    size; both are None where none was. ``status`` is ``ok`` or says why there is nothing to use; then the numbers are
    None.
    """

    floor: float | None = None
    low: float | None = None
    high: float | None = None
    exponent: float | None = None
    amplitude: float | None = None
    chi2: float | None = None
    status: Reason = OK
    df: int | None = None
    omega: float | None = None
    correction: float | None = None


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class PowerLaws:
    """Fits of B samples of mean end losses at once, each array ``(B,)`` but ``expected`` ``(B, K)``.

    ``inside`` is False where the exponent lies at an edge of the search or the fitted floor is not below every mean.
    """

    exponent: np.ndarray
    floor: np.ndarray
    amplitude: np.ndarray
    correction: np.ndarray
    chi2: np.ndarray
    expected: np.ndarray
    inside: np.ndarray


def fit_end_points(
    ends: Sequence[np.ndarray],
    sizes: np.ndarray,
    *,
    rng: np.random.Generator,
    resamples: int = 199,
    omega: float | None = None,
) -> EndPointFit:
    """Fit ``L_k(1) = L0 + a p_k^-b``, or with a correction to scaling, to the mean end losses.

    For a given b the model is linear in L0, a and a c, so only b is searched: on a grid over [.01, 4], then refined
    between the neighbours of the best point. There is no start that could be wrong; a minimum at an edge of the grid,
    or a floor that is not below every mean, is a failure and says so. The interval re-fits everything in each
    resample of the seeds.

    Parameters
    ----------
    ends : K arrays ``(n_k,)``: end losses of each rung's seeds.
    sizes : ``(K,)`` parameters.
    rng : chance, for the interval.
    resamples : bootstrap resamples.
    omega : exponent of a correction ``1 + c p^-omega``; it is given, not fitted, because b and omega together can take
        any bend of a ladder of a few rungs. It costs one more rung.

    Raises
    ------
    InputError : omega is not above zero.
    """
    if omega is not None and not omega > 0:
        raise InputError(f"the exponent of a correction to scaling must be above 0, got {omega:g}")
    least = 4 if omega is None else 5
    if len(ends) < least:
        few = because("end-points-few") if omega is None else because("end-points-few-for-correction")
        return EndPointFit(status=few)
    means = np.array([rows.mean() for rows in ends])
    weights = _weights(ends)
    if weights is None:
        return EndPointFit(status=because("seeds-do-not-differ"))
    fit = fit_means(means, weights, sizes, omega)
    b, floor, a = float(fit.exponent[0]), float(fit.floor[0]), float(fit.amplitude[0])
    if not _B[0] * 1.05 < b < _B[1] / 1.05:
        return EndPointFit(status=because("end-points-do-not-bend"))
    if not fit.inside[0]:
        return EndPointFit(status=because("fitted-floor-not-below"))
    again = np.stack([rng.choice(rows, (resamples, len(rows))).mean(axis=1) for rows in ends], axis=1)
    n = min(len(rows) for rows in ends)
    # Seeds drawn with replacement spread by (n-1)/n too little, and their sd is known from few: t, not 1.96.
    spread = np.std(fit_means(again, weights, sizes, omega).floor, ddof=1) * np.sqrt(n / (n - 1))
    reach = float(student.ppf(0.975, 2 * (n - 1)) * spread)
    return EndPointFit(
        floor=floor,
        low=floor - reach,
        high=floor + reach,
        exponent=b,
        amplitude=float(a * np.exp(b * np.log(sizes).mean())),
        chi2=float(fit.chi2[0]),
        df=len(ends) - least + 1,
        omega=omega,
        correction=None if omega is None else float(fit.correction[0]),
    )


def fit_means(means: np.ndarray, weights: np.ndarray, sizes: np.ndarray, omega: float | None = None) -> PowerLaws:
    """Weighted least-squares fits of many samples of mean end losses, all searched together.

    Parameters
    ----------
    means : ``(K,)`` or ``(B, K)``.
    weights : ``(K,)`` or ``(B, K)`` inverse variances.
    sizes : ``(K,)``; amplitudes refer to their geometric mean.
    omega : exponent of a correction to scaling, or None.
    """
    means = np.atleast_2d(means)[:, None]
    weights = np.broadcast_to(np.atleast_2d(weights)[:, None], means.shape)
    scaled = sizes / np.exp(np.log(sizes).mean())
    row = np.arange(len(means))
    candidates = np.broadcast_to(_GRID, (len(means), len(_GRID)))
    for _ in range(_ROUNDS + 1):
        best = _solve(means, weights, scaled, candidates, omega)[1].argmin(axis=1)
        last = candidates.shape[1] - 1
        b = candidates[row, best]
        below, above = candidates[row, np.maximum(best - 1, 0)], candidates[row, np.minimum(best + 1, last)]
        candidates = np.linspace(below, above, _ZOOM, axis=1)
    (floor, a, bend), chi2, expected = _solve(means, weights, scaled, b[:, None], omega)
    edge = (b < _B[0] * 1.05) | (b > _B[1] / 1.05)
    a = a[:, 0]
    return PowerLaws(
        exponent=b,
        floor=floor[:, 0],
        amplitude=a,
        correction=bend[:, 0] / a,
        chi2=chi2[:, 0],
        expected=expected[:, 0],
        inside=~edge & (floor[:, 0] < means[:, 0].min(axis=1)) & (a > 0),
    )


def project(means: np.ndarray, weights: np.ndarray, design: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Best L0, a and weighted residual sum of squares for each row ``p^-b`` of a design ``(..., K)``."""
    centre, middle = _mean(design, weights), _mean(means, weights)
    u, gap = design - centre, means - middle
    a = (u * gap * weights).sum(-1) / (u**2 * weights).sum(-1)
    residual = gap - a[..., None] * u
    return middle[..., 0] - a * centre[..., 0], a, (residual**2 * weights).sum(-1)


def _mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return (values * weights).sum(-1, keepdims=True) / weights.sum(-1, keepdims=True)


def _solve(
    means: np.ndarray, weights: np.ndarray, scaled: np.ndarray, exponents: np.ndarray, omega: float | None
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], np.ndarray, np.ndarray]:
    """Linear parts (L0, a, a c), cost and fitted means at each exponent ``(B, g)``."""
    first = scaled ** -exponents[..., None]
    if omega is None:
        floor, a, cost = project(means, weights, first)
        return (floor, a, np.zeros_like(a)), cost, floor[..., None] + a[..., None] * first
    # Take the correction's column out of means and design alike; what is left is the plain problem.
    second = first * scaled**-omega
    v = second - _mean(second, weights)
    norm = (v**2 * weights).sum(-1)
    on_first, on_means = ((v * column * weights).sum(-1) / norm for column in (first, means))
    _, a, cost = project(means - on_means[..., None] * v, weights, first - on_first[..., None] * v)
    bend = on_means - a * on_first
    shape = a[..., None] * first + bend[..., None] * second
    floor = _mean(means - shape, weights)
    return (floor[..., 0], a, bend), cost, floor + shape


def _weights(ends: Sequence[np.ndarray]) -> np.ndarray | None:
    """Inverse variances of the means; relative variances are shrunk half-way to their mean over rungs."""
    relative = np.array([rows.var(ddof=1) / rows.mean() ** 2 for rows in ends])
    if not relative.mean() > _SILENT:
        return None
    variances = (relative + relative.mean()) / 2 * np.array([rows.mean() ** 2 / len(rows) for rows in ends])
    return 1 / variances

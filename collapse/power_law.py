"""The floor from end points: ``L_k(1) = L0 + a p_k^-b``, by variable projection."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.stats import t as student

_B = (0.01, 4.0)
_GRID = np.geomspace(*_B, 400)
_SILENT = 1e-20  # relative variance of end losses that is rounding alone


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class EndPointFit:
    """A fitted end-point power law. ``floor`` has a 95 % interval from a bootstrap over seeds.

    ``chi2`` is the weighted residual sum of squares on ``K - 3`` degrees of freedom: the fit's lack of fit. ``status``
    is ``ok`` or says why there is nothing to use; then the numbers are None.
    """

    floor: float | None
    low: float | None
    high: float | None
    exponent: float | None
    amplitude: float | None
    chi2: float | None
    status: str


def fit_end_points(
    ends: Sequence[np.ndarray], sizes: np.ndarray, *, rng: np.random.Generator, resamples: int = 199
) -> EndPointFit:
    """Fit ``L_k(1) = L0 + a p_k^-b`` to the mean end losses.

    For a given b the model is linear in L0 and a, so only b is searched: on a grid over [.01, 4], then refined
    between the neighbours of the best point. There is no start that could be wrong; a minimum at an edge of the grid,
    or a floor that is not below every mean, is a failure and says so. The interval re-fits everything in each
    resample of the seeds.

    Parameters
    ----------
    ends : K arrays ``(n_k,)``: end losses of each rung's seeds.
    sizes : ``(K,)`` parameters.
    rng : chance, for the interval.
    resamples : bootstrap resamples.
    """
    if len(ends) < 4:
        return _failed("an end-point fit needs four rungs")
    means = np.array([rows.mean() for rows in ends])
    weights = _weights(ends)
    if weights is None:
        return _failed("the seeds do not differ")
    scaled = sizes / np.exp(np.log(sizes).mean())
    b, floor, a, chi2 = _fit(means, weights, scaled)
    if not _B[0] * 1.05 < b < _B[1] / 1.05:
        return _failed("exponent at the edge: the end points do not bend")
    if floor >= means.min() or a <= 0:
        return _failed("the fitted floor is not below every loss")
    again = [
        _fit(np.array([rng.choice(rows, len(rows)).mean() for rows in ends]), weights, scaled)[1]
        for _ in range(resamples)
    ]
    n = min(len(rows) for rows in ends)
    # Seeds drawn with replacement spread by (n-1)/n too little, and their sd is known from few: t, not 1.96.
    reach = float(student.ppf(0.975, 2 * (n - 1)) * np.std(again, ddof=1) * np.sqrt(n / (n - 1)))
    return EndPointFit(
        floor=floor,
        low=floor - reach,
        high=floor + reach,
        exponent=b,
        amplitude=float(a * np.exp(b * np.log(sizes).mean())),
        chi2=chi2,
        status="ok",
    )


def project(means: np.ndarray, weights: np.ndarray, design: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Best L0, a and weighted residual sum of squares for each row ``p^-b`` of a design ``(..., K)``."""
    total = weights.sum()
    centre, middle = (design @ weights / total)[..., None], (weights @ means) / total
    u = design - centre
    a = (u * weights) @ (means - middle) / ((u**2) @ weights)
    residual = means - middle - a[..., None] * u
    return middle - a * centre[..., 0], a, (residual**2) @ weights


def _fit(means: np.ndarray, weights: np.ndarray, sizes: np.ndarray) -> tuple[float, float, float, float]:
    costs = project(means, weights, sizes ** -_GRID[:, None])[2]
    best = int(np.argmin(costs))
    around = _GRID[max(best - 1, 0)], _GRID[min(best + 1, len(_GRID) - 1)]
    found = minimize_scalar(
        lambda b: float(project(means, weights, sizes**-b)[2]),
        bounds=around,
        method="bounded",
        options={"xatol": 1e-10},
    )
    b = float(found.x)  # type: ignore[union-attr]
    floor, a, cost = project(means, weights, sizes**-b)
    return b, float(floor), float(a), float(cost)


def _weights(ends: Sequence[np.ndarray]) -> np.ndarray | None:
    """Inverse variances of the means; relative variances are shrunk half-way to their mean over rungs."""
    relative = np.array([rows.var(ddof=1) / rows.mean() ** 2 for rows in ends])
    if not relative.mean() > _SILENT:
        return None
    variances = (relative + relative.mean()) / 2 * np.array([rows.mean() ** 2 / len(rows) for rows in ends])
    return 1 / variances


def _failed(status: str) -> EndPointFit:
    return EndPointFit(floor=None, low=None, high=None, exponent=None, amplitude=None, chi2=None, status=status)

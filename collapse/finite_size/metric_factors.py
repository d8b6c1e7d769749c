"""Do two systems share one scaling function? Units of distance and amplitude are each system's own; the rest is not."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.stats import chi2, norm

from ...results.levels import COVERAGE, LOWER, MARGIN, UPPER
from ..composing import OK, Estimate, Missing
from ..reasons import Reason, because
from .tables import Scaling, Table

_FACTORS = np.geomspace(0.1, 10.0, 81)
_POINTS = 101


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SharedFunction:
    """Scaling functions of two systems after metric factors.

    ``distance_factor`` multiplies the second system's scaled distance. ``difference`` is the largest difference between
    the functions over observables and the shared window, in the observable's own units where it is dimensionless, else
    in its logarithm; ``low`` and ``high`` are its 95 % bounds. ``exponents_agree`` says whether all 95 % intervals of
    the two systems' exponents overlap. ``one_class`` is False where they do not, or with ``low`` at or above the
    margin; True with ``high`` below it; else None. ``goodness`` is the chi-square p-value of one function for both.
    """

    distance_factor: Estimate
    difference: float
    low: float
    high: float
    goodness: float
    margin: float
    exponents_agree: bool
    one_class: bool | None
    status: Reason = OK


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """One observable of both systems inside their windows: scaled distance, ln L, which system, target and error."""

    u: np.ndarray
    log_size: np.ndarray
    second: np.ndarray
    target: np.ndarray
    error: np.ndarray
    dimensionless: bool

    def distance(self, factor: float) -> np.ndarray:
        return np.where(self.second, factor * self.u, self.u)

    def nuisance(self) -> np.ndarray:
        """What may differ: nothing where dimensionless, else the power of L (shared) and an amplitude."""
        columns = [] if self.dimensionless else [self.log_size, self.second.astype(float)]
        return np.array(columns).reshape(len(columns), len(self.u)).T


def compare_systems(
    first: tuple[Sequence[Table], Scaling | Missing],
    second: tuple[Sequence[Table], Scaling | Missing],
    *,
    margin: float = MARGIN,
    degree: int = 5,
) -> SharedFunction | Missing:
    """Fit one scaling function to two systems, then how far the second may leave it.

    Both take the mean of their 1/nu, weighted by its errors, and their own critical points and windows. One factor on
    the scaled distance is common to all observables and searched on a grid, then refined; an observable with a
    dimension has one amplitude factor too. What is left, a polynomial of the given degree for the second system alone,
    is bounded as deviations are elsewhere: above pointwise (intersection-union), below simultaneously (Bonferroni over
    its coefficients).

    Parameters
    ----------
    first, second : tables of a system, in the same order of observables, and their fit.
    margin : largest difference that still counts as one function.
    degree : of the polynomials.

    Returns
    -------
    `Missing` where a fit has no exponents or has a correction to scaling, or the tables do not pair.
    """
    (own, one), (theirs, other) = first, second
    for scaling in (one, other):
        if isinstance(scaling, Missing):
            return Missing(SharedFunction, because("system-without-exponents", why=scaling.status))
        if scaling.plain_goodness is not None:
            return Missing(SharedFunction, because("functions-compared-without-corrections"))
    if [table.dimensionless for table in own] != [table.dimensionless for table in theirs]:
        return Missing(SharedFunction, because("different-observables"))
    assert isinstance(one, Scaling) and isinstance(other, Scaling)
    agree = _overlap(one, other)
    pairs = _pairs((own, one), (theirs, other))

    def cost(log_factor: float) -> float:
        return sum(_solve(pair, float(np.exp(log_factor)), degree, False)[2] for pair in pairs)

    costs = [cost(x) for x in np.log(_FACTORS)]
    best = int(np.clip(np.argmin(costs), 1, len(costs) - 2))
    around = np.log(_FACTORS[[best - 1, best + 1]])
    place = float(minimize_scalar(cost, bounds=tuple(around), method="bounded").x)  # type: ignore[union-attr]
    parameters = sum(degree + 1 + pair.nuisance().shape[1] for pair in pairs) + 1
    dof = sum(len(pair.u) for pair in pairs) - parameters
    scale = max(1.0, cost(place) / dof)
    low, difference, high = _bounds(pairs, float(np.exp(place)), degree, scale)
    step = 1e-2
    bend = (cost(place + step) - 2 * cost(place) + cost(place - step)) / step**2
    reach = norm.ppf(UPPER) * np.sqrt(2 * scale / bend)
    return SharedFunction(
        distance_factor=Estimate(
            value=float(np.exp(place)), low=float(np.exp(place - reach)), high=float(np.exp(place + reach))
        ),
        difference=difference,
        low=low,
        high=high,
        goodness=float(chi2.sf(cost(place), dof)),
        margin=margin,
        exponents_agree=agree,
        one_class=False if not agree or low >= margin else True if high < margin else None,
    )


def _overlap(first: Scaling, second: Scaling) -> bool:
    """Whether 1/nu and every dimension of the two fits have intervals in common."""
    pairs = zip((first.inverse_nu, *first.dimensions), (second.inverse_nu, *second.dimensions), strict=True)
    return all(a is None or b is None or (a.low <= b.high and b.low <= a.high) for a, b in pairs)


def _pairs(first: tuple[Sequence[Table], Scaling], second: tuple[Sequence[Table], Scaling]) -> list[_Pair]:
    estimates = [scaling.inverse_nu for _, scaling in (first, second)]
    weights = np.array([1 / (one.high - one.low) ** 2 for one in estimates])
    inverse_nu = float(weights @ [one.value for one in estimates] / weights.sum())
    pairs = []
    for tables in zip(first[0], second[0], strict=True):
        parts = []
        for index, (table, (_, scaling)) in enumerate(zip(tables, (first, second), strict=True)):
            u = (table.t - scaling.critical.value) * table.sizes**inverse_nu
            rows = np.abs(u) <= scaling.window
            log_size = np.log(table.sizes / table.sizes.min())
            parts.append(np.stack([u, log_size, np.full(len(u), index), table.target, table.error])[:, rows])
        u, log_size, which, target, error = np.concatenate(parts, axis=1)
        pairs.append(_Pair(u, log_size, which == 1, target, error, tables[0].dimensionless))
    return pairs


def _solve(pair: _Pair, factor: float, degree: int, apart: bool) -> tuple[np.ndarray, np.ndarray, float]:
    """Coefficients, their covariance and chi2; with ``apart`` the second system has a polynomial of its own as well."""
    u = pair.distance(factor)
    powers = np.polynomial.chebyshev.chebvander(u / np.abs(u).max(), degree)
    blocks = [powers, pair.nuisance()]
    if apart:
        blocks.append(powers[:, 0 if pair.dimensionless else 1 :] * pair.second[:, None])
    design = np.concatenate(blocks, axis=1) / pair.error[:, None]
    target = pair.target / pair.error
    solution = np.linalg.lstsq(design, target, rcond=None)[0]
    residual = target - design @ solution
    covariance = np.linalg.pinv(design.T @ design) if apart else np.empty((0, 0))
    return solution, covariance, float(residual @ residual)


def _bounds(pairs: Sequence[_Pair], factor: float, degree: int, scale: float) -> tuple[float, float, float]:
    """Lower bound, value and upper bound of the largest difference, over the distances that both systems cover."""
    found = []
    for pair in pairs:
        solution, covariance, _ = _solve(pair, factor, degree, True)
        u = pair.distance(factor)
        top = np.abs(u).max()
        ends = [(u[pair.second == which].min(), u[pair.second == which].max()) for which in (False, True)]
        grid = np.linspace(max(ends[0][0], ends[1][0]), min(ends[0][1], ends[1][1]), _POINTS)
        own = degree + 1 - (not pair.dimensionless)
        powers = np.polynomial.chebyshev.chebvander(grid / top, degree)[:, -own:]
        curve = powers @ solution[-own:]
        se = np.sqrt(scale * np.einsum("xi,ij,xj->x", powers, covariance[-own:, -own:], powers))
        if not pair.dimensionless:  # an amplitude is free: take the difference about its middle
            curve = curve - np.average(curve, weights=1 / np.maximum(se, se.max() * 1e-3) ** 2)
        size = np.abs(curve)
        simultaneous = float(norm.ppf(1 - LOWER / own))
        found.append(((size - simultaneous * se).max(), size.max(), (size + norm.ppf(COVERAGE) * se).max()))
    low, value, high = np.max(found, axis=0)
    return float(max(0.0, low)), float(value), float(high)

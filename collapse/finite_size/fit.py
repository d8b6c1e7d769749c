"""Finite-size scaling: do tables of several sizes collapse onto one function, and with which exponents?"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.optimize import least_squares
from scipy.stats import chi2, norm

from ...results.levels import UPPER
from ..composing import OK, Estimate, Missing
from ..reasons import Reason, because
from .tables import Scaling, Table

_FITS = 0.05  # least goodness of fit of a window in which scaling is taken to hold
_DEGREES = range(3, 11)
_INVERSE_NU = np.geomspace(0.3, 3.0, 25)
_REACH = float(norm.ppf(UPPER))
_OMEGAS = np.array([0.4, 0.7, 1.0, 1.5, 2.0, 3.0])  # starts of a correction's exponent
_OMEGA = (0.2, 5.0)
_BENDS = 2  # a correction has an amplitude and a slope in the scaled distance
_SIZES = 4  # that a correction needs: three give its exponent no check


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class _Window:
    """Rows of each table that are fitted, the largest scaled distance, and the degree of the scaling function."""

    rows: tuple[np.ndarray, ...]
    reach: float
    degree: int


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """Critical point, 1/nu and, with corrections, omega; the dimension of each table, and the misfit."""

    theta: np.ndarray
    dimensions: np.ndarray
    chi2: float
    dof: int
    window: _Window

    @property
    def goodness(self) -> float:
        return float(chi2.sf(self.chi2, self.dof))

    @property
    def all(self) -> np.ndarray:
        return np.append(self.theta, self.dimensions)


def fit_scaling(
    tables: Sequence[Table],
    *,
    rng: np.random.Generator,
    critical: float | None = None,
    resamples: int = 99,
    corrections: bool = False,
) -> Scaling | Missing:
    """Exponents of ``y = L^dimension f((t - t_c) L^{1/nu})`` with nothing assumed of f but smoothness.

    All tables share t_c and 1/nu. For given (t_c, 1/nu) the fit is linear: a polynomial in the scaled distance for each
    table and, for the logarithm of an observable with a dimension, ``dimension ln L``. The start is the best of a grid
    over both on the points nearest to t_c. Scaling holds near t_c only: windows from 4 points a size upward are
    tried, the degree in each by Bayes' criterion, and the widest that fits (chi-square p of at least .05) is taken.
    Intervals: the data redrawn from their errors, with everything fitted again, and the spread over the wider half of
    the windows that fit added in squares. Observables are taken as independent.

    With ``corrections`` each table has ``L^-omega (b_0 + b_1 (t - t_c) L^{1/nu})`` besides (added to the logarithm
    where it has a dimension), one omega for all of them, fitted with t_c and 1/nu from a grid of starts. Crossings then
    drift as ``L^-(omega + 1/nu)``, and small sizes need not be thrown away. It takes four sizes.

    Parameters
    ----------
    tables : observables of one system.
    rng : chance, for the intervals.
    critical : t_c where it is known.
    resamples : parametric resamples.
    corrections : whether to fit a correction to scaling.
    """
    sizes = len(np.unique(np.concatenate([table.sizes for table in tables])))
    if corrections and sizes < _SIZES:
        return _failed(tables, because("correction-needs-sizes", needed=_SIZES, sizes=sizes))
    start = _corrected_start(tables, critical) if corrections else _start(tables, critical)
    fits = _windows(tables, start, critical is None)
    good = [fit for fit in fits if fit.goodness >= _FITS]
    if not good:
        plain = corrections or sizes < _SIZES
        return _failed(tables, because("no-scaling-window" if plain else "no-scaling-window-without-correction"))
    best = good[-1]
    if not _INVERSE_NU[0] < best.theta[1] < _INVERSE_NU[-1]:
        return _failed(tables, because("inverse-nu-at-edge"))
    drawn = np.stack([_redrawn(tables, best, critical is None, rng) for _ in range(resamples)])
    narrower = np.stack([fit.all for fit in good[len(good) // 2 :]])
    reach = _REACH * np.sqrt(drawn.var(axis=0, ddof=1) + ((narrower - best.all) ** 2).mean(axis=0))
    found = [
        Estimate(value=float(v), low=float(v - r), high=float(v + r)) for v, r in zip(best.all, reach, strict=True)
    ]
    count = len(best.theta)
    edge = corrections and not _OMEGA[0] * 1.02 < best.theta[2] < _OMEGA[1] / 1.02
    plain = _refine(tables, best.theta[:2], best.window, critical is None) if corrections else None
    return Scaling(
        critical=found[0],
        inverse_nu=found[1],
        omega=found[2] if corrections and not edge else None,
        plain_goodness=None if plain is None else plain.goodness,
        dimensions=tuple(None if t.dimensionless else one for t, one in zip(tables, found[count:], strict=True)),
        window=best.window.reach,
        points=sum(int(rows.sum()) for rows in best.window.rows),
        goodness=best.goodness,
        status=because("omega-at-edge", low=_OMEGA[0], high=_OMEGA[1]) if edge else OK,
    )


def _failed(tables: Sequence[Table], why: Reason) -> Missing:
    return Missing(Scaling, why, {"dimensions": (None,) * len(tables), "points": 0})


def _scaled(table: Table, theta: np.ndarray) -> np.ndarray:
    return (table.t - theta[0]) * table.sizes ** theta[1]


def _choose(tables: Sequence[Table], theta: np.ndarray, per_size: float, degree: int) -> _Window:
    """The window around t_c that holds ``per_size`` points a size on average."""
    distances = [np.abs(_scaled(table, theta)) for table in tables]
    pooled = np.sort(np.concatenate(distances))
    wanted = per_size * sum(len(np.unique(table.sizes)) for table in tables)
    reach = float(pooled[min(int(wanted), len(pooled)) - 1])
    return _Window(tuple(d <= reach for d in distances), reach, degree)


def _misfit(theta: np.ndarray, tables: Sequence[Table], window: _Window) -> tuple[np.ndarray, np.ndarray]:
    """Weighted residuals of all points, and each table's dimension."""
    residuals, dimensions = [], []
    for table, rows in zip(tables, window.rows, strict=True):
        u = _scaled(table, theta)[rows]
        basis = np.polynomial.chebyshev.chebvander(u / window.reach, window.degree)
        if not table.dimensionless:
            basis = np.column_stack([basis, np.log(table.sizes[rows] / table.sizes.min())])
        if len(theta) > 2:
            decay = (table.sizes[rows] / table.sizes.min()) ** -theta[2]
            basis = np.column_stack([decay[:, None] * (u[:, None] / window.reach) ** np.arange(_BENDS), basis])
        weight = 1 / table.error[rows]
        design, target = basis * weight[:, None], table.target[rows] * weight
        solution = np.linalg.lstsq(design, target, rcond=None)[0]
        residuals.append(target - design @ solution)
        dimensions.append(0.0 if table.dimensionless else solution[-1])
    return np.concatenate(residuals), np.array(dimensions)


def _start(tables: Sequence[Table], critical: float | None) -> np.ndarray:
    """Best (t_c, 1/nu) of a grid, each on the six points a size that are nearest to it."""
    t = np.concatenate([table.t for table in tables])
    centres = np.array([critical]) if critical is not None else np.quantile(t, np.linspace(0.1, 0.9, 41))
    candidates = [np.array([c, a]) for c in centres for a in _INVERSE_NU]
    costs = []
    for theta in candidates:
        residual, _ = _misfit(theta, tables, _choose(tables, theta, 6, 4))
        costs.append(residual @ residual)
    return candidates[int(np.argmin(costs))]


def _corrected_start(tables: Sequence[Table], critical: float | None) -> np.ndarray:
    """Best (t_c, 1/nu, omega): the largest two thirds of the sizes without a correction, then a grid over omega."""
    sizes = np.unique(np.concatenate([table.sizes for table in tables]))
    least = sizes[len(sizes) // 3]
    large = [_rows_of(table, table.sizes >= least) for table in tables]
    plain = _start(large, critical)
    candidates = [np.array([*plain, omega]) for omega in _OMEGAS]
    fits = [_refine(tables, start, _choose(tables, start, 6, 4), critical is None) for start in candidates]
    return min(fits, key=lambda fit: fit.chi2).theta


def _rows_of(table: Table, mask: np.ndarray) -> Table:
    return dataclasses.replace(table, sizes=table.sizes[mask], t=table.t[mask], y=table.y[mask], se=table.se[mask])


def _refine(tables: Sequence[Table], start: np.ndarray, window: _Window, free: bool) -> _Fit:
    """Best (t_c, 1/nu, and omega where the start has one) at fixed rows; in units of about the same reach."""
    corrected = len(start) > 2
    tight = window.reach / max(table.sizes.max() for table in tables) ** start[1]
    unit = np.array([tight, 0.1, 0.3][: len(start)])
    moves = np.array([free, True, True][: len(start)])

    def place(step: np.ndarray) -> np.ndarray:
        theta = start.copy()
        theta[moves] += step * unit[moves]
        if corrected:
            theta[2] = np.clip(theta[2], *_OMEGA)
        return theta

    found = least_squares(lambda step: _misfit(place(step), tables, window)[0], np.zeros(moves.sum()), xtol=1e-6)
    theta = place(found.x)
    residual, dimensions = _misfit(theta, tables, window)
    linear = sum(window.degree + 2 - table.dimensionless + _BENDS * corrected for table in tables)
    return _Fit(theta, dimensions, float(residual @ residual), len(residual) - linear - int(moves.sum()), window)


def _windows(tables: Sequence[Table], start: np.ndarray, free: bool) -> list[_Fit]:
    """The best fit of each window, narrowest first."""
    sizes = sum(len(np.unique(table.sizes)) for table in tables)
    most = sum(len(table.t) for table in tables) / sizes
    fits = []
    for per_size in np.arange(4.0, most + 1, 1.0):
        rivals = []
        for degree in _DEGREES:
            fit = _refine(tables, start, _choose(tables, start, per_size, degree), free)
            again = _choose(tables, fit.theta, per_size, degree)  # the window follows the critical point
            if any(np.any(a != b) for a, b in zip(again.rows, fit.window.rows, strict=True)):
                fit = _refine(tables, fit.theta, again, free)
            if fit.dof < sizes:
                break
            count = sum(int(rows.sum()) for rows in fit.window.rows)
            rivals.append((fit.chi2 + np.log(count) * (count - fit.dof), degree, fit))
        if rivals:
            fits.append(min(rivals, key=lambda rival: rival[:2])[2])
            start = fits[-1].theta
    return fits


def _redrawn(tables: Sequence[Table], best: _Fit, free: bool, rng: np.random.Generator) -> np.ndarray:
    scale = np.sqrt(max(1.0, best.chi2 / best.dof))
    drawn = []
    for table in tables:
        target = table.target + scale * table.error * rng.normal(size=len(table.t))
        y, se = (target, table.se) if table.dimensionless else (np.exp(target), table.error * np.exp(target))
        drawn.append(dataclasses.replace(table, y=y, se=se))
    return _refine(drawn, best.theta, best.window, free).all

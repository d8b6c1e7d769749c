"""How sure a law is: a wild bootstrap over runs, and profiles of the objective."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from scipy.stats import f as fisher

from ...results.levels import COVERAGE
from .law import Law
from .robust_fits import NAMES, bounds, minimise

_STEPS = 12  # halvings of a bracket: to one part in 4,000


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A number with its 95 % interval; an end is None where the data do not bound it."""

    value: float
    low: float | None
    high: float | None


def resample(law: Law, *, rng: np.random.Generator, resamples: int) -> np.ndarray:
    """``(B, 5)`` parameters of tables whose residuals change their signs at random.

    The design stays as it is, so a table of a few budgets does not fall apart as it does when runs are drawn; each
    residual is divided by ``1 - h``, h its leverage, since the fit has drawn it in.
    """
    value, slopes = law.design.log_loss(law.theta[None])
    jacobian = slopes[0].T
    leverage = np.einsum("ni,in->n", jacobian, np.linalg.pinv(jacobian))
    residuals = law.residuals / np.maximum(1 - leverage, 0.2)
    drawn = value + residuals * (2.0 * rng.integers(0, 2, (resamples, len(residuals))) - 1.0)
    low, high = bounds(value[0] + law.residuals)
    return minimise(
        law.design, drawn, np.tile(law.theta, (resamples, 1)), law.huber, low, high, rounds=100, enough=1e-9
    )[0]


def from_resamples(value: float, drawn: np.ndarray, n_runs: int) -> Interval:
    """Percentiles, widened about their middle by ``t_{n-5}`` over the normal quantile: few runs tell little of their
    own noise."""
    middle = float(np.median(drawn))
    low, high = np.quantile(drawn, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    wider = np.sqrt(fisher.ppf(COVERAGE, 1, n_runs - len(NAMES)) / fisher.ppf(COVERAGE, 1, 1e9))
    ends = middle + wider * (np.array([low, high]) - middle)
    return Interval(value=value, low=float(ends[0]), high=float(ends[1]))


def profile_intervals(law: Law) -> dict[str, Interval]:
    """95 % intervals of E, alpha and beta, and of A and B, by the rise of the objective with one of them held fixed.

    The others are fitted again at each place; the ends are where twice the rise reaches ``F_{1, n-5}`` times the scale
    ``mean(psi^2)/mean(psi')``, which for the square alone is the residual variance. An end that the search does not
    reach inside its bounds is None.
    """
    targets = law.design.log_loss(law.theta[None])[0][0] + law.residuals
    low, high = bounds(targets)
    count = len(NAMES)
    place, side = np.repeat(np.arange(count), 2), np.tile([-1.0, 1.0], count)
    free = np.arange(count) != place[:, None]
    row = np.arange(2 * count)

    def rise(at: np.ndarray) -> np.ndarray:
        starts = np.tile(law.theta, (2 * count, 1))
        starts[row, place] = at
        found = minimise(law.design, targets, starts, law.huber, low, high, free=free, rounds=80, enough=1e-7)
        return found[1] - law.cost

    edges = np.where(side < 0, low[place], high[place])
    height = _slack(law) * float(fisher.ppf(COVERAGE, 1, len(targets) - count)) / 2
    ends = _crossings(rise, law.theta[place], side, edges, height)
    return {name: _read(law, k, (ends[2 * k], ends[2 * k + 1])) for k, name in enumerate(NAMES)}


def _slack(law: Law) -> float:
    size, delta = np.abs(law.residuals), law.huber.reach(law.residuals)
    n = len(size)
    square = float((np.minimum(size, delta) ** 2).sum()) / (n - len(NAMES))
    return square / max(float(np.mean(size <= delta)), 1 / n)


def _crossings(
    rise: Callable[[np.ndarray], np.ndarray], at: np.ndarray, side: np.ndarray, edges: np.ndarray, height: float
) -> list[float | None]:
    """Where the objective has risen by ``height`` on each side of each place, None where it has not up to the bound."""
    inner, outer = at.copy(), at + 0.02 * side
    for _ in range(10):
        outer = np.where(side < 0, np.maximum(outer, edges), np.minimum(outer, edges))
        short = (rise(outer) < height) & (outer != edges)
        if not short.any():
            break
        inner, outer = np.where(short, outer, inner), np.where(short, at + 2 * (outer - at), outer)
    outer = np.where(side < 0, np.maximum(outer, edges), np.minimum(outer, edges))
    reached = rise(outer) >= height
    for _ in range(_STEPS):
        middle = (inner + outer) / 2
        beyond = rise(middle) >= height
        inner, outer = np.where(beyond, inner, middle), np.where(beyond, middle, outer)
    return [float(x) if ok else None for x, ok in zip(outer, reached, strict=True)]


def _read(law: Law, place: int, ends: tuple[float | None, float | None]) -> Interval:
    """A profile in the formula's own numbers. A and B are at N = D = 1, where the exponent moves them as well, so
    theirs stand at the geometric mean of the runs."""
    value = float(law.theta[place])
    if place in (2, 4):
        return Interval(value=value, low=ends[0], high=ends[1])
    low, high = (None if end is None else float(np.exp(end)) for end in ends)
    return Interval(value=float(np.exp(value)), low=low, high=high)

"""Exact collapse with the floor unknown (T2): is there an irreducible loss at which all rungs share one curve?"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import t as student

from ...results.levels import UPPER
from ..composing import OK
from ..reasons import Reason, because
from ..within.bootstrap import Moments, draw_signs
from ..within.exactness import p_value, statistics

_CLEAR = 5.0  # standard deviations by which the floor stays below the smallest loss
_DEPTHS = np.append(0.0, np.geomspace(1e-3, 3.0, 20))  # of the range of losses, below the top of the domain
_ZOOM, _ROUNDS = 7, 2
_CACHED = 192  # resamples times floors that are computed at once
_Cost = Callable[[Sequence[np.ndarray], np.ndarray, np.ndarray, np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """The floor at which the curves collapse best, with a 95 % interval, and T2's p-value.

    ``status`` is ``ok`` or why there is none; then the numbers are None.
    """

    floor: float | None = None
    low: float | None = None
    high: float | None = None
    statistic: float | None = None
    p: float | None = None
    status: Reason = OK


def profile_floor(
    losses: Sequence[np.ndarray],
    x: np.ndarray,
    sizes: np.ndarray,
    *,
    rng: np.random.Generator,
    resamples: int = 199,
    within: tuple[float, float] | None = None,
) -> Profile:
    """Minimise T1 over L0 in the data and in every resample.

    ``T2 = min T1(L0)`` over ``L0 <= min L - 5 max_k sd_s(L_k(1))``: nearer to the smallest loss one logarithm diverges,
    all shrunken variances with it, and T falls again to a spurious minimum. A minimum at an edge of the domain is not
    a minimum: the floor is not identified. The null holds the common curve ``g`` and floor of the restricted fit and
    flips whole curves of residuals r of ln E, ends included::

        L*_ks(x) = L0 + exp[g(x) + mean_s ln E_ks(1) + sqrt(n/(n-1)) v_ks r_ks(x)]

    Parameters
    ----------
    losses : K arrays ``(n_k, m + 1)``: raw losses on the grid and, last, at x = 1; at least three seeds a rung.
    x : ``(m,)`` grid.
    sizes : ``(K,)`` parameters.
    rng : chance.
    resamples : resamples; each costs a minimisation of its own.
    within : ends between which the floor is known to lie, not from these curves: then data and resamples are minimised
        between them, and a minimum at an end counts.
    """
    cubes = [rows[..., None] for rows in losses]
    if within is not None and within[0] >= _top(cubes)[0]:
        return Profile(status=because("floors-too-near", low=within[0], high=within[1]))
    (statistic,), (floor,), (inner,) = least_cost(cubes, x, sizes, within)
    if not inner:
        return Profile(status=because("floor-not-identified"))
    drawn = null_losses(losses, float(floor), x, sizes, draw_signs([len(rows) for rows in losses], resamples, rng))
    statistics_, floors, _ = least_cost(drawn, x, sizes, within)
    # Not 1.96: the sd itself comes from few seeds. Percentiles of the resamples cover 90 in 100 only.
    reach = float(student.ppf(UPPER, 2 * (min(len(rows) for rows in losses) - 1)) * floors.std(ddof=1))
    lowest, highest = within or (-np.inf, np.inf)
    return Profile(
        floor=float(floor),
        low=max(lowest, float(floor - reach)),
        high=min(highest, float(floor + reach)),
        statistic=float(statistic),
        p=p_value(float(statistic), statistics_),
    )


def _moments(losses: Sequence[np.ndarray], floors: np.ndarray) -> Moments:
    """Moments of z for each resample b and candidate floor c, the last axis being ``b c`` flattened."""
    means = np.empty((len(losses), losses[0].shape[1] - 1, floors.size))
    variances = np.empty_like(means)
    for rows, mean, variance in zip(losses, means, variances, strict=True):
        n = len(rows)
        excess = rows[..., None] - floors
        z = np.log(excess, out=excess).reshape(*rows.shape[:2], -1)
        z = np.subtract(z[:, :-1], z[:, -1:], out=z[:, :-1])
        np.divide(z.sum(axis=0), n, out=mean)
        z -= mean
        np.einsum("smb,smb->mb", z, z, out=variance)
        variance /= n - 1
    return Moments(np.array([len(rows) for rows in losses]), means, variances)


def cost_at(losses: Sequence[np.ndarray], floors: np.ndarray, x: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """T1 for each resample and floor ``(B, c)``, a few resamples at a time: all of it stays in a core's cache."""
    step = max(1, _CACHED // floors.shape[1])
    costs = np.empty(floors.shape)
    for start in range(0, len(floors), step):
        some = slice(start, start + step)
        sample = _moments([rows[..., some] for rows in losses], floors[some])
        costs[some] = statistics(sample, x, sizes)[0].reshape(-1, floors.shape[1])
    return costs


def _top(losses: Sequence[np.ndarray]) -> np.ndarray:
    """``(B,)`` the highest floor of the domain."""
    smallest = np.min([rows.min(axis=(0, 1)) for rows in losses], axis=0)
    return smallest - _CLEAR * np.max([rows[:, -1].std(axis=0, ddof=1) for rows in losses], axis=0)


def candidates(losses: Sequence[np.ndarray], within: tuple[float, float] | None) -> np.ndarray:
    """``(B, c)`` floors from the top of the domain down, to three ranges of the losses below it or to the lower end."""
    top = _top(losses)
    if within is not None:
        low, high = within
        return np.linspace(np.maximum(np.minimum(top, high), low), low, len(_DEPTHS), axis=1)
    smallest = np.min([rows.min(axis=(0, 1)) for rows in losses], axis=0)
    largest = np.max([rows.max(axis=(0, 1)) for rows in losses], axis=0)
    return top[:, None] - (largest - smallest)[:, None] * _DEPTHS


def least_cost(
    losses: Sequence[np.ndarray],
    x: np.ndarray,
    sizes: np.ndarray,
    within: tuple[float, float] | None = None,
    cost: _Cost = cost_at,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Smallest cost (T1), its floor, and whether it lies inside the domain, for K arrays ``(n_k, m + 1, B)``.

    Between two known ends every minimum does.
    """
    floors = candidates(losses, within)
    row = np.arange(len(floors))
    costs = cost(losses, floors, x, sizes)
    best = costs.argmin(axis=1)
    inner = ((best > 0) & (best < len(_DEPTHS) - 1)) | (within is not None)
    for _ in range(_ROUNDS):
        last = floors.shape[1] - 1
        high, low = floors[row, np.maximum(best - 1, 0)], floors[row, np.minimum(best + 1, last)]
        floors = np.linspace(high, low, _ZOOM, axis=1)
        costs = cost(losses, floors, x, sizes)
        best = costs.argmin(axis=1)
    return *_vertex(costs, floors), inner


def _vertex(costs: np.ndarray, floors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Height and place ``(B,)`` of the parabola through the least of the costs ``(B, c)`` and its neighbours.

    The floors are evenly spaced. Without this the height is that of the nearest of them, which costs T2 power.
    """
    row, middle = np.arange(len(costs)), np.clip(costs.argmin(axis=1), 1, costs.shape[1] - 2)
    before, least, after = (costs[row, middle + i] for i in (-1, 0, 1))
    spacing = floors[row, middle + 1] - floors[row, middle]
    with np.errstate(divide="ignore", invalid="ignore"):
        slope, bend = (after - before) / 2, after + before - 2 * least
        step = np.where(bend > 0, np.clip(-slope / bend, -1, 1), -np.sign(slope))
        return least + step * (slope + step * bend / 2), floors[row, middle] + step * spacing


def null_losses(
    losses: Sequence[np.ndarray], floor: float, x: np.ndarray, sizes: np.ndarray, signs: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """Resampled losses under one common curve, K arrays ``(n_k, m + 1, B)``, from signs ``(n_k, B)``."""
    logs = [np.log(rows - floor) for rows in losses]
    z = [rows[:, :-1] - rows[:, -1:] for rows in logs]
    means = np.stack([rows.mean(axis=0) for rows in z])
    variances = np.stack([rows.var(axis=0, ddof=1) for rows in z])
    weights = np.array([len(rows) for rows in z])[:, None] / (variances + variances.mean(axis=0))
    common = np.append((weights * means).sum(axis=0) / weights.sum(axis=0), 0.0)
    drawn = []
    for rows, flips in zip(logs, signs, strict=True):
        centre = rows.mean(axis=0)
        scaled = (rows - centre) * np.sqrt(len(rows) / (len(rows) - 1))
        drawn.append(floor + np.exp((common + centre[-1])[:, None] + scaled[..., None] * flips[:, None]))
    return drawn

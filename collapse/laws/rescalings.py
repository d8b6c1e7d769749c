"""The axes on which curves of different sizes may coincide: each predicts a rung from the others.

All work on mean losses of the rungs, ``(K, m + 1)``, the grid and the end. A prediction is ``(m,)`` losses on the grid,
NaN where the others have no data.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from ..irreducible.end_points import fit_means
from ..reasons import Reason, because

_SHIFTS = np.linspace(-0.6, 0.6, 61)
_SHARED = 0.5  # least share of the grid that shifted curves must have in common


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Ladders:
    """What the rescalings see of a ladder.

    Attributes
    ----------
    x : ``(m,)`` grid.
    losses : ``(K, m + 1)`` mean losses, ends last.
    weights : ``(K,)`` inverse variances of the mean end losses.
    log_sizes : ``(K,)`` ln p less its mean.
    phases : ``(K, m)`` share of the learning-rate integral, None where no schedule is known.
    log_compute : ``(K,)`` ln of the compute at the horizon, less its mean.
    floor : the known irreducible loss, None where it has to be fitted to the others' end points.
    """

    x: np.ndarray
    losses: np.ndarray
    weights: np.ndarray
    log_sizes: np.ndarray
    phases: np.ndarray | None
    log_compute: np.ndarray
    floor: float | None

    @property
    def ends(self) -> np.ndarray:
        """``(K,)`` mean end losses."""
        return self.losses[:, -1]

    def floor_of(self, others: np.ndarray) -> float:
        """The known floor, else that of the others' end points; NaN where they have none."""
        if self.floor is not None:
            return self.floor
        if len(others) < 4:
            return float("nan")
        fit = fit_means(self.ends[others], self.weights[others], np.exp(self.log_sizes[others]))
        below = fit.inside[0] and fit.floor[0] < self.losses.min()
        return float(fit.floor[0]) if below else float("nan")


Prediction = Callable[[Ladders, np.ndarray, int], np.ndarray]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Rescaling:
    """One choice of axes.

    ``anchors`` are the numbers taken from the rung that is predicted, ``fitted`` those fitted to all rungs, to which
    the floor is added where ``floored`` and not known. ``wants`` says why it cannot be tried.
    """

    name: str
    predict: Prediction
    anchors: int
    fitted: int = 0
    floored: bool = False
    wants: Callable[[Ladders], Reason | None] = lambda _: None


def end_point(data: Ladders, others: np.ndarray, k: int) -> np.ndarray:
    """``L0 + E_k(1) l(x)``, ln l the mean of the others'."""
    return _by_end(data, others, k, data.floor_of(others))


def end_point_without_floor(data: Ladders, others: np.ndarray, k: int) -> np.ndarray:
    """``L_k(1) l(x)``: the same with L0 = 0."""
    return _by_end(data, others, k, 0.0)


def two_anchors(data: Ladders, others: np.ndarray, k: int) -> np.ndarray:
    """``L_k(1) + [L_k(x_min) - L_k(1)] q(x)``: any affine map of the loss, one time law."""
    gap = data.losses[:, :-1] - data.ends[:, None]
    return data.ends[k] + gap[k, 0] * (gap[others] / gap[others, :1]).mean(axis=0)


def power_law_axes(data: Ladders, others: np.ndarray, k: int) -> np.ndarray:
    """``L0 + p^-nu f(x p^c)`` with nu and c fitted to the others; c is 0 where the horizons are right."""
    floor = data.floor_of(others)
    logs, at = np.log(data.losses[:, :-1] - floor), np.log(data.x)
    if np.isnan(floor):
        return np.full(len(at), np.nan)
    nu, c = min((_collapse_at(c, logs, at, data.log_sizes, others) for c in _SHIFTS), key=lambda found: found[2])[:2]
    lp = data.log_sizes
    found = _mean_of(at + c * lp[k], [(at + c * lp[j], logs[j] + nu * lp[j]) for j in others])
    return floor + np.exp(found - nu * lp[k])


def rate_clock(data: Ladders, others: np.ndarray, k: int) -> np.ndarray:
    """``L0 + E_k(1) l(y)``: as by end point, on the learning-rate integral."""
    if data.phases is None:
        return np.full(len(data.x), np.nan)
    floor = data.floor_of(others)
    z = np.log((data.losses[:, :-1] - floor) / (data.ends[:, None] - floor))
    at = np.log(data.phases)
    return floor + (data.ends[k] - floor) * np.exp(_mean_of(at[k], [(at[j], z[j]) for j in others]))


def compute_clock(data: Ladders, others: np.ndarray, k: int) -> np.ndarray:
    """Loss as a function of compute alone: no anchor, no floor."""
    at = np.log(data.x) + data.log_compute[:, None]
    return _mean_of(at[k], [(at[j], data.losses[j, :-1]) for j in others])


def nothing_shared(data: Ladders, others: np.ndarray, k: int) -> np.ndarray:
    """The rung's own power law through its first point and its end: what two anchors give without any other rung."""
    floor = data.floor_of(others)
    if np.isnan(floor):
        floor = 0.0
    z = np.log((data.losses[k] - floor) / (data.ends[k] - floor))
    return floor + (data.ends[k] - floor) * np.exp(z[0] * np.log(data.x) / np.log(data.x[0]))


def _by_end(data: Ladders, others: np.ndarray, k: int, floor: float) -> np.ndarray:
    excess = data.losses - floor
    return floor + excess[k, -1] * np.exp(np.log(excess[others, :-1] / excess[others, -1:]).mean(axis=0))


def _mean_of(at: np.ndarray, curves: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Mean of the curves that have data at each place; NaN where none has."""
    rows = np.stack([np.interp(at, u, v, left=np.nan, right=np.nan) for u, v in curves])
    seen = ~np.isnan(rows)
    with np.errstate(invalid="ignore"):
        return np.where(seen, rows, 0.0).sum(axis=0) / np.where(seen.any(axis=0), seen.sum(axis=0), np.nan)


def _collapse_at(
    c: float, logs: np.ndarray, at: np.ndarray, lp: np.ndarray, others: np.ndarray
) -> tuple[float, float, float]:
    """Best nu for a shift c, by regression at each place that all have in common; (nu, c, mean square left)."""
    shifts = c * lp[others]
    low, high = at[0] + shifts.max(), at[-1] + shifts.min()
    if high - low < _SHARED * (at[-1] - at[0]):
        return 0.0, c, np.inf
    places = np.linspace(low, high, len(at))
    rows = np.stack([np.interp(places, at + shift, logs[j]) for shift, j in zip(shifts, others, strict=True)])
    rows = rows - rows.mean(axis=0)
    u = lp[others] - lp[others].mean()
    nu = -float((u @ rows).mean() / (u @ u))
    return nu, c, float(((rows + nu * u[:, None]) ** 2).mean())


def _wants_floor(data: Ladders) -> Reason | None:
    if np.isnan(data.floor_of(np.arange(1, len(data.ends)))):
        return because("rescaling-needs-a-floor")
    return None


def _wants_own_floor(data: Ladders) -> Reason | None:
    return because("coincides-with", form="end point with L0") if data.floor == 0 else None


def _wants_schedules(data: Ladders) -> Reason | None:
    if data.phases is None:
        return because("law-needs-schedule")
    if np.ptp(data.phases, axis=0).max() < 1e-3:
        return because("one-schedule-for-all", form="end point with L0")
    return _wants_floor(data)


RESCALINGS = (
    Rescaling(
        name="end point with L0",
        predict=end_point,
        anchors=1,
        floored=True,
        wants=_wants_floor,
    ),
    Rescaling(
        name="end point without L0",
        predict=end_point_without_floor,
        anchors=1,
        wants=_wants_own_floor,
    ),
    Rescaling(
        name="two anchors",
        predict=two_anchors,
        anchors=2,
    ),
    Rescaling(
        name="power-law axes",
        predict=power_law_axes,
        anchors=0,
        fitted=2,
        floored=True,
        wants=_wants_floor,
    ),
    Rescaling(
        name="learning-rate integral",
        predict=rate_clock,
        anchors=1,
        floored=True,
        wants=_wants_schedules,
    ),
    Rescaling(name="compute", predict=compute_clock, anchors=0),
    Rescaling(
        name="nothing shared",
        predict=nothing_shared,
        anchors=2,
    ),
)

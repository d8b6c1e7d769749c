"""Size, power and bias of what rests on the floor being unknown: T2, and the balance of floors, T4."""

from __future__ import annotations

import dataclasses

import numpy as np

from ...results.levels import ALPHA, NORMAL
from ..irreducible.balance import balance
from ..irreducible.difference import Comparison
from ..irreducible.joint import joint
from ..irreducible.profile import profile_floor
from .simulation import FLOOR, Scenario, simulate


@dataclasses.dataclass(frozen=True, slots=True)
class FloorRates:
    """Shares of simulated groups, and the floor at which the curves collapse best.

    ``profiled`` is T2's share of rejections at 5 % among groups with a floor, ``identified`` the share of those,
    ``covered`` the share of its intervals with the truth inside. ``against_end_point`` and ``against_known`` are T4's
    rejections, ``against_normal`` those of the end points' floor where z is held against 1.96, as it should not be.
    ``joint`` has rejections of one floor for curves and ends. ``bias`` is the mean of the collapse's floor less the
    true one and ``sd`` its standard deviation. A share of no groups at all is None.
    """

    profiled: float | None
    identified: float
    covered: float | None
    against_end_point: float | None
    against_known: float | None
    against_normal: float | None
    joint: float | None
    bias: float | None
    sd: float | None


def profile_rows(cell: Scenario, groups: int, rng: np.random.Generator, *, resamples: int = 199) -> np.ndarray:
    """``(groups, 3)``: T2 rejects, its interval covers, the floor less the true one; NaN where there is no floor."""
    batch = simulate(cell, groups, rng)
    rows = []
    for loss in batch.loss:
        found = profile_floor(list(loss), batch.x[:-1], batch.sizes, rng=rng, resamples=resamples)
        if found.floor is None or found.p is None or found.low is None or found.high is None:
            rows.append([np.nan] * 3)
        else:
            rows.append([found.p < ALPHA, found.low <= FLOOR <= found.high, found.floor - FLOOR])
    return np.array(rows, dtype=float)


def balance_rows(cell: Scenario, groups: int, rng: np.random.Generator, *, resamples: int = 199) -> np.ndarray:
    """``(groups, 4)``: T4 rejects the end points' floor, and the known one, and the first with the quantile of a normal
    variable; one floor for curves and ends is rejected; NaN where there is nothing to compare."""
    batch = simulate(cell, groups, rng)
    rows = []
    for loss in batch.loss:
        both = balance(list(loss), batch.x[:-1], batch.sizes, rng=rng, known=FLOOR, resamples=resamples)
        own = both.against_end_point
        normal = np.nan if own.z is None else float(abs(own.z) > NORMAL)
        one = joint(list(loss), batch.x[:-1], batch.sizes, rng=rng, resamples=resamples).p
        rows.append([_share(own), _share(both.against_known), normal, np.nan if one is None else float(one < ALPHA)])
    return np.array(rows)


def floor_rates(profiled: np.ndarray, balanced: np.ndarray) -> FloorRates:
    """Summarise what `profile_rows` and `balance_rows` give."""
    away = profiled[~np.isnan(profiled[:, 2]), 2]
    return FloorRates(
        profiled=_mean(profiled[:, 0]),
        identified=float(np.mean(~np.isnan(profiled[:, 0]))),
        covered=_mean(profiled[:, 1]),
        against_end_point=_mean(balanced[:, 0]),
        against_known=_mean(balanced[:, 1]),
        against_normal=_mean(balanced[:, 2]),
        joint=_mean(balanced[:, 3]),
        bias=_mean(away),
        sd=float(away.std(ddof=1)) if len(away) > 1 else None,
    )


def _mean(column: np.ndarray) -> float | None:
    known = column[~np.isnan(column)]
    return float(known.mean()) if len(known) else None


def _share(one: Comparison) -> float:
    return float("nan") if one.rejected is None else float(one.rejected)

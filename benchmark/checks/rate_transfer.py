"""Learning-rate transfer at equal steps: by which power of the width the best learning rate changes.

Under maximal update the best rate of a small network is that of a large one (Yang et al. 2022, Tensor Programs V): the
slope of log best rate against log width is 0. Under the standard parametrisation with Adam it tends to -1, the power
that hidden layers ask for: slopes inside +-1/2, half of it, pass. Every rung trains for as many updates here; at
horizons that grow with the rung the best rate falls with the horizon, and that is another number.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from ...architectures.family import Family, Rung
from ...datasets.dataset import Dataset
from ...results.levels import UPPER
from .rate_search import BESIDE, LIMITS, RateCurve, Training, rate_curve
from .slopes import Slope, judged

TRANSFER_BOUND = 0.5
_RESAMPLES = 400


@dataclasses.dataclass(frozen=True, kw_only=True)
class BestRate:
    """The best rate of a rung.

    Attributes
    ----------
    log2_rate : vertex of a parabola in log mean loss around the best rate on the grid, see `vertex`; None where
        ``status`` is not ``ok``.
    status : ``edge`` where the best rate is the last one that may be tried, ``flat`` where no rate lowered the loss.
    """

    rung: str
    growth: float
    log2_rate: float | None
    loss: float
    status: Literal["ok", "edge", "flat"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class RateTransfer:
    """Whether the best rate moves with the width.

    Attributes
    ----------
    slope : of log best rate against log width; none where a rung has no best rate. Its interval is Student's, with the
        standard error of a bootstrap over seeds, widened by sqrt(n / (n - 1)) as a bootstrap of n is too narrow.
    """

    family: str
    parametrization: str
    optimizer: str
    steps: int
    batch_size: int
    n_seeds: int
    curves: tuple[RateCurve, ...]
    best: tuple[BestRate, ...]
    slope: Slope


def rate_transfer(family: Family, dataset: Dataset, rungs: Sequence[Rung], how: Training) -> RateTransfer:
    """Search the best rate of every rung and fit its slope; see `rate_curve` and `transfer_of`."""
    return transfer_of(family.name, [rate_curve(family, dataset, rung, how) for rung in rungs], how)


def transfer_of(family: str, curves: Sequence[RateCurve], how: Training) -> RateTransfer:
    """The slope of log best rate against log width over the rungs."""
    curves = tuple(sorted(curves, key=lambda curve: curve.growth))
    best = tuple(_best(curve, how.optimizer) for curve in curves)
    return RateTransfer(
        family=family,
        parametrization=how.parametrization,
        optimizer=how.optimizer,
        steps=how.steps,
        batch_size=how.batch_size,
        n_seeds=how.n_seeds,
        curves=curves,
        best=best,
        slope=_slope(curves, best),
    )


def _slope(curves: Sequence[RateCurve], best: Sequence[BestRate]) -> Slope:
    lost = [each for each in best if each.status != "ok"]
    if lost:
        return Slope(reason="; ".join(f"{each.rung}: {_WHY[each.status]}" for each in lost))
    x = np.log([curve.growth for curve in curves])
    if len(set(x)) < 2:
        return Slope(reason="needs two widths")
    tables = [(np.array(curve.log2_rates, dtype=float), np.array(curve.losses)) for curve in curves]
    n = tables[0][1].shape[1]
    value = _fit(x, tables, np.arange(n))
    rng = np.random.default_rng(0)
    draws = [_fit(x, tables, rng.integers(n, size=n)) for _ in range(_RESAMPLES)]
    from scipy.stats import t

    reach = float(t.ppf(UPPER, n - 1) * np.std(draws, ddof=1) * math.sqrt(n / (n - 1)))
    return judged(value, value - reach, value + reach, bound=TRANSFER_BOUND)


_WHY = {"edge": "the best rate lies on the edge of the grid", "flat": "no rate lowers the loss"}


def _fit(x: np.ndarray, tables: Sequence[tuple[np.ndarray, np.ndarray]], seeds: np.ndarray) -> float:
    y = np.array([vertex(powers, np.log(losses[:, seeds].mean(1))) for powers, losses in tables]) * math.log(2)
    return float((x - x.mean()) @ y / np.square(x - x.mean()).sum())


def vertex(powers: np.ndarray, values: np.ndarray) -> float:
    """Where the least-squares parabola through the smallest value and the two on either side has its vertex.

    The end where the smallest value lies there, and at most one step from the smallest: five points of a noisy and flat
    curve say more than three, and no more is asked of them.
    """
    i = int(np.argmin(values))
    if i in (0, len(values) - 1):
        return float(powers[i])
    near = slice(max(0, i - BESIDE), i + BESIDE + 1)
    x = powers[near] - powers[i]
    bend, tilt, _ = np.polyfit(x, values[near], 2)
    return float(powers[i] + (np.clip(-tilt / (2 * bend), -1, 1) if bend > 0 else 0.0))


def _best(curve: RateCurve, optimizer: str) -> BestRate:
    means = np.array(curve.losses).mean(1)
    power = curve.log2_rates[int(means.argmin())]
    status = "flat" if np.ptp(means) == 0 else "edge" if power in LIMITS[optimizer] else "ok"
    found = vertex(np.array(curve.log2_rates, dtype=float), np.log(means)) if status == "ok" else None
    return BestRate(rung=curve.rung, growth=curve.growth, log2_rate=found, loss=float(means.min()), status=status)

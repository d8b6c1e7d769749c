"""Robust twin and pooled noise on simulated ladders whose answer is known."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

import numpy as np

from ...results.levels import ALPHA, MARGIN
from ..outcome import RescaledGroup
from ..robust.pooling import equal_noise, pooled_bounds
from ..robust.spikes import clean
from ..within.battery import assess
from .simulation import Batch, Scenario, simulate

Marks = Literal["none", "one", "each", "plateau", "end"]
SPIKE = 0.4  # in ln l


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class TwinRates:
    """Shares of simulated groups, and mean bounds, of the plain tests and of those without spikes and far runs.

    ``found`` is the mean number of spikes and far runs that were found; ``something`` the share of groups in which any
    was. ``exact`` are rejections of T1, ``certified`` and ``refuted`` those of the bounds at a margin of 3 %.
    ``covered_above`` has the truth under the upper bound, ``covered_band`` inside the band.
    """

    plain_upper: float
    plain_certified: float
    upper: float
    certified: float
    refuted: float
    exact: float
    covered_above: float
    covered_band: float
    found: float
    something: float


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class PooledRates:
    """Shares of simulated groups, and mean bounds, by each size's own noise and by pooled noise.

    ``covered`` has the truth at or under the pooled bound where the noisiest size deviates by the margin at one x
    alone, the least favourable truth; ``unequal`` are rejections of equal noise.
    """

    own_upper: float
    own_certified: float
    upper: float
    certified: float
    covered: float
    unequal: float


def marked(z: np.ndarray, marks: Marks, rng: np.random.Generator) -> np.ndarray:
    """Curves ``(K, n, m)`` of one group with spikes of 40 % at random x in ``one`` run or ``each``, with a run that
    stays on a ``plateau`` from the ninth point of the grid on, or one whose ``end`` was a spike."""
    z = z.copy()
    rungs, seeds, points = z.shape
    k, s = int(rng.integers(rungs)), int(rng.integers(seeds))
    if marks == "one":
        z[k, s, rng.integers(points)] += SPIKE
    elif marks == "each":
        np.put_along_axis(z, at := rng.integers(points, size=(rungs, seeds, 1)), _at(z, at) + SPIKE, axis=2)
    elif marks == "plateau":
        z[k, s] = np.minimum(z[k, s], z[k, s, 8]) - z[k, s, 8]
    elif marks == "end":
        z[k, s] -= SPIKE
    return z


def _at(z: np.ndarray, at: np.ndarray) -> np.ndarray:
    return np.take_along_axis(z, at, axis=2)


def twin_rates(
    cell: Scenario,
    marks: Marks,
    groups: int,
    rng: np.random.Generator,
    *,
    margin: float = MARGIN,
    resamples: int = 999,
    point: float = 0.0,
) -> TwinRates:
    """Judge simulated groups with marks as they are, and without what is found in them; ``point`` is a deviation that
    all seeds of the largest size have at one x, the least favourable truth and what looks most like a spike."""
    batch = simulate(cell, groups, rng)
    x, truth = batch.x[:-1], batch.truth[:, :-1].copy()
    truth[-1, truth.shape[1] // 2] += point
    d = truth - truth.mean(axis=0)
    largest = float(np.abs(d).max())
    rows = []
    for z in batch.z:
        z[-1, :, z.shape[2] // 2] += point
        group = _group(batch, list(marked(z, marks, rng)))
        _, plain = assess(group.values, x, batch.sizes, rng=rng, resamples=99)
        found = clean(group)
        n = len(found.spikes) + len(found.far)
        exact, bounds = assess(found.group.values, x, batch.sizes, rng=rng, resamples=resamples)
        upper, plain_upper = bounds.upper(), plain.upper()
        decided = [upper, upper < margin, bounds.lower() >= margin, np.nan if exact.p is None else exact.p < ALPHA]
        covered = [upper >= largest, np.all(np.abs(bounds.d - d) <= bounds.band())]
        rows.append([plain_upper, plain_upper < margin, *decided, *covered, n, n > 0])
    return TwinRates(**_means(rows, TwinRates))


def pooled_rates(cell: Scenario, groups: int, rng: np.random.Generator, *, margin: float = MARGIN) -> PooledRates:
    """Bound simulated groups by own and by pooled noise, at the cell's truth and where one point is at the margin."""
    batch = simulate(cell, groups, rng)
    rows = []
    for z in batch.z:
        group = _group(batch, list(z))
        spiked = z.copy()
        spiked[-1, :, z.shape[2] // 2] += margin / (1 - 1 / len(z))
        p = equal_noise(group.values, batch.sizes, rng=rng)
        uppers = []
        for one in (group, _group(batch, list(spiked))):
            _, found = assess(one.values, one.x, one.sizes, rng=rng, resamples=99)
            uppers += [found.upper(), pooled_bounds(one, found, equal=p >= ALPHA).upper()]
        own, pooled, _, at_margin = uppers
        rows.append([own, own < margin, pooled, pooled < margin, at_margin >= margin, p < ALPHA])
    return PooledRates(**_means(rows, PooledRates))


def _group(batch: Batch, values: Sequence[np.ndarray]) -> RescaledGroup:
    return RescaledGroup(
        scale="end-point",
        x=batch.x[:-1],
        sizes=batch.sizes,
        rungs=tuple(f"size {size:g}" for size in batch.sizes),
        values=tuple(values),
        seeds=tuple(tuple(range(len(rows))) for rows in values),
        phase=None,
        rate=None,
        units=tuple(np.ones(len(rows)) for rows in values),
    )


def _means(rows: Sequence[Sequence[float]], of: type) -> dict[str, float]:
    names = [field.name for field in dataclasses.fields(of)]
    table = np.array(rows, dtype=float)
    means = [
        float(column[~np.isnan(column)].mean()) if np.any(~np.isnan(column)) else float("nan") for column in table.T
    ]
    return dict(zip(names, means, strict=True))

"""The learning rate at which a ladder learns best, and whether it stays where it is as models grow.

Of two sizes, trained for equally many updates at rates that double: a parabola through ln loss against ln rate around
the best rate has its vertex there. Under the maximal-update parametrisation both sizes have one best rate (Yang et al.
2022, arXiv 2203.03466).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from ..composing import OK, Estimate
from ..laws.comparison import reach
from ..reasons import Reason, because

#: What of a trial's row a scan is made of.
COLUMNS = ("rung", "n_params", "seed", "status", "peak_lr", "test_loss")
_BESIDE = 2  # points on either side of the best one that a parabola goes through
_FACTOR = math.log(2.0)  # best rates within a factor of two are one rate


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class LadderRate:
    """The best rates of two sizes.

    Attributes
    ----------
    rate : of the smaller size, with its 95 % interval; None where there is none.
    larger : of the larger one.
    slope : d ln rate / d ln p between them.
    tuned : ``yes`` where the interval of their ratio lies within a factor of two, ``mis-scaled`` where they differ by
        a factor of two or more and the interval leaves out 1, else ``unknown``.
    rungs : the two sizes in words.
    status : ``ok``, or why there is no rate.
    edge : ``low`` or ``high`` where the best rate is the last one at that end of the scan, else empty.
    """

    rungs: tuple[str, ...]
    rate: Estimate | None = None
    larger: Estimate | None = None
    slope: Estimate | None = None
    tuned: Literal["yes", "mis-scaled", "unknown"] = "unknown"
    status: Reason = OK
    edge: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Scan:
    """Final losses ``(n, R)`` of a size's seeds at ascending rates ``(R,)``; infinite where a run did not end well."""

    rung: str
    size: float
    rates: np.ndarray
    loss: np.ndarray


def scans_of(rows: Sequence[Mapping[str, Any]]) -> list[Scan]:
    """Scans from the rows of a result table, the smallest size first."""
    members: dict[tuple[float, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        members.setdefault((float(row["n_params"]), row["rung"]), []).append(row)
    return [_scan(rung, size, own) for (size, rung), own in sorted(members.items())]


def _scan(rung: str, size: float, rows: Sequence[Mapping[str, Any]]) -> Scan:
    rates, seeds = (sorted({row[name] for row in rows}) for name in ("peak_lr", "seed"))
    loss = np.full((len(seeds), len(rates)), np.inf)
    for row in rows:
        if row["status"] == "ok":
            loss[seeds.index(row["seed"]), rates.index(row["peak_lr"])] = row["test_loss"][-1]
    return Scan(rung=rung, size=size, rates=np.array(rates), loss=loss)


def best_rate(scans: Sequence[Scan], *, rng: np.random.Generator, resamples: int = 399) -> LadderRate:
    """The best rates of a smaller and a larger size, and whether they are one.

    Parameters
    ----------
    scans : two, the smaller size first, with two seeds or more.
    rng : chance.
    resamples : of the seeds, of each size by itself.
    """
    rungs = tuple(scan.rung for scan in scans)
    found = []
    for scan in scans:
        means = np.log(scan.loss).mean(axis=0)
        best = int(np.argmin(means))
        if not np.isfinite(means[best]):
            return LadderRate(rungs=rungs, status=because("rate-all-lost", rung=scan.rung))
        if best in (0, len(means) - 1):
            end = float(scan.rates[best])
            edge = "low" if best == 0 else "high"
            return LadderRate(rungs=rungs, status=because("rate-at-edge", rung=scan.rung, rate=end), edge=edge)
        n = len(scan.loss)
        picks = np.concatenate([np.arange(n)[None], rng.integers(0, n, (resamples, n))])
        found.append(np.array([_vertex(np.log(scan.rates), np.log(scan.loss)[pick].mean(axis=0)) for pick in picks]))
    seeds = min(len(scan.loss) for scan in scans)
    small, large = (_estimate(values, seeds) for values in found)
    ratio = _estimate(found[1] - found[0], seeds)
    length = math.log(scans[1].size / scans[0].size)
    within = ratio.low >= -_FACTOR and ratio.high <= _FACTOR
    moved = abs(ratio.value) >= _FACTOR and not ratio.low <= 0 <= ratio.high
    return LadderRate(
        rungs=rungs,
        rate=_through(small, math.exp),
        larger=_through(large, math.exp),
        slope=_through(ratio, lambda value: value / length),
        tuned="yes" if within else "mis-scaled" if moved else "unknown",
    )


def _vertex(x: np.ndarray, y: np.ndarray) -> float:
    """Where the least-squares parabola around the smallest value has its vertex; at most one step from it."""
    i = int(np.argmin(y))
    near = slice(max(0, i - _BESIDE), i + _BESIDE + 1)
    u, v = x[near] - x[i], y[near]
    u, v = u[np.isfinite(v)], v[np.isfinite(v)]
    if len(u) < 3:
        return float(x[i])
    bend, tilt, _ = np.polyfit(u, v, 2)
    step = float(x[1] - x[0])
    return float(x[i] + (np.clip(-tilt / (2 * bend), -step, step) if bend > 0 else 0.0))


def _estimate(values: np.ndarray, seeds: int) -> Estimate:
    half = float(reach(values[1:], seeds))
    return Estimate(value=float(values[0]), low=float(values[0]) - half, high=float(values[0]) + half)


def _through(one: Estimate, change: Any) -> Estimate:
    return Estimate(**{name: change(getattr(one, name)) for name in ("value", "low", "high")})

"""Where does a rung leave the common curve? T6: a global envelope by extreme rank length."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit as student_quantile
from scipy.stats import rankdata

from ...results.levels import COVERAGE, UPPER
from ..ladders.interpolation import untold
from ..ladders.spread import describe
from ..outcome import RescaledGroup
from ..reasons import Reason, because
from .bootstrap import Moments, moments
from .equivalence import contrast, separable


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Envelope:
    """Global envelope of a function on p points: under the null the whole of it lies inside with the given level.

    ``low`` and ``high`` are ``(p,)``; ``p_value`` is at most 1 - level exactly if the observed function leaves them.
    """

    p_value: float
    low: np.ndarray
    high: np.ndarray


def global_envelope(observed: np.ndarray, resampled: np.ndarray, level: float = COVERAGE) -> Envelope:
    """Extreme rank length envelope (Myllymaki and others 2017).

    At each point the observed and the B resampled values are ranked from both sides; a function's key is its sorted
    two-sided ranks, and functions are ordered by key, smallest rank first, its number of occurrences next, and so on.
    The p-value is the share of functions at least as extreme as the observed one; the envelope is the hull of those
    that are left when the ``1 - level`` most extreme are taken away.

    Parameters
    ----------
    observed : ``(p,)``, on a scale on which points may be compared by rank (studentised).
    resampled : ``(p, B)``.
    level : share of functions inside under the null.
    """
    values = np.concatenate([observed[:, None], resampled], axis=1)
    ranks = rankdata(values, axis=1)
    keys = np.sort(np.minimum(ranks, values.shape[1] + 1 - ranks), axis=0)
    order = np.lexsort(keys[::-1])
    # Functions with one and the same key are equally extreme: all of them take the last of their places.
    ends = np.append(np.any(np.diff(keys[:, order], axis=1) != 0, axis=0), True)
    last = np.minimum.accumulate(np.where(ends, np.arange(len(order)), len(order))[::-1])[::-1]
    extremeness = np.empty(len(order))
    extremeness[order] = (last + 1) / len(order)
    kept = extremeness > 1 - level
    return Envelope(p_value=float(extremeness[0]), low=values[:, kept].min(axis=1), high=values[:, kept].max(axis=1))


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Departure:
    """A rung that leaves the common curve.

    ``stretches`` are the first and last x of each run of grid points outside the envelope; ``peak`` is the largest
    deviation outside, signed, and ``at`` its x; ``sign`` is ``above``, ``below`` or ``crosses``.
    """

    rung: str
    size: float
    stretches: tuple[tuple[float, float], ...]
    peak: float
    at: float
    sign: str


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Departures:
    """Where the rungs of a group leave their common curve.

    Attributes
    ----------
    p_value : of the global test that none does.
    x, low, high : ``(m,)`` grid and ``(K, m)`` the 95 % envelope of the deviations.
    rungs : those that leave, in order of size.
    slope, slope_low, slope_high : size trend of the deviation, change for each doubling at the x of the largest
        departure, with its 95 % interval; None where no rung leaves.
    reason : why there is no answer, None where there is one.
    """

    x: np.ndarray
    p_value: float | None = None
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    rungs: tuple[Departure, ...] = ()
    slope: float | None = None
    slope_low: float | None = None
    slope_high: float | None = None
    reason: Reason | None = None


def departures(group: RescaledGroup, *, rng: np.random.Generator, resamples: int = 999) -> Departures:
    """At which x does which rung leave the common curve, with sign and size trend?

    The function is ``d_k(x)/se~_k(x)`` over all rungs and x at once, re-studentised on separable variances in each
    resample, so that one envelope covers all rungs: under exact collapse no rung leaves it anywhere in 95 of 100.
    Resamples give whole residual curves, each over its rung's level, new signs and new rungs. Ranks are taken point by
    point, and the few seeds of one rung do not know the spread at a point: with signs alone some rung leaves a true
    collapse in 20 to 30 of 100. Exchange takes it that noise has one course along x on all rungs, as the variances do.

    Parameters
    ----------
    group : one group's curves; three seeds a rung, which differ.
    rng : chance.
    resamples : resamples B; the ranks need about a thousand.
    """
    counts = np.array([len(rows) for rows in group.values])
    if len(counts) < 2 or counts.min() < 3:
        return Departures(x=group.x, reason=because("envelope-needs-seeds"))
    data = moments(group.values)
    observed, scale = studentised(data)
    rare = untold(group, scale[..., 0])
    if rare is not None:
        return Departures(x=group.x, reason=rare)
    drawn = studentised(exchanged(group.values, data, rng, resamples))[0]
    shape = observed.shape[:2]
    found = global_envelope(observed[..., 0].ravel(), drawn.reshape(shape[0] * shape[1], -1))
    low, high = (bound.reshape(shape) * scale[..., 0] for bound in (found.low, found.high))
    d = observed[..., 0] * scale[..., 0]
    out = (d < low) | (d > high)
    rungs = tuple(_departure(group, k, d[k], out[k]) for k in range(len(counts)) if out[k].any())
    slopes = ("slope", "slope_low", "slope_high")
    trend = dict(zip(slopes, _trend(group, np.where(out, np.abs(d), 0.0)), strict=True)) if rungs else {}
    return Departures(x=group.x, p_value=found.p_value, low=low, high=high, rungs=rungs, **trend)


def exchanged(values: Sequence[np.ndarray], data: Moments, rng: np.random.Generator, resamples: int) -> Moments:
    """Moments of resamples in which residual curves change their signs and, over their rungs' levels, their places."""
    levels = separable(data.variances)[0][:, 0]
    scaled = [
        (rows - rows.mean(axis=0)) * np.sqrt(len(rows) / (len(rows) - 1) / level)
        for rows, level in zip(values, levels, strict=True)
    ]
    pool = np.concatenate(scaled)
    order = rng.permuted(np.tile(np.arange(len(pool)), (resamples, 1)), axis=1)
    drawn = pool[order] * (2.0 * rng.integers(0, 2, size=order.shape) - 1.0)[..., None]
    parts = np.split(drawn, np.cumsum(data.counts)[:-1], axis=1)
    means = [np.sqrt(level) * part.mean(axis=1).T for level, part in zip(levels, parts, strict=True)]
    variances = [level * part.var(axis=1, ddof=1).T for level, part in zip(levels, parts, strict=True)]
    return Moments(data.counts, np.stack(means), np.stack(variances))


def studentised(sample: Moments) -> tuple[np.ndarray, np.ndarray]:
    """``d_k/se~_k`` and ``se~_k``, both ``(K, m, B)``, on separable variances."""
    a, h = separable(sample.variances)
    scale = np.sqrt(contrast(a / sample.counts[:, None])[:, None] * h)
    return (sample.means - sample.means.mean(axis=0)) / scale, scale


def _departure(group: RescaledGroup, k: int, d: np.ndarray, out: np.ndarray) -> Departure:
    peak = int(np.argmax(np.where(out, np.abs(d), -1.0)))
    signs = set(np.sign(d[out]).tolist())
    return Departure(
        rung=group.rungs[k],
        size=float(group.sizes[k]),
        stretches=runs(out, group.x),
        peak=float(d[peak]),
        at=float(group.x[peak]),
        sign="crosses" if len(signs) > 1 else "above" if d[peak] > 0 else "below",
    )


def runs(inside: np.ndarray, x: np.ndarray) -> tuple[tuple[float, float], ...]:
    """First and last x of each run of True in a mask ``(m,)``."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]]).astype(int)))
    return tuple((float(x[start]), float(x[end - 1])) for start, end in zip(edges[::2], edges[1::2], strict=True))


def _trend(group: RescaledGroup, departed: np.ndarray) -> tuple[float, float, float]:
    at = int(np.argmax(departed.max(axis=0)))
    found = describe(group)
    slope = float(np.log(2) * found.slope[at])
    reach = float(np.log(2) * student_quantile(found.slope_df[at], UPPER) * found.slope_se[at])
    return slope, slope - reach, slope + reach

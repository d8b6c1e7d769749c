"""What decides a curve's shape? Shares of its variance due to the data set, the architecture, both, size and chance."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.stats import t as student

from ...results.grid import log_weights
from ...results.levels import LOWER, UPPER
from ..composing import OK, Missing
from ..outcome import RescaledGroup
from ..reasons import Reason, because
from ..within.bootstrap import draw_signs, moments, resample
from .crossing import Crossing

SOURCES = ("data set", "architecture", "both together", "rung", "seed")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class VarianceShare:
    """Share of the variance, over all x, due to one source.

    ``seed_interval`` is the 95 % bootstrap interval over seeds, for these very families and data sets;
    ``family_interval`` the jackknife's over families, None with fewer than three.
    """

    source: str
    share: float
    seed_interval: tuple[float, float]
    family_interval: tuple[float, float] | None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class VarianceShares:
    """Variance components of curves.

    ``components`` is ``(5, m)``, estimates in the order of `SOURCES` (they may be below zero), and ``along`` the shares
    at each x, of what is not; ``notes`` say which cells were left out.
    """

    x: np.ndarray
    components: np.ndarray
    along: np.ndarray
    shares: tuple[VarianceShare, ...]
    notes: tuple[Reason, ...]
    status: Reason = OK


def variance_shares(crossing: Crossing, *, rng: np.random.Generator, resamples: int = 499) -> VarianceShares | Missing:
    """Two-way functional analysis of variance, ``z_ad = m + alpha_a + beta_d + gamma_ad + rung + seed``.

    With F families, D data sets, mean squares of the cells' mean curves and the variance s2 of a cell's mean that its
    own rungs and seeds cause::

        seed  = mean of var_s(z)                        rung  = mean of [var_k(zbar) - var_s(z)/n]
        gamma = MS_ad - s2,    s2 = mean of var_k(zbar)/K
        beta  = (MS_d - MS_ad)/F,                       alpha = (MS_a - MS_ad)/D

    each at every x, integrated over d ln x before what is below zero is set to zero. The interval over seeds comes from
    wild resamples added to the data's means; noise is then in twice, so its expected part is taken off again.

    Parameters
    ----------
    crossing : families crossed with data sets; the largest complete part is used.
    rng : chance.
    resamples : wild resamples.
    """
    part = crossing.complete()
    if len(part.families) < 2 or len(part.datasets) < 2:
        return Missing(VarianceShares, because("two-families-on-two-data-sets"), {"notes": part.notes})
    if any(len(group.values) < 2 for group in part.cells.values()):
        return Missing(VarianceShares, because("one-size-in-a-cell"), {"notes": part.notes})
    counted = Statistics.of(part)
    components = counted.components()[..., 0]
    shares = _shares(_integrated(components[..., None], part.x))[:, 0]
    low, high = _seed_interval(counted, part.x, shares, _resampled(part, counted, resamples, rng))
    families = _jackknife(part, shares)
    rows = tuple(
        VarianceShare(source=source, share=float(share), seed_interval=(float(lo), float(hi)), family_interval=around)
        for source, share, lo, hi, around in zip(SOURCES, shares, low, high, families, strict=True)
    )
    return VarianceShares(
        x=part.x,
        components=components,
        along=_shares(components),
        shares=rows,
        notes=part.notes,
    )


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Statistics:
    """Mean curves of the cells ``(F, D, m, B)``; mean over cells of the seeds' variance, of the seeds' share in the
    variance between rungs, of that variance itself, and of its share in a cell's mean, ``(m, B)`` each."""

    cells: np.ndarray
    seed: np.ndarray
    seed_in_rung: np.ndarray
    rung: np.ndarray
    of_cell: np.ndarray

    @classmethod
    def of(cls, crossing: Crossing) -> Statistics:
        """Of the data, ``B = 1``."""
        return cls.stack(crossing, [_moments_of(group) for group in _groups(crossing)])

    @classmethod
    def stack(cls, crossing: Crossing, found: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Statistics:
        """From the rungs' mean curves and variances ``(K, m, B)`` and counts ``(K,)`` of every cell."""
        means = [rungs.mean(axis=0) for rungs, _, _ in found]
        between = [rungs.var(axis=0, ddof=1) for rungs, _, _ in found]
        seeds = [variances.mean(axis=0) for _, variances, _ in found]
        inside = [(variances / counts[:, None, None]).mean(axis=0) for _, variances, counts in found]
        of_cell = [b / len(rungs) for b, (rungs, _, _) in zip(between, found, strict=True)]
        shape = (len(crossing.families), len(crossing.datasets), *means[0].shape)
        averages = [np.mean(rows, axis=0) for rows in (seeds, inside, between, of_cell)]
        return cls(np.stack(means).reshape(shape), *averages)

    def components(self) -> np.ndarray:
        """``(5, m, B)`` unbiased components in the order of `SOURCES`."""
        cells = self.cells
        f, d = cells.shape[:2]
        of_family, of_dataset = cells.mean(axis=1), cells.mean(axis=0)
        rest = cells - of_family[:, None] - of_dataset + cells.mean(axis=(0, 1))
        both = (rest**2).sum(axis=(0, 1)) / ((f - 1) * (d - 1))
        dataset = of_dataset.var(axis=0, ddof=1) - both / f
        family = of_family.var(axis=0, ddof=1) - both / d
        return np.stack([dataset, family, both - self.of_cell, self.rung - self.seed_in_rung, self.seed])


def _groups(crossing: Crossing) -> list[RescaledGroup]:
    return [crossing.cells[family, dataset] for family in crossing.families for dataset in crossing.datasets]


def _moments_of(group: RescaledGroup) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    data = moments(group.values)
    return data.means, data.variances, data.counts


def _resampled(part: Crossing, data: Statistics, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """``(5, m, B)`` components of wild resamples about the data's means."""
    drawn = []
    for group in _groups(part):
        means, _, counts = _moments_of(group)
        noise = resample(group.values, draw_signs(counts, resamples, rng))
        drawn.append((means + noise.means, noise.variances, counts))
    return Statistics.stack(part, drawn).components()


def _integrated(components: np.ndarray, x: np.ndarray) -> np.ndarray:
    """``(5, B)`` integrals over d ln x of ``(5, m, B)``."""
    return np.einsum("cmb,m->cb", components, log_weights(x))


def _shares(components: np.ndarray) -> np.ndarray:
    positive = np.maximum(components, 0.0)
    return positive / np.maximum(positive.sum(axis=0), np.finfo(float).tiny)


def _seed_interval(
    data: Statistics, x: np.ndarray, shares: np.ndarray, drawn: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """95 % over seeds: resampled components moved to the data's, so that noise is not counted twice."""
    totals, own = _integrated(drawn, x), _integrated(data.components(), x)
    spread = _shares(totals - totals.mean(axis=1, keepdims=True) + own)
    low, high = np.quantile(spread, [LOWER, UPPER], axis=1)
    return np.minimum(low, shares), np.maximum(high, shares)


def _jackknife(part: Crossing, shares: np.ndarray) -> list[tuple[float, float] | None]:
    """95 % over families: each left out in turn."""
    f = len(part.families)
    if f < 3:
        return [None] * len(shares)
    left = [Statistics.of(part.without(family)).components() for family in part.families]
    each = np.stack([_shares(_integrated(one, part.x))[:, 0] for one in left])
    reach = float(student.ppf(UPPER, f - 1)) * np.sqrt((f - 1) / f * ((each - each.mean(axis=0)) ** 2).sum(axis=0))
    return [(max(0.0, float(share - r)), min(1.0, float(share + r))) for share, r in zip(shares, reach, strict=True)]

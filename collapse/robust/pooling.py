"""Noise that model sizes share: bounds for groups with few seeds, where the user allows it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ...results.levels import ALPHA
from ..ladders.measurement import Measured
from ..outcome import RescaledGroup
from ..within.bootstrap import moments
from ..within.equivalence import Deviations, contrast, separable
from ..within.exactness import p_value

FEW = 5  # seeds of a size; from so many on its own noise is known well enough
_DRAWS = 499
_SIDE = 2  # grid points on either side over which the course of the noise is averaged


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class PooledNoise:
    """Noise pooled over model sizes and neighbouring x.

    Attributes
    ----------
    df : degrees of freedom of the pooled variance.
    p_equal : of equal noise at all sizes; with few seeds the test has little power.
    equal : whether one level is used for all; else a noisier size has its own.
    """

    df: int
    p_equal: float
    equal: bool


def with_pooled_noise(measured: Sequence[Measured], chances: Sequence[np.random.Generator]) -> list[Measured]:
    """The groups, those that have a size with fewer than five seeds with bounds from noise that the sizes share.

    Bounds over profiled irreducible losses are left as they are: T2 needs three seeds anyway.
    """
    return [_with_pooled(one, chance) for one, chance in zip(measured, chances, strict=True)]


def _with_pooled(one: Measured, rng: np.random.Generator) -> Measured:
    fits = one.deviations is not None and one.rescaled is not None and one.over_floors is None
    if not fits or one.problem is not None or one.ladder.fewest_seeds >= FEW:
        return one
    assert one.deviations is not None and one.rescaled is not None
    group = one.rescaled
    p = equal_noise(group.values, group.sizes, rng=rng)
    noise = PooledNoise(df=sum(len(rows) - 1 for rows in group.values), p_equal=p, equal=p >= ALPHA)
    pooled = pooled_bounds(group, one.deviations, equal=noise.equal)
    return dataclasses.replace(one, deviations=pooled, pooled=noise)


def pooled_bounds(group: RescaledGroup, found: Deviations, *, equal: bool) -> Deviations:
    """Upper bounds whose standard errors come from the noise of all sizes together.

    ::

        h(x) = sum_k (n_k - 1) s2_k(x) / sum_k (n_k - 1),   geometric mean over five points of the grid
        V_k  = r_k h/n_k,  r_k = 1,   df = sum_k (n_k - 1)

    It assumes that noise has one level and one course along x at all sizes. Where it has not one level r_k is the
    size's own level over the mean, at least 1. The band, and with it the lower bound, stay as they are.

    Parameters
    ----------
    group : two seeds a size or more, which differ.
    found : its bounds by each size's own noise.
    equal : whether all sizes have one level.
    """
    data = moments(group.values)
    variances, free = data.variances[..., 0], data.counts - 1
    course = free @ variances / free.sum()
    smooth = np.exp(sliding_window_view(np.pad(np.log(course), _SIDE, mode="reflect"), 2 * _SIDE + 1).mean(axis=1))
    own = separable(data.variances)[0][:, 0]
    ratios = np.ones(len(own)) if equal else np.maximum(own / own.mean(), 1.0)
    se = np.sqrt(contrast(ratios[:, None] * smooth / data.counts[:, None]) + np.square(found.common_se))
    return dataclasses.replace(found, se=se, df=np.full(se.shape, float(free.sum())), calibration=None)


def equal_noise(
    values: Sequence[np.ndarray], sizes: np.ndarray, *, rng: np.random.Generator, draws: int = _DRAWS
) -> float:
    """p-value of equal noise levels at all sizes, against a trend with size and against one noisy size.

    The levels are those of the separable variances ``a_k h(x)``. One statistic is the modulus of the slope of ln a_k on
    ln p_k, the other the largest a_k over their mean; the smaller of their p-values is calibrated by the same draws.
    Drawn curves are normal with the covariance along x of all residual curves together. That covariance has as few
    degrees of freedom as there are residual curves, which makes the test conservative.

    Parameters
    ----------
    values : K arrays ``(n_k, m)``, two rows each or more.
    sizes : ``(K,)`` parameters.
    rng : chance.
    draws : simulated groups.
    """
    counts = [len(rows) for rows in values]
    residuals = np.concatenate([(rows - rows.mean(axis=0)) * np.sqrt(len(rows) / (len(rows) - 1)) for rows in values])
    observed = _noise_statistics(moments(values).variances, sizes)
    variances = []
    for n in counts:
        curves = rng.normal(size=(draws, n, len(residuals))) @ residuals
        variances.append(curves.var(axis=1, ddof=1).T)
    both = np.concatenate([observed, _noise_statistics(np.stack(variances), sizes)], axis=1)
    # Share of all, the observed one among them, that are at least as large: each one's own p-value.
    own = (both[:, None, :] >= both[:, :, None]).mean(axis=2).min(axis=0)
    return p_value(-own[0], -own[1:])


def _noise_statistics(variances: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """``(2, B)`` of variances ``(K, m, B)``: modulus of the trend of ln a_k with ln p_k, and largest a_k over mean."""
    levels = separable(variances)[0]
    u = np.log(sizes) - np.log(sizes).mean()
    return np.stack([np.abs(u @ np.log(levels)), levels.max(axis=0) / levels.mean(axis=0)])

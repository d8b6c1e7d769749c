"""Controls beside a score: curves that share nothing but the schedule (N1), and the group's own with rungs shuffled."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence

import numpy as np

from ...results.grid import bands
from ...results.levels import ALPHA, COVERAGE
from ..forms.annealing import GAIN
from ..forms.clock import Clock
from ..forms.sum_of_power_laws import log_sum
from ..ladders.rescaling import to_shape
from ..outcome import FittedForm, RescaledGroup
from ..reasons import Reason, because
from ..within.battery import assess_exactly
from ..within.bootstrap import moments
from ..within.exactness import statistics
from .prior import CURVES, prior_curves

FEWEST_FITS = 4


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Unrelated:
    """Curves that share nothing with a group but its schedule, scale and grid.

    Attributes
    ----------
    deviation : mean over draws of the largest |d| over rungs and x, of curves from the prior.
    bands : the same in each band, None where the band is empty.
    suite_deviation : the same of curves drawn from the suite's own fits, None with fewer than four. Where the suite's
        curves are one curve it is nothing, so it is a description and no control.
    curves : ``(draws, m)`` some of the prior's, on the group's scale.
    warning : what weakens the control.
    """

    deviation: float
    bands: tuple[float | None, ...]
    suite_deviation: float | None = None
    curves: np.ndarray
    warning: Reason | None


def unrelated(
    group: RescaledGroup, fits: Sequence[FittedForm], *, rng: np.random.Generator, draws: int = 200, shown: int = 60
) -> Unrelated:
    """Draw as many curves as the group has rungs, ``draws`` times, and measure their spread as the group's is measured.

    The curves are those of `prior_curves`, through the group's schedule and on its scale, because a decaying schedule
    alone makes curves agree near their end. With at least four fits the suite's own parameters are drawn beside it,
    with replacement and perturbed (a kernel of Silverman's width in ln mu, logit share and G).
    """
    clock, k = Clock.of(group), len(group.sizes)
    curves = prior_curves(clock, group.scale)[rng.integers(CURVES, size=(draws, k))]
    d = np.abs(curves - curves.mean(axis=1, keepdims=True))
    in_band = [float(d[..., mask].max(axis=(1, 2)).mean()) if mask.any() else None for _, mask in bands(group.x)]
    return Unrelated(
        deviation=float(d.max(axis=(1, 2)).mean()),
        bands=tuple(in_band),
        suite_deviation=_of_suite(group, fits, (draws, k, 1), rng) if len(fits) >= FEWEST_FITS else None,
        curves=curves.reshape(-1, len(group.x))[:shown],
        warning=because("control-at-constant-rate") if group.phase is None else None,
    )


def _of_suite(
    group: RescaledGroup, fits: Sequence[FittedForm], shape: tuple[int, ...], rng: np.random.Generator
) -> float:
    curves = log_sum(*_drawn(fits, shape, rng), Clock.of(group))
    curves = to_shape(curves, group.x) if group.scale == "shape" else curves
    return float(np.abs(curves - curves.mean(axis=1, keepdims=True)).max(axis=(1, 2)).mean())


def _drawn(
    fits: Sequence[FittedForm], shape: tuple[int, ...], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    table = np.array([[np.log(fit.mu), np.log(fit.share / (1 - fit.share)), fit.gain] for fit in fits])  # type: ignore[operator, arg-type]
    width = table.std(axis=0, ddof=1) * (0.8 / len(table)) ** (1 / 7)
    chosen = table[rng.integers(len(table), size=shape[:2])] + width * rng.normal(size=(*shape[:2], 3))
    mu, share = np.exp(chosen[..., :1]), 1 / (1 + np.exp(-chosen[..., 1:2]))
    return mu, share, np.clip(chosen[..., 2:], GAIN.low, GAIN.high)


_ORDERS = 720  # all orders of six sizes; of more, as many at random
_TIE = 1e-9


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Shuffled:
    """A group whose curves were dealt to its rungs at random, and one whose sizes were put in another order.

    Attributes
    ----------
    deviation, deviation_high : median and 95 % quantile of the largest |d| when curves are dealt at random: what seeds
        alone show.
    p_deviation : share of deals with at least the group's own deviation, itself counted.
    rejected, rejected_trend : shares of deals that T1 and T1d reject at 5 %: the tests' size on these very curves.
        None where a rung has too few seeds for the test.
    p_order : share of the orders of the sizes with at least the group's own trend (T1d's statistic), itself counted.
    """

    deviation: float
    deviation_high: float
    p_deviation: float
    rejected: float | None
    rejected_trend: float | None
    p_order: float


def shuffled_rungs(
    group: RescaledGroup, *, rng: np.random.Generator, shuffles: int = 199, resamples: int = 199
) -> Shuffled:
    """What chance makes of the group's own curves.

    Curves are dealt to the rungs at random, each rung keeping its number of seeds: no deal has a rung of its own, so
    what it shows is the seeds' noise. Where rungs differ, their difference is part of that noise and the deals spread
    more than the seeds do; where a rung is noisier than others the deals are only roughly exchangeable. Apart from that
    the sizes are put in other orders over the rungs as they are. About .3 s.

    Parameters
    ----------
    group : at least three rungs of two seeds that differ.
    rng : chance.
    shuffles : deals.
    resamples : wild resamples for each.
    """
    counts = [len(rows) for rows in group.values]
    pooled, places = np.concatenate(group.values), np.cumsum(counts)[:-1]
    own = _deviation(group.values)
    deviations, exact, trend = [], [], []
    for _ in range(shuffles):
        dealt = np.split(rng.permutation(pooled), places)
        found = assess_exactly(dealt, group.x, group.sizes, rng=rng, resamples=resamples)
        deviations.append(_deviation(dealt))
        exact.append(found.p)
        trend.append(found.p_trend)
    return Shuffled(
        deviation=float(np.median(deviations)),
        deviation_high=float(np.quantile(deviations, COVERAGE)),
        p_deviation=_rank(own, np.array(deviations)),
        rejected=_below(exact),
        rejected_trend=_below(trend),
        p_order=_order(group, rng),
    )


def _deviation(values: Sequence[np.ndarray]) -> float:
    means = np.stack([rows.mean(axis=0) for rows in values])
    return float(np.abs(means - means.mean(axis=0)).max())


def _order(group: RescaledGroup, rng: np.random.Generator) -> float:
    data, k = moments(group.values), len(group.sizes)
    if math.factorial(k) <= _ORDERS:
        orders = list(itertools.permutations(range(k)))[1:]
    else:
        orders = [tuple(rng.permutation(k)) for _ in range(_ORDERS - 1)]
    trends = [float(statistics(data, group.x, group.sizes[list(order)])[1][0]) for order in orders]
    return _rank(float(statistics(data, group.x, group.sizes)[1][0]), np.array(trends))


def _rank(own: float, others: np.ndarray) -> float:
    return float((1 + np.sum(others >= own * (1 - _TIE))) / (len(others) + 1))


def _below(p_values: Sequence[float | None], level: float = ALPHA) -> float | None:
    known = [p for p in p_values if p is not None]
    return float(np.mean([p < level for p in known])) if known else None

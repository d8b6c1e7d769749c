"""The compute-optimal training length as a power law of the model size, from the crossings of a pilot."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np
from scipy.stats import t as student

from ...results.levels import UPPER
from ..composing import OK, Estimate
from ..laws.comparison import reach
from ..reasons import Reason, because
from .crossings import SizeCrossing, crossings
from .trunks import Trunk

FEWEST_SIZES, SPAN = 5, 10.0  # of a ladder whose exponent is worth something
FEWEST_CROSSINGS = 4  # three sizes inside of the ladder that are the best choice somewhere


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class HorizonLaw:
    """``t*(p) = updates (p / first)^exponent``, and what it rests on.

    Attributes
    ----------
    first : parameters of the smallest size.
    updates : t* of the smallest size, with its 95 % interval.
    exponent : growth of t* with size; gamma of ``C* ~ p^(1 + gamma)`` where FLOPs are proportional to parameters.
    compute_exponent : growth of the compute at t* with size.
    crossings : of neighbouring sizes, the smallest first.
    status : ``ok``, or why there is no law; then the numbers are None.
    """

    first: float
    updates: Estimate | None = None
    exponent: Estimate | None = None
    compute_exponent: Estimate | None = None
    crossings: tuple[SizeCrossing, ...] = ()
    status: Reason = OK


def horizon_law(trunks: Sequence[Trunk], *, rng: np.random.Generator, resamples: int = 399) -> HorizonLaw:
    """Fit ln t* against ln p over the crossings of neighbouring sizes, by least squares.

    Intervals are the wider of two: of a bootstrap over seeds, of each size by itself; and of the residuals, with
    Student's t, which know that the crossings need not lie on a line.

    Parameters
    ----------
    trunks : from the smallest to the largest.
    rng : chance.
    resamples : of the bootstrap.
    """
    first = trunks[0].size if trunks else float("nan")
    refused = _refused(trunks)
    if refused is not None:
        return HorizonLaw(first=first, status=refused)
    found, log_t = crossings(trunks, rng=rng, resamples=resamples)
    open_ = [one for one in found if one.updates is None]
    if open_:
        pairs = tuple(f"{one.smaller} and {one.larger}" for one in open_)
        status = because("pilot-not-crossed", pairs=pairs, why=open_[0].status)
        return HorizonLaw(first=first, crossings=tuple(found), status=status)
    log_p = np.log([one.size for one in found])
    log_f = 0.5 * np.log([a.flops * b.flops for a, b in itertools.pairwise(trunks)])
    seeds = min(len(trunk.loss) for trunk in trunks)
    exponent, level = _line(log_p, log_t, np.log(first), seeds)
    compute, _ = _line(log_p, log_t + log_f, np.log(first), seeds)
    updates = Estimate(**{name: float(np.exp(getattr(level, name))) for name in ("value", "low", "high")})
    status = OK
    if exponent.low <= 0:
        status = because("pilot-exponent-holds-0", low=exponent.low, high=exponent.high)
    return HorizonLaw(
        first=first,
        updates=updates,
        exponent=exponent,
        compute_exponent=compute,
        crossings=tuple(found),
        status=status,
    )


def _refused(trunks: Sequence[Trunk]) -> Reason | None:
    """Why no law can come of such trunks, however long."""
    if len(trunks) < FEWEST_SIZES:
        return because("pilot-too-few-sizes", sizes=len(trunks), least=FEWEST_SIZES)
    if trunks[-1].size < SPAN * trunks[0].size:
        return because("pilot-span", span=trunks[-1].size / trunks[0].size, least=SPAN)
    for trunk in trunks:
        if trunk.lost:
            return because("pilot-lost", rung=trunk.rung, lost=trunk.lost)
        if len(trunk.loss) < 2:
            return because("pilot-one-seed", rung=trunk.rung)
    return None


def _line(x: np.ndarray, y: np.ndarray, at: float, seeds: int) -> tuple[Estimate, Estimate]:
    """Slope and level at a place of straight lines through ``y (B + 1, n)``: the first of the data, then resamples."""
    n, centre = len(x), x.mean()
    u = x - centre
    whole = y[~np.isnan(y).any(axis=1)]
    slopes, means = whole @ u / (u @ u), whole.mean(axis=1)
    levels = means + slopes * (at - centre)
    residual = y[0] - means[0] - slopes[0] * u
    sd = np.sqrt(residual @ residual / (n - 2))
    quantile = student.ppf(UPPER, n - 2)
    wide = quantile * sd / np.sqrt(u @ u), quantile * sd * np.sqrt(1 / n + (at - centre) ** 2 / (u @ u))
    halves = [max(float(reach(v[1:], seeds)), float(w)) for v, w in zip((slopes, levels), wide, strict=True)]
    values = float(slopes[0]), float(levels[0])
    slope, level = (Estimate(value=v, low=v - h, high=v + h) for v, h in zip(values, halves, strict=True))
    return slope, level

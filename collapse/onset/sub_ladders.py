"""The smallest model size from which on a ladder is within the margin: closed testing from the largest sizes down."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from ...results.levels import LOWER, UPPER
from ..composing import OK
from ..outcome import Bounds, Extent, RescaledGroup
from ..reasons import Reason, because
from ..verdict import MOST_SEEDS, Findings, seeds_needed
from ..within.battery import assess_with
from ..within.bootstrap import Moments, draw_signs, moments, resample
from ..within.equivalence import Deviations, upper_bounds
from ..within.sharper import sharpened

FEWEST = 3  # sizes of the smallest sub-ladder: two always have a mean between them
RESAMPLES = 199


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SubLadder:
    """The sizes from one on upwards: their deviation with its one-sided 95 % bounds, and whether the upper one lies
    below the margin. ``lower_bound`` is None with two seeds a size."""

    model_size: str
    size: float
    n_sizes: int
    deviation: float
    lower_bound: float | None
    upper_bound: float | None
    p_exact: float | None
    within_margin: bool | None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Onset:
    """From which model size on a ladder is within the margin.

    Attributes
    ----------
    size, model_size : the smallest size whose sub-ladder passed; None where not even the three largest did.
    low, high : its 95 % interval, a model size each. None is open: ``low`` where it may lie at or below the smallest
        size, ``high`` where it may lie above the sizes that could be tested.
    at_or_below_smallest : whether the whole ladder passed, so that the onset lies at or below its smallest size.
    margin : the margin that was asked for.
    without_onset : share of resamples in which the three largest sizes did not pass.
    status : ``ok``, or why there is no onset.
    stopped : what kept the next smaller size out; None where none is smaller.
    sub_ladders : from the smallest size on, all of them, also below the onset.
    """

    size: float | None
    model_size: str | None
    low: float | None
    high: float | None
    at_or_below_smallest: bool
    margin: float
    without_onset: float | None
    status: Reason
    stopped: Reason | None
    sub_ladders: tuple[SubLadder, ...]

    @property
    def found(self) -> bool:
        """Whether some sub-ladder passed."""
        return self.size is not None


def find_onset(group: RescaledGroup, *, margin: float, rng: np.random.Generator, resamples: int = RESAMPLES) -> Onset:
    """Test sub-ladders from the top and say where the last one lies that passed.

    ``S_j`` is the ladder from size j up. ``S_{K-2}``, the three largest sizes, is tested first, then one size more at a
    time as long as U95(S_j) < margin; the onset is the last j that passed. Hypotheses are tested in an order that was
    fixed beforehand and none after the first that is not rejected, so the chance of an onset below the true one is at
    most that of one bound, 5 %, whatever the number of sizes (Hsu and Berger 1999).

    The interval: the same path in wild resamples of whole curves about their means, 2.5 to 97.5 % of its ends. A
    resample has the noise twice, in its centre and in its signs, so its onset lies high rather than low; the lower end
    is therefore also taken down to the smallest size whose sub-ladder the lower bound does not refute. Resamples are
    judged by the reference bound, which is never far below the calibrated one and costs a thousandth of its time.

    Parameters
    ----------
    group : at least three sizes, two seeds each, independent.
    margin : in ln l.
    rng : chance.
    resamples : wild resamples B, for the interval and the lower bounds.
    """
    signs = draw_signs([len(rows) for rows in group.values], resamples, rng)
    count = len(group.sizes) - FEWEST + 1
    chances = rng.spawn(count)
    found = [_assessed(group, signs, j, chances[j]) for j in range(count)]
    uppers = [bounds.upper() for bounds, _ in found]
    rows = tuple(_row(group, j, *one, margin=margin) for j, one in enumerate(found))
    at = onset_index(lambda j: uppers[j] < margin, count)
    below, above, without = _interval(group, signs, margin, count, at, rows)
    fails = _why(group, at - 1, found[at - 1][0], margin, rows[at - 1].lower_bound) if at > 0 else None
    some = at < count
    return Onset(
        size=float(group.sizes[at]) if some else None,
        model_size=group.rungs[at] if some else None,
        low=float(group.sizes[below]) if some and below > 0 else None,
        high=float(group.sizes[above]) if some and above < count else None,
        at_or_below_smallest=at == 0,
        margin=margin,
        without_onset=without,
        status=OK if some or fails is None else because("onset-none", sizes=FEWEST, why=fails),
        stopped=fails if some else None,
        sub_ladders=rows,
    )


def onset_index(passes: Callable[[int], bool], count: int) -> int:
    """The last sub-ladder that passed on the way down, ``count`` where the first did not.

    Parameters
    ----------
    passes : from the index of a sub-ladder to whether it is within the margin; asked from ``count - 1`` down.
    count : how many there are.
    """
    at = count
    while at > 0 and passes(at - 1):
        at -= 1
    return at


def settles_from(group: RescaledGroup, margin: float) -> str | None:
    """The smallest size from which on a ladder lies within the margin that does not as a whole; None where it does, or
    not even its three largest sizes do. The path of `find_onset` without its interval, which takes no resamples.

    Parameters
    ----------
    group : rescaled curves, two seeds a size or more; without errors of interpolation.
    margin : in ln l.
    """
    data, count = moments(group.values), len(group.sizes) - FEWEST + 1
    subs = [Moments(data.counts[j:], data.means[j:], data.variances[j:]) for j in range(count)]
    at = onset_index(lambda j: bool(upper_bounds(subs[j])[0] < margin), max(count, 0))
    return group.rungs[at] if 0 < at < count else None


def _assessed(
    group: RescaledGroup, signs: Sequence[np.ndarray], j: int, rng: np.random.Generator
) -> tuple[Deviations, float]:
    exact, bounds = assess_with(group.values[j:], group.x, group.sizes[j:], signs[j:])
    bounds = sharpened(bounds, group.values[j:], rng=rng)
    return bounds, exact.p if exact.p is not None else np.nan


def _row(group: RescaledGroup, j: int, bounds: Deviations, p: float, *, margin: float) -> SubLadder:
    upper, enough = bounds.upper(), min(len(rows) for rows in group.values[j:]) > 2
    return SubLadder(
        model_size=group.rungs[j],
        size=float(group.sizes[j]),
        n_sizes=len(group.sizes) - j,
        deviation=float(np.abs(bounds.d).max()),
        lower_bound=bounds.lower() if enough else None,
        upper_bound=upper,
        p_exact=p if enough and np.isfinite(p) else None,
        within_margin=upper < margin,
    )


def _interval(
    group: RescaledGroup, signs: Sequence[np.ndarray], margin: float, count: int, at: int, rows: Sequence[SubLadder]
) -> tuple[int, int, float]:
    """Indices of the ends, and the share of resamples without an onset."""
    data, drawn = moments(group.values), resample(group.values, signs)
    resampled = _resampled_onsets(data, drawn, margin, count)
    low, high = (np.quantile(resampled, level, method="inverted_cdf") for level in (LOWER, UPPER))
    refuted = [row.lower_bound is not None and row.lower_bound >= margin for row in rows]
    open_to = onset_index(lambda j: not refuted[j], count)
    return int(min(low, at, open_to)), int(max(high, at)), float(np.mean(resampled == count))


def _resampled_onsets(data: Moments, drawn: Moments, margin: float, count: int) -> np.ndarray:
    """``(B,)`` what `onset_index` gives in each resample."""
    subs = (Moments(data.counts[j:], data.means[j:] + drawn.means[j:], drawn.variances[j:]) for j in range(count))
    passes = np.stack([upper_bounds(sub) < margin for sub in subs])
    return count - np.cumprod(passes[::-1], axis=0).sum(axis=0)


def _why(group: RescaledGroup, j: int, bounds: Deviations, margin: float, lower: float | None) -> Reason:
    """Why the sub-ladder from size j on did not pass, and what it would take."""
    deviation, upper = float(np.abs(bounds.d).max()), bounds.upper()
    said = {"size": group.rungs[j], "margin": margin, "deviation": deviation, "upper": upper}
    if lower is not None and lower >= margin:
        return because("onset-refuted", lower=lower, **said)
    fewest = min(len(rows) for rows in group.values[j:])
    found = Findings(
        bounds=Bounds(deviation=deviation, upper_bound=upper, lower_bound=lower),
        largest_se=bounds.largest_se(),
        extent=Extent(n_rungs=len(group.sizes) - j, n_seeds=fewest),
    )
    needed = seeds_needed(found, margin)
    if needed is None:
        return because("onset-undecided", **said)
    if needed > MOST_SEEDS:
        return because("onset-beyond-seeds", **said)
    return because("onset-underpowered", more=needed - fewest, **said)

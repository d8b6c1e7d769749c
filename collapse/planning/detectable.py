"""The smallest error that a ladder would have shown, given the noise that its own seeds have."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from ...results.levels import MARGIN
from ..composing import OK, Missing
from ..forms.resolving import ERROR, resolution
from ..ladders.soundness import noisy
from ..outcome import HORIZON, GroupResult, RescaledGroup
from ..reasons import Reason, because
from .patterns import odd_rung, trend
from .pilot import pilot_of
from .power import Trials, simulate_noise

POWER = 0.8
_LARGEST = 4.0  # ln l; a ladder that would not show a factor of 50 shows nothing
_STEPS = 22
_CERTIFIED = 100  # of the simulated groups; a calibrated bound takes ten times what the tests of a group take


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Detectable:
    """What this group's ladder, seeds and noise would have shown with 80 % power.

    Attributes
    ----------
    trend : smallest largest deviation of a trend with size that T1 rejects (p < .05).
    odd_rung : the same for one rung that deviates alone.
    refutable : smallest trend whose lower bound L95 reaches the margin: what would have been called no-collapse.
    certifiable : smallest margin below which U95 falls where no rung deviates.
    horizon_error : share by which the horizon exponent must be off for a trend of size ``trend``, by the resolution
        formula; None where the form or the floor is not known.
    power : of all these.

    The first three are None where not even a factor of 50 would have shown.
    """

    trend: float | None
    odd_rung: float | None
    refutable: float | None
    certifiable: float
    horizon_error: float | None
    power: float
    status: Reason = OK


def smallest_detectable(
    source: RescaledGroup | GroupResult,
    *,
    rng: np.random.Generator,
    margin: float = MARGIN,
    power: float = POWER,
    groups: int = 200,
    resamples: int = 199,
    floors: tuple[float, float] | None = None,
) -> Detectable | Missing:
    """The smallest errors that this group would have shown, by simulation on its own noise, seeds and sizes.

    Only noise is taken from the curves, not their deviations, so the numbers stand beside a verdict without depending
    on it. The Monte Carlo error is about 4 % of each number, the error of the noise itself larger. About .2 s.

    Parameters
    ----------
    source : a rescaled group, or a result that has one.
    rng : chance.
    margin : of the verdict; for a result its own is taken.
    power : chance with which the error would have shown.
    groups, resamples : simulated groups, and wild resamples of each.
    floors : as for `resolution`: ends between which L0 may lie, relative to the one in use, for a rescaled group; a
        result has its own. A wrong horizon then shows by what no floor can hide.
    """
    group = source.rescaled if isinstance(source, GroupResult) else source
    margin = source.margin if isinstance(source, GroupResult) else margin
    if group is None or len(group.values) < 3:
        sizes = 0 if group is None else len(group.values)
        return Missing(Detectable, because("detectable-needs-three-sizes", sizes=sizes), {"power": power})
    counts = [len(rows) for rows in group.values]
    if min(counts) < 3:
        return Missing(Detectable, because("three-seeds-for-exactness"), {"power": power})
    if not noisy(group):
        return Missing(Detectable, because("no-noise-to-plan-with"), {"power": power})
    pilot = pilot_of(group)
    trials = simulate_noise(
        pilot,
        group.sizes,
        counts,
        scales=pilot.scales,
        groups=groups,
        resamples=resamples,
        rng=rng,
        band=True,
        certify=_CERTIFIED,
    )
    trending = smallest(lambda d: trials.rejects(trend(pilot, group.sizes, d)), power)
    known = (
        source.resolution.get(HORIZON)
        if isinstance(source, GroupResult)
        else resolution(pilot.form, group, floors=floors)
    )
    return Detectable(
        trend=trending,
        odd_rung=smallest(lambda d: trials.rejects(odd_rung(pilot, group.sizes, d)), power),
        refutable=smallest(lambda d: trials.lower(trend(pilot, group.sizes, d)) >= margin, power),
        certifiable=_certifiable(trials, power),
        horizon_error=ERROR * trending / known if known and trending is not None else None,
        power=power,
    )


def _certifiable(trials: Trials, power: float) -> float:
    flat = np.zeros((len(trials.sizes), len(trials.x)))
    return float(np.quantile(trials.upper(flat), power))


def smallest(
    shown: Callable[[float], np.ndarray],
    power: float,
    low: float = 1e-5,
    high: float = _LARGEST,
    steps: int = _STEPS,
) -> float | None:
    """The smallest number that enough groups show, by bisection in its logarithm on the same simulated noise.

    Parameters
    ----------
    shown : which groups show a number.
    power : the share that has to.
    low, high : where it is sought; None is the answer where not even the highest is shown.
    steps : halvings.
    """
    if np.mean(shown(high)) < power:
        return None
    for _ in range(steps):
        middle = float(np.sqrt(low * high))
        low, high = (low, middle) if np.mean(shown(middle)) >= power else (middle, high)
    return high

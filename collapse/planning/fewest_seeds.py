"""The fewest seeds with which a ladder reaches a power, by simulation."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from ..composing import OK, Missing
from ..reasons import Reason, because
from .analytic import FEWEST_SEEDS, MOST_SEEDS, certification, rejection
from .patterns import odd_rung, trend, wrong_horizon
from .pilot import Pilot
from .power import SimulatedShare, Trials, simulate_noise

_WORK = 16_000  # seeds times groups of one simulation: past 40 seeds fewer groups, and the interval says so
_FEWEST_GROUPS = 120
_CERTIFIED = 150  # groups whose upper bound is calibrated
_SEEDS = np.concatenate([np.arange(1.0, 20.0, 0.05), np.geomspace(20.0, 1e6, 1200)])


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Goal:
    """What a ladder should be able to do.

    ``detect``: T1 rejects (p < .05) a trend with size whose largest deviation is ``amount``; ``odd rung``: the same for
    one rung that deviates alone; ``horizon``: T1 rejects a horizon exponent that is off by the share ``amount``;
    ``certify``: the upper bound falls below the margin ``amount`` where no rung deviates.
    """

    kind: str
    amount: float

    def truth(self, pilot: Pilot, sizes: np.ndarray, gamma: float) -> np.ndarray:
        """``(K, m)`` deviations of the ladder that the goal is about."""
        if self.kind == "horizon":
            return wrong_horizon(pilot, sizes, self.amount, gamma)
        if self.kind == "certify":
            return np.zeros((len(sizes), len(pilot.x)))
        return (odd_rung if self.kind == "odd rung" else trend)(pilot, sizes, self.amount)

    def reached(self, trials: Trials, truth: np.ndarray) -> np.ndarray:
        """``(groups,)`` where it is reached."""
        return trials.upper(truth) < self.amount if self.kind == "certify" else trials.rejects(truth)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """Seeds a rung that reach a goal.

    Attributes
    ----------
    seeds : the fewest.
    seeds_low, seeds_high : 95 % interval of ``seeds`` for the Monte Carlo error of the power alone; None without
        simulation.
    simulated_power : at ``seeds``; None without simulation.
    start : the number of seeds without simulation.
    """

    seeds: int
    seeds_low: int | None = None
    seeds_high: int | None = None
    simulated_power: SimulatedShare | None = None
    start: int
    status: Reason = OK


class Simulator:
    """Simulated noise of a pilot on any ladder, drawn once for each; the same whatever was asked before."""

    def __init__(self, pilot: Pilot, *, groups: int, resamples: int, gamma: float, rng: np.random.Generator) -> None:
        self.pilot, self.gamma = pilot, gamma
        self._groups, self._resamples = groups, resamples
        self._seed = int(rng.integers(2**62))
        self._kept: dict[tuple[int, int, int, int], Trials] = {}

    def power(self, goal: Goal, sizes: np.ndarray, seeds: int) -> SimulatedShare:
        """SimulatedShare of groups that reach the goal."""
        trials = self._trials(sizes, seeds, goal.kind == "certify")
        return SimulatedShare.of(goal.reached(trials, goal.truth(self.pilot, sizes, self.gamma)))

    def _trials(self, sizes: np.ndarray, seeds: int, certify: bool) -> Trials:
        key = len(sizes), round(1e3 * float(np.log(sizes[-1] / sizes[0]))), seeds, int(certify)
        if key not in self._kept:
            self._kept[key] = simulate_noise(
                self.pilot,
                sizes,
                [seeds] * len(sizes),
                scales=self.pilot.spread(sizes),
                groups=min(self._groups, max(_FEWEST_GROUPS, _WORK // seeds)),
                resamples=self._resamples,
                rng=np.random.default_rng([self._seed, *key[:3]]),
                certify=_CERTIFIED if certify else 0,
            )
        return self._kept[key]


def predicted(goal: Goal, pilot: Pilot, sizes: np.ndarray, gamma: float) -> Callable[[np.ndarray], np.ndarray]:
    """Power as a function of the seeds, without simulation."""
    truth, scales = goal.truth(pilot, sizes, gamma), pilot.spread(sizes)
    if goal.kind == "certify":
        return lambda seeds: certification(pilot, truth, scales, seeds, goal.amount)
    return lambda seeds: rejection(pilot, truth, scales, seeds)


def seeds_for(
    simulator: Simulator, goal: Goal, sizes: np.ndarray, target: float, first: int | None = None
) -> Need | Missing:
    """The fewest seeds a rung with at least the target power.

    Each simulated power re-scales the predicted curve, which says where to look next; the search ends where a number
    of seeds suffices and one less (beyond 20 seeds, 5 % less) does not. ``first`` is where to look first, by default
    where the formula says.
    """
    curve = predicted(goal, simulator.pilot, sizes, simulator.gamma)(_SEEDS)
    start = _seeds_at(curve, target)
    if start is None:
        return Missing(Need, because("not-by-seeds"))
    if start > MOST_SEEDS:
        return Missing(Need, because("too-many-to-simulate", seeds=start), {"start": _whole(start)})
    below, above, at = FEWEST_SEEDS - 1, MOST_SEEDS + 1, min(max(first or round(start), FEWEST_SEEDS), MOST_SEEDS)
    best = None
    while above - below > max(1, 0.05 * above):
        share = simulator.power(goal, sizes, at)
        if share.value >= target:
            above, best = at, share
        else:
            below = at
        guess = at * start / _matched(curve, share.value)
        at = min(max(round(guess), below + 1), above - 1)
    if best is None:
        return Missing(Need, because("more-seeds-than", seeds=MOST_SEEDS), {"start": _whole(start)})
    # An error of the power is one of the seeds, by the slope of the predicted curve.
    low, high = (above * start / _matched(curve, value) for value in (best.high, best.low))
    low, high = (int(np.clip(round(n), FEWEST_SEEDS, 2 * MOST_SEEDS)) for n in (min(low, above), max(high, above)))
    return Need(seeds=above, seeds_low=low, seeds_high=high, simulated_power=best, start=_whole(start))


def start_of(curve: Callable[[np.ndarray], np.ndarray], target: float) -> int | None:
    """The seeds that a predicted curve asks for, None where no number of seeds is enough."""
    found = _seeds_at(curve(_SEEDS), target)
    return None if found is None else _whole(found)


def _matched(curve: np.ndarray, power: float) -> float:
    """Seeds at which the predicted curve has a simulated power; powers near 0 and 1 say little and are held off."""
    found = _seeds_at(curve, min(max(power, 0.1), 0.985))
    return float(_SEEDS[-1]) if found is None else found


def _seeds_at(curve: np.ndarray, power: float) -> float | None:
    enough = np.flatnonzero(curve >= power)
    return float(_SEEDS[enough[0]]) if len(enough) else None


def _whole(seeds: float) -> int:
    return max(FEWEST_SEEDS, int(np.ceil(seeds)))

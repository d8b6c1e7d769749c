"""How many seeds and rungs, and what span, a sweep needs to be worth its cost."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from ...errors import InputError
from ...results.levels import MARGIN
from ..composing import Missing, inline
from ..reasons import Reason, because
from .cost import Cost
from .fewest_seeds import Goal, Need, Simulator, predicted, seeds_for, start_of
from .patterns import horizon_unseen
from .pilot import Pilot, Source, pilot_of

_RUNGS, _SPAN = 6, 32.0
_LONG, _SEEDS = 30.0, 5  # span and seeds of a ladder that a referee would not dismiss
_OTHER_RUNGS = (4, 6, 8, 10)
_OTHER_SPANS = (8.0, 32.0, 128.0)
_SMALLEST = 1e4  # parameters, where no pilot says; it matters only to the noise's trend


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Design:
    """A ladder that reaches a goal.

    Attributes
    ----------
    goal : what it can do.
    power : asked for.
    rungs, span : of the ladder; span is the largest over the smallest size.
    need : the fewest seeds a model size.
    effect : the largest deviation that the goal is about, in ln l.
    cost : of one family, in the unit of the cost that was given; None where none was.
    confirmatory : whether it is long enough for confirmatory evidence: six rungs over a span of 30, five seeds.
    method : ``simulation`` or ``formula``.
    """

    goal: Goal = dataclasses.field(metadata=inline(Goal))
    power: float
    rungs: int
    span: float
    need: Need | Missing = dataclasses.field(metadata=inline(Need))
    effect: float
    cost: float | None
    confirmatory: bool
    method: str

    @property
    def seeds(self) -> int | None:
        """The fewest seeds a model size, None where no number of them is known to suffice."""
        return None if isinstance(self.need, Missing) else self.need.seeds


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What a sweep needs.

    Attributes
    ----------
    noise, noise_low, noise_high : largest sd of one normalised curve, with its 95 % interval. The seeds needed grow
        with its square, and the Monte Carlo intervals do not hold that.
    designs : for each goal and power, the ladder that was asked for, simulated.
    alternatives : other rungs and spans, by the formula scaled to what was simulated, and for each goal and power the
        cheapest long enough for confirmatory evidence simulated.
    unit : of the costs.
    warnings : what the plan rests on.
    """

    noise: float
    noise_low: float
    noise_high: float
    designs: tuple[Design, ...]
    alternatives: tuple[Design, ...]
    unit: str | None
    warnings: tuple[Reason, ...]


def plan(
    source: Source,
    *,
    rng: np.random.Generator,
    deviation: float = MARGIN,
    horizon_error: float = 0.2,
    margin: float = MARGIN,
    powers: Sequence[float] = (0.8, 0.95),
    rungs: int | None = None,
    span: float | None = None,
    cost: Cost | None = None,
    gamma: float = 1.0,
    groups: int = 400,
    resamples: int = 199,
) -> Plan:
    """Seeds, rungs and span that detect a deviation, a wrong horizon exponent, or certify a margin.

    Groups of curves are simulated with the pilot's noise and form and go through the tests of the analysis (T1 for
    what is detected, T5 for what is certified). Sizes are spread evenly in ln p. Takes about 10 s on one core.

    Parameters
    ----------
    source : a pilot (curves of one group, or a rescaled one), or the sd over seeds of the relative excess loss.
    rng : chance; equal states give equal plans.
    deviation : largest deviation to detect, in ln l; asked as a trend with size and as one odd rung.
    horizon_error : share by which the horizon exponent may be off.
    margin : to be certified where the collapse is exact.
    powers : chances of success, each between .5 and .99.
    rungs, span : of the ladder; by default the pilot's, else 6 and 32.
    cost : what trials cost.
    gamma : horizon exponent.
    groups, resamples : simulated groups for each power, and wild resamples of each.

    Raises
    ------
    InputError : an argument is out of range, or the pilot cannot be used.
    """
    _check(deviation, horizon_error, margin, powers, rungs, span)
    pilot = pilot_of(source)
    of_pilot = len(pilot.sizes) > 2
    rungs = rungs or (len(pilot.sizes) if of_pilot else _RUNGS)
    span = span or (float(pilot.sizes[-1] / pilot.sizes[0]) if of_pilot else _SPAN)
    goals, warnings = _goals(pilot, deviation, horizon_error, margin)
    simulator = Simulator(pilot, groups=groups, resamples=resamples, gamma=gamma, rng=rng)
    asked = [(goal, _simulated(simulator, goal, power, rungs, span, cost)) for goal in goals for power in powers]
    others = [row for goal, design in asked for row in _others(simulator, goal, design, cost)]
    sd, low, high = pilot.level
    return Plan(
        noise=sd,
        noise_low=low,
        noise_high=high,
        designs=tuple(design for _, design in asked),
        alternatives=tuple(others),
        unit=cost.unit if cost else None,
        warnings=(*pilot.warnings, *warnings),
    )


def ladder_of(pilot: Pilot, rungs: int, span: float) -> np.ndarray:
    """``(rungs,)`` sizes evenly in ln p, from the pilot's smallest."""
    smallest = float(pilot.sizes[0]) if len(pilot.sizes) else _SMALLEST
    return smallest * np.geomspace(1.0, span, rungs)


def _goals(pilot: Pilot, deviation: float, error: float, margin: float) -> tuple[list[Goal], tuple[Reason, ...]]:
    goals = [
        Goal(kind="detect", amount=deviation),
        Goal(kind="odd rung", amount=deviation),
        Goal(kind="certify", amount=margin),
    ]
    unseen = horizon_unseen(pilot)
    if unseen is not None:
        return goals, (unseen,)
    return [*goals, Goal(kind="horizon", amount=error)], ()


def _simulated(
    simulator: Simulator, goal: Goal, power: float, rungs: int, span: float, cost: Cost | None, first: int | None = None
) -> Design:
    sizes = ladder_of(simulator.pilot, rungs, span)
    need = seeds_for(simulator, goal, sizes, power, first)
    return _design(simulator, goal, power, sizes, need, cost, "simulation")


def _others(simulator: Simulator, goal: Goal, asked: Design, cost: Cost | None) -> list[Design]:
    """Other ladders by formula; the cheapest (without a cost: the fewest trials) is simulated.

    The span matters only to a wrong horizon: a deviation and a margin are given, whatever ladder they are on.
    """
    spans = sorted({*_OTHER_SPANS, asked.span}) if goal.kind == "horizon" else [asked.span]
    ladders = [
        (k, r) for k in sorted({*_OTHER_RUNGS, asked.rungs}) for r in spans if (k, r) != (asked.rungs, asked.span)
    ]
    factor = 1.0 if isinstance(asked.need, Missing) else asked.need.seeds / asked.need.start
    rows = []
    for k, r in ladders:
        sizes = ladder_of(simulator.pilot, k, r)
        start = start_of(predicted(goal, simulator.pilot, sizes, simulator.gamma), asked.power)
        need = Need(seeds=math.ceil(factor * start), start=start) if start else Missing(Need, because("not-by-seeds"))
        rows.append(_design(simulator, goal, asked.power, sizes, need, cost, "formula"))
    found = [row for row in rows if row.seeds is not None and _long(row.rungs, row.span)]
    if not found:
        return rows
    best = min(found, key=lambda row: (row.cost or 0.0, row.rungs * (row.seeds or 0)))
    sure = _simulated(simulator, goal, asked.power, best.rungs, best.span, cost, best.seeds)
    return [sure if row is best else row for row in rows]


def _design(
    simulator: Simulator,
    goal: Goal,
    power: float,
    sizes: np.ndarray,
    need: Need | Missing,
    cost: Cost | None,
    method: str,
) -> Design:
    span = float(sizes[-1] / sizes[0])
    seeds = 0 if isinstance(need, Missing) else need.seeds
    return Design(
        goal=goal,
        power=power,
        rungs=len(sizes),
        span=span,
        need=need,
        effect=float(np.abs(goal.truth(simulator.pilot, sizes, simulator.gamma)).max()),
        cost=cost.sweep(sizes, seeds) if cost and seeds else None,
        confirmatory=_long(len(sizes), span) and seeds >= _SEEDS,
        method=method,
    )


def _long(rungs: int, span: float) -> bool:
    return rungs >= _RUNGS and span >= _LONG


def _check(
    deviation: float, error: float, margin: float, powers: Sequence[float], rungs: int | None, span: float | None
) -> None:
    for name, value in (("deviation", deviation), ("horizon error", error), ("margin", margin)):
        if not 0 < value < 1:
            raise InputError(f"the {name} must lie between 0 and 1, got {value:g}; .03 is 3 %")
    if not powers or not all(0.5 <= power <= 0.99 for power in powers):
        raise InputError(f"powers must lie between .5 and .99, got {', '.join(f'{p:g}' for p in powers) or 'none'}")
    if rungs is not None and rungs < 3:
        raise InputError(f"a ladder has at least 3 rungs, got {rungs}")
    if span is not None and not span > 1:
        raise InputError(f"the span is the largest over the smallest size, more than 1; got {span:g}")

"""Ladders trained wrongly on purpose: a claim is worth the smallest error that its ladder was shown to detect."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ...errors import InputError
from ...results.levels import ALPHA
from ..composing import OK, flat
from ..ladders.measurement import Measured
from ..outcome import Bounds
from ..planning.patterns import wrong_horizon
from ..planning.pilot import pilot_of
from ..planning.power import SimulatedShare, simulate_noise
from ..reasons import Reason, because

_TRAINED = 0.4  # error of the horizon exponent with which negatives are trained


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Negative:
    """A ladder of the same family and data set that was trained wrongly on purpose.

    Attributes
    ----------
    recipe, recipe_label : how it was trained.
    bounds, p_exact : what it shows.
    planned_power : chance that T1 rejects a horizon exponent 40 % off on this ladder, from the noise and form of the
        right one; None where there is no form.
    detected : whether its own verdict turns: a deviation that is real (p < .05) and not bounded below the margin, or a
        lower bound at or above it. None where it cannot be tested.
    status : ``ok``, or why it cannot be tested.
    """

    recipe: str
    recipe_label: str
    bounds: Bounds = dataclasses.field(metadata=flat("deviation", "lower_bound", "upper_bound"))
    p_exact: float | None = None
    planned_power: SimulatedShare | None = None
    detected: bool | None = None
    status: Reason = OK


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ResolutionLimit:
    """What a ladder was shown to resolve.

    ``limit`` is the largest of what is known: the deviation that a horizon exponent 20 % off would cause, and those of
    the negatives that were detected; a bound above it resolves nothing. None supports no claim either, and ``unknown``
    says why it is not known. ``trained`` says whether it is a negative's, ``guessed`` whether the schedule is not known
    and the limit the least that it may be. ``undetected`` says which trained negative was missed; then the ladder
    supports no claim of collapse.
    """

    limit: float | None
    trained: bool = False
    guessed: bool = False
    unknown: Reason = OK
    negatives: tuple[Negative, ...] = ()
    undetected: Reason | None = None


def negatives_of(one: Measured, measured: Sequence[Measured]) -> list[Measured]:
    """The trained negatives of a group: same family, data set and leg, another recipe, marked as a control that
    fails."""
    if one.control is not None:
        return []
    same = (one.family, one.dataset, one.leg)
    return [
        other
        for other in measured
        if other.control == "fails" and other.recipe != one.recipe and (other.family, other.dataset, other.leg) == same
    ]


def resolution_gate(
    one: Measured,
    negatives: Sequence[Measured],
    *,
    margin: float,
    resolution: float | None,
    rng: np.random.Generator,
) -> ResolutionLimit:
    """Hold a ladder to the errors that it was shown to detect.

    Parameters
    ----------
    one : the group.
    negatives : its trained negatives, see `negatives_of`.
    margin : of the verdict.
    resolution : deviation that a horizon exponent 20 % off would cause, None where it is not known.
    rng : chance, for the planned power.
    """
    chances = rng.spawn(len(negatives))
    rows = [judge(one, other, margin=margin, rng=chance) for other, chance in zip(negatives, chances, strict=True)]
    known = [row.bounds.deviation for row in rows if row.detected and row.bounds.deviation is not None]
    missed = next((row for row in rows if row.detected is False), None)
    largest = max(known, default=None)
    trained = largest is not None and (resolution is None or largest > resolution)
    return ResolutionLimit(
        limit=largest if trained else resolution,
        trained=trained,
        guessed=one.rescaled is not None and one.rescaled.phase is None,
        unknown=one.form.status,
        negatives=tuple(rows),
        undetected=_missed(missed) if missed else None,
    )


def judge(one: Measured, negative: Measured, *, margin: float, rng: np.random.Generator) -> Negative:
    """Whether a trained negative is detected, and whether that could be expected."""
    bounds = negative.deviations
    lower = bounds.lower() if bounds and negative.bounded_below else None
    upper = bounds.upper() if bounds else None
    p = negative.exact.p if negative.exact else None
    status, detected = negative.problem or negative.floor_problem or OK, None
    if status == OK and lower is not None and upper is not None and p is not None:
        detected = lower >= margin or (p < ALPHA and upper >= margin)
    elif status == OK:
        status = because("exactness-needs-three-seeds")
    deviation = float(np.abs(bounds.d).max()) if bounds else None
    return Negative(
        recipe=negative.recipe,
        recipe_label=negative.key.recipe_label,
        bounds=Bounds(deviation=deviation, lower_bound=lower, upper_bound=upper),
        p_exact=p,
        planned_power=_planned_power(one, negative, rng),
        detected=detected,
        status=status,
    )


def _planned_power(one: Measured, negative: Measured, rng: np.random.Generator) -> SimulatedShare | None:
    counts = [len(rung) for rung in negative.ladder.rungs]
    if one.rescaled is None or len(counts) < 3 or min(counts) < 3:
        return None
    try:
        pilot = pilot_of(one.rescaled)
        truth = wrong_horizon(pilot, negative.ladder.sizes, _TRAINED)
    except InputError:
        return None
    scales = pilot.spread(negative.ladder.sizes)
    trials = simulate_noise(pilot, negative.ladder.sizes, counts, scales=scales, groups=200, resamples=199, rng=rng)
    return SimulatedShare.of(trials.rejects(truth))


def _missed(row: Negative) -> Reason:
    label = row.recipe_label or row.recipe
    if row.planned_power is None:
        return because("negative-missed", setting=label)
    return because("negative-missed-with-power", setting=label, power=row.planned_power.value)

"""Which irreducible loss is subtracted, and where it comes from."""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np

from ...errors import InputError, unknown
from ...results.levels import NORMAL
from ..ladders.ladder import Ladder
from ..outcome import IrreducibleLoss, RescaledGroup
from ..reasons import Reason, because
from ..within.exactness import Exactness
from .end_points import fit_end_points
from .profile import profile_floor


@dataclasses.dataclass(frozen=True, slots=True)
class Around:
    """An irreducible loss that is known but for a standard error."""

    value: float
    se: float


FloorChoice = Literal["known", "profile", "fit"] | float | tuple[float, float] | Around
UNKNOWN = IrreducibleLoss()


def check_choice(choice: FloorChoice) -> None:
    """Raise `InputError` unless the choice is ``known``, ``profile``, ``fit``, a finite number or two in order."""
    if isinstance(choice, str):
        if choice not in ("known", "profile", "fit"):
            raise unknown("irreducible loss", choice, ("known", "profile", "fit", "a number"))
    elif isinstance(choice, tuple):
        if not (np.all(np.isfinite(choice)) and choice[0] < choice[1]):
            raise InputError(f"the irreducible loss lies between two numbers in order, got {choice[0]:g}:{choice[1]:g}")
    elif isinstance(choice, Around):
        if not (np.isfinite(choice.value) and np.isfinite(choice.se) and choice.se >= 0):
            raise InputError(
                f"the irreducible loss has a standard error of at least 0, got {choice.value}+-{choice.se}"
            )
    elif not np.isfinite(choice):
        raise InputError(f"the irreducible loss must be a finite number, got {choice}")


def known_floor(ladder: Ladder) -> tuple[IrreducibleLoss, Reason | None]:
    """The floor that the curves carry, and why there is none: it must be one number for the whole group."""
    values = {curve.irreducible_loss for curve in ladder.curves}
    if len(values) > 1:
        return UNKNOWN, because("floors-differ", quantity=ladder.quantity)
    value = values.pop() if values else None
    if value is None:
        return UNKNOWN, because("floor-unknown", quantity=ladder.quantity)
    error = NORMAL * max(float(np.hypot(curve.irreducible_loss_se, curve.test_loss_se)) for curve in ladder.curves)
    return IrreducibleLoss(value=value, low=value - error, high=value + error, source="known"), None


def given_floor(choice: float | Around) -> IrreducibleLoss:
    """A floor that the user typed; where its error is not known the interval is the point."""
    value, se = (choice.value, choice.se) if isinstance(choice, Around) else (float(choice), 0.0)
    return IrreducibleLoss(value=value, low=value - NORMAL * se, high=value + NORMAL * se, source="given")


def shared_error(floor: IrreducibleLoss) -> float:
    """Standard error of the floor that all curves have in common; 0 where the curves chose it, or it has none."""
    if floor.source not in ("known", "given") or floor.value is None or floor.high is None:
        return 0.0
    return (floor.high - floor.value) / NORMAL


def fitted_floor(ladder: Ladder, rng: np.random.Generator) -> tuple[IrreducibleLoss, Reason | None]:
    """The floor of the end-point power law, and why there is none."""
    ends = [np.array([curve.loss[-1] for curve in rung]) for rung in ladder.rungs]
    fit = fit_end_points(ends, ladder.sizes, rng=rng)
    if fit.floor is None:
        return UNKNOWN, because("no-floor-from-ends", quantity=ladder.quantity, why=fit.status)
    return IrreducibleLoss(value=fit.floor, low=fit.low, high=fit.high, source="fit"), None


def profiled_floor(
    ladder: Ladder,
    shape: RescaledGroup | None,
    rng: np.random.Generator,
    within: tuple[float, float] | None = None,
) -> tuple[IrreducibleLoss, Exactness | None, Reason | None]:
    """The floor at which the curves collapse best (``within`` a known range), T2 in the place of T1, and why there is
    neither."""
    if shape is None or ladder.fewest_seeds < 3 or len(ladder.rungs) < 3:
        return UNKNOWN, None, because("profile-needs-seeds", quantity=ladder.quantity)
    losses = []
    for rung, q, unit in zip(ladder.rungs, shape.values, shape.units, strict=True):
        ends = np.array([curve.loss[-1] for curve in rung])[:, None]
        losses.append(np.append(q * unit[:, None] + ends, ends, axis=1))
    found = profile_floor(losses, shape.x, shape.sizes, rng=rng, within=within)
    if found.floor is None:
        return UNKNOWN, None, found.status.of(ladder.quantity)
    domain = within or (-np.inf, np.inf)
    floor = IrreducibleLoss(value=found.floor, low=found.low, high=found.high, source="profile", domain=domain)
    return floor, Exactness(statistic=found.statistic, p=found.p), None


def floor_warning(ladder: Ladder, floor: IrreducibleLoss) -> Reason | None:
    """Warn where the floor's error alone would fake a deviation: all seeds share it, so more of them do not help."""
    if floor.value is None or floor.high is None or floor.source == "profile":
        return None
    smallest = min(float(np.mean([curve.loss[-1] for curve in rung])) for rung in ladder.rungs) - floor.value
    error = (floor.high - floor.value) / NORMAL
    if smallest > 0 and error > 0.01 * smallest:
        return because("floor-uncertain", quantity=ladder.quantity, share=error / smallest)
    return None

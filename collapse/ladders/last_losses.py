"""How much the seed alone moves the last loss of a run, and which runs stopped before their schedule did."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

import numpy as np
from scipy.stats import chi2

from ...errors import InputError
from ...results.curves import CurveSet, LearningCurve
from ..composing import OK, flat
from ..outcome import Key
from ..reasons import Reason, because
from .ladder import Ladder, name_of

_EARLY = re.compile(r"\b(?:end(?:s|ed|ing)?|stop(?:s|ped|ping)?)\s+(\d+)\s+steps?\s+early\b", re.IGNORECASE)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SeedNoise:
    """The sd over seeds of the last loss of one rung, in the unit of the loss.

    Attributes
    ----------
    key, rung : whose it is.
    n_seeds : runs that it is from.
    n_censored : of these, the runs that stopped before their horizon or were cut off. They have no end: their loss at
        ``x`` serves to tell the noise and nothing else.
    x : where the losses were read, the largest that all runs reach, as a fraction of the horizon.
    mean, sd : of the losses there; sd with divisor n - 1.
    low, high : 95 % interval of the sd, ``sd sqrt((n-1)/chi2)``, for normal losses.
    relative : sd over the mean excess loss; None where the irreducible loss is not known or not below the mean.
    status : ``ok``, or why there is no sd; then the numbers are None.
    """

    key: Key = dataclasses.field(metadata=flat("family", "dataset", "recipe", "leg"))
    rung: str
    n_seeds: int
    n_censored: int
    x: float | None = None
    mean: float | None = None
    sd: float | None = None
    low: float | None = None
    high: float | None = None
    relative: float | None = None
    status: Reason = OK


def seed_noise(curves: CurveSet) -> tuple[SeedNoise, ...]:
    """One row for each group and rung, groups in alphabetical order, rungs by size."""
    rows = []
    for _, group in sorted(curves.groups().items()):
        sizes = sorted({curve.size for curve in group})
        rows += [_row([curve for curve in group if curve.size == size]) for size in sizes]
    return tuple(rows)


def planned_steps(steps: float, description: str) -> float:
    """The horizon of a run that was trained for ``steps`` under a longer schedule.

    ``end 25 steps early`` in its description adds 25; one that says nothing leaves the steps as they are.

    Raises
    ------
    InputError : the steps are not positive, or the description gives two different numbers.
    """
    if not steps > 0:
        raise InputError(f"the number of steps must be positive, got {steps:g}")
    early = {int(number) for number in _EARLY.findall(description)}
    if len(early) > 1:
        raise InputError(f"the description gives two numbers of steps: {description!r}")
    return steps + sum(early)


def _row(curves: Sequence[LearningCurve]) -> SeedNoise:
    usable = [curve for curve in curves if np.any(curve.x > 0)]
    n_censored = len(Ladder.of(curves).censored)
    row = SeedNoise(key=Key.of(curves[0]), rung=name_of(curves[0]), n_seeds=len(usable), n_censored=n_censored)
    if len(usable) < 2:
        return dataclasses.replace(row, status=because("fewer-than-two-seeds"))
    return _measured(row, usable)


def _measured(row: SeedNoise, curves: Sequence[LearningCurve]) -> SeedNoise:
    x = min(float(curve.x[-1]) for curve in curves)
    late = [curve for curve in curves if curve.x[curve.x > 0][0] > x]
    if late:
        status = because("starts-too-late", size=name_of(late[0]), seed=late[0].seed)
        return dataclasses.replace(row, status=status)
    losses = np.array([_loss_at(curve, x) for curve in curves])
    mean, sd, df = float(losses.mean()), float(losses.std(ddof=1)), len(losses) - 1
    if not sd > 1e-12 * abs(mean):
        return dataclasses.replace(row, x=x, mean=mean, status=because("seeds-do-not-differ"))
    low, high = (sd * np.sqrt(df / chi2.ppf([0.975, 0.025], df))).tolist()
    floors = {curve.irreducible_loss for curve in curves}
    floor = floors.pop() if len(floors) == 1 else None
    relative = sd / (mean - floor) if floor is not None and floor < mean else None
    return dataclasses.replace(row, x=x, mean=mean, sd=sd, low=low, high=high, relative=relative)


def _loss_at(curve: LearningCurve, x: float) -> float:
    seen = curve.x > 0
    return float(np.interp(np.log(x), np.log(curve.x[seen]), curve.loss[seen]))

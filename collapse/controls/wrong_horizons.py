"""Wrong horizons by truncation: the smallest error of the horizon exponent that these very curves would have shown."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from ...errors import InputError
from ...results.curves import LearningCurve
from ...results.grid import start_after
from ...results.levels import ALPHA
from ..composing import OK, Missing, inline
from ..ladders.ladder import Ladder
from ..ladders.measurement import Measured
from ..ladders.rescaling import try_rescale
from ..ladders.soundness import noisy
from ..reasons import Reason, because
from ..within.battery import assess

ERRORS = (0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Retested:
    """The test of a ladder whose curves were cut; ``x_min`` is where their grid starts."""

    x_min: float
    deviation: float
    lower_bound: float
    upper_bound: float
    p_exact: float | None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Truncated:
    """The ladder with each rung cut at a wrong horizon: ``error`` is that of the horizon exponent, ``retested`` what
    the test says then, None where it cannot be done and ``status`` says why."""

    error: float
    retested: Retested | None = dataclasses.field(default=None, metadata=inline(Retested))
    status: Reason = OK

    @property
    def p_exact(self) -> float | None:
        """The p-value of the exactness test, None where there is none."""
        return None if self.retested is None else self.retested.p_exact


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class WrongHorizons:
    """What these very curves show when their horizons are made wrong.

    Attributes
    ----------
    rows : one for each error, 0 among them.
    revealed : smallest error that T1 rejects (p < .05) with either sign, and all larger ones too; None where there is
        none among those that were tried.
    refuted : the same for a lower bound at or above the margin.
    best : the error with which the cut curves collapse best (the largest p, of equal ones the smallest error); far from
        0 it says that the horizons were wrong by about as much the other way.
    status : ``ok``, or why the rows must be read with care.
    """

    rows: tuple[Truncated, ...]
    revealed: float | None
    refuted: float | None
    best: float | None
    status: Reason = OK


def wrong_horizons(
    one: Measured,
    *,
    rng: np.random.Generator,
    margin: float,
    errors: Sequence[float] = ERRORS,
    gamma: float = 1.0,
    resamples: int = 999,
) -> WrongHorizons | Missing:
    """Cut every rung at a horizon with a wrong exponent, divide by the loss there, and test again.

    At constant rate a run knows nothing of its end, so the first part of a curve *is* a run with a shorter horizon. A
    positive error e cuts at ``(p/p_K)^(gamma e)``, a negative one at ``(p/p_1)^(gamma e)``: one rung keeps its horizon
    and no curve is extrapolated. The grid then starts later, which hides part of the error: ``x_min`` of the rows says
    how much later.

    Parameters
    ----------
    one : a group at constant rate with a known floor.
    rng : chance.
    margin : of the verdict.
    errors : shares by which the horizon exponent is made wrong, each tried with both signs.
    gamma : the horizon exponent.
    resamples : wild resamples.
    """
    problem = _not_cuttable(one)
    if problem is not None:
        return Missing(WrongHorizons, problem)
    tried = sorted({0.0, *(abs(e) for e in errors)})
    signed = [sign * e for e in tried for sign in ((1,) if e == 0 else (-1, 1))]
    chances = rng.spawn(len(signed))
    rows = [_cut_and_test(one, e, gamma, chance, resamples) for e, chance in zip(signed, chances, strict=True)]
    base, tested = rows[0], [row for row in rows if row.p_exact is not None]
    status = OK
    if base.p_exact is not None and base.p_exact < ALPHA:
        status = because("not-exact-as-it-stands", p=base.p_exact)
    return WrongHorizons(
        rows=tuple(sorted(rows, key=lambda row: row.error)),
        revealed=_from_here_on(rows[1:], lambda row: row.p_exact is not None and row.p_exact < ALPHA),
        refuted=_from_here_on(rows[1:], lambda row: row.retested is not None and row.retested.lower_bound >= margin),
        best=max(tested, key=lambda row: (row.p_exact or 0.0, -abs(row.error))).error if tested else None,
        status=status,
    )


def _not_cuttable(one: Measured) -> Reason | None:
    if one.leg != "constant":
        return because("cut-needs-constant-rate")
    if one.problem is not None:
        return because("group-not-testable", why=one.problem)
    if one.rescaled is None or one.rescaled.scale != "end-point":
        return because("cut-needs-a-floor", why=one.floor_problem or because("floor-unknown"))
    return None if one.ladder.fewest_seeds > 2 else because("three-seeds-for-exactness")


def _from_here_on(rows: Sequence[Truncated], shows: Callable[[Truncated], bool]) -> float | None:
    """The smallest error from which on all rows, of both signs, show it."""
    found = None
    for size in sorted({abs(row.error) for row in rows}, reverse=True):
        if not all(shows(row) for row in rows if abs(row.error) == size):
            break
        found = size
    return found


def _cut_and_test(one: Measured, error: float, gamma: float, rng: np.random.Generator, resamples: int) -> Truncated:
    assert one.floor.value is not None and one.rescaled is not None
    sizes = one.ladder.sizes
    ends = (sizes / (sizes[-1] if error > 0 else sizes[0])) ** (gamma * error)
    share = dict(zip(sizes.tolist(), ends.tolist(), strict=True))
    try:
        ladder = Ladder.of(truncate(curve, share[curve.size], one.floor.value) for curve in one.ladder.curves)
    except InputError as problem:
        return Truncated(error=error, status=because("not-cut", why=str(problem)))
    first = start_after(curve.warmup_fraction / share[curve.size] for curve in ladder.curves)
    group, problem = try_rescale(ladder, "end-point", one.floor.value, first)
    if group is None or not noisy(group):
        why = because("cut-curves-do-not-differ") if problem is None else because("not-cut", why=problem)
        return Truncated(error=error, status=why)
    exact, bounds = assess(group.values, group.x, group.sizes, rng=rng, resamples=resamples)
    retested = Retested(
        x_min=float(group.x[0]),
        deviation=float(np.abs(bounds.d).max()),
        lower_bound=bounds.lower(),
        upper_bound=bounds.upper(),
        p_exact=exact.p,
    )
    return Truncated(error=error, retested=retested)


def truncate(curve: LearningCurve, end: float, floor: float) -> LearningCurve:
    """The curve as if its horizon had been the share ``end`` of what it was.

    The loss at the new end is interpolated linearly in (ln x, ln E), as everywhere.

    Raises
    ------
    InputError : there are no data before the new end.
    """
    seen = curve.x > 0
    x, loss = curve.x[seen], curve.loss[seen]
    if not x[0] < end <= 1:
        raise InputError(f"the curve starts at x = {x[0]:.3g}, after its new end at {end:.3g}")
    kept = x < end * (1 - 1e-12)
    last = floor + np.exp(np.interp(np.log(end), np.log(x), np.log(loss - floor)))
    return dataclasses.replace(curve, x=np.append(x[kept] / end, 1.0), loss=np.append(loss[kept], last), lr=None)

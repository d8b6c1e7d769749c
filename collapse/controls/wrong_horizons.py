"""Wrong horizons by truncation: the smallest error of the horizon exponent that these very curves would have shown."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from ...errors import InputError
from ...results.curves import LearningCurve
from ...results.grid import X_MIN
from ..ladders.ladder import Ladder
from ..ladders.measurement import Measured
from ..ladders.rescaling import try_rescale
from ..ladders.soundness import noisy
from ..reasons import Reason
from ..within.battery import assess

ERRORS = (0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4)
_ALPHA = 0.05


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Truncated:
    """The ladder with each rung cut at a wrong horizon: ``error`` is that of the horizon exponent, ``x_min`` where the
    grid of the cut curves starts. Without numbers, ``status`` says why."""

    error: float
    x_min: float | None
    deviation: float | None
    lower_bound: float | None
    upper_bound: float | None
    p_exact: float | None
    status: Reason | str


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
    status : ``ok``, or why nothing can be read from the rows.
    """

    rows: tuple[Truncated, ...]
    revealed: float | None
    refuted: float | None
    best: float | None
    status: Reason | str

    def to_dict(self) -> dict[str, object]:
        """Plain types, ready for JSON."""
        return dataclasses.asdict(self)


def wrong_horizons(
    one: Measured,
    *,
    rng: np.random.Generator,
    margin: float,
    errors: Sequence[float] = ERRORS,
    gamma: float = 1.0,
    resamples: int = 999,
) -> WrongHorizons:
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
        return WrongHorizons(rows=(), revealed=None, refuted=None, best=None, status=problem)
    tried = sorted({0.0, *(abs(e) for e in errors)})
    signed = [sign * e for e in tried for sign in ((1,) if e == 0 else (-1, 1))]
    chances = rng.spawn(len(signed))
    rows = [_cut_and_test(one, e, gamma, chance, resamples) for e, chance in zip(signed, chances, strict=True)]
    base, tested = rows[0], [row for row in rows if row.p_exact is not None]
    status = "ok"
    if base.p_exact is not None and base.p_exact < _ALPHA:
        status = f"the ladder is not exact as it stands (p = {base.p_exact:.2g}), so an error may add to it or hide it"
    return WrongHorizons(
        rows=tuple(sorted(rows, key=lambda row: row.error)),
        revealed=_from_here_on(rows[1:], lambda row: row.p_exact is not None and row.p_exact < _ALPHA),
        refuted=_from_here_on(rows[1:], lambda row: row.lower_bound is not None and row.lower_bound >= margin),
        best=max(tested, key=lambda row: (row.p_exact or 0.0, -abs(row.error))).error if tested else None,
        status=status,
    )


def _not_cuttable(one: Measured) -> Reason | str | None:
    if one.leg != "constant":
        return "only curves at constant rate can be cut: under a schedule the end is made by the schedule"
    if one.problem is not None:
        return one.problem
    if one.rescaled is None or one.rescaled.scale != "end-point":
        said = one.ladder.quantity.say("a wrong horizon does not show without an irreducible loss")
        return f"{said}: {one.floor_problem.code if one.floor_problem else 'there is none'}"
    return None if one.ladder.fewest_seeds > 2 else "an exactness test needs three seeds a rung"


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
        return _untested(error, str(problem))
    first = max(X_MIN, *(10 * curve.warmup_fraction / share[curve.size] for curve in ladder.curves))
    group, problem = try_rescale(ladder, "end-point", one.floor.value, first)
    if group is None or not noisy(group):
        return _untested(error, problem or "the cut curves do not differ")
    exact, bounds = assess(group.values, group.x, group.sizes, rng=rng, resamples=resamples)
    return Truncated(
        error=error,
        x_min=float(group.x[0]),
        deviation=float(np.abs(bounds.d).max()),
        lower_bound=bounds.lower(),
        upper_bound=bounds.upper(),
        p_exact=exact.p,
        status="ok",
    )


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


def _untested(error: float, status: Reason | str) -> Truncated:
    return Truncated(
        error=error, x_min=None, deviation=None, lower_bound=None, upper_bound=None, p_exact=None, status=status
    )

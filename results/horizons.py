"""The end of a run: whether it met its horizon, and by how much it fell short."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import InputError
from .runs import Run, counted

_EXACT = 1e-9
_ROUNDED = 0.005  # share of a horizon that is given: a last batch, a zero-based count, one step that was not logged
_ONE_STEP = 0.02  # share of the horizon that a single step may be
_SAMPLED = 0.1  # share of a horizon that is the longest run's, for histories that were sampled at random
_IRREGULAR = 0.3  # spread of the distances between evaluations over their mean, from which on they were sampled


def fractions(runs: Sequence[Run], clock: str, how: str | None, path: str) -> list[str]:
    """Turn every run's clock into a fraction of its horizon, in place.

    The horizon is the run's own ``horizon``, 1 where the clock is x, or the end of the longest run of the size; with
    ``own``, the run's own last evaluation. It is met where the run has no whole evaluation less than it should: it
    ends within less than the distance between its last two evaluations, and of a horizon that is given within half a
    percent or one step. The last evaluation of such a run is then the end, x = 1.

    Returns
    -------
    list of str
        What was taken for the end, and who fell short by how much, in words.

    Raises
    ------
    InputError
        A size without a horizon.
    """
    ends = _longest(runs)
    given = how != "own" and (clock == "x" or any(run.horizon is not None for run in runs))
    alike = given and len({_steps_left(run, clock, ends) for run in runs if len(run.clock)}) == 1
    met, short, beyond = [], [], []
    for run in runs:
        if not len(run.clock):
            continue
        last = float(run.clock[-1])
        horizon = last if how == "own" else _horizon(run, clock, ends)
        if not horizon > 0 or (given and clock != "x" and run.horizon is None):
            raise InputError(
                f"{path}: a rung has no horizon: its longest run ends at {clock} {last:g}, or `horizon` is not given "
                f"({run.name})"
            )
        off = last / horizon - 1
        if abs(off) > _EXACT and run.status == "ok":
            near = _near(run, abs(last - horizon), horizon, given, alike)
            (met if near else short if off < 0 else beyond).append((off, run))
            horizon = last if near else horizon
        run.clock = run.clock / horizon
    return _said(met, short, beyond, len(runs), clock, given) + _own(how, runs)


def _longest(runs: Sequence[Run]) -> dict[tuple[str, str, str, str, float], float]:
    """The end of each size's longest run; of one that ended early only where there is no other."""
    ends: dict[tuple[str, str, str, str, float], float] = {}
    for wanted in (True, False):
        there = {run.rung for run in runs if len(run.clock)} - set(ends) if not wanted else None
        for run in runs:
            if len(run.clock) and (run.status == "ok" if wanted else run.rung in (there or ())):
                ends[run.rung] = max(ends.get(run.rung, 0.0), float(run.clock[-1]))
    return ends


def _horizon(run: Run, clock: str, ends: dict[tuple[str, str, str, str, float], float]) -> float:
    return 1.0 if clock == "x" else ends[run.rung] if run.horizon is None else run.horizon


def _steps_left(run: Run, clock: str, ends: dict[tuple[str, str, str, str, float], float]) -> float:
    return round(_horizon(run, clock, ends) - float(run.clock[-1]), 6)


def _near(run: Run, distance: float, horizon: float, given: bool, alike: bool) -> bool:
    """Whether a run that ends at this distance from its horizon has met it."""
    gaps = np.diff(run.clock)
    if not len(gaps):
        return False
    if given:
        whole = bool(np.all(run.clock == np.round(run.clock)))
        one = 1.0 if whole and distance <= _ONE_STEP * horizon else 0.0
        interval = distance < gaps[-1] * (1 - _EXACT) or (alike and distance == one)
        return interval and distance <= max(_ROUNDED * horizon, one)
    if _sampled(gaps):
        return distance <= min(float(gaps.max()), _SAMPLED * horizon)
    return distance < gaps[-1] * (1 - _EXACT)


def _sampled(gaps: np.ndarray) -> bool:
    """Whether distances between evaluations are irregular, and not just growing."""
    regular = float(gaps.std() / gaps.mean()) <= _IRREGULAR or np.all(np.diff(gaps) >= -_EXACT * gaps.max())
    return len(gaps) >= 8 and not regular


def _said(
    met: Sequence[tuple[float, Run]],
    short: Sequence[tuple[float, Run]],
    beyond: Sequence[tuple[float, Run]],
    total: int,
    clock: str,
    given: bool,
) -> list[str]:
    notes = []
    horizon = "their horizon" if given else "the longest run of their size"
    if met:
        notes.append(
            f"{counted(len(met), total)} end {_range(met)} from {horizon}, within their logging interval: their last "
            "evaluation is taken for the end, x = 1"
        )
    if short:
        worst = min(short, key=lambda pair: pair[0])[1]
        column = "" if given else f", or give their planned end in a column `horizon`, in units of {clock}"
        notes.append(
            f"{counted(len(short), total)} fall short of {horizon} by {_range(short)} (most: {worst.name}) and are left "
            f"out, as nobody knows where they would have ended. `--horizon own` takes each run's own end instead{column}"
        )
    if beyond:
        notes.append(
            f"{counted(len(beyond), total)} go beyond {horizon} by {_range(beyond)} (first: {beyond[0][1].name}) and are "
            f"left out. Is {'x a fraction of the horizon' if clock == 'x' else 'the horizon in the unit of ' + clock}? "
            "`--horizon own` takes each run's own end instead"
        )
    return notes


def _own(how: str | None, runs: Sequence[Run]) -> list[str]:
    if how != "own":
        return []
    return [f"each of {len(runs)} runs is taken to have met its horizon at its own last evaluation (`--horizon own`)"]


def _range(pairs: Sequence[tuple[float, Run]]) -> str:
    least, most = (100 * edge(abs(off) for off, _ in pairs) for edge in (min, max))
    low, high = f"{least:.2g}", f"{most:.2g}"
    return f"{high} %" if low == high else f"{low} to {high} %"

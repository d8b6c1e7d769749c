"""The end of a run: whether it met its horizon, and by how much it fell short."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from ..errors import InputError
from .runs import Run, counted

_EXACT = 1e-9
_ROUNDED = 0.005  # share of a horizon that is given: a last batch, a zero-based count, one step that was not logged
_ONE_STEP = 0.02  # share of the horizon that a single step may be
_WHOLE = 0.9  # of the last distance between evaluations: less is no evaluation that is missing, but a rounded step
_SAMPLED = 0.1  # share of a horizon that is the longest run's, for histories that were sampled at random
_IRREGULAR = 0.3  # spread of the distances between evaluations over their mean, from which on they were sampled

Rung = tuple[str, str, str, str, float]


@dataclasses.dataclass
class _Found:
    """Runs by how they ended, each with how far from its horizon, as a share of it."""

    met: list[tuple[float, Run]] = dataclasses.field(default_factory=list)
    sampled: list[tuple[float, Run]] = dataclasses.field(default_factory=list)
    short: list[tuple[float, Run]] = dataclasses.field(default_factory=list)
    beyond: list[tuple[float, Run]] = dataclasses.field(default_factory=list)


def fractions(runs: Sequence[Run], clock: str, how: str | None, path: str, ends: Mapping[Rung, float]) -> list[str]:
    """Turn every run's clock into a fraction of its horizon, in place.

    The horizon is the run's own ``horizon``, 1 where the clock is x, or the end of the longest run of the size; with
    ``own``, the run's own last evaluation. It is met where no whole evaluation is missing: the run ends nearer to it
    than nine tenths of the distance between its last two evaluations, and to a horizon that is given also within half
    a percent or one step. The last evaluation of such a run is then the end, x = 1.

    Histories whose evaluations were sampled at random end anywhere within their largest distance. They, and with
    ``common`` all runs, are cut at the largest x that all of a group reached, where the loss is interpolated between
    evaluations, linear in (ln x, ln excess) or, without a floor, in (ln x, loss); there is x = 1 then.

    Parameters
    ----------
    runs : of one observable.
    clock : the kind of clock.
    how : ``longest``, ``own`` or ``common``; None is ``longest``.
    path : for messages.
    ends : the end of each size's longest run, of whatever observable (`longest`).

    Returns
    -------
    list of str
        What was taken for the end, and who fell short by how much, in words.

    Raises
    ------
    InputError
        A size without a horizon.
    """
    given = how != "own" and (clock == "x" or any(run.horizon is not None for run in runs))
    alike = given and len({_steps_left(run, clock, ends) for run in runs if len(run.clock)}) == 1
    found, usable = _Found(), []
    for run in (run for run in runs if len(run.clock)):
        last = float(run.clock[-1])
        horizon = last if how == "own" else _horizon(run, clock, ends)
        if not horizon > 0 or (given and clock != "x" and run.horizon is None):
            raise InputError(
                f"{path}: a rung has no horizon: its longest run ends at {clock} {last:g}, or `horizon` is not given "
                f"({run.name})"
            )
        kind = _kind(run, abs(last - horizon), last / horizon - 1, horizon, given, alike, how)
        if kind is not None:
            getattr(found, kind).append((last / horizon - 1, run))
        run.clock, run.horizon = run.clock / (last if kind == "met" else horizon), horizon
        usable += [run] if run.status == "ok" and kind not in ("short", "beyond") else []
    cut = _cut(usable) if how == "common" or found.sampled else []
    return _said(found, len(runs), clock, given, how) + cut + _own(how, runs)


def _kind(
    run: Run, distance: float, off: float, horizon: float, given: bool, alike: bool, how: str | None
) -> str | None:
    """How a run ended; None where it ended early with a reason, or exactly at its horizon."""
    if run.status != "ok" or abs(off) <= _EXACT:
        return None
    gaps = np.diff(run.clock)
    if how == "common":
        return "sampled"
    if not given and _sampled(gaps) and distance <= min(float(gaps.max()), _SAMPLED * horizon):
        return "sampled"
    if _near(run, distance, horizon, given, alike):
        return "met"
    return "short" if off < 0 else "beyond"


def longest(runs: Sequence[Run]) -> dict[Rung, float]:
    """The end of each size's longest run, whatever was measured there; of one that ended early only where there is no
    other.
    """
    ends: dict[Rung, float] = {}
    for wanted in (True, False):
        there = {run.rung for run in runs if len(run.clock)} - set(ends) if not wanted else None
        for run in runs:
            if len(run.clock) and (run.status == "ok" if wanted else run.rung in (there or ())):
                ends[run.rung] = max(ends.get(run.rung, 0.0), float(run.clock[-1]), run.reach)
    return ends


def _horizon(run: Run, clock: str, ends: Mapping[Rung, float]) -> float:
    return 1.0 if clock == "x" else ends[run.rung] if run.horizon is None else run.horizon


def _steps_left(run: Run, clock: str, ends: Mapping[Rung, float]) -> float:
    return round(_horizon(run, clock, ends) - float(run.clock[-1]), 6)


def _near(run: Run, distance: float, horizon: float, given: bool, alike: bool) -> bool:
    """Whether no evaluation is missing between a run's last and its horizon."""
    gaps = np.diff(run.clock)
    if not len(gaps):
        return False
    if not given:
        return distance < _WHOLE * gaps[-1]
    whole = bool(np.all(run.clock == np.round(run.clock)))
    one = 1.0 if whole and distance <= _ONE_STEP * horizon else 0.0
    return (distance < _WHOLE * gaps[-1] or (alike and distance == one)) and distance <= max(_ROUNDED * horizon, one)


def _sampled(gaps: np.ndarray) -> bool:
    """Whether distances between evaluations are irregular, and not just growing."""
    if len(gaps) < 8:
        return False
    growing = np.mean(np.diff(gaps) >= -_EXACT * gaps.max()) > _WHOLE
    return float(gaps.std() / gaps.mean()) > _IRREGULAR and not growing


def _cut(runs: Sequence[Run]) -> list[str]:
    """Cut the runs of each group where the first of them ends; changes them in place."""
    notes = []
    groups = {run.rung[:4] for run in runs}
    for group in sorted(groups):
        own = [run for run in runs if run.rung[:4] == group]
        end = min(float(run.clock[-1]) for run in own)
        for run in own:
            _end_at(run, end)
        if abs(end - 1) > _EXACT:
            notes.append(
                f"the {len(own)} runs of {group[0]} on {group[1]} are compared up to {100 * end:.3g} % of the longest, "
                "where the first of them ends; the loss there is interpolated, and x = 1 there"
            )
    return notes


def _end_at(run: Run, end: float) -> None:
    floor = run.irreducible_loss
    log = floor is not None and bool(np.all(run.loss > floor))
    excess = np.log(run.loss - floor) if log else run.loss
    seen = run.clock > 0
    last = float(np.interp(np.log(end), np.log(run.clock[seen]), excess[seen]))
    rate = None if run.lr is None else float(np.interp(end, run.clock, run.lr))
    run.keep(run.clock < end * (1 - _EXACT))
    run.clock = np.append(run.clock / end, 1.0)
    run.loss = np.append(run.loss, np.exp(last) + floor if log else last)
    run.lr = None if run.lr is None or rate is None else np.append(run.lr, rate)


def _said(found: _Found, total: int, clock: str, given: bool, how: str | None) -> list[str]:
    notes = []
    horizon = "their horizon" if given else "the longest run of their size"
    ways = "`--horizon common` compares all up to where the first ends, `--horizon own` takes each run's own end"
    if found.met:
        notes.append(
            f"{counted(len(found.met), total)} end {_range(found.met)} from {horizon}, within their logging interval: "
            "their last evaluation is taken for the end, x = 1"
        )
    if found.sampled:
        notes.append(f"{counted(len(found.sampled), total)} end {_range(found.sampled)} from {horizon}")
        notes[-1] += "" if how == "common" else ", in histories that look sampled at random"
    if found.short:
        worst = min(found.short, key=lambda pair: pair[0])[1]
        column = "" if given else f", or give their planned end in a column `horizon`, in units of {clock}"
        notes.append(
            f"{counted(len(found.short), total)} fall short of {horizon} by {_range(found.short)} (most: {worst.name}) "
            f"and are left out, as nobody knows where they would have ended; {ways}{column}"
        )
    if found.beyond:
        unit = "x a fraction of the horizon" if clock == "x" else f"the horizon in the unit of {clock}"
        notes.append(
            f"{counted(len(found.beyond), total)} go beyond {horizon} by {_range(found.beyond)} (first: "
            f"{found.beyond[0][1].name}) and are left out. Is {unit}? {ways}"
        )
    return notes


def _own(how: str | None, runs: Sequence[Run]) -> list[str]:
    if how != "own":
        return []
    return [f"each of {len(runs)} runs is taken to have met its horizon at its own last evaluation (`--horizon own`)"]


def _range(pairs: Sequence[tuple[float, Run]]) -> str:
    least, most = (100 * edge(abs(off) for off, _ in pairs) for edge in (min, max))
    low, high = (f"{edge:.2g}" if edge < 100 else f"{edge:.0f}" for edge in (least, most))
    return f"{high} %" if low == high else f"{low} to {high} %"

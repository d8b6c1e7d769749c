"""Runs whose clock goes back in the order of the file: they were resumed, begun again, or are two runs in one."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

import numpy as np

from .runs import Run, counted

_DISORDER = 0.25  # share of rows at which a clock that goes back is a file that is not in order, not a restart
_FRESH, _GOES_ON = 0.25, 0.75  # share of the loss's fall so far, at a later attempt's first row
_NOISE = 5.0  # a fall in units of the loss's own roughness, below which nothing can be told from it
_ALTERNATING_ROWS, _APART = 12, 0.05  # rows, and share of the loss's range, from which on two courses are seen

Kind = Literal["last", "continue"]


@dataclasses.dataclass
class Restarts:
    """What was found in a table.

    Attributes
    ----------
    resolved : runs by what was done: ``last``, ``continue``, ``sorted``, ``repeated`` (rows dropped).
    open : runs of which it is not plain what happened, each with where the clock goes back.
    twice : runs with one clock reading in several rows that are no restart.
    mixed : runs whose rows alternate between two courses: a restart, or two runs, that somebody sorted by the clock.
    """

    resolved: dict[str, list[Run]] = dataclasses.field(default_factory=dict)
    open: list[tuple[Run, float, float]] = dataclasses.field(default_factory=list)
    twice: list[tuple[Run, float]] = dataclasses.field(default_factory=list)
    mixed: list[Run] = dataclasses.field(default_factory=list)

    def notes(self, total: int, clock: str) -> list[str]:
        """What was done, in words."""
        said = {
            "last": "the later attempt wins from where it starts (`--restarts last`)",
            "continue": "the loss goes on where the counter starts anew, so it is counted on from where the earlier "
            "part ended (`--restarts continue`); steps between that end and the resume are not known",
            "repeated": f"rows that repeat the one before in {clock} and loss stand once",
            "sorted": f"rows are not in order of {clock}, yet none stands twice: they were sorted",
        }
        why: dict[str, str] = dict.fromkeys(("last", "continue"), f"{clock} goes back, as after a restart; ")
        return [
            f"{counted(len(runs), total)}: {why.get(kind, '')}{said[kind]}; first: {runs[0].name}"
            for kind, runs in self.resolved.items()
        ]


def resolve(runs: Sequence[Run], how: str | None, labelled: bool = True) -> Restarts:
    """Put every run's evaluations in order, changing the runs in place.

    A session begins at each row whose clock is not above the row before. A session that starts within what is there
    already is a later attempt where its loss lies on the same curve: it wins from its first row on. One whose clock
    starts anew while the loss goes on where it was had its counter reset: it is counted on. Plain is a restart only if
    the later session also gets further; two sessions that both end there are two runs, or one given twice. ``how``
    decides for all: ``last`` or ``continue``; ``refuse`` leaves every restart open; None leaves open what is not plain.
    Where seeds are not ``labelled``, a session from the start may be another seed, so it is never plain.
    """
    found = Restarts()
    for run in runs:
        if (np.diff(run.clock) > 0).all():
            found.mixed += [run] if _alternates(run.loss) else []
            continue
        _without_echo(run, found)
        back = np.flatnonzero(np.diff(run.clock) <= 0) + 1
        if not len(back):
            continue
        if len(back) > _DISORDER * len(run.clock):
            _sort(run, found)
        else:
            _join(run, np.split(np.arange(len(run.clock)), back), how, labelled, found)
    return found


def _without_echo(run: Run, found: Restarts) -> None:
    """Drop a row that repeats the one before in clock and loss."""
    same = (np.diff(run.clock) == 0) & (np.diff(run.loss) == 0)
    if same.any():
        run.keep(np.append(True, ~same))
        found.resolved.setdefault("repeated", []).append(run)


def _sort(run: Run, found: Restarts) -> None:
    order = np.argsort(run.clock, kind="stable")
    repeated = np.flatnonzero(np.diff(run.clock[order]) == 0)
    if len(repeated):
        found.twice.append((run, float(run.clock[order][repeated[0]])))
        return
    run.keep(order)
    found.mixed += [run] if _alternates(run.loss) else []
    found.resolved.setdefault("sorted", []).append(run)


def _join(run: Run, sessions: Sequence[np.ndarray], how: str | None, labelled: bool, found: Restarts) -> None:
    clock, rows = run.clock.copy(), sessions[0]
    kinds: set[Kind] = set()
    for later in sessions[1:]:
        kind = _kind(clock[rows], run.loss[rows], clock[later], run.loss[later], labelled) if how is None else how
        if kind not in ("last", "continue"):
            found.open.append((run, float(clock[rows[-1]]), float(clock[later[0]])))
            return
        if kind == "continue":
            clock[later] += clock[rows[-1]]
        earlier = rows[clock[rows] < clock[later[0]]]
        if kind == "last" and _anew(clock[rows], clock[later]):
            earlier = earlier[:0]  # a whole new attempt takes over nothing
        rows = np.append(earlier, later)
        kinds.add(kind)
    run.clock = clock
    run.keep(rows)
    for kind in kinds:
        found.resolved.setdefault(kind, []).append(run)


def _kind(clock: np.ndarray, loss: np.ndarray, later: np.ndarray, its: np.ndarray, labelled: bool) -> Kind | None:
    """What a later session is to what is there; None where that is not plain."""
    further = later[-1] > clock[-1]
    if later[0] >= clock[-1]:
        return "last" if further else None
    if not _anew(clock, later):
        return "last" if further else None
    expected = float(np.interp(later[0], clock, loss))
    fall = expected - float(loss[-1])
    if not abs(fall) > _NOISE * _roughness(loss):
        return None
    share = (expected - float(its[0])) / fall
    if share >= _GOES_ON:
        return "continue"
    return "last" if share <= _FRESH and further and labelled else None


def _anew(clock: np.ndarray, later: np.ndarray) -> bool:
    """Whether a later session's clock starts where the first one's did."""
    usual = float(np.median(np.diff(clock))) if len(clock) > 1 else 0.0
    return bool(later[0] <= clock[0] + 2 * usual and later[0] < clock[-1])


def _roughness(loss: np.ndarray) -> float:
    """How far an evaluation lies from the line between its neighbours, as a rule."""
    return float(np.median(np.abs(np.diff(loss, 2)))) / 2 if len(loss) > 2 else 0.0


def _alternates(loss: np.ndarray) -> bool:
    """Whether every second row lies on a course of its own, far from the other's."""
    if len(loss) < _ALTERNATING_ROWS:
        return False
    far = _APART * float(np.ptp(loss))
    if 2 * np.count_nonzero(np.abs(np.diff(loss)) > far) < len(loss) - 1:
        return False  # then the median is not far either, and costs more to find
    next_one, one_after = (float(np.median(np.abs(loss[lag:] - loss[:-lag]))) for lag in (1, 2))
    return next_one > far and one_after < next_one / 4

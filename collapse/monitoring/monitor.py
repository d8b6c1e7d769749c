"""What a sweep's curves say while it runs: the master curve of what is there, and which trials leave it."""

from __future__ import annotations

import dataclasses

import numpy as np

from ...results.curves import CurveSet, LearningCurve
from ...results.grid import X_MIN, start_after
from ..irreducible.choice import known_floor
from ..ladders.ladder import Ladder, name_of
from ..ladders.rescaling import try_rescale
from ..outcome import Key, RescaledGroup
from ..reasons import Reason, because
from .departures import Outlier, departures

RATE = 0.01  # share of groups with a false alarm at one look


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Leaving:
    """A trial, or a rung with all its trials, that leaves the others.

    Attributes
    ----------
    rung : the rung in words.
    seed : the trial's seed; None for the whole rung.
    x : where it is farthest out, measured by the noise; None where the curve cannot be compared at all.
    by : its departure there: of ln E where the irreducible loss is known, else in mean improvements.
    within : the largest departure there of the curves that it leaves.
    why : how it leaves, or why it cannot be compared.
    """

    rung: str
    seed: int | str | None
    x: float | None = None
    by: float | None = None
    within: float | None = None
    why: Reason


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Watched:
    """One group, as far as it is there.

    Attributes
    ----------
    key : the group.
    seeds : complete trials of each rung, in the order of sizes.
    early : trials that ended early.
    rescaled : the complete curves on the common grid; None where there are none, or none can be compared.
    master : ``(m,)`` mean of the rungs' mean curves, without what leaves.
    spread : the largest departure of a rung's mean from it.
    shared : whether the rungs share one curve within the noise, as far as seeds have shown it; None where that cannot
        be asked yet.
    leaving : trials that leave their rung, then trials and rungs that leave the other rungs, then trials that ended
        early.
    """

    key: Key
    seeds: tuple[tuple[str, int], ...]
    early: int
    rescaled: RescaledGroup | None = None
    master: np.ndarray | None = None
    spread: float | None = None
    shared: bool | None = None
    leaving: tuple[Leaving, ...] = ()


def watch(curves: CurveSet, *, rate: float = RATE, x_min: float = X_MIN) -> tuple[Watched, ...]:
    """Look at every group of curves, in alphabetical order.

    Parameters
    ----------
    curves : what is there so far.
    rate : share of groups with any false alarm, at one look, where rungs and seeds differ by noise alone.
    x_min : where the grid starts at the earliest; ten times a warmup's length at least.
    """
    return tuple(watch_group(group, rate=rate, x_min=x_min) for _, group in sorted(curves.groups().items()))


def watch_group(curves: CurveSet, *, rate: float = RATE, x_min: float = X_MIN) -> Watched:
    """Look at one group. Bad curves raise nothing: they are among those that leave."""
    ladder = _everything(curves)
    start = start_after((curve.warmup_fraction for curve in curves), x_min)
    rescaled, odd = _comparable(ladder, start)
    found = departures(rescaled.values, rate=rate) if rescaled is not None else None
    leaving = [_leaving(rescaled, one) for one in found.leaving] if rescaled is not None and found else []
    return Watched(
        key=Key.of(curves.curves[0]),
        seeds=tuple((name_of(rung[0]), len(rung)) for rung in ladder.rungs),
        early=len(ladder.censored),
        rescaled=rescaled,
        master=found.master if found else None,
        spread=found.spread if found else None,
        shared=found.shared if found else None,
        leaving=(*leaving, *odd, *(_early(curve) for curve in ladder.censored)),
    )


def _everything(curves: CurveSet) -> Ladder:
    """The ladder with rungs of a single seed among the others: they are compared with those."""
    ladder = Ladder.of(curves)
    rungs = [*ladder.rungs, *((curve,) for curve in ladder.alone)]
    return Ladder(tuple(sorted(rungs, key=lambda rung: rung[0].size)), ladder.censored, ())


def _comparable(ladder: Ladder, start: float) -> tuple[RescaledGroup | None, list[Leaving]]:
    """The curves on the project's own scale; those that have no place on it are told, and left out."""
    if not ladder.rungs:
        return None, []
    group = _rescaled(ladder, start)
    if group is not None:
        return group, []
    kept, odd = [], []
    for rung in ladder.rungs:
        fine = [curve for curve in rung if _rescaled(Ladder(((curve,),), (), ()), start) is not None]
        kept += [tuple(fine)] if fine else []
        odd += [_odd(curve) for curve in rung if curve not in fine]
    return (_rescaled(Ladder(tuple(kept), (), ()), start) if kept else None), odd


def _rescaled(ladder: Ladder, start: float) -> RescaledGroup | None:
    """By the end excess where one floor is known, below every loss; else by shape."""
    floor = known_floor(ladder)[0].value
    group = try_rescale(ladder, "end-point", floor, start)[0] if floor is not None else None
    return group or try_rescale(ladder, "shape", None, start)[0]


def _leaving(group: RescaledGroup, one: Outlier) -> Leaving:
    seed = None if one.seed is None else group.seeds[one.rung][one.seed]
    x = float(group.x[one.at])
    values = {"by": abs(one.by), "x": x, "within": one.within}
    why = because("leaves-the-sizes", **values) if one.from_rungs else because("leaves-its-size", **values)
    return Leaving(rung=group.rungs[one.rung], seed=seed, x=x, by=one.by, within=one.within, why=why)


def _odd(curve: LearningCurve) -> Leaving:
    return _outside(curve, because("does-not-improve"))


def _early(curve: LearningCurve) -> Leaving:
    status = "incomplete" if curve.status == "ok" else curve.status
    if not len(curve.x):
        return _outside(curve, because("ended-before-any", status=status))
    return _outside(curve, because("ended-early", x=float(curve.x[-1]), status=status))


def _outside(curve: LearningCurve, why: Reason) -> Leaving:
    return Leaving(rung=name_of(curve), seed=curve.seed, why=why)

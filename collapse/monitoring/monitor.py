"""What a sweep's curves say while it runs: the master curve of what is there, and which trials leave it."""

from __future__ import annotations

import dataclasses

import numpy as np

from ...results.curves import CurveSet, LearningCurve
from ...results.grid import X_MIN, start_after
from ..irreducible.choice import known_floor
from ..ladders.ladder import Ladder, name_of
from ..ladders.rescaling import try_rescale
from ..outcome import RescaledGroup
from ..sentences.numbers import percent
from .departures import Departure, departures

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
    why : in words.
    """

    rung: str
    seed: int | str | None
    x: float | None
    by: float | None
    within: float | None
    why: str

    def __str__(self) -> str:
        return f"{self.rung if self.seed is None else f'seed {self.seed} of {self.rung}'} {self.why}"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Watched:
    """One group, as far as it is there.

    Attributes
    ----------
    family, dataset, recipe, recipe_label, leg : the group.
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

    family: str
    dataset: str
    recipe: str
    recipe_label: str
    leg: str
    seeds: tuple[tuple[str, int], ...]
    early: int
    rescaled: RescaledGroup | None
    master: np.ndarray | None
    spread: float | None
    shared: bool | None
    leaving: tuple[Leaving, ...]

    @property
    def name(self) -> str:
        """The group in words."""
        leg = " at constant rate" if self.leg == "constant" else ""
        return f"{self.family} on {self.dataset}{leg}" + (f" ({self.recipe_label})" if self.recipe_label else "")

    def __str__(self) -> str:
        early = f", {self.early} ended early" if self.early else ""
        return f"{self.name}: {self._there()}{early}; {self._said()}"

    def _there(self) -> str:
        counts = sorted({n for _, n in self.seeds})
        if not counts:
            return "no complete trial"
        seeds = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else f"{counts[0]}"
        return f"{len(self.seeds)} rung{'s' * (len(self.seeds) > 1)} x {seeds} seed{'s' * (counts[-1] > 1)}"

    def _said(self) -> str:
        if self.spread is None:
            return "no master curve yet"
        if self.shared is None:
            return "too few seeds to know the noise" if len(self.seeds) > 1 else "one rung alone shares nothing"
        if not self.shared:
            return f"the rungs share no curve: their means leave the master curve by up to {percent(self.spread)}"
        alone = sum(1 for one in self.leaving if one.x is not None)
        most = f", {alone} left out" if alone else ""
        return f"no more than noise between rungs, within {percent(self.spread)} of the master curve{most}"


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
    first = curves.curves[0]
    ladder = _everything(curves)
    start = start_after((curve.warmup_fraction for curve in curves), x_min)
    rescaled, odd = _comparable(ladder, start)
    found = departures(rescaled.values, rate=rate) if rescaled is not None else None
    leaving = [_leaving(rescaled, one) for one in found.leaving] if rescaled is not None and found else []
    return Watched(
        **{name: getattr(first, name) for name in ("family", "dataset", "recipe", "recipe_label", "leg")},
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


def _leaving(group: RescaledGroup, one: Departure) -> Leaving:
    seed = None if one.seed is None else group.seeds[one.rung][one.seed]
    x, by = float(group.x[one.at]), percent(abs(one.by))
    whom = "the other rungs" if one.from_rungs else "its rung"
    why = f"leaves {whom} by {by} at x = {x:.2g}; they keep within {percent(one.within)}"
    return Leaving(rung=group.rungs[one.rung], seed=seed, x=x, by=one.by, within=one.within, why=why)


def _odd(curve: LearningCurve) -> Leaving:
    return _outside(curve, "does not improve on the range of x that is compared")


def _early(curve: LearningCurve) -> Leaving:
    where = f" at x = {curve.x[-1]:.2g}" if len(curve.x) else ""
    return _outside(curve, f"ended early{where} ({'incomplete' if curve.status == 'ok' else curve.status})")


def _outside(curve: LearningCurve, why: str) -> Leaving:
    return Leaving(rung=name_of(curve), seed=curve.seed, x=None, by=None, within=None, why=why)

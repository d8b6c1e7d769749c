"""What is wrong with a group's curves: reasons that forbid a verdict, and warnings that go with one."""

from __future__ import annotations

import numpy as np

from ...results.curves import LearningCurve
from ...results.quantity import LOSS, TEST_ACCURACY
from ..irreducible.choice import floor_warning
from ..outcome import IrreducibleLoss, RescaledGroup
from ..sentences.numbers import together
from .ladder import Ladder, name_of
from .mixed_devices import mixed_devices

OVERLAP = 0.5  # least share of the range of x on which all rungs must have data
_SILENT = 1e-9  # seeds whose normalised curves differ by less have no noise but rounding
_SINGLE = 1e-5  # seeds that differ by less differ as one run does that is repeated in single precision
_QUIET = 0.01  # a rung with less than this share of the others' noise may be one run, repeated
_TWIN = 1e-5  # two curves this much closer than others are one curve, written down twice
_WILD = 50.0  # a seed is wild where its mean square residual is this many times the usual
_FEWEST, _FEW = 4, 8  # evaluations from the first grid point on: below, most of the grid would be interpolated
_RANGE = 1e-120, 1e120  # losses whose squares are numbers


def unusable(ladder: Ladder) -> str | None:
    """Why the losses cannot be computed with at all, None where they can."""
    tops = [float(np.abs(curve.loss).max()) for curve in ladder.curves]
    if any(top > _RANGE[1] or 0 < top < _RANGE[0] for top in tops):
        said = ladder.quantity.say("losses beyond")
        return f"{said} {_RANGE[0]:g} to {_RANGE[1]:g} cannot be squared: give them in another unit"
    return None


def rising(ladder: Ladder, x_min: float) -> str | None:
    """Why a quantity that goes up cannot be asked for its excess over a floor, None where it does not go up.

    The loss goes down by construction; where one of its curves does not, that is told of the curve.
    """
    if ladder.quantity == LOSS or not ladder.curves:
        return None
    climbs = [float(curve.loss[-1] - np.interp(x_min, curve.x, curve.loss)) for curve in ladder.curves]
    if not np.median(climbs) > 0:
        return None
    noun = ladder.quantity.noun
    return f"{noun} rises with training, and collapse is asked of what falls to a floor: {_instead(ladder)}"


def _instead(ladder: Ladder) -> str:
    quantity = ladder.quantity
    if quantity.scale == "complement":
        return f"ask for {quantity.observable} itself"
    if quantity.observable == TEST_ACCURACY:
        return "ask for the error, 1 - accuracy (--of error)"
    shares = all(np.all((curve.loss >= 0) & (curve.loss <= 1)) for curve in ladder.curves)
    return f"if it is a share, ask for 1 - {quantity.noun} (--scale complement)" if shares else "give one that falls"


def noisy(group: RescaledGroup) -> bool:
    """Whether the seeds of every rung differ by more than rounding, and those of some rung do at every x."""
    return not silent(group) and bool(np.all(np.max([np.ptp(rows, axis=0) for rows in group.values], axis=0) > 0))


def silent(group: RescaledGroup) -> list[str]:
    """The rungs whose seeds do not differ by more than rounding."""
    return [
        name
        for name, rows in zip(group.rungs, group.values, strict=True)
        if not float(rows.std(axis=0, ddof=1).max()) > _SILENT
    ]


def problem_of(ladder: Ladder, covered: float, rescaled: RescaledGroup | None) -> str | None:
    """The first reason for which no verdict can be given, None where there is none."""
    if not ladder.rungs and not ladder.alone:
        kinds = ", ".join(sorted({_ended(curve) for curve in ladder.censored}))
        if ladder.quantity == LOSS:
            return f"none of {len(ladder.censored)} runs reached its horizon ({kinds})"
        return f"none of {len(ladder.censored)} runs has a value of {ladder.quantity.noun} at its horizon ({kinds})"
    if ladder.alone and len(ladder.rungs) < 3:
        return f"fewer than 3 rungs with 2 seeds: {len(ladder.rungs)}, and {len(ladder.alone)} with one"
    if len(ladder.rungs) < 3:
        return f"fewer than 3 rungs: {len(ladder.rungs)}"
    copies = copied(ladder, rescaled)
    if copies:
        return "copied runs: " + "; ".join(copies[:3]) + (f"; and {len(copies) - 3} more" if len(copies) > 3 else "")
    mixed = mixed_devices(ladder)
    if mixed:
        return mixed
    if covered < OVERLAP:
        return f"the rungs overlap on {100 * covered:.0f} % of the range of x only"
    return _problem_on_grid(ladder, rescaled) if rescaled is not None else None


def _ended(curve: LearningCurve) -> str:
    if curve.status != "ok":
        return curve.status
    if len(curve.x) and curve.x[-1] > 1:
        return "its x goes beyond 1"
    return "cut short" if curve.quantity == LOSS else "cut short, or not measured there"


def _problem_on_grid(ladder: Ladder, group: RescaledGroup) -> str | None:
    fewest, who = _evaluations(ladder, group)
    if fewest < _FEWEST:
        return f"{who} has {fewest} evaluations from x = {group.x[0]:.2g} on: the rest would be interpolated"
    quiet = silent(group)
    if quiet:
        which = "a rung" if len(quiet) == len(group.rungs) else together(quiet)
        return f"no noise: the seeds of {which} do not differ, so there is nothing to compare a deviation with"
    return None if noisy(group) else "no noise: there is an x at which no two seeds of any rung differ"


def copied(ladder: Ladder, group: RescaledGroup | None) -> list[str]:
    """Curves that equal another in every digit, or, where none does, but for rounding or a factor."""
    return ladder.copies() or ([] if group is None or not noisy(group) else near_copies(group))


def _evaluations(ladder: Ladder, group: RescaledGroup) -> tuple[int, str]:
    """The fewest evaluations that a curve has on the grid and at its end, and whose they are."""
    counted = [(int(np.sum(curve.x >= group.x[0] * (1 - 1e-9))), curve) for curve in ladder.curves]
    fewest, curve = min(counted, key=lambda pair: pair[0])
    return fewest, f"{name_of(curve)}, seed {curve.seed},"


def near_copies(group: RescaledGroup) -> list[str]:
    """Curves that equal an earlier one but for rounding or a factor: far closer than noise ever brings two runs."""
    curves = np.concatenate(group.values)
    names = [f"seed {seed} of {name}" for name, seeds in zip(group.rungs, group.seeds, strict=True) for seed in seeds]
    typical = float(np.mean([rows.var(axis=0, ddof=1).mean() for rows in group.values]))
    found = []
    for i in range(1, len(curves)):
        distance = ((curves[:i] - curves[i]) ** 2).mean(axis=1)
        nearest = int(np.argmin(distance))
        if distance[nearest] < _TWIN**2 * typical:
            found.append(f"{names[i]} all but equals {names[nearest]}")
    return found


def warnings_of(
    ladder: Ladder, floor: IrreducibleLoss, rescaled: RescaledGroup | None, shape_problem: str | None
) -> tuple[str, ...]:
    """What a reader should know of the curves."""
    found = [f"{name_of(curve)} is left out: it has one complete seed, {curve.seed}" for curve in ladder.alone]
    if ladder.censored:
        found.append(f"{len(ladder.censored)} runs did not reach their horizon and are left out")
    found += _lost(ladder)
    for rung in ladder.rungs:
        if len({curve.seed for curve in rung}) < len(rung):
            found.append(f"a seed of {name_of(rung[0])} is given twice")
    if ladder.rungs:
        found += [said for said in (floor_warning(ladder, floor),) if said]
    if rescaled is not None:
        found += wild_seeds(rescaled) + _quiet(rescaled) + _sparse(ladder, rescaled)
        if shape_problem is not None:
            found.append(f"shapes are untested: {shape_problem}")
    return tuple(found)


def _lost(ladder: Ladder) -> list[str]:
    """Rungs of which nothing is left, where others are."""
    kept = {*ladder.sizes.tolist(), *(curve.size for curve in ladder.alone)}
    lost = {curve.size: name_of(curve) for curve in ladder.censored if curve.size not in kept}
    return [f"no run of {together(list(lost.values()))} reached its horizon"] if lost and kept else []


def _quiet(group: RescaledGroup) -> list[str]:
    """Rungs whose noise is out of proportion, or all of it as small as that of repeating one run."""
    levels = np.array([float(rows.std(axis=0, ddof=1).mean()) for rows in group.values])
    if not noisy(group):
        return []
    if np.median(levels) < _SINGLE:
        return [f"the seeds differ by {np.median(levels):.1g} only, as one run does that is repeated: are they seeds?"]
    quiet = [name for name, level in zip(group.rungs, levels, strict=True) if level < _QUIET * np.median(levels)]
    return [f"the seeds of {together(quiet)} differ a hundred times less than others: are they seeds?"] if quiet else []


def _sparse(ladder: Ladder, group: RescaledGroup) -> list[str]:
    fewest, who = _evaluations(ladder, group)
    if not _FEWEST <= fewest < _FEW:
        return []
    return [f"{who} has only {fewest} evaluations from x = {group.x[0]:.2g} on; between them it is interpolated"]


def wild_seeds(group: RescaledGroup) -> list[str]:
    """Seeds whose curves lie far from their rung's others: mean square distance from the rung's median curve over 50
    times that of the rung's other seeds, and of the ladder's."""
    squares = [((rows - np.median(rows, axis=0)) ** 2).mean(axis=1) for rows in group.values]
    usual = np.median(np.concatenate(squares))
    found = []
    for name, seeds, square in zip(group.rungs, group.seeds, squares, strict=True):
        for i, seed in enumerate(seeds):
            others = np.delete(square, i)
            if len(others) > 1 and square[i] > _WILD * max(np.median(others), usual):
                found.append(f"seed {seed} of {name} is far from the others of its rung")
    return found

"""What is wrong with a group's curves: reasons that forbid a verdict, and warnings that go with one."""

from __future__ import annotations

import math

import numpy as np

from ...results.curves import LearningCurve
from ...results.grid import start_after
from ...results.quantity import LOSS, TEST_ACCURACY
from ...results.rates import risen
from ..irreducible.choice import floor_warning
from ..outcome import IrreducibleLoss, RescaledGroup
from ..reasons import Reason, because
from .interpolation import FEW
from .ladder import Ladder, name_of
from .mixed_devices import mixed_devices

OVERLAP = 0.5  # least share of the range of x on which all rungs must have data
_SILENT = 1e-9  # seeds whose normalised curves differ by less have no noise but rounding
_SINGLE = 1e-5  # seeds that differ by less differ as one run does that is repeated in single precision
_QUIET = 0.01  # a rung with less than this share of the others' noise may be one run, repeated
_TWIN = 1e-5  # two curves this much closer than others are one curve, written down twice
_WILD = 50.0  # a seed is wild where its mean square residual is this many times the usual
_FEWEST = 4  # evaluations from the first grid point on: below, nearly all of the grid would be interpolated
_RANGE = 1e-120, 1e120  # losses whose squares are numbers


def unusable(ladder: Ladder) -> Reason | None:
    """Why the losses cannot be computed with at all, None where they can."""
    tops = [float(np.abs(curve.loss).max()) for curve in ladder.curves]
    if any(top > _RANGE[1] or 0 < top < _RANGE[0] for top in tops):
        return because("values-out-of-range", quantity=ladder.quantity, low=_RANGE[0], high=_RANGE[1])
    return None


def rising(ladder: Ladder, x_min: float) -> Reason | None:
    """Why a quantity that goes up cannot be asked for its excess over a floor, None where it does not go up.

    The loss goes down by construction; where one of its curves does not, that is told of the curve.
    """
    if ladder.quantity == LOSS or ladder.quantity.known_floor is not None or not ladder.curves:
        return None
    climbs = [float(curve.loss[-1] - np.interp(x_min, curve.x, curve.loss)) for curve in ladder.curves]
    if not np.median(climbs) > 0:
        return None
    return because("rises", noun=ladder.quantity.noun, instead=_instead(ladder))


def _instead(ladder: Ladder) -> Reason:
    quantity = ladder.quantity
    if quantity.scale == "complement":
        return because("ask-for-itself", name=quantity.observable)
    if quantity.observable == TEST_ACCURACY:
        return because("ask-for-error")
    shares = all(np.all((curve.loss >= 0) & (curve.loss <= 1)) for curve in ladder.curves)
    return because("ask-for-complement", noun=quantity.noun) if shares else because("ask-for-falling")


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


def problem_of(ladder: Ladder, covered: float, rescaled: RescaledGroup | None) -> Reason | None:
    """The first reason for which no verdict can be given, None where there is none."""
    if not ladder.rungs and not ladder.alone:
        how = tuple(sorted({_ended(curve) for curve in ladder.censored}, key=lambda one: (one.code, str(one.values))))
        if ladder.quantity == LOSS:
            return because("no-run-ended", runs=len(ladder.censored), how=how)
        return because("no-value-at-the-end", runs=len(ladder.censored), noun=ladder.quantity.noun, how=how)
    if ladder.alone and len(ladder.rungs) < 3:
        return because("fewer-sizes-with-seeds", sizes=len(ladder.rungs), alone=len(ladder.alone))
    if len(ladder.rungs) < 3:
        return because("fewer-sizes", sizes=len(ladder.rungs))
    copies = copied(ladder, rescaled)
    if copies:
        return because("copied-runs", copies=tuple(copies))
    mixed = mixed_devices(ladder)
    if mixed:
        return mixed
    if covered < OVERLAP:
        return because("little-overlap", share=covered)
    return _problem_on_grid(ladder, rescaled) if rescaled is not None else None


def _ended(curve: LearningCurve) -> Reason:
    if curve.status != "ok":
        return because("ended-as", status=curve.status)
    if len(curve.x) and curve.x[-1] > 1:
        return because("goes-beyond-the-end")
    return because("cut-short") if curve.quantity == LOSS else because("cut-short-or-not-measured")


def _problem_on_grid(ladder: Ladder, group: RescaledGroup) -> Reason | None:
    fewest, curve = _evaluations(ladder, group)
    if fewest < _FEWEST:
        who = {"size": name_of(curve), "seed": curve.seed}
        return because("too-few-evaluations", **who, evaluations=fewest, x=float(group.x[0]))
    quiet = silent(group)
    if len(quiet) == len(group.rungs):
        return because("no-noise")
    if quiet:
        return because("no-noise-at-sizes", sizes=tuple(quiet))
    return None if noisy(group) else because("no-noise-at-an-x")


def copied(ladder: Ladder, group: RescaledGroup | None) -> list[Reason]:
    """Curves that equal another in every digit, or, where none does, but for rounding or a factor."""
    return ladder.copies() or ([] if group is None or not noisy(group) else near_copies(group))


def _evaluations(ladder: Ladder, group: RescaledGroup) -> tuple[int, LearningCurve]:
    """The fewest evaluations that a curve has on the grid and at its end, and whose they are."""
    counted = [(int(np.sum(curve.x >= group.x[0] * (1 - 1e-9))), curve) for curve in ladder.curves]
    return min(counted, key=lambda pair: pair[0])


def near_copies(group: RescaledGroup) -> list[Reason]:
    """Curves that equal an earlier one but for rounding or a factor: far closer than noise ever brings two runs."""
    curves = np.concatenate(group.values)
    names = [(name, seed) for name, seeds in zip(group.rungs, group.seeds, strict=True) for seed in seeds]
    typical = float(np.mean([rows.var(axis=0, ddof=1).mean() for rows in group.values]))
    found = []
    for i in range(1, len(curves)):
        distance = ((curves[:i] - curves[i]) ** 2).mean(axis=1)
        nearest = int(np.argmin(distance))
        if distance[nearest] < _TWIN**2 * typical:
            (size, seed), (first_size, first_seed) = names[i], names[nearest]
            whose = {"size": size, "first_size": first_size}
            found.append(because("all-but-equals-another", seed=seed, first_seed=first_seed, **whose))
    return found


def warnings_of(
    ladder: Ladder, floor: IrreducibleLoss, rescaled: RescaledGroup | None, shape_problem: Reason | None
) -> tuple[Reason, ...]:
    """What a reader should know of the curves."""
    found = [because("size-left-out", size=name_of(curve), seed=curve.seed) for curve in ladder.alone]
    if ladder.censored:
        found.append(because("runs-left-out", runs=len(ladder.censored)))
    found += _lost(ladder)
    for rung in ladder.rungs:
        if len({curve.seed for curve in rung}) < len(rung):
            found.append(because("seed-twice", size=name_of(rung[0])))
    if ladder.rungs:
        found += [said for said in (floor_warning(ladder, floor),) if said is not None]
    if rescaled is not None:
        found += wild_seeds(rescaled) + _quiet(rescaled) + _sparse(ladder, rescaled) + _warmup(ladder, rescaled)
        if shape_problem is not None:
            found.append(because("shapes-untested", why=shape_problem))
    return tuple(found)


def _lost(ladder: Ladder) -> list[Reason]:
    """Rungs of which nothing is left, where others are."""
    kept = {*ladder.sizes.tolist(), *(curve.size for curve in ladder.alone)}
    lost = {curve.size: name_of(curve) for curve in ladder.censored if curve.size not in kept}
    return [because("sizes-lost", sizes=tuple(lost.values()))] if lost and kept else []


def _quiet(group: RescaledGroup) -> list[Reason]:
    """Rungs whose noise is out of proportion, or all of it as small as that of repeating one run."""
    levels = np.array([float(rows.std(axis=0, ddof=1).mean()) for rows in group.values])
    if not noisy(group):
        return []
    if np.median(levels) < _SINGLE:
        return [because("seeds-as-repeats", level=float(np.median(levels)))]
    quiet = [name for name, level in zip(group.rungs, levels, strict=True) if level < _QUIET * np.median(levels)]
    return [because("quiet-sizes", sizes=tuple(quiet))] if quiet else []


def _sparse(ladder: Ladder, group: RescaledGroup) -> list[Reason]:
    fewest, curve = _evaluations(ladder, group)
    if not _FEWEST <= fewest < FEW:
        return []
    who = {"size": name_of(curve), "seed": curve.seed}
    return [because("few-evaluations", **who, evaluations=fewest, x=float(group.x[0]))]


def _warmup(ladder: Ladder, group: RescaledGroup) -> list[Reason]:
    """A warmup that only the rates tell of, where curves are compared before ten lengths of it."""
    found = [risen(curve.x, curve.lr) for curve in ladder.curves if curve.lr is not None and not curve.warmup_fraction]
    start = start_after(found, float(group.x[0]))
    if not start > group.x[0]:
        return []
    return [
        because(
            "warmup-seen",
            shortest=min(found),
            longest=max(found),
            start=math.ceil(1000 * start) / 1000,
            x=float(group.x[0]),
        )
    ]


def wild_seeds(group: RescaledGroup) -> list[Reason]:
    """Seeds whose curves lie far from their rung's others: mean square distance from the rung's median curve over 50
    times that of the rung's other seeds, and of the ladder's."""
    squares = [((rows - np.median(rows, axis=0)) ** 2).mean(axis=1) for rows in group.values]
    usual = np.median(np.concatenate(squares))
    found = []
    for name, seeds, square in zip(group.rungs, group.seeds, squares, strict=True):
        for i, seed in enumerate(seeds):
            others = np.delete(square, i)
            if len(others) > 1 and square[i] > _WILD * max(np.median(others), usual):
                found.append(because("wild-seed", size=name, seed=seed))
    return found

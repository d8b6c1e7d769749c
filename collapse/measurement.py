"""Everything that is measured on one group before a verdict can be given."""

from __future__ import annotations

import dataclasses

import numpy as np

from ..results.curves import CurveSet
from .battery import assess
from .deviation import describe
from .equivalence import Deviations
from .exactness import Exactness
from .floor import UNKNOWN, FloorChoice, fitted_floor, floor_warning, given_floor, known_floor, profiled_floor
from .forms import fit_form
from .ladder import Ladder, name_of
from .outcome import Form, IrreducibleLoss, RescaledGroup, Spread
from .rescaling import overlap, try_rescale

_SILENT = 1e-9  # seeds whose normalised curves differ by less have no noise but rounding
_OVERLAP = 0.5  # least share of the range of x on which all rungs must have data
_WILD = 50.0  # a seed is wild where its mean square residual is this many times the usual


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Measured:
    """One group: its ladder, floor, rescaled curves and test results.

    ``problem`` is what forbids any verdict but cannot-tell. ``rescaled`` is on the end-point scale where there is a
    floor, else on the shape scale; ``exact`` and ``deviations`` are on the same scale. ``shape`` is the exactness test
    on shapes. Each is None where it cannot be had.
    """

    curves: CurveSet
    ladder: Ladder
    floor: IrreducibleLoss
    floor_problem: str | None
    problem: str | None
    overlap: float
    rescaled: RescaledGroup | None
    exact: Exactness | None
    shape: Exactness | None
    deviations: Deviations | None
    spread: Spread | None
    form: Form
    warnings: tuple[str, ...]

    @property
    def family(self) -> str:
        """The family's name."""
        return self.curves.curves[0].family

    @property
    def dataset(self) -> str:
        """The data set's name."""
        return self.curves.curves[0].dataset

    @property
    def recipe(self) -> str:
        """The recipe within which curves are compared."""
        return self.curves.curves[0].recipe

    @property
    def leg(self) -> str:
        """The kind of schedule."""
        return self.curves.curves[0].leg

    @property
    def control(self) -> str | None:
        """What is known beforehand of the group: ``holds``, ``fails``, or None for a measurement."""
        return self.curves.curves[0].control

    @property
    def comparable(self) -> bool:
        """Whether the group can stand beside other families: enough of each curve, and noise of its own."""
        return (
            self.rescaled is not None and noisy(self.rescaled) and self.overlap >= _OVERLAP and not self.ladder.copies()
        )

    @property
    def bounded_below(self) -> bool:
        """Whether a lower bound can be had: with two seeds half of a rung's resamples have no variance."""
        return self.ladder.fewest_seeds > 2


def measure(
    curves: CurveSet, *, choice: FloorChoice, resamples: int, x_min: float, rng: np.random.Generator
) -> Measured:
    """Rescale one group's curves and run the tests; nothing here raises on bad curves, it is written down.

    Parameters
    ----------
    curves : one group.
    choice : which irreducible loss.
    resamples : wild resamples.
    x_min : where the grid starts at the earliest.
    rng : chance.
    """
    ladder = Ladder.of(curves)
    floor_rng, end_rng, shape_rng = rng.spawn(3)
    x_min = min(0.9, max([x_min, *(10 * curve.warmup_fraction for curve in curves)]))
    shape, shape_problem = try_rescale(ladder, "shape", None, x_min)
    floor, profiled, floor_problem = _floor(ladder, shape, choice, floor_rng)
    ends, end_problem = try_rescale(ladder, "end-point", floor.value, x_min) if floor_problem is None else (None, None)
    exact, bounds = _assessed(ends, resamples, end_rng)
    exact_shape, shape_bounds = _assessed(shape, resamples, shape_rng)
    rescaled = ends or shape
    covered = overlap(ladder, x_min)
    return Measured(
        curves=curves,
        ladder=ladder,
        floor=floor,
        floor_problem=floor_problem or end_problem,
        problem=_problem(ladder, covered, rescaled) or (shape_problem if rescaled is None else None),
        overlap=covered,
        rescaled=rescaled,
        exact=profiled or exact,
        shape=exact_shape,
        deviations=bounds if ends else shape_bounds,
        spread=describe(rescaled) if rescaled and len(rescaled.sizes) > 1 else None,
        form=fit_form(rescaled) if rescaled else _NO_FORM,
        warnings=_warnings(ladder, floor, rescaled),
    )


_NO_FORM = Form(mu=None, share=None, gain=None, error=None, status="there is no curve to fit")


def _floor(
    ladder: Ladder, shape: RescaledGroup | None, choice: FloorChoice, rng: np.random.Generator
) -> tuple[IrreducibleLoss, Exactness | None, str | None]:
    """The floor, T2 where it was profiled, and why there is no floor."""
    if not ladder.rungs:
        return UNKNOWN, None, None
    if choice == "profile":
        return profiled_floor(ladder, shape if shape and noisy(shape) else None, rng)
    if choice == "known":
        floor, problem = known_floor(ladder)
    elif choice == "fit":
        floor, problem = fitted_floor(ladder, rng)
    else:
        floor, problem = given_floor(float(choice)), None
    return floor, None, problem


def _assessed(
    group: RescaledGroup | None, resamples: int, rng: np.random.Generator
) -> tuple[Exactness | None, Deviations | None]:
    if group is None or len(group.sizes) < 2 or not noisy(group):
        return None, None
    return assess(group.values, group.x, group.sizes, rng=rng, resamples=resamples)


def noisy(group: RescaledGroup) -> bool:
    """Whether the seeds of every rung differ by more than rounding."""
    return all(float(rows.std(axis=0, ddof=1).max()) > _SILENT for rows in group.values)


def _problem(ladder: Ladder, covered: float, rescaled: RescaledGroup | None) -> str | None:
    """The first reason for which no verdict can be given, None where there is none."""
    if not ladder.rungs and not ladder.alone:
        kinds = sorted({curve.status if curve.status != "ok" else "cut short" for curve in ladder.censored})
        return f"none of {len(ladder.censored)} runs reached its horizon ({', '.join(kinds)})"
    if ladder.alone and len(ladder.rungs) < 3:
        return f"fewer than 3 rungs with 2 seeds: {len(ladder.rungs)}, and {len(ladder.alone)} with one"
    if len(ladder.rungs) < 3:
        return f"fewer than 3 rungs: {len(ladder.rungs)}"
    copies = ladder.copies()
    if copies:
        return "copied runs: " + "; ".join(copies[:3]) + (f"; and {len(copies) - 3} more" if len(copies) > 3 else "")
    if covered < _OVERLAP:
        return f"the rungs overlap on {100 * covered:.0f} % of the range of x only"
    if rescaled is not None and not noisy(rescaled):
        return "no noise: the seeds of a rung do not differ, so there is nothing to compare a deviation with"
    return None


def _warnings(ladder: Ladder, floor: IrreducibleLoss, rescaled: RescaledGroup | None) -> tuple[str, ...]:
    found = [f"{name_of(curve)} is left out: it has one complete seed, {curve.seed}" for curve in ladder.alone]
    if ladder.censored:
        found.append(f"{len(ladder.censored)} runs did not reach their horizon and are left out")
    for rung in ladder.rungs:
        if len({curve.seed for curve in rung}) < len(rung):
            found.append(f"a seed of {name_of(rung[0])} is given twice")
    if ladder.rungs:
        found += [said for said in (floor_warning(ladder, floor),) if said]
    if rescaled is not None:
        found += wild_seeds(rescaled)
    return tuple(found)


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

"""Everything that is measured on one group before a verdict can be given."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from ...results.curves import CurveSet
from ...results.grid import start_after
from ..forms.fitted import fit_form
from ..irreducible.choice import (
    UNKNOWN,
    FloorChoice,
    fitted_floor,
    given_floor,
    known_floor,
    profiled_floor,
    shared_error,
)
from ..irreducible.over_floors import OverFloors, bounds_over_floors
from ..outcome import FittedForm, IrreducibleLoss, Key, RescaledGroup, Spread
from ..reasons import Reason, because
from ..single.group import SingleGroup, one_run_a_size
from ..within.battery import assess
from ..within.equivalence import Deviations, with_error
from ..within.exactness import Exactness
from ..within.sharper import sharpened
from .interpolation import untold
from .ladder import Ladder
from .rescaling import falling, overlap, try_rescale
from .soundness import OVERLAP, copied, noisy, problem_of, rising, unusable, warnings_of
from .spread import describe

if TYPE_CHECKING:
    from ..robust.pooling import PooledNoise

_NO_FORM = FittedForm(mu=None, share=None, gain=None, error=None, status=because("no-curve-to-fit"))


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Measured:
    """One group: its ladder, floor, rescaled curves and test results.

    ``problem`` is what forbids any verdict but cannot-tell. ``rescaled`` is on the end-point scale where there is a
    floor, else on the shape scale; ``exact`` and ``deviations`` are on the same scale. ``shape`` is the exactness test
    on shapes. ``over_floors`` has the bounds where the floor was profiled. Each is None where it cannot be had.
    ``single`` is the picture of one run a size, where fewer than three rungs have seeds. ``pooled`` is set where the
    upper bounds rest on noise that the sizes share.
    """

    curves: CurveSet
    ladder: Ladder
    floor: IrreducibleLoss = UNKNOWN
    floor_problem: Reason | None = None
    problem: Reason | None = None
    overlap: float = 0.0
    rescaled: RescaledGroup | None = None
    exact: Exactness | None = None
    shape: Exactness | None = None
    over_floors: OverFloors | None = None
    deviations: Deviations | None = None
    spread: Spread | None = None
    form: FittedForm = _NO_FORM
    warnings: tuple[Reason, ...] = ()
    single: SingleGroup | None = None
    pooled: PooledNoise | None = None

    @property
    def key(self) -> Key:
        """Which group it is."""
        return Key.of(self.curves.curves[0])

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
    def independent(self) -> bool:
        """Whether the seeds are: they differ, and none is another written down twice."""
        return self.rescaled is not None and noisy(self.rescaled) and not copied(self.ladder, self.rescaled)

    @property
    def comparable(self) -> bool:
        """Whether the group can stand beside other families: enough of each curve, and noise of its own."""
        return self.independent and self.overlap >= OVERLAP

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
    floor_rng, end_rng, shape_rng, over_rng = rng.spawn(4)
    x_min = start_after((curve.warmup_fraction for curve in curves), x_min)
    refused = unusable(ladder) or rising(ladder, x_min)
    if refused is not None:
        return Measured(curves=curves, ladder=ladder, problem=refused)
    shape, shape_problem = try_rescale(ladder, "shape", None, x_min)
    floor, profiled, floor_problem = _floor(ladder, shape, choice, floor_rng)
    ends, end_problem = try_rescale(ladder, "end-point", floor.value, x_min) if floor_problem is None else (None, None)
    rescaled = ends or shape
    # Copies make the noise too small: every number that rests on it would look better than it is.
    repeated = bool(copied(ladder, rescaled))
    exact, bounds = (None, None) if repeated else assessed(ends, resamples, end_rng, shared_error(floor))
    exact_shape, shape_bounds = (None, None) if repeated else assessed(shape, resamples, shape_rng)
    # Where the end losses choose the floor, equal curves are rejected three to five times too often: no p-value.
    exact = None if floor.source == "fit" else told(profiled, exact)
    over = bounds_over_floors(ends, floor, rng=over_rng) if bounds and ends and floor.source == "profile" else None
    single = one_run_a_size(ladder, choice, x_min)
    covered = overlap(ladder if single is None else single.ladder, x_min)
    return Measured(
        curves=curves,
        ladder=ladder,
        floor=floor,
        floor_problem=floor_problem or end_problem,
        problem=problem_of(ladder, covered, rescaled) or (shape_problem if rescaled is None else None),
        overlap=covered,
        rescaled=rescaled,
        exact=None if repeated else exact,
        shape=exact_shape,
        over_floors=over,
        deviations=bounds if ends else shape_bounds,
        spread=describe(rescaled) if rescaled and len(rescaled.sizes) > 1 and not repeated else None,
        form=fit_form(falling(rescaled)) if rescaled else _NO_FORM,
        warnings=_warnings(ladder, floor, rescaled, shape_problem, single),
        single=single,
    )


def _warnings(
    ladder: Ladder,
    floor: IrreducibleLoss,
    rescaled: RescaledGroup | None,
    shape_problem: Reason | None,
    single: SingleGroup | None,
) -> tuple[Reason, ...]:
    if single is None:
        return warnings_of(ladder, floor, rescaled, shape_problem)
    return warnings_of(single.ladder, single.floor, None, None)


def _floor(
    ladder: Ladder, shape: RescaledGroup | None, choice: FloorChoice, rng: np.random.Generator
) -> tuple[IrreducibleLoss, Exactness | None, Reason | None]:
    """The floor, T2 where it was profiled, and why there is no floor."""
    if not ladder.rungs:
        return UNKNOWN, None, None
    within = choice if isinstance(choice, tuple) else None
    if (choice in ("profile", "fit") or within) and not _ends_differ(ladder):
        return UNKNOWN, None, because("ends-do-not-differ", quantity=ladder.quantity)
    if choice == "profile" or within:
        return profiled_floor(ladder, shape if shape and noisy(shape) else None, rng, within)
    if choice == "known":
        if not all(curve.irreducible_loss is None or np.isfinite(curve.irreducible_loss) for curve in ladder.curves):
            return UNKNOWN, None, because("floor-not-finite", quantity=ladder.quantity)
        floor, problem = known_floor(ladder)
    elif choice == "fit":
        floor, problem = fitted_floor(ladder, rng)
    else:
        assert not isinstance(choice, tuple)  # a range is profiled
        floor, problem = given_floor(choice), None
    return floor, None, problem


def _ends_differ(ladder: Ladder) -> bool:
    """Whether the seeds of some rung end at losses that differ by more than rounding."""
    ends = [np.array([curve.loss[-1] for curve in rung]) for rung in ladder.rungs]
    largest = max(float(np.abs(rows).max()) for rows in ends)
    return max(float(np.ptp(rows)) for rows in ends) > 1e-12 * largest and min(abs(rows.mean()) for rows in ends) > 0


def told(profiled: Exactness | None, exact: Exactness | None) -> Exactness | None:
    """T2 where the floor was profiled, else T1; neither where the evaluations are too rare for a test."""
    rare = exact is not None and exact.reason is not None and exact.reason.code == "points-too-rare"
    return exact if rare else profiled or exact


def floor_shift(group: RescaledGroup, se: float) -> np.ndarray:
    """``(K, m)`` what an irreducible loss that is too small by one standard error does to the mean ln l of each size.

    ``ln[(E(x) + c)/(E(1) + c)]`` moves by ``c [1/E(x) - 1/E(1)]``, with the mean end excess of the size.
    """
    return np.stack(
        [se * (np.exp(-z.mean(axis=0)) - 1) / unit.mean() for z, unit in zip(group.values, group.units, strict=True)]
    )


def assessed(
    group: RescaledGroup | None, resamples: int, rng: np.random.Generator, floor_se: float = 0.0
) -> tuple[Exactness | None, Deviations | None]:
    """Exactness and bounds of a rescaled group, None where there is nothing to test; see `assess` and `sharpened`."""
    if group is None or len(group.sizes) < 2 or not noisy(group):
        return None, None
    shift = floor_shift(group, floor_se) if floor_se else None
    exact, found = assess(group.values, group.x, group.sizes, rng=rng, resamples=resamples, shift=shift)
    rare = untold(group, found.se)
    bounds = sharpened(with_error(found, group.error), group.values, rng=rng.spawn(1)[0])
    return (exact if rare is None else Exactness(reason=rare)), bounds

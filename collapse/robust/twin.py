"""The verdict without spikes and far runs, beside the plain one."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ..composing import Missing, flat
from ..conclusion import Judgement, judged
from ..forms.fitted import fit_form
from ..irreducible.choice import fitted_floor, profiled_floor, shared_error
from ..irreducible.over_floors import bounds_over_floors
from ..ladders.ladder import Ladder
from ..ladders.measurement import Measured, assessed, told
from ..outcome import Bounds, IrreducibleLoss, RescaledGroup, Verdict
from ..reasons import Reason, because
from ..within.exactness import Exactness
from .pooling import pooled_bounds
from .spikes import Cleaned, FarRun, Spike, clean

RESAMPLES = 999


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Twin:
    """The verdict on a group without its spikes and far runs, by the plain tests and bounds.

    Where nothing was found it is the plain verdict. ``spikes`` were bridged, ``far_runs`` left out.
    """

    verdict: Verdict
    reason: Reason | None = None
    bounds: Bounds = dataclasses.field(
        default=Bounds(),
        metadata=flat("deviation", "lower_bound", "upper_bound", "reference_bound", "noise_bound", "bands"),
    )
    p_exact: float | None = None
    irreducible_loss: IrreducibleLoss = IrreducibleLoss()
    spikes: tuple[Spike, ...] = ()
    far_runs: tuple[FarRun, ...] = ()

    @property
    def anything(self) -> bool:
        """Whether anything was bridged or left out."""
        return bool(self.spikes or self.far_runs)


def robust_twin(
    one: Measured, plain: Judgement, negatives: Sequence[Measured], *, margin: float, rng: np.random.Generator
) -> Twin | Missing:
    """Find spikes and far runs, and judge what is left as the group itself was judged.

    An irreducible loss that was profiled, or fitted to the ends, is that of the cleaned curves.

    Parameters
    ----------
    one : what was measured; with seeds of their own.
    plain : the verdict on it.
    negatives : ladders of the same family and data set that were trained wrongly on purpose.
    margin : in use.
    rng : chance.
    """
    assert one.rescaled is not None
    found = clean(one.rescaled)
    if not found.anything:
        return _twin(one, plain, found)
    measure_rng, gate_rng = rng.spawn(2)
    cleaned = _measured(one, found.group, found.kept, measure_rng)
    if isinstance(cleaned, Reason):
        return Missing(Twin, because("robust-without-floor", why=cleaned))
    return _twin(cleaned, judged(cleaned, margin=margin, rng=gate_rng, negatives=negatives), found)


def _twin(one: Measured, by: Judgement, found: Cleaned) -> Twin:
    return Twin(
        verdict=by.verdict,
        reason=by.reason,
        bounds=by.bounds,
        p_exact=one.exact.p if one.exact else None,
        irreducible_loss=one.floor,
        spikes=found.spikes,
        far_runs=found.far,
    )


def _measured(
    one: Measured, group: RescaledGroup, kept: Sequence[np.ndarray], rng: np.random.Generator
) -> Measured | Reason:
    """What is measured on cleaned curves; or why they have no irreducible loss where the plain ones have one."""
    floor_rng, test_rng, over_rng = rng.spawn(3)
    rungs = tuple(
        tuple(curve for curve, keep in zip(rung, keeps, strict=True) if keep)
        for rung, keeps in zip(one.ladder.rungs, kept, strict=True)
    )
    ladder, floor, profiled = dataclasses.replace(one.ladder, rungs=rungs), one.floor, None
    ends = group.scale == "end-point"
    if ends and floor.source in ("profile", "fit"):
        losses = _losses(group, floor)
        floor, profiled, problem = _chosen(ladder, group, losses, floor, floor_rng)
        if problem is not None:
            return problem
        group = _rescaled(group, losses, floor)
    exact, bounds = assessed(group, RESAMPLES, test_rng, shared_error(floor) if ends else 0.0)
    over = bounds_over_floors(group, floor, rng=over_rng) if bounds and one.over_floors else None
    if bounds is not None and one.pooled is not None:
        bounds = pooled_bounds(group, bounds, equal=one.pooled.equal)
    return dataclasses.replace(
        one,
        ladder=ladder,
        floor=floor,
        rescaled=group,
        exact=None if floor.source == "fit" else told(profiled, exact),
        over_floors=over,
        deviations=bounds,
        form=fit_form(group),
    )


def _losses(group: RescaledGroup, floor: IrreducibleLoss) -> list[np.ndarray]:
    """K arrays ``(n_k, m + 1)``: losses on the grid and at the end."""
    assert floor.value is not None
    return [
        floor.value + unit[:, None] * np.exp(np.append(z, np.zeros((len(z), 1)), axis=1))
        for z, unit in zip(group.values, group.units, strict=True)
    ]


def _chosen(
    ladder: Ladder,
    group: RescaledGroup,
    losses: Sequence[np.ndarray],
    floor: IrreducibleLoss,
    rng: np.random.Generator,
) -> tuple[IrreducibleLoss, Exactness | None, Reason | None]:
    """The irreducible loss that cleaned curves choose, as the plain ones did."""
    if floor.source == "fit":
        found, problem = fitted_floor(ladder, rng)
        return found, None, problem
    within = floor.domain if floor.domain is not None and np.all(np.isfinite(floor.domain)) else None
    gaps = tuple(rows[:, :-1] - rows[:, -1:] for rows in losses)
    units = tuple(np.ones(len(rows)) for rows in gaps)
    return profiled_floor(ladder, dataclasses.replace(group, values=gaps, units=units), rng, within)


def _rescaled(group: RescaledGroup, losses: Sequence[np.ndarray], floor: IrreducibleLoss) -> RescaledGroup:
    """The group over another irreducible loss."""
    logs = [np.log(rows - floor.value) for rows in losses]
    return dataclasses.replace(
        group,
        values=tuple(rows[:, :-1] - rows[:, -1:] for rows in logs),
        units=tuple(np.exp(rows[:, -1]) for rows in logs),
    )

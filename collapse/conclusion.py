"""A group's measurements, controls and verdict, put together into its result."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ..results.grid import bands, mean_over
from .controls.discrimination import Discrimination, discriminates
from .controls.negatives import ResolutionLimit, resolution_gate
from .controls.unrelated import Unrelated, unrelated
from .forms.resolving import resolution, resolution_of_any_schedule
from .ladders.measurement import Measured
from .ladders.spread import noise_floor
from .onset.sub_ladders import settles_from
from .outcome import HORIZON, Band, Bounds, Extent, FittedForm, GroupResult, Residuals, Verdict
from .reasons import Reason, because
from .single.result import describe_single
from .verdict import Findings, decide, grade


def conclude(
    one: Measured,
    fits: Sequence[FittedForm],
    *,
    margin: float,
    planned: float,
    rng: np.random.Generator,
    negatives: Sequence[Measured] = (),
) -> GroupResult:
    """Give the verdict on one group.

    Parameters
    ----------
    one : what was measured.
    fits : forms of the suite's groups, from which unrelated curves are drawn.
    margin, planned : the margin in use, and the one chosen before the data.
    rng : chance, for the unrelated curves and the planned power of the negatives.
    negatives : ladders of the same family and data set that were trained wrongly on purpose.
    """
    if one.single is not None:
        return describe_single(one, fits, margin=margin, planned=planned, rng=rng)
    group = one.rescaled
    null = unrelated(group, fits, rng=rng) if group and len(group.sizes) > 1 else None
    found = judged(one, margin=margin, rng=rng, negatives=negatives, null=null)
    evidence, why = grade(one.curves.curves, one.floor, margin=margin, planned=planned, pooled=one.pooled)
    return GroupResult(
        key=one.key,
        extent=found.extent,
        irreducible_loss=one.floor,
        exact=one.exact,
        shape=one.shape,
        margin=margin,
        bounds=found.bounds,
        noise_floor=noise_floor(one.spread, group.x) if one.spread and group else None,
        noise_from="seeds" if one.pooled is None else "sizes",
        pooled_noise=one.pooled,
        collapse_deviation=float(mean_over(one.spread.collapse_deviation, group.x)) if one.spread and group else None,
        resolution={HORIZON: found.limit, **_shown(found.gate)},
        null=null,
        verdict=found.verdict,
        evidence=evidence,
        reason=found.reason,
        discrimination=found.discrimination,
        warnings=(*why, *_warnings(one, null, found.limit)),
        sound=one.problem is None,
        settles_from=_settles_from(one, margin),
        residuals=_residuals(one),
        spread=one.spread,
        rescaled=group,
        form=one.form,
    )


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Judgement:
    """A verdict, with what it rests on: bounds, what the ladder resolves, where along x it could be missed."""

    extent: Extent
    bounds: Bounds
    limit: float | None
    gate: ResolutionLimit
    discrimination: Discrimination | None
    verdict: Verdict
    reason: Reason | None


def judged(
    one: Measured,
    *,
    margin: float,
    rng: np.random.Generator,
    negatives: Sequence[Measured] = (),
    null: Unrelated | None = None,
) -> Judgement:
    """The verdict on what was measured; arguments as for `conclude`, ``null`` the unrelated curves beside bounds."""
    group, limit = one.rescaled, _resolution(one)
    gate = resolution_gate(one, negatives, margin=margin, resolution=limit, rng=rng)
    extent, bounds = Extent.of(one.ladder, group, one.overlap), _bounds(one, null)
    informs = discriminates(group, margin) if group else None
    verdict, reason = decided(one, extent, bounds, margin, gate, informs)
    return Judgement(
        extent=extent,
        bounds=bounds,
        limit=limit,
        gate=gate,
        discrimination=informs,
        verdict=verdict,
        reason=reason,
    )


def _resolution(one: Measured) -> float | None:
    """What a wrong exponent of the training length would show here; the least that it may where the schedule or the
    irreducible loss is not known."""
    if one.rescaled is None:
        return None
    free = one.floor.free
    if one.rescaled.phase is None:
        return resolution_of_any_schedule(one.rescaled, floors=free)
    return resolution(one.form, one.rescaled, floors=free)


def _shown(gate: ResolutionLimit) -> dict[str, float | None]:
    """What each trained negative did, by its label, beside what the formula says."""
    return {f"trained: {row.recipe_label or row.recipe}": row.bounds.deviation for row in gate.negatives}


def decided(
    one: Measured, extent: Extent, bounds: Bounds, margin: float, gate: ResolutionLimit, informs: Discrimination | None
) -> tuple[Verdict, Reason | None]:
    """The verdict on given bounds, and its reason."""
    if one.problem is not None:
        return "cannot-tell", one.problem
    if one.floor_problem is not None:
        return "cannot-tell", _untested(one, one.floor_problem)
    if one.deviations is None or one.rescaled is None:
        return "cannot-tell", because("nothing-to-test")
    found = Findings(
        bounds=bounds,
        largest_se=one.deviations.largest_se(),
        common=one.deviations.common_bound(),
        extent=extent,
        p_exact=one.exact.p if one.exact else None,
        untested=_untestable(one),
        gate=gate if one.control is None else None,
        discrimination=informs,
    )
    return decide(found, margin)


def _settles_from(one: Measured, margin: float) -> str | None:
    """From which size on a deviation has died out; not asked where L0 was chosen or points were interpolated."""
    group = one.rescaled
    chosen = one.floor.source in ("profile", "fit")
    if one.problem is not None or one.deviations is None or group is None or chosen or group.error is not None:
        return None
    return settles_from(group, margin)


def _untestable(one: Measured) -> Reason | None:
    """Why there is no exactness test, where it is not for want of seeds."""
    why = one.exact.reason if one.exact else None
    if why is not None and why.code == "points-too-rare":
        return why
    return because("test-level-not-held") if one.floor.source == "fit" else None


def _untested(one: Measured, why: Reason) -> Reason:
    """Exact collapse is untested; what shapes say instead."""
    if one.deviations is None:
        return because("exactness-untested-without-floor", why=why)
    upper = one.deviations.upper()
    if one.shape is None or one.shape.p is None:
        return because("exactness-untested-shapes-bound", why=why, upper=upper)
    return because("exactness-untested-shapes", why=why, p=one.shape.p, upper=upper)


def _bounds(one: Measured, null: Unrelated | None) -> Bounds:
    """Deviation and its bounds, over all x and by bands; a lower bound needs three seeds a model size."""
    rows = tuple(_band(one, null, i, *row) for i, row in enumerate(bands(one.rescaled.x))) if one.rescaled else ()
    found = one.deviations
    if found is None:
        return Bounds(bands=rows)
    over = one.over_floors
    return Bounds(
        deviation=over.deviation if over else float(np.abs(found.d).max()),
        lower_bound=(over.lower if over else found.lower()) if one.bounded_below else None,
        upper_bound=over.upper if over else found.upper(),
        reference_bound=over.upper if over else found.reference(),
        noise_bound=found.noise_bound(),
        bands=rows,
    )


def _band(one: Measured, null: Unrelated | None, i: int, edges: tuple[float, float], mask: np.ndarray) -> Band:
    found, other = one.deviations, null.bands[i] if null else None
    if found is None or not mask.any():
        return Band(x=edges, unrelated_deviation=other)
    return Band(
        x=edges,
        deviation=float(np.abs(found.d[:, mask]).max()),
        lower_bound=found.lower(mask) if one.bounded_below else None,
        upper_bound=found.upper(mask),
        unrelated_deviation=other,
    )


def _residuals(one: Measured) -> Residuals | None:
    found = one.deviations
    if found is None:
        return None
    return Residuals(d=found.d, se=found.se, df=found.df, band=found.band() if one.bounded_below else None)


def _warnings(one: Measured, null: Unrelated | None, limit: float | None) -> tuple[Reason, ...]:
    found = list(one.warnings)
    if null and null.warning:
        found.append(null.warning)
    if limit is None and one.rescaled is not None and one.rescaled.scale == "end-point":
        found.append(because("resolution-unknown", why=one.form.status))
    return tuple(found)

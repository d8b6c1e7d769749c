"""A group's measurements, controls and verdict, put together into its result."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ..results.grid import bands
from .controls.negatives import Gate, resolution_gate
from .controls.unrelated import Unrelated, unrelated
from .families.margins import Margin
from .forms.fitted import resolution
from .ladders.measurement import Measured
from .ladders.spread import noise_floor
from .outcome import Band, Evidence, FittedForm, GroupResult, Verdict
from .sentences.numbers import percent
from .sentences.verdicts import sentence
from .single.result import describe_single
from .verdict import decide, findings, grade
from .within.equivalence import Deviations


def conclude(
    one: Measured,
    fits: Sequence[FittedForm],
    *,
    margin: float,
    planned: float,
    rng: np.random.Generator,
    negatives: Sequence[Measured] = (),
    local: Margin | None = None,
) -> GroupResult:
    """Give the verdict on one group.

    Parameters
    ----------
    one : what was measured.
    fits : forms of the suite's groups, from which unrelated curves are drawn.
    margin, planned : the margin in use, and the one chosen before the data.
    rng : chance, for the unrelated curves and the planned power of the negatives.
    negatives : ladders of the same family and data set that were trained wrongly on purpose.
    local : the margin at each x that other data sets' curves allow; None where they do not bear on this group.
    """
    if one.single is not None:
        return describe_single(one, fits, margin=margin, planned=planned, rng=rng)
    group, bounds = one.rescaled, one.deviations
    others = unrelated(group, fits, rng=rng) if group and len(group.sizes) > 1 else None
    limit = resolution(one.form, group) if group else None
    evidence, why = grade(one.curves.curves, one.floor, margin=margin, planned=planned)
    gate = resolution_gate(one, negatives, margin=margin, resolution=limit, rng=rng)
    verdict, reason = _verdict(one, margin, gate, local)
    deviation, lower, upper = _numbers(one)
    result = GroupResult(
        family=one.family,
        dataset=one.dataset,
        recipe=one.recipe,
        recipe_label=one.curves.curves[0].recipe_label,
        leg=one.leg,
        control=one.control,
        n_rungs=len(one.ladder.rungs),
        n_seeds=one.ladder.fewest_seeds,
        x_min=float(group.x[0]) if group else None,
        x_max=float(group.x[-1]) if group else None,
        irreducible_loss=one.floor,
        p_exact=one.exact.p if one.exact else None,
        p_shape=one.shape.p if one.shape else None,
        deviation=deviation,
        lower_bound=lower,
        upper_bound=upper,
        margin=margin,
        bands=_bands(one, others),
        noise_bound=bounds.noise_bound() if bounds else None,
        noise_floor=noise_floor(one.spread, group.x) if one.spread and group else None,
        unrelated_deviation=others.deviation if others else None,
        resolution={"horizon_exponent_plus_20_percent": limit, **_shown(gate)},
        overlap=one.overlap,
        verdict=verdict,
        evidence=evidence,
        reason=reason,
        warnings=(*_warnings(one, evidence, why, others, limit), *((local.note,) if local else ())),
        sentence="",
        n_censored=len(one.ladder.censored),
        rescaled=group,
        d=bounds.d if bounds else None,
        se=bounds.se if bounds else None,
        df=bounds.df if bounds else None,
        unrelated=others.curves if others else None,
        band=bounds.band() if bounds and one.bounded_below else None,
        p_trend=one.exact.p_trend if one.exact else None,
        spread=one.spread,
        form=one.form,
    )
    return dataclasses.replace(result, sentence=sentence(result, sound=one.problem is None))


def _shown(gate: Gate) -> dict[str, float | None]:
    """What each trained negative did, by its label, beside what the formula says."""
    return {f"trained: {row.recipe_label or row.recipe}": row.deviation for row in gate.negatives}


def _verdict(one: Measured, margin: float, gate: Gate, local: Margin | None) -> tuple[Verdict, str | None]:
    if one.problem is not None:
        return "cannot-tell", one.problem
    if one.floor_problem is not None:
        return "cannot-tell", f"{one.floor_problem}, so exact collapse is untested{_shape_numbers(one)}"
    if one.deviations is None or one.rescaled is None:
        return "cannot-tell", "there is nothing to test"
    found = findings(
        one.deviations,
        p_exact=one.exact.p if one.exact else None,
        n_seeds=one.ladder.fewest_seeds,
        n_censored=len(one.ladder.censored),
        resolution=gate.limit,
        gated=one.control is None,
        trained=gate.trained,
        undetected=gate.undetected,
        **_held_against(local, one.deviations),
    )
    return decide(found, margin)


def _held_against(local: Margin | None, bounds: Deviations) -> dict[str, bool]:
    """Bounds against a margin along x."""
    if local is None:
        return {}
    lower = np.abs(bounds.d) - bounds.band()
    return {"certified": local.certifies(bounds.pointwise_upper()), "refuted": local.refutes(lower)}


def _shape_numbers(one: Measured) -> str:
    if one.deviations is None:
        return ""
    p = f"p = {one.shape.p:.2g}, " if one.shape and one.shape.p is not None else ""
    return f"; shapes: {p}bound {percent(one.deviations.upper())}"


def _numbers(one: Measured) -> tuple[float | None, float | None, float | None]:
    """Deviation and its bounds; a lower bound needs three seeds a rung."""
    if one.deviations is None:
        return None, None, None
    lower = one.deviations.lower() if one.bounded_below else None
    return float(np.abs(one.deviations.d).max()), lower, one.deviations.upper()


def _bands(one: Measured, others: Unrelated | None) -> tuple[Band, ...]:
    if one.rescaled is None:
        return ()
    rows = []
    for i, (edges, mask) in enumerate(bands(one.rescaled.x)):
        bounds = one.deviations if mask.any() else None
        rows.append(
            Band(
                x=edges,
                deviation=float(np.abs(bounds.d[:, mask]).max()) if bounds else None,
                lower_bound=bounds.lower(mask) if bounds and one.bounded_below else None,
                upper_bound=bounds.upper(mask) if bounds else None,
                unrelated_deviation=others.bands[i] if others else None,
            )
        )
    return tuple(rows)


def _warnings(
    one: Measured, evidence: Evidence, why: Sequence[str], others: Unrelated | None, limit: float | None
) -> tuple[str, ...]:
    found = [f"{evidence}: {reason}" for reason in why] + list(one.warnings)
    if others and others.warning:
        found.append(others.warning)
    if limit is None and one.rescaled is not None and one.rescaled.scale == "end-point":
        found.append(f"the ladder's resolution is not known: {one.form.status}")
    return tuple(found)

"""A group of single runs as a result: the picture and the deviation, no p and no verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...results.grid import bands
from ..controls.unrelated import Unrelated, unrelated
from ..forms.fitted import fit_form, resolution
from ..outcome import Band, FittedForm, GroupResult
from ..sentences.numbers import percent
from ..verdict import grade

if TYPE_CHECKING:
    from ..ladders.measurement import Measured
    from .group import SingleGroup


def describe_single(
    one: Measured, fits: Sequence[FittedForm], *, margin: float, planned: float, rng: np.random.Generator
) -> GroupResult:
    """The result of a group that has a `SingleGroup`. The verdict is ``cannot-tell`` whatever noise was borrowed.

    Parameters
    ----------
    one : what was measured.
    fits : forms of the suite's groups, from which unrelated curves are drawn.
    margin, planned : the margin in use, and the one chosen before the data.
    rng : chance, for the unrelated curves.
    """
    single = one.single
    assert single is not None
    group = single.rescaled
    others, form = unrelated(group, fits, rng=rng), fit_form(group)
    evidence, why = grade(one.curves.curves, single.floor, margin=margin, planned=planned)
    warnings = [f"{evidence}: {reason}" for reason in why] + list(one.warnings) + [single.noise.note]
    if single.floor_problem is not None:
        taken = one.ladder.quantity.say("takes losses as they are")
        warnings.append(f"{single.floor_problem}: curves are on the shape scale; --floor 0 {taken}")
    if others.warning:
        warnings.append(others.warning)
    reason = f"{one.problem}; one run a size is described, not tested" if one.problem else _UNTESTED
    return GroupResult(
        family=one.family,
        dataset=one.dataset,
        recipe=one.recipe,
        recipe_label=one.curves.curves[0].recipe_label,
        leg=one.leg,
        control=one.control,
        n_rungs=len(group.sizes),
        n_seeds=1,
        x_min=float(group.x[0]),
        x_max=float(group.x[-1]),
        irreducible_loss=single.floor,
        p_exact=None,
        p_shape=None,
        deviation=single.deviation,
        lower_bound=None,
        upper_bound=single.upper_bound,
        margin=margin,
        bands=_bands(single, others),
        noise_floor=single.noise.level,
        unrelated_deviation=others.deviation,
        resolution={"horizon_exponent_plus_20_percent": resolution(form, group)},
        overlap=one.overlap,
        verdict="cannot-tell",
        evidence=evidence,
        reason=reason,
        warnings=tuple(warnings),
        sentence=_sentence(single, others, reason),
        n_censored=len(one.ladder.censored),
        rescaled=group,
        d=single.d,
        se=None,
        df=None,
        unrelated=others.curves,
        band=_half_band(single),
        form=form,
        single=True,
        noise_from=single.noise.source,
    )


_UNTESTED = "one run a size is described, not tested"


def _half_band(single: SingleGroup) -> np.ndarray | None:
    sd = single.noise.sd
    if sd is None:
        return None
    half = single.noise.half_width(len(single.d))
    return np.tile(2 * sd if half is None else half, (len(single.d), 1))


def _bands(single: SingleGroup, others: Unrelated) -> tuple[Band, ...]:
    size = np.abs(single.d)
    rows = []
    for place, (edges, mask) in enumerate(bands(single.rescaled.x)):
        rows.append(
            Band(
                x=edges,
                deviation=float(size[:, mask].max()) if mask.any() else None,
                lower_bound=None,
                upper_bound=None,
                unrelated_deviation=others.bands[place],
            )
        )
    return tuple(rows)


def _sentence(single: SingleGroup, others: Unrelated, reason: str) -> str:
    said = f"{reason}: {len(single.d)} runs lie within {percent(single.deviation)} of their mean curve"
    noise = single.noise
    if noise.level is not None:
        whose = {"reruns": "its reruns'", "groups": "other groups'", "neighbours": "neighbouring evaluations'"}
        said += f", with {whose[noise.source or 'reruns']} noise of {percent(noise.level)}"
        said += f" at most {percent(single.upper_bound)}" if single.upper_bound is not None else " at least"
    return said + f"; unrelated curves differ by {percent(others.deviation)}"

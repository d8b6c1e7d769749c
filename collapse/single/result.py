"""A group of single runs as a result: the picture and the deviation, no p and no verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...results.grid import bands
from ..controls.unrelated import Unrelated, unrelated
from ..forms.fitted import fit_form
from ..forms.resolving import resolution
from ..outcome import HORIZON, Band, Bounds, Extent, FittedForm, GroupResult, Residuals
from ..reasons import Reason, because
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
    null, form = unrelated(group, fits, rng=rng), fit_form(group)
    evidence, why = grade(one.curves.curves, single.floor, margin=margin, planned=planned)
    return GroupResult(
        key=one.key,
        extent=Extent.of(single.ladder, group, one.overlap),
        irreducible_loss=single.floor,
        margin=margin,
        bounds=_bounds(single, null),
        noise_floor=single.noise.level,
        noise_from=single.noise.source,
        resolution={HORIZON: resolution(form, group)},
        null=null,
        verdict="cannot-tell",
        evidence=evidence,
        reason=because("single-described-besides", why=one.problem) if one.problem else because("single-described"),
        warnings=(*why, *one.warnings, *_warnings(one, single, null)),
        single=True,
        residuals=Residuals(d=single.d, band=_half_band(single)),
        rescaled=group,
        form=form,
    )


def _warnings(one: Measured, single: SingleGroup, null: Unrelated) -> list[Reason]:
    found = [single.noise.note]
    if single.floor_problem is not None:
        found.append(because("single-on-shape-scale", quantity=one.ladder.quantity, why=single.floor_problem))
    if null.warning:
        found.append(null.warning)
    return found


def _half_band(single: SingleGroup) -> np.ndarray | None:
    sd = single.noise.sd
    if sd is None:
        return None
    half = single.noise.half_width(len(single.d))
    return np.tile(2 * sd if half is None else half, (len(single.d), 1))


def _bounds(single: SingleGroup, null: Unrelated) -> Bounds:
    size = np.abs(single.d)
    rows = tuple(
        Band(x=edges, deviation=float(size[:, mask].max()) if mask.any() else None, unrelated_deviation=other)
        for (edges, mask), other in zip(bands(single.rescaled.x), null.bands, strict=True)
    )
    return Bounds(deviation=single.deviation, upper_bound=single.upper_bound, bands=rows)

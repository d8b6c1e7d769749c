"""From learning curves to verdicts: one call for a whole set of curves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import InputError
from ..results.curves import CurveSet
from .contract import to_json, to_table
from .controls import Unrelated, unrelated
from .deviation import noise_floor
from .floor import FloorChoice, check_choice
from .forms import resolution
from .grid import bands
from .measurement import Measured, measure, noisy
from .outcome import AcrossFamilies, Analysis, Band, Evidence, Form, GroupResult, Verdict
from .rescaling import rescale
from .universality import Member, compare_families
from .verdict import MARGIN, decide, findings, grade
from .wording import leaving, percent, sentence

__all__ = ["analyze", "to_json", "to_table"]

Key = tuple[str, str, str, str]


def analyze(
    curves: CurveSet,
    *,
    rng: np.random.Generator,
    margin: float | None = None,
    irreducible_loss: FloorChoice = "known",
    resamples: int = 999,
    x_min: float = 0.1,
) -> Analysis:
    """Say for each group of curves whether its rungs share one curve, and for each data set whether its families do.

    A group is a family on a data set under one recipe and one kind of schedule. Groups come back in alphabetical
    order, and nothing depends on the order of the curves. Each group has chance of its own, spawned in that order.

    Parameters
    ----------
    curves : learning curves, with the margin that was planned for them if there was one.
    rng : chance, for the bootstrap and the controls.
    margin : largest deviation that still counts as collapse, in ln l (.03 is 3 %). By default the planned one, else .03.
        Another one than planned is accepted, and makes the evidence exploratory.
    irreducible_loss : ``known`` takes each group's own, ``fit`` the end-point power law's, ``profile`` the one at
        which the curves collapse best; or a number.
    resamples : wild-bootstrap resamples, at least 99.
    x_min : where the grid starts at the earliest, a fraction of the horizon.

    Raises
    ------
    InputError : an argument is out of range. Bad curves raise nothing: they are told in the result.
    """
    _check(margin, resamples, x_min)
    check_choice(irreducible_loss)
    planned = MARGIN if curves.margin is None else curves.margin
    used = planned if margin is None else margin
    grouped = sorted(curves.groups().items())
    *children, across_rng = rng.spawn(len(grouped) + 1)
    measured = {}
    controls_rng = {}
    for (key, group), child in zip(grouped, children, strict=True):
        first, controls_rng[key] = child.spawn(2)
        measured[key] = measure(group, choice=irreducible_loss, resamples=resamples, x_min=x_min, rng=first)
    groups = tuple(
        _conclude(key, one, _fits(measured, one), margin=used, planned=planned, rng=controls_rng[key])
        for key, one in measured.items()
    )
    across = _across(measured, margin=used, resamples=resamples, rng=across_rng)
    warnings = () if used == planned else (f"margin changed after the data, from {planned:g} to {used:g}",)
    return Analysis(groups=groups, across_families=across, warnings=warnings)


def _check(margin: float | None, resamples: int, x_min: float) -> None:
    if margin is not None and not 0 < margin < 1:
        raise InputError(f"the margin must lie between 0 and 1, got {margin:g}; .03 is 3 %")
    if resamples < 99:
        raise InputError(f"at least 99 resamples are needed for a 5 % test, got {resamples}")
    if not 0 < x_min < 0.9:
        raise InputError(f"x_min must lie between 0 and .9, got {x_min:g}")


def _control(one: Measured) -> str | None:
    return one.curves.curves[0].control


def _fits(measured: dict[Key, Measured], one: Measured) -> list[Form]:
    """Fits of the suite's measurements on the same leg and scale: what unrelated curves are drawn from."""
    if one.rescaled is None:
        return []
    return [
        other.form
        for other in measured.values()
        if other.form.status == "ok"
        and other.rescaled is not None
        and other.rescaled.scale == one.rescaled.scale
        and other.curves.curves[0].leg == one.curves.curves[0].leg
        and _control(other) is None
    ]


def _conclude(
    key: Key, one: Measured, fits: Sequence[Form], *, margin: float, planned: float, rng: np.random.Generator
) -> GroupResult:
    """Put a group's verdict together."""
    group, bounds, first = one.rescaled, one.deviations, one.curves.curves[0]
    noise = unrelated(group, fits, rng=rng) if group and len(group.sizes) > 1 else None
    limit = resolution(one.form, group) if group else None
    evidence, why = grade(one.curves.curves, one.floor, margin=margin, planned=planned)
    verdict, reason = _verdict(one, margin, limit)
    deviation, lower, upper = _numbers(one)
    p_exact = one.exact.p if one.exact else None
    return GroupResult(
        family=key[0],
        dataset=key[1],
        recipe=key[2],
        recipe_label=first.recipe_label,
        leg=key[3],
        control=_control(one),
        n_rungs=len(one.ladder.rungs),
        n_seeds=one.ladder.fewest_seeds,
        x_min=float(group.x[0]) if group else None,
        x_max=float(group.x[-1]) if group else None,
        irreducible_loss=one.floor,
        p_exact=p_exact,
        p_shape=one.shape.p if one.shape else None,
        deviation=deviation,
        lower_bound=lower,
        upper_bound=upper,
        margin=margin,
        bands=_bands(one, noise),
        noise_floor=noise_floor(one.spread, group.x) if one.spread and group else None,
        unrelated_deviation=noise.deviation if noise else None,
        resolution={"horizon_exponent_plus_20_percent": limit},
        overlap=one.overlap,
        verdict=verdict,
        evidence=evidence,
        reason=reason,
        warnings=_all_warnings(one, evidence, why, noise, limit),
        sentence=sentence(
            verdict,
            reason,
            n_rungs=len(one.ladder.rungs),
            deviation=deviation,
            lower=lower,
            upper=upper,
            p=p_exact,
            leaves=leaving(bounds, group.x, group.rungs) if bounds and group and one.problem is None else None,
            unrelated=noise.deviation if noise else None,
        ),
        n_censored=len(one.ladder.censored),
        rescaled=group,
        d=bounds.d if bounds else None,
        se=bounds.se if bounds else None,
        df=bounds.df if bounds else None,
        unrelated=noise.curves if noise else None,
        band=bounds.band() if bounds and one.ladder.fewest_seeds > 2 else None,
        p_trend=one.exact.p_trend if one.exact else None,
        spread=one.spread,
        form=one.form,
    )


def _verdict(one: Measured, margin: float, limit: float | None) -> tuple[Verdict, str | None]:
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
        resolution=limit,
        gated=_control(one) is None,
    )
    return decide(found, margin)


def _shape_numbers(one: Measured) -> str:
    if one.deviations is None:
        return ""
    p = f"p = {one.shape.p:.2g}, " if one.shape and one.shape.p is not None else ""
    return f"; shapes: {p}bound {percent(one.deviations.upper())}"


def _numbers(one: Measured) -> tuple[float | None, float | None, float | None]:
    """Deviation and its bounds; a lower bound needs three seeds a rung."""
    if one.deviations is None:
        return None, None, None
    lower = one.deviations.lower() if one.ladder.fewest_seeds > 2 else None
    return float(np.abs(one.deviations.d).max()), lower, one.deviations.upper()


def _bands(one: Measured, noise: Unrelated | None) -> tuple[Band, ...]:
    if one.rescaled is None:
        return ()
    rows = []
    for i, (edges, mask) in enumerate(bands(one.rescaled.x)):
        bounds = one.deviations if mask.any() else None
        rows.append(
            Band(
                x=edges,
                deviation=float(np.abs(bounds.d[:, mask]).max()) if bounds else None,
                lower_bound=bounds.lower(mask) if bounds and one.ladder.fewest_seeds > 2 else None,
                upper_bound=bounds.upper(mask) if bounds else None,
                unrelated_deviation=noise.bands[i] if noise else None,
            )
        )
    return tuple(rows)


def _all_warnings(
    one: Measured, evidence: Evidence, why: Sequence[str], noise: Unrelated | None, limit: float | None
) -> tuple[str, ...]:
    found = [f"{evidence}: {reason}" for reason in why] + list(one.warnings)
    if noise and noise.warning:
        found.append(noise.warning)
    if limit is None and one.rescaled is not None and one.rescaled.scale == "end-point":
        found.append(f"the ladder's resolution is not known: {one.form.status}")
    return tuple(found)


def _across(
    measured: dict[Key, Measured], *, margin: float, resamples: int, rng: np.random.Generator
) -> tuple[AcrossFamilies, ...]:
    """Compare families on each data set and leg where there are two; controls are left out."""
    by_setting: dict[tuple[str, str], list[tuple[Key, Measured]]] = {}
    for key, one in measured.items():
        if _control(one) is None and one.rescaled is not None and noisy(one.rescaled) and not one.ladder.copies():
            by_setting.setdefault((key[1], key[3]), []).append((key, one))
    settings = [(setting, rows) for setting, rows in sorted(by_setting.items()) if len({key[0] for key, _ in rows}) > 1]
    return tuple(
        compare_families(*setting, _members(rows), margin=margin, rng=child, resamples=resamples)
        for (setting, rows), child in zip(settings, rng.spawn(len(settings)), strict=True)
    )


def _members(rows: Sequence[tuple[Key, Measured]]) -> list[Member]:
    """All ladders on one grid and one scale: end points where one floor of the data set is known, else shapes."""
    floors = {one.floor.value for _, one in rows}
    known = all(
        one.floor.source in ("known", "given") and one.rescaled is not None and one.rescaled.scale == "end-point"
        for _, one in rows
    )
    start = max(float(one.rescaled.x[0]) for _, one in rows if one.rescaled is not None)
    scale = "end-point" if known and len(floors) == 1 else "shape"
    return [
        Member(key[0], key[2], rescale(one.ladder, scale=scale, irreducible_loss=one.floor.value, x_min=start))
        for key, one in rows
    ]

"""From learning curves to verdicts: one call for a whole set of curves."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from ..results.curves import CurveSet
from ..results.grid import X_MIN
from .conclusion import conclude
from .contract import to_json, to_table
from .controls.negatives import negatives_of
from .families.crossing import cross
from .families.deviation import Member, compare_families, left_out
from .families.margins import Margin, tightened_margin
from .irreducible.choice import FloorChoice
from .ladders.measurement import Measured, measure
from .ladders.rescaling import try_rescale
from .outcome import AcrossFamilies, Analysis, Form
from .reasons import because
from .settings import Settings
from .single.borrowing import with_noise
from .verdict import MARGIN

__all__ = ["analyze", "to_json", "to_table"]


def analyze(
    curves: CurveSet,
    *,
    rng: np.random.Generator,
    margin: float | None = None,
    irreducible_loss: FloorChoice = "known",
    resamples: int = 999,
    x_min: float = X_MIN,
) -> Analysis:
    """Say for each group of curves whether its rungs share one curve, and for each data set whether its families do.

    A group is a family on a data set under one recipe and one kind of schedule. Groups come back in alphabetical
    order, and nothing depends on the order of the curves. Each group has chance of its own, spawned in that order.

    Parameters
    ----------
    curves : learning curves, with the margin that was planned for them if there was one.
    rng : chance, for the bootstrap and the controls.
    margin, irreducible_loss, resamples, x_min : see `Settings`.

    Raises
    ------
    InputError : an argument is out of range. Bad curves raise nothing: they are told in the result.
    """
    settings = Settings(margin=margin, irreducible_loss=irreducible_loss, resamples=resamples, x_min=x_min)
    return examine(curves, settings, rng=rng)[0]


def examine(curves: CurveSet, settings: Settings, *, rng: np.random.Generator) -> tuple[Analysis, list[Measured]]:
    """`analyze`, with what was measured of each group on the way, in the order of the groups."""
    planned = MARGIN if curves.margin is None else curves.margin
    used = planned if settings.margin is None else settings.margin
    resamples, x_min = settings.resamples, settings.x_min
    grouped = [group for _, group in sorted(curves.groups().items())]
    *children, across_rng = rng.spawn(len(grouped) + 1)
    chances = [child.spawn(2) for child in children]
    measured = [
        measure(group, choice=settings.irreducible_loss, resamples=resamples, x_min=x_min, rng=chance)
        for group, (chance, _) in zip(grouped, chances, strict=True)
    ]
    measured = with_noise(measured, settings.noise_from)
    margins = {leg: tightened_margin(crossing, used) for leg, crossing in cross(measured).items()}
    groups = tuple(
        conclude(
            one,
            _fits(measured, one),
            margin=used,
            planned=planned,
            rng=chance,
            negatives=negatives_of(one, measured),
            local=_local(one, margins),
        )
        for one, (_, chance) in zip(measured, chances, strict=True)
    )
    across = _across(measured, margins, margin=used, resamples=resamples, rng=across_rng)
    changed = () if used == planned else (because("margin-changed", planned=planned, margin=used),)
    found = Analysis(
        groups=groups,
        across_families=across,
        warnings=(*curves.warnings, *changed),
        notes=curves.notes,
        quantity=curves.quantity,
    )
    return found, measured


def _fits(measured: Sequence[Measured], one: Measured) -> list[Form]:
    """Fits of the suite's measurements on the same leg and scale: what unrelated curves are drawn from."""
    return [
        other.form
        for other in measured
        if other.form.status == "ok"
        and other.control is None
        and other.leg == one.leg
        and (other.rescaled and other.rescaled.scale) == (one.rescaled and one.rescaled.scale)
    ]


def _local(one: Measured, margins: Mapping[str, Margin]) -> Margin | None:
    """The margin that other data sets tighten, where it was measured on this group's own scale and grid."""
    margin = margins.get(one.leg)
    if margin is None or one.rescaled is None or one.control is not None:
        return None
    return margin if margin.bears_on(one.rescaled) else None


def _across(
    measured: Sequence[Measured],
    margins: Mapping[str, Margin],
    *,
    margin: float,
    resamples: int,
    rng: np.random.Generator,
) -> tuple[AcrossFamilies, ...]:
    """Compare families on each data set and leg where there are two; controls are left out."""
    settings = by_setting(measured)
    found = []
    for (setting, rows), child in zip(sorted(settings.items()), rng.spawn(len(settings)), strict=True):
        members = members_of([one for one in rows if one.comparable])
        if len({member.family for member in members}) > 1:
            local = margins.get(setting[1])
            across = compare_families(*setting, members, margin=margin, local=local, rng=child, resamples=resamples)
            inside = {(member.family, member.recipe) for member in members}
            outside = [left_out(one.family, one.recipe) for one in rows if (one.family, one.recipe) not in inside]
            found.append(dataclasses.replace(across, per_family=(*across.per_family, *outside)))
    return tuple(found)


def by_setting(measured: Sequence[Measured]) -> dict[tuple[str, str], list[Measured]]:
    """Measurements by (data set, leg); controls are left out."""
    settings: dict[tuple[str, str], list[Measured]] = {}
    for one in measured:
        if one.control is None:
            settings.setdefault((one.dataset, one.leg), []).append(one)
    return settings


def members_of(rows: Sequence[Measured]) -> list[Member]:
    """All ladders on one grid and one scale: end points where one floor of the data set is known, else shapes."""
    known = all(one.floor.source in ("known", "given") and one.floor_problem is None for one in rows)
    start = max((float(one.rescaled.x[0]) for one in rows if one.rescaled is not None), default=X_MIN)
    scale = "end-point" if known and len({one.floor.value for one in rows}) == 1 else "shape"
    groups = [try_rescale(one.ladder, scale, one.floor.value, start)[0] for one in rows]
    return [Member(one.family, one.recipe, group) for one, group in zip(rows, groups, strict=True) if group]

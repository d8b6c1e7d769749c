"""From learning curves to verdicts: one call for a whole set of curves."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from ..results.curves import CurveSet
from ..results.grid import X_MIN, latest_start
from ..results.group_names import told_apart
from ..results.levels import MARGIN
from .composing import OK
from .conclusion import conclude
from .contract import to_json, to_table
from .controls.negatives import negatives_of
from .families.crossing import Crossing, cross
from .families.datasets import compare_datasets
from .families.deviation import compare_families, left_out
from .families.mean_curve import Member
from .irreducible.choice import FloorChoice
from .ladders.measurement import Measured, measure
from .ladders.rescaling import try_rescale
from .outcome import AcrossFamilies, Analysis, FittedForm
from .reasons import because
from .robust.pooling import with_pooled_noise
from .settings import Settings
from .single.borrowing import with_noise

__all__ = ["analyze", "to_json", "to_table"]


def analyze(
    curves: CurveSet,
    *,
    rng: np.random.Generator | None = None,
    margin: float | None = None,
    irreducible_loss: FloorChoice = "known",
    resamples: int = 999,
    x_min: float = X_MIN,
) -> Analysis:
    """Say for each group of curves whether its sizes share one curve, and for each data set whether its families do.

    A group is a family on a data set under one setting and one kind of schedule. Groups come back in alphabetical
    order, and nothing depends on the order of the curves. Each group has chance of its own, spawned in that order.

    Parameters
    ----------
    curves : learning curves, with the margin that was planned for them if there was one.
    rng : chance, for the bootstrap and the controls. None is that of the command line, which is always the same: the
        numbers are those of ``onecurve analyze``.
    margin : largest deviation that still counts as a collapse, in ln l (.03 is 3 %). None is the planned one, else .03;
        another one than was planned makes the evidence exploratory.
    irreducible_loss : ``known`` takes each group's own, ``fit`` the end-point power law's, ``profile`` the one at
        which the curves collapse best, a pair ``(low, high)`` the best between two ends that were known beforehand; or
        a number.
    resamples : resamples of the bootstrap, at least 99.
    x_min : where the comparison starts at the earliest, a fraction of the training length.

    Returns
    -------
    Analysis
        ``.groups`` has the verdicts, ``.plot()`` draws them, ``.to_pandas()`` gives one row a group.

    Raises
    ------
    InputError : an argument is out of range. Bad curves raise nothing: they are told in the result.
    """
    settings = Settings(margin=margin, irreducible_loss=irreducible_loss, resamples=resamples, x_min=x_min)
    return examine(curves, settings, rng=branches(None)[0] if rng is None else rng).analysis


def branches(rng: np.random.Generator | None) -> list[np.random.Generator]:
    """Chance for an analysis, for questions to groups and for those across families; None is the command line's."""
    return (np.random.default_rng(0) if rng is None else rng).spawn(3)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Examined:
    """An analysis with what it rests on, from which further questions start.

    Attributes
    ----------
    measured : what was measured of each group, in the order of the analysis's groups.
    crossings : families crossed with data sets, for each leg.
    members : for each data set and leg that is compared across families, the ladders on their common grid.
    """

    analysis: Analysis
    measured: Sequence[Measured]
    crossings: Mapping[str, Crossing]
    members: Mapping[tuple[str, str], Sequence[Member]]


def examine(curves: CurveSet, settings: Settings, *, rng: np.random.Generator) -> Examined:
    """`analyze`, with what was found on the way."""
    planned = MARGIN if curves.margin is None else curves.margin
    used = planned if settings.margin is None else settings.margin
    resamples, x_min = settings.resamples, settings.x_min
    grouped = [group for _, group in sorted(curves.groups().items())]
    *children, across_rng, datasets_rng = rng.spawn(len(grouped) + 2)
    chances = [child.spawn(3) for child in children]
    measured = [
        measure(group, choice=settings.irreducible_loss, resamples=resamples, x_min=x_min, rng=chance)
        for group, (chance, _, _) in zip(grouped, chances, strict=True)
    ]
    if settings.noise_from == "sizes":
        measured = with_pooled_noise(measured, [chance for _, _, chance in chances])
    else:
        measured = with_noise(measured, settings.noise_from)
    crossings = cross(measured)
    groups = tuple(
        conclude(
            one,
            _fits(measured, one),
            margin=used,
            planned=planned,
            rng=chance,
            negatives=negatives_of(one, measured),
        )
        for one, (_, chance, _) in zip(measured, chances, strict=True)
    )
    members = _members(measured)
    across = _across(measured, members, margin=used, resamples=resamples, rng=across_rng)
    pairs = tuple(
        compare_datasets(leg, crossing, margin=used, rng=child, resamples=resamples)
        for (leg, crossing), child in zip(sorted(crossings.items()), datasets_rng.spawn(len(crossings)), strict=True)
    )
    changed = () if used == planned else (because("margin-changed", planned=planned, margin=used),)
    found = Analysis(
        groups=groups,
        across_families=across,
        across_datasets=pairs,
        warnings=(*curves.warnings, *changed),
        notes=curves.notes,
        quantity=curves.quantity,
        curves=curves,
    )
    return Examined(analysis=found, measured=measured, crossings=crossings, members=members)


def _fits(measured: Sequence[Measured], one: Measured) -> list[FittedForm]:
    """Fits of the suite's measurements on the same leg and scale: what unrelated curves are drawn from."""
    return [
        other.form
        for other in measured
        if other.form.status == OK
        and other.control is None
        and other.leg == one.leg
        and (other.rescaled and other.rescaled.scale) == (one.rescaled and one.rescaled.scale)
    ]


def _across(
    measured: Sequence[Measured],
    members: Mapping[tuple[str, str], Sequence[Member]],
    *,
    margin: float,
    resamples: int,
    rng: np.random.Generator,
) -> tuple[AcrossFamilies, ...]:
    """Compare families on each data set and leg where there are two; controls are left out."""
    settings = _by_setting(measured)
    found = []
    for (setting, rows), child in zip(sorted(settings.items()), rng.spawn(len(settings)), strict=True):
        if setting in members:
            own = members[setting]
            across = compare_families(*setting, own, margin=margin, rng=child, resamples=resamples)
            inside = {(member.family, member.recipe) for member in own}
            outside = [
                left_out(one.family, one.recipe, name)
                for one, name in zip(rows, _names(rows), strict=True)
                if (one.family, one.recipe) not in inside
            ]
            found.append(dataclasses.replace(across, per_family=(*across.per_family, *outside)))
    return tuple(found)


def _members(measured: Sequence[Measured]) -> dict[tuple[str, str], list[Member]]:
    """The ladders of each data set and leg on which there are two families to compare."""
    found = {setting: _on_one_grid(group) for setting, group in _by_setting(measured).items()}
    return {setting: own for setting, own in found.items() if len({member.family for member in own}) > 1}


def _by_setting(measured: Sequence[Measured]) -> dict[tuple[str, str], list[Measured]]:
    """Measurements by (data set, leg); controls are left out."""
    settings: dict[tuple[str, str], list[Measured]] = {}
    for one in measured:
        if one.control is None:
            settings.setdefault((one.dataset, one.leg), []).append(one)
    return settings


def _names(rows: Sequence[Measured]) -> list[str]:
    """What each of the ladders of one data set and kind of schedule is called beside the others."""
    keys = [one.key for one in rows]
    return [told_apart(key, keys) for key in keys]


def _on_one_grid(ladders: Sequence[Measured]) -> list[Member]:
    """All ladders that can be compared on one grid and one scale: end points where one floor of the data set is known,
    else shapes."""
    names = {(one.family, one.recipe): name for one, name in zip(ladders, _names(ladders), strict=True)}
    rows = [one for one in ladders if one.comparable]
    known = all(one.floor.source in ("known", "given") and one.floor_problem is None for one in rows)
    start = latest_start(one.rescaled.x for one in rows if one.rescaled is not None)
    scale = "end-point" if known and len({one.floor.value for one in rows}) == 1 else "shape"
    groups = [try_rescale(one.ladder, scale, one.floor.value, start)[0] for one in rows]
    return [
        Member(one.family, one.recipe, names[one.family, one.recipe], group)
        for one, group in zip(rows, groups, strict=True)
        if group
    ]

"""Further questions to the same curves: laws, forecasts, families together, what would have shown."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import unknown
from ..results.curves import CurveSet
from .analysis import by_setting, examine, members_of
from .contract import plain, to_json
from .controls import Shuffled, shuffled_rungs
from .envelope import Departures, departures
from .families.card import DeviationCard, deviation_cards
from .families.claims import Claims, claims
from .families.crossing import Crossing, cross
from .families.deviation import Member
from .families.exponents import RandomEffects, exponent_spread
from .families.foreign import Foreign, foreign_controls
from .families.margins import Margin, tightened_margin
from .families.models import SmallestModel, smallest_model
from .families.permutation import DatasetTest, permute_datasets
from .families.variance import VarianceShares, variance_shares
from .floor import FloorChoice
from .laws.balance import Balance, balance_of
from .laws.comparison import FormComparison, compare_forms
from .laws.exponents import Deltas, estimate_deltas
from .laws.forecast import Forecast, forecast
from .laws.ranking import Ranking, rank_rescalings
from .measurement import Measured
from .outcome import AcrossFamilies, Analysis, RescaledGroup
from .planning.detectable import Detectable, smallest_detectable
from .truncation import WrongHorizons, wrong_horizons

QUESTIONS = ("across", "controls", "detectable", "forecast", "laws", "where")


_SIMULATED = 100  # groups for each detectable error, which are then known to about 6 %
_NO_MODEL = SmallestModel(model=None, reason="the nested models need an irreducible loss that is known")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Laws:
    """What law a group's curves obey: the floor that they imply, delta three ways, the form, the best rescaling."""

    balance: Balance
    deltas: Deltas | None
    forms: FormComparison | None
    rescalings: Ranking


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Controls:
    """What else a ladder shows: its curves dealt at random or cut at wrong horizons, and other data sets' curves."""

    shuffled: Shuffled | None
    wrong_horizons: WrongHorizons
    foreign: tuple[Foreign, ...]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class GroupInquiry:
    """Answers about one group; None where the question was not asked or the group has no curves to ask."""

    family: str
    dataset: str
    recipe: str
    leg: str
    laws: Laws | None
    forecast: Forecast | None
    detectable: Detectable | None
    where: Departures | None
    controls: Controls | None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SettingInquiry:
    """Answers about the families on one data set and leg."""

    dataset: str
    leg: str
    model: SmallestModel
    cards: tuple[DeviationCard, ...]
    exponents: dict[str, RandomEffects]
    claims: Claims


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class LegInquiry:
    """Answers about families and data sets together on one leg."""

    leg: str
    datasets: DatasetTest
    shares: VarianceShares
    margin: Margin


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Inquiry:
    """An analysis with the answers to further questions."""

    analysis: Analysis
    groups: tuple[GroupInquiry, ...]
    settings: tuple[SettingInquiry, ...]
    legs: tuple[LegInquiry, ...]


def inquire(
    curves: CurveSet,
    questions: Collection[str],
    *,
    rng: np.random.Generator,
    margin: float | None = None,
    irreducible_loss: FloorChoice = "known",
) -> Inquiry:
    """Analyse curves and ask further.

    Parameters
    ----------
    curves : learning curves.
    questions : any of ``across`` (models, cards, exponents, data sets against architectures), ``laws`` (implied floor,
        delta, forms, rescalings), ``forecast`` (the largest rung from the smaller ones), ``detectable`` (the smallest
        errors that each ladder would have shown), ``where`` (the envelope over x), ``controls`` (shuffled
        rungs, wrong horizons, other data sets).
    rng, margin, irreducible_loss : as in `analyze`.

    Raises
    ------
    InputError : an unknown question, or what `analyze` raises.
    """
    for question in questions:
        if question not in QUESTIONS:
            raise unknown("question", question, QUESTIONS)
    base, groups_rng, legs_rng = rng.spawn(3)
    analysis, measured = examine(curves, rng=base, margin=margin, irreducible_loss=irreducible_loss)
    used = analysis.groups[0].margin
    chances = groups_rng.spawn(len(measured))
    crossings = cross(measured)
    rows = zip(measured, chances, strict=True)
    groups = tuple(_group(one, measured, crossings.get(one.leg), questions, used, chance) for one, chance in rows)
    settings, legs = _across(analysis, measured, crossings, used, legs_rng) if "across" in questions else ((), ())
    return Inquiry(analysis=_named(analysis, settings), groups=groups, settings=settings, legs=legs)


def inquiry_json(inquiry: Inquiry) -> dict[str, Any]:
    """The analysis's JSON with the answers beside what they are about; a missing number is null."""
    found = to_json(inquiry.analysis)
    for group, answers in zip(found["groups"], inquiry.groups, strict=True):
        fields = dataclasses.asdict(answers)
        group |= {name: plain(fields[name]) for name in ("laws", "forecast", "detectable", "where", "controls")}
    answered = {(one.dataset, one.leg): one for one in inquiry.settings}
    for across in found["across_families"]:
        setting = answered.get((across["dataset"], across["leg"]))
        if setting is not None:
            across |= plain(dataclasses.asdict(setting))
    return found | {"legs": [plain(dataclasses.asdict(one)) for one in inquiry.legs]}


def _group(
    one: Measured,
    measured: Sequence[Measured],
    crossing: Crossing | None,
    questions: Collection[str],
    margin: float,
    rng: np.random.Generator,
) -> GroupInquiry:
    group, (laws_rng, power_rng, where_rng, controls_rng) = one.rescaled, rng.spawn(4)
    asked = set(questions) if group is not None else set()
    ends = group is not None and group.scale == "end-point"
    return GroupInquiry(
        family=one.family,
        dataset=one.dataset,
        recipe=one.recipe,
        leg=one.leg,
        laws=_laws(one, laws_rng) if "laws" in asked else None,
        forecast=forecast(group, others=_others(one, measured)) if "forecast" in asked and ends and group else None,
        detectable=_detectable(group, margin, power_rng) if "detectable" in asked and group else None,
        where=departures(group, rng=where_rng) if "where" in asked and group else None,
        controls=_controls(one, crossing, margin, controls_rng) if "controls" in asked else None,
    )


def _detectable(group: RescaledGroup, margin: float, rng: np.random.Generator) -> Detectable:
    return smallest_detectable(group, rng=rng, margin=margin, groups=_SIMULATED, resamples=99)


def _controls(one: Measured, crossing: Crossing | None, margin: float, rng: np.random.Generator) -> Controls:
    shuffle_rng, horizon_rng, foreign_rng = rng.spawn(3)
    group = one.rescaled
    enough = group is not None and len(group.values) > 2
    inside = crossing is not None and (one.family, one.dataset) in crossing.cells
    return Controls(
        shuffled=shuffled_rungs(group, rng=shuffle_rng) if enough and group else None,
        wrong_horizons=wrong_horizons(one, rng=horizon_rng, margin=margin),
        foreign=foreign_controls(crossing, one.family, one.dataset, rng=foreign_rng) if inside and crossing else (),
    )


def _laws(one: Measured, rng: np.random.Generator) -> Laws:
    floor_rng, delta_rng, form_rng = rng.spawn(3)
    group = one.rescaled
    known = one.floor.value if one.floor.source == "known" else None
    ends = group is not None and group.scale == "end-point"
    return Laws(
        balance=balance_of(one.ladder, rng=floor_rng, known=known),
        deltas=estimate_deltas(group, rng=delta_rng) if ends and group else None,
        forms=compare_forms(group, rng=form_rng) if ends and group else None,
        rescalings=rank_rescalings(one.ladder, irreducible_loss=known),
    )


def _others(one: Measured, measured: Sequence[Measured]) -> dict[str, Any]:
    """Groups of other families on the same data set, leg, grid and scale."""
    mine = one.rescaled
    found = {}
    for other in measured:
        theirs = other.rescaled
        same = (other.dataset, other.leg, other.control) == (one.dataset, one.leg, one.control)
        if not same or other.family == one.family or mine is None or theirs is None or theirs.scale != mine.scale:
            continue
        if np.array_equal(theirs.x, mine.x):
            found.setdefault(other.family, theirs)
    return found


def _across(
    analysis: Analysis,
    measured: Sequence[Measured],
    crossings: Mapping[str, Crossing],
    margin: float,
    rng: np.random.Generator,
) -> tuple[tuple[SettingInquiry, ...], tuple[LegInquiry, ...]]:
    legs_rng, settings_rng = rng.spawn(2)
    legs = tuple(
        _leg(leg, crossing, margin, child)
        for (leg, crossing), child in zip(sorted(crossings.items()), legs_rng.spawn(len(crossings)), strict=True)
    )
    omnibus = {one.leg: one.datasets.p for one in legs}
    compared = sorted(analysis.across_families, key=lambda one: (one.dataset, one.leg))
    rows = by_setting([one for one in measured if one.comparable])
    settings = tuple(
        _setting(one, members_of(rows[one.dataset, one.leg]), margin, omnibus.get(one.leg), child)
        for one, child in zip(compared, settings_rng.spawn(len(compared)), strict=True)
    )
    return settings, legs


def _leg(leg: str, crossing: Crossing, margin: float, rng: np.random.Generator) -> LegInquiry:
    order, spread = rng.spawn(2)
    return LegInquiry(
        leg=leg,
        datasets=permute_datasets(crossing, rng=order),
        shares=variance_shares(crossing, rng=spread),
        margin=tightened_margin(crossing, margin),
    )


def _setting(
    across: AcrossFamilies, members: Sequence[Member], margin: float, omnibus: float | None, rng: np.random.Generator
) -> SettingInquiry:
    ends = across.scale == "end-point"
    return SettingInquiry(
        dataset=across.dataset,
        leg=across.leg,
        model=smallest_model(members, margin=margin) if ends else _NO_MODEL,
        cards=deviation_cards(members, across, margin=margin),
        exponents=exponent_spread(members, margin=margin) if ends else {},
        claims=claims(members, across, margin=margin, dataset_p=omnibus, rng=rng),
    )


def _named(analysis: Analysis, settings: Sequence[SettingInquiry]) -> Analysis:
    """The analysis with the smallest model that holds, where it was asked."""
    models = {(one.dataset, one.leg): one.model.model for one in settings}
    across = tuple(
        dataclasses.replace(one, smallest_model=models.get((one.dataset, one.leg))) for one in analysis.across_families
    )
    return dataclasses.replace(analysis, across_families=across)

"""Further questions to the same curves: laws, forecasts, families together, what would have shown."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import unknown
from ..results.curves import CurveSet
from ..results.grid import X_MIN
from ..results.quantity import Quantity
from .analysis import by_setting, examine, members_of
from .contract import SCHEMA_VERSION, plain, to_json
from .families.card import DeviationCard, deviation_cards
from .families.claims import Claims, claims
from .families.crossing import Crossing, cross
from .families.deviation import Member
from .families.margins import Margin, tightened_margin
from .families.models import SmallestModel, smallest_model
from .families.permutation import DatasetTest, permute_datasets
from .families.random_effects import RandomEffects, exponent_spread
from .families.variance import VarianceShares, variance_shares
from .group_inquiry import GroupInquiry, inquire_group
from .irreducible.choice import FloorChoice
from .ladders.measurement import Measured
from .outcome import AcrossFamilies, Analysis
from .sentences.as_json import worded
from .settings import Settings
from .single.noise_levels import NoiseChoice

OF_GROUPS = ("controls", "detectable", "forecast", "laws", "noise", "tightness", "where")
QUESTIONS = ("across", *OF_GROUPS)


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
    x_min: float = X_MIN,
    noise_from: NoiseChoice | None = None,
) -> Inquiry:
    """Analyse curves and ask further.

    Parameters
    ----------
    curves : learning curves.
    questions : any of ``across`` (models, cards, exponents, data sets against architectures), ``laws`` (implied floor,
        delta, forms, rescalings), ``forecast`` (the largest rung from the smaller ones), ``detectable`` (the smallest
        errors that each ladder would have shown), ``where`` (the envelope over x), ``controls`` (shuffled
        rungs, wrong horizons, other data sets), ``noise`` (sd over seeds of each rung's last loss), ``tightness`` (the
        floor at which single runs are tightest, and their bound from reruns).
    rng, margin, irreducible_loss, x_min : as in `analyze`.
    noise_from : see `Settings`.

    Raises
    ------
    InputError : an unknown question, or what `analyze` raises.
    """
    for question in questions:
        if question not in QUESTIONS:
            raise unknown("question", question, QUESTIONS)
    base, groups_rng, legs_rng = rng.spawn(3)
    settings = Settings(margin=margin, irreducible_loss=irreducible_loss, x_min=x_min, noise_from=noise_from)
    analysis, measured = examine(curves, settings, rng=base)
    used = analysis.groups[0].margin
    chances = groups_rng.spawn(len(measured))
    crossings = cross(measured)
    rows = zip(measured, chances, strict=True)
    groups = tuple(
        inquire_group(one, measured, crossings.get(one.leg), questions, settings, margin=used, rng=chance)
        for one, chance in rows
    )
    compared, legs = _across(analysis, measured, crossings, used, legs_rng) if "across" in questions else ((), ())
    return Inquiry(analysis=_named(analysis, compared), groups=groups, settings=compared, legs=legs)


def inquiry_json(inquiry: Inquiry) -> dict[str, Any]:
    """The analysis's JSON with the answers beside what they are about; a missing number is null."""
    found = to_json(inquiry.analysis)
    for group, answers in zip(found["groups"], inquiry.groups, strict=True):
        fields = plain(worded(answers, inquiry.analysis.quantity))
        group |= {name: fields[name] for name in (*OF_GROUPS, "single_runs")}
    answered = {(one.dataset, one.leg): one for one in inquiry.settings}
    for across in found["across_families"]:
        setting = answered.get((across["dataset"], across["leg"]))
        if setting is not None:
            across |= plain(worded(setting, inquiry.analysis.quantity))
    return found | {"legs": [plain(worded(one, inquiry.analysis.quantity)) for one in inquiry.legs]}


def json_of(inquiries: Sequence[Inquiry]) -> dict[str, Any]:
    """`inquiry_json` of one observable; of several a list of these under ``by_observable``."""
    found = [inquiry_json(inquiry) for inquiry in inquiries]
    return found[0] if len(found) == 1 else {"schema_version": SCHEMA_VERSION, "by_observable": found}


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
    on_leg = {one.leg: one for one in legs}
    compared = sorted(analysis.across_families, key=lambda one: (one.dataset, one.leg))
    rows = by_setting([one for one in measured if one.comparable])
    settings = tuple(
        _setting(one, members_of(rows[one.dataset, one.leg]), margin, on_leg.get(one.leg), child)
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
    across: AcrossFamilies, members: Sequence[Member], margin: float, leg: LegInquiry | None, rng: np.random.Generator
) -> SettingInquiry:
    ends = across.scale == "end-point"
    local = leg is not None and leg.margin.bears_on(members[0].group)
    return SettingInquiry(
        dataset=across.dataset,
        leg=across.leg,
        model=smallest_model(members, margin=margin) if ends else _no_model(members[0].group.quantity),
        cards=deviation_cards(members, across, margin=margin),
        exponents=exponent_spread(members, margin=margin) if ends else {},
        claims=claims(
            members,
            across,
            margin=leg.margin.reach() if leg is not None and local else margin,
            dataset_p=leg.datasets.p if leg is not None else None,
            rng=rng,
        ),
    )


def _no_model(quantity: Quantity) -> SmallestModel:
    reason = quantity.say("the nested models need an irreducible loss that is known")
    return SmallestModel(model=None, reason=reason)


def _named(analysis: Analysis, settings: Sequence[SettingInquiry]) -> Analysis:
    """The analysis with the smallest model that holds, where it was asked."""
    models = {(one.dataset, one.leg): one.model.model for one in settings}
    across = tuple(
        dataclasses.replace(one, smallest_model=models.get((one.dataset, one.leg))) for one in analysis.across_families
    )
    return dataclasses.replace(analysis, across_families=across)

"""Further questions to the same curves: laws, forecasts, families together, what would have shown."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence

import numpy as np

from ..errors import unknown
from ..results.curves import CurveSet
from ..results.grid import X_MIN
from .analysis import Examined, branches, examine
from .composing import Missing
from .families.card import DeviationCard, deviation_cards
from .families.claims import Claims, claims
from .families.crossing import Crossing
from .families.mean_curve import Member
from .families.models import SmallestModel, smallest_model
from .families.permutation import DatasetTest, permute_datasets
from .families.random_effects import RandomEffects, exponent_spread
from .families.variance import VarianceShares, variance_shares
from .forms.form import Form
from .forms.own import asked_forms
from .group_inquiry import GroupInquiry, inquire_group
from .irreducible.choice import FloorChoice
from .outcome import AcrossFamilies, Analysis
from .reasons import because
from .settings import Settings
from .single.noise_levels import NoiseChoice

OF_GROUPS = ("controls", "detectable", "forecast", "laws", "noise", "onset", "robust", "tightness", "where")
QUESTIONS = ("across", *OF_GROUPS)
_NO_MODEL = SmallestModel(model=None, reason=because("models-need-a-floor"))


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
    datasets: DatasetTest | Missing
    shares: VarianceShares | Missing


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Inquiry:
    """An analysis with the answers to further questions. A notebook shows the verdicts and every answer in words.

    Attributes
    ----------
    analysis : the verdicts.
    groups : answers about each group, in the order of the analysis's groups.
    settings : about the families on each data set, where ``across`` was asked.
    legs : about families and data sets together, where ``across`` was asked.
    """

    analysis: Analysis
    groups: tuple[GroupInquiry, ...]
    settings: tuple[SettingInquiry, ...]
    legs: tuple[LegInquiry, ...]

    def __repr__(self) -> str:
        return f"Inquiry of {self.analysis!r}"

    def _repr_html_(self) -> str:
        from .sentences.as_html import inquiry_html

        return inquiry_html(self)


def inquire(
    curves: CurveSet,
    questions: Collection[str],
    *,
    rng: np.random.Generator | None = None,
    margin: float | None = None,
    irreducible_loss: FloorChoice = "known",
    x_min: float = X_MIN,
    noise_from: NoiseChoice | None = None,
    forms: Sequence[str] = (),
) -> Inquiry:
    """Analyse curves and ask further.

    Parameters
    ----------
    curves : learning curves.
    questions : any of these words. ``across``: what families share, by nested models, cards, exponents and data sets
        against architectures. ``laws``: the irreducible loss that the collapse implies, forms, rescalings.
        ``forecast``: the largest size from the smaller ones. ``detectable``: the smallest errors that each ladder would
        have shown. ``where``: at which x which size leaves. ``onset``: the smallest size from which on the ladder is
        within the margin, and corrections to scaling. ``controls``: shuffled sizes, wrong training lengths, other data
        sets. ``noise``: the sd over seeds of the last losses. ``robust``: the verdict without spikes or far runs.
        ``tightness``: the irreducible loss at which single runs are tightest, and their bound from reruns.
    rng, margin, irreducible_loss, x_min : as in `analyze`.
    noise_from : see `Settings`.
    forms : further forms by name, of the catalogue or ``my_form.py:MyForm``: ``laws`` ranks them, ``forecast`` holds
        the master curve against them, ``across`` makes rivals of M2 of those with as many parameters.

    Returns
    -------
    Inquiry
        ``.analysis`` has the verdicts, ``.groups`` the answers about each group in the same order.

    Raises
    ------
    InputError : an unknown question, or what `analyze` raises.
    """
    for question in questions:
        if question not in QUESTIONS:
            raise unknown("question", question, QUESTIONS)
    base, groups_rng, legs_rng = branches(rng)
    settings = Settings(
        margin=margin,
        irreducible_loss=irreducible_loss,
        x_min=x_min,
        noise_from=noise_from,
        forms=asked_forms(forms),
    )
    found = examine(curves, settings, rng=base)
    used = found.analysis.groups[0].margin
    chances = groups_rng.spawn(len(found.measured))
    groups = tuple(
        inquire_group(one, found.measured, found.crossings.get(one.leg), questions, settings, margin=used, rng=chance)
        for one, chance in zip(found.measured, chances, strict=True)
    )
    compared, legs = _across(found, used, legs_rng, settings.forms) if "across" in questions else ((), ())
    return Inquiry(analysis=_named(found.analysis, compared), groups=groups, settings=compared, legs=legs)


def _across(
    found: Examined, margin: float, rng: np.random.Generator, forms: Sequence[Form]
) -> tuple[tuple[SettingInquiry, ...], tuple[LegInquiry, ...]]:
    legs_rng, settings_rng = rng.spawn(2)
    legs = tuple(
        _leg(leg, crossing, child)
        for (leg, crossing), child in zip(
            sorted(found.crossings.items()), legs_rng.spawn(len(found.crossings)), strict=True
        )
    )
    on_leg = {one.leg: one for one in legs}
    compared = sorted(found.analysis.across_families, key=lambda one: (one.dataset, one.leg))
    settings = tuple(
        _setting(one, found.members[one.dataset, one.leg], margin, on_leg.get(one.leg), child, forms)
        for one, child in zip(compared, settings_rng.spawn(len(compared)), strict=True)
    )
    return settings, legs


def _leg(leg: str, crossing: Crossing, rng: np.random.Generator) -> LegInquiry:
    order, spread = rng.spawn(2)
    return LegInquiry(
        leg=leg,
        datasets=permute_datasets(crossing, rng=order),
        shares=variance_shares(crossing, rng=spread),
    )


def _setting(
    across: AcrossFamilies,
    members: Sequence[Member],
    margin: float,
    leg: LegInquiry | None,
    rng: np.random.Generator,
    forms: Sequence[Form],
) -> SettingInquiry:
    ends = across.scale == "end-point"
    return SettingInquiry(
        dataset=across.dataset,
        leg=across.leg,
        model=smallest_model(members, margin=margin, rng=rng.spawn(1)[0], forms=forms) if ends else _NO_MODEL,
        cards=deviation_cards(members, across, margin=margin),
        exponents=exponent_spread(members, margin=margin) if ends else {},
        claims=claims(
            members,
            across,
            margin=margin,
            dataset_p=leg.datasets.p if leg is not None and isinstance(leg.datasets, DatasetTest) else None,
            rng=rng,
        ),
    )


def _named(analysis: Analysis, settings: Sequence[SettingInquiry]) -> Analysis:
    """The analysis with the smallest model that holds, where it was asked."""
    models = {(one.dataset, one.leg): one.model.model for one in settings}
    across = tuple(
        dataclasses.replace(one, smallest_model=models.get((one.dataset, one.leg))) for one in analysis.across_families
    )
    return dataclasses.replace(analysis, across_families=across)

"""Answers to further questions, a line of text each: what the terminal and a report show."""

from __future__ import annotations

from collections.abc import Iterator

from ...results.group_names import full_name, with_control
from ...results.quantity import LOSS, Quantity
from ..group_inquiry import Controls, GroupInquiry, Laws
from ..inquiry import Inquiry, LegInquiry, SettingInquiry
from .of_controls import foreign_line, horizons_line, otherwise_lines, shuffled_line
from .of_families import (
    card_sentence,
    claims_line,
    datasets_line,
    exponent_line,
    model_line,
    shares_sentence,
)
from .of_groups import noise_line, spread_line, tightness_lines, where_line
from .of_laws import balance_lines, deltas_line, forecast_line, forms_line, joint_line, ranking_lines
from .of_onset import onset_lines
from .of_planning import detectable_line
from .of_robustness import robust_lines
from .of_single_runs import single_lines


def paragraphs(inquiry: Inquiry) -> Iterator[tuple[str, list[str]]]:
    """All that was asked beyond the verdicts, as headings with their lines: each group, then across families."""
    quantity = inquiry.analysis.quantity
    results = inquiry.analysis.groups
    for group, result in zip(inquiry.groups, results, strict=True):
        spread = spread_line(result) if group.noise is not None else None
        yield (
            with_control(full_name(result, results), result),
            [*([spread] if spread else []), *group_lines(group, quantity)],
        )
    for setting in inquiry.settings:
        yield f"families on {setting.dataset} ({setting.leg} rate)", [*setting_lines(setting, quantity)]
    for leg in inquiry.legs:
        yield f"data sets against architectures ({leg.leg} rate)", [*leg_lines(leg, quantity)]


def group_lines(group: GroupInquiry, quantity: Quantity = LOSS) -> Iterator[str]:
    """All that was asked of one group."""
    if group.detectable is not None:
        yield detectable_line(group.detectable, quantity)
    if group.where is not None:
        yield where_line(group.where, quantity)
    if group.onset is not None:
        yield from onset_lines(group.onset, quantity)
    if group.robust is not None:
        yield from robust_lines(group.robust, quantity)
    if group.laws is not None:
        yield from law_lines(group.laws, quantity)
    if group.forecast is not None:
        yield forecast_line(group.forecast, quantity)
    if group.controls is not None:
        yield from control_lines(group.controls, quantity)
    for row in group.noise or ():
        yield noise_line(row, quantity)
    if group.tightness is not None:
        yield from tightness_lines(group.tightness, quantity)
    if group.single_runs is not None:
        yield from single_lines(group.single_runs, quantity)


def law_lines(found: Laws, quantity: Quantity = LOSS) -> Iterator[str]:
    """What law a group's curves obey."""
    yield from balance_lines(found.balance, quantity)
    yield joint_line(found.joint, quantity)
    if found.deltas is not None:
        yield deltas_line(found.deltas, quantity)
    if found.forms is not None:
        yield forms_line(found.forms, quantity)
    yield from ranking_lines(found.rescalings, quantity)


def setting_lines(setting: SettingInquiry, quantity: Quantity = LOSS) -> Iterator[str]:
    """The families on one data set under one kind of schedule."""
    yield model_line(setting.model, quantity)
    for card in setting.cards:
        yield card_sentence(card, quantity)
    yield claims_line(setting.claims)
    for name, spread in setting.exponents.items():
        yield exponent_line(name, spread)


def control_lines(found: Controls, quantity: Quantity = LOSS) -> Iterator[str]:
    """What else a group's ladder shows."""
    if found.shuffled is not None:
        yield shuffled_line(found.shuffled)
    yield horizons_line(found.wrong_horizons, quantity)
    for one in found.foreign:
        yield foreign_line(one, quantity)
    if found.otherwise is not None:
        yield from otherwise_lines(found.otherwise, quantity)


def leg_lines(leg: LegInquiry, quantity: Quantity = LOSS) -> Iterator[str]:
    """Families and data sets together under one kind of schedule."""
    yield shares_sentence(leg.shares, quantity)
    yield datasets_line(leg.datasets, quantity)

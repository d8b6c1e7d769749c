"""What a page says of one observable, made ready for the template: words and numbers of the analysis, nothing new."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ...collapse.contract import to_table
from ...collapse.inquiry_contract import inquiry_json
from ...collapse.sentences.answers import group_lines, leg_lines
from ...collapse.sentences.numbers import counted
from ...collapse.sentences.of_families import (
    across_datasets_line,
    card_sentence,
    claims_line,
    exponent_line,
    model_line,
    together_line,
)
from ...collapse.sentences.overall import answer, question
from ...collapse.sentences.reasons import say
from ...collapse.sentences.verdicts import sentence, verdict_words
from ...results.group_names import full_name, told_apart
from .drawn import figures_of
from .findings import tables_of

if TYPE_CHECKING:
    from ...collapse.group_inquiry import GroupInquiry
    from ...collapse.inquiry import Inquiry, SettingInquiry
    from ...collapse.outcome import Analysis, GroupResult
    from ...results.curves import CurveSet
    from ...results.quantity import Quantity
    from .downloads import Downloads

MUST = {"holds": "control: must collapse", "fails": "control: must not"}
_RANK = {"holds": 0, "fails": 1}


def chapter(inquiry: Inquiry, curves: CurveSet, downloads: Downloads, ending: str) -> dict[str, Any]:
    """All that the page says of one observable.

    Parameters
    ----------
    inquiry, curves : what was found, and in which curves.
    downloads : takes the figures, the tables and the JSON.
    ending : of the names of these files, to tell observables apart.
    """
    analysis, quantity = inquiry.analysis, inquiry.analysis.quantity
    found = inquiry_json(inquiry)
    tables = {"verdicts": to_table(analysis), **tables_of(found)}
    for name, rows in tables.items():
        downloads.add_table(f"{name}{ending}", rows)
    downloads.add_json(f"analysis{ending}.json", found)
    pairs = sorted(zip(analysis.groups, inquiry.groups, strict=True), key=lambda pair: _order(pair[0]))
    cards = [_card(place, result, asked, analysis) for place, (result, asked) in enumerate(pairs)]
    return {
        "ending": ending,
        "quantity": quantity,
        "question": question(quantity),
        "answer": answer(analysis),
        "cards": cards,
        "matrix": _matrix(cards),
        "datasets": sorted({card["dataset"] for card in cards}),
        "families": _families(inquiry, cards),
        "across": [(f"{one.dataset} ({one.leg} rate)", together_line(one), one) for one in analysis.across_families],
        "between": [line for one in analysis.across_datasets if (line := across_datasets_line(one, quantity))],
        "settings": [(f"{one.dataset} ({one.leg} rate)", _together(one, quantity)) for one in inquiry.settings],
        "legs": [(f"{one.leg} rate", list(leg_lines(one, quantity))) for one in inquiry.legs],
        "figures": figures_of(inquiry, curves, downloads, ending),
        "tables": tables,
        "notes": list(analysis.notes),
        "warnings": [say(warning, quantity) for warning in analysis.warnings],
    }


def _together(setting: SettingInquiry, quantity: Quantity) -> list[str]:
    """What holds of all families on a data set; what is said of each stands beside the family."""
    exponents = [exponent_line(name, spread) for name, spread in setting.exponents.items()]
    return [model_line(setting.model, quantity), claims_line(setting.claims), *exponents]


def _order(group: GroupResult) -> tuple[int, str, float, str]:
    bound = float("inf") if group.upper_bound is None else group.upper_bound
    return _RANK.get(group.control or "", 2), group.dataset, bound, group.family


def _card(place: int, result: GroupResult, asked: GroupInquiry, analysis: Analysis) -> dict[str, Any]:
    quantity = analysis.quantity
    name = told_apart(result, analysis.groups)
    return {
        "id": f"group-{place}",
        "name": name,
        "title": full_name(result, analysis.groups),
        "family": result.family,
        "dataset": result.dataset,
        "row": f"{name} ({MUST[result.control]})" if result.control else name,
        "must": MUST.get(result.control or ""),
        "verdict": result.verdict,
        "words": verdict_words(result),
        "sentence": sentence(result),
        "result": result,
        "shape": result.rescaled is not None and result.rescaled.scale == "shape",
        "trend": getattr(asked.detectable, "trend", None),
        "warnings": [say(warning, quantity) for warning in result.warnings],
        "asked": {name: lines for name, lines in _asked(asked, quantity).items() if lines},
    }


#: What the answer of each field of `GroupInquiry` is about.
ASKED = {
    "detectable": "What would have shown",
    "where": "Which size leaves",
    "onset": "Onset",
    "laws": "Laws",
    "forecast": "Forecast",
    "controls": "Controls",
    "noise": "Noise",
    "tightness": "Tightness",
    "robust": "Robustness",
    "single_runs": "Single runs",
}


def _asked(group: GroupInquiry, quantity: Quantity) -> dict[str, list[str]]:
    """Sentences on what was asked of a group, by what they are about: `group_lines` of one answer at a time."""
    nothing = dict.fromkeys(ASKED)
    found = {}
    for name, title in ASKED.items():
        one = dataclasses.replace(group, **{**nothing, name: getattr(group, name)})
        found[title] = list(group_lines(one, quantity))
    return found


def _matrix(cards: Sequence[dict[str, Any]]) -> list[tuple[str, str, dict[str, list[dict[str, Any]]]]]:
    """Rows of families by data set: the row's name, its family, and the cards of each cell."""
    rows: dict[tuple[str, str], dict[str, list[dict[str, Any]]]] = {}
    for card in cards:
        rows.setdefault((card["row"], card["family"]), {}).setdefault(card["dataset"], []).append(card)
    return [(row, family, cells) for (row, family), cells in rows.items()]


def _families(inquiry: Inquiry, cards: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    said: dict[str, list[str]] = {}
    for setting in inquiry.settings:
        for one in setting.cards:
            words = card_sentence(one, inquiry.analysis.quantity)
            said.setdefault(one.row.family, []).append(f"On {setting.dataset}: {words}.")
    grouped: dict[str, list[dict[str, Any]]] = {}
    for card in cards:
        grouped.setdefault(card["family"], []).append(card)
    return [
        {"name": name, "cards": own, "said": said.get(name, []), "count": counted(len(own), "ladder")}
        for name, own in sorted(grouped.items())
    ]

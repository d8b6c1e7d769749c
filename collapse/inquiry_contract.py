"""What leaves an inquiry: the analysis's JSON with the answers to further questions beside what they are about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .contract import SCHEMA_VERSION, plain, to_json
from .inquiry import OF_GROUPS, Inquiry
from .sentences.as_json import worded


def inquiry_json(inquiry: Inquiry) -> dict[str, Any]:
    """The analysis's JSON with the answers beside what they are about; a missing number is null."""
    found, quantity = to_json(inquiry.analysis), inquiry.analysis.quantity
    for group, answers in zip(found["groups"], inquiry.groups, strict=True):
        group |= {name: plain(worded(getattr(answers, name), quantity)) for name in (*OF_GROUPS, "single_runs")}
    answered = {(one.dataset, one.leg): one for one in inquiry.settings}
    for across in found["across_families"]:
        setting = answered.get((across["dataset"], across["leg"]))
        if setting is not None:
            across |= plain(worded(setting, quantity))
    return found | {"legs": plain(worded(inquiry.legs, quantity))}


def json_of(inquiries: Sequence[Inquiry]) -> dict[str, Any]:
    """`inquiry_json` of one observable; of several a list of these under ``by_observable``."""
    found = [inquiry_json(inquiry) for inquiry in inquiries]
    return found[0] if len(found) == 1 else {"schema_version": SCHEMA_VERSION, "by_observable": found}

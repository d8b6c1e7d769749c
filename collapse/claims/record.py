"""What is kept of a claim that was judged: the claim, its digest before the data, its truths and what was found."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from .claim import Claim
from .estimators.estimator import Estimated
from .judging import Finding, Judged, Trusted

FILE = "claim.json"
_SAID = ("name", "statement", "citation", "evidence", "observable", "predicts", "margin", "fails_if", "digest")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Record:
    """A claim and what became of it in one results folder.

    Attributes
    ----------
    claim : its parts as plain types, with ``regime`` in words and the file's ``digest``.
    stated_digest, stated_on : the digest that it had when its first network was to be trained, and that date.
    judged_on : when it was judged last.
    trusted : how it does on its truth and counter.
    findings : of each family and data set; empty where it may not judge.
    """

    claim: Mapping[str, Any]
    stated_digest: str
    stated_on: str
    judged_on: str
    trusted: Trusted
    findings: Sequence[Finding]

    @property
    def changed(self) -> bool:
        """Whether the claim's file is another one than before its data."""
        return self.claim["digest"] != self.stated_digest

    def to_dict(self) -> dict[str, Any]:
        """As plain types, for JSON."""
        return {**dataclasses.asdict(self), "findings": [dataclasses.asdict(one) for one in self.findings]}


def said_of(claim: Claim) -> dict[str, Any]:
    """A claim's parts as plain types."""
    return {**{name: getattr(claim, name) for name in _SAID}, "regime": claim.regime.words}


def record_from(raw: Mapping[str, Any]) -> Record:
    """The inverse of `Record.to_dict`."""
    trusted = raw["trusted"]
    return Record(
        **{name: raw[name] for name in ("claim", "stated_digest", "stated_on", "judged_on")},
        trusted=Trusted(
            truth=_judged(trusted["truth"]), counter=_judged(trusted["counter"]), seconds=trusted["seconds"]
        ),
        findings=[_finding(one) for one in raw["findings"]],
    )


def _judged(raw: Mapping[str, Any]) -> Judged:
    return Judged(**{**raw, "finding": _finding(raw["finding"])})


def _finding(raw: Mapping[str, Any]) -> Finding:
    return Finding(**{**raw, "estimate": None if raw["estimate"] is None else Estimated(**raw["estimate"])})

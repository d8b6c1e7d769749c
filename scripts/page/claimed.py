"""What a page says of claims: predictions of a theory, held against the networks of a results folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...collapse.claims.record import FILE
from ..claiming import records_in, sorted_records

if TYPE_CHECKING:
    from ...collapse.claims.judging import Judged
    from ...collapse.claims.record import Record
    from .downloads import Downloads


def records_of(paths: Sequence[str]) -> list[Record]:
    """Records of claims that were judged into these folders, or of which one is a folder."""
    found: list[Record] = []
    for path in paths:
        folder = Path(path)
        if next(folder.glob(f"*/{FILE}"), None) is not None:
            found += records_in(path)
        elif (folder / FILE).is_file():
            found += [record for record in records_in(str(folder.parent)) if record.claim["name"] == folder.name]
    return sorted_records(found)


def without_curves(path: str) -> bool:
    """Whether a folder holds claims and no curves of its own."""
    folder = Path(path)
    return next(folder.glob(f"*/{FILE}"), None) is not None and next(folder.glob("trials*"), None) is None


def claims_chapter(records: Sequence[Record], downloads: Downloads) -> dict[str, Any] | None:
    """All that the page says of claims; None without any.

    Parameters
    ----------
    records : what was found.
    downloads : takes the table of constants and the figure.
    """
    if not records:
        return None
    from ...collapse.claims.constants import VERDICTS, judged_together, rows
    from ...collapse.claims.figure import claims_sheet
    from ...collapse.drawing.lettering import house_style

    table = rows(records)
    if table:
        downloads.add_table("constants", table)
        with house_style():
            downloads.add_figure("claims", claims_sheet(records))
    counts = [(word, sum(row["verdict"] == word for row in table)) for word in VERDICTS]
    return {
        "records": [_said(record) for record in records],
        "table": table,
        "counts": ", ".join(f"{number} {word}" for word, number in counts),
        "families": sorted({row["family"] for row in table}),
        "figure": {"name": "claims", "kind": "claims", "title": "Which claims hold, and where"},
        "dots": [
            {"claim": record.claim["name"], "verdict": judged.verdict, "predicted": judged.finding.predicted}
            | {"family": judged.finding.family, "dataset": judged.finding.dataset, "margin": judged.finding.margin}
            for record, judged in judged_together(records)
        ],
    }


def _said(record: Record) -> dict[str, Any]:
    known = [
        {"which": which, "system": judged.finding.dataset, "found": _found(judged), "verdict": judged.verdict}
        for which, judged in (("true", record.trusted.truth), ("false", record.trusted.counter))
    ]
    dates = {"stated": record.stated_on[:10], "judged": record.judged_on[:10]}
    return {**record.claim, **dates, "known": known, "passed": record.trusted.passed, "changed": record.changed}


def _found(judged: Judged) -> str:
    from ...collapse.claims.constants import number

    one = judged.finding.estimate
    if one is None:
        return judged.finding.reason
    return f"{number(one.value)} [{number(one.low)}, {number(one.high)}]"

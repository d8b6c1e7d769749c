"""The table of constants: claim by family, value with interval, deviation, q-value, verdict; and the page around it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .judging import Judged, Trusted, verdicts
from .record import Record

VERDICTS = ("holds", "fails", "cannot tell", "out of regime")


def judged_together(records: Sequence[Record]) -> list[tuple[Record, Judged]]:
    """All findings of all records with their verdicts, the false discovery rate held over all of them."""
    pairs = [(record, one) for record in records for one in record.findings]
    return list(zip((record for record, _ in pairs), verdicts([one for _, one in pairs]), strict=True))


def rows(records: Sequence[Record]) -> list[dict[str, Any]]:
    """The table, one row a claim, family and data set; what is missing is None."""
    return [_row(judged) for _, judged in judged_together(records)]


def _row(judged: Judged) -> dict[str, Any]:
    one, number = judged.finding, judged.finding.estimate
    return {
        "claim": one.claim,
        "family": one.family,
        "dataset": one.dataset,
        "predicted": one.predicted,
        "margin": one.margin,
        "value": number and number.value,
        "low": number and number.low,
        "high": number and number.high,
        "deviation": number and number.value - one.predicted,
        "q": judged.q,
        "verdict": judged.verdict,
        "reason": one.reason or None,
    }


def page(records: Sequence[Record]) -> str:
    """The report in Markdown."""
    found = rows(records)
    counts = {verdict: sum(row["verdict"] == verdict for row in found) for verdict in VERDICTS}
    said = ", ".join(f"{n} {word}" for word, n in counts.items())
    lines = [
        "# Claims",
        "",
        f"{len(records)} claims, {len(found)} verdicts: {said}.",
        "A claim holds where its number lies within the margin of the predicted one, and fails where it lies beyond;",
        "the false discovery rate of both is held at 5 % over all verdicts (Benjamini and Hochberg 1995). Intervals",
        "are of 95 %, over seeds, each by itself. Figure: `claims.png`.",
        "",
        "## Table of constants",
        "",
        *markdown(found),
        "",
        "## Where the answer is known",
        "",
        *known_answers(records),
        "",
        "## The claims",
        "",
    ]
    for record in records:
        lines += [*_about(record), ""]
    return "\n".join(lines).rstrip()


def markdown(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """The table of constants in Markdown."""
    head = ("claim", "family", "data set", "predicted", "value", "deviation", "q", "verdict", "why")
    lines = [_line(head), _line("---" for _ in head)]
    for row in found:
        interval = f"{number(row['value'])} ({number(row['low'])} to {number(row['high'])})"
        lines.append(
            _line(
                (
                    row["claim"],
                    row["family"],
                    row["dataset"],
                    f"{row['predicted']:.4g} ± {row['margin']:.2g}",
                    "–" if row["value"] is None else interval,
                    "–" if row["deviation"] is None else f"{row['deviation']:+.2g}",
                    q_value(row["q"]),
                    row["verdict"],
                    row["reason"] or "",
                )
            )
        )
    return lines


def known_answers(records: Sequence[Record]) -> list[str]:
    """What each claim finds where it is true and where it is false, in Markdown."""
    head = ("claim", "true of", "predicted", "found", "error", "false of", "found", "judges networks", "seconds")
    lines = [_line(head), _line("---" for _ in head)]
    for record in records:
        truth, counter = (each.finding for each in (record.trusted.truth, record.trusted.counter))
        found, other = truth.estimate and truth.estimate.value, counter.estimate and counter.estimate.value
        error = "–" if found is None else f"{found - truth.predicted:+.2g}"
        judges = "yes" if record.trusted.passed else "no"
        said = (f"{truth.predicted:.4g}", number(found), error, counter.dataset, number(other), judges)
        lines.append(_line((truth.claim, truth.dataset, *said, f"{record.trusted.seconds:.1f}")))
    return lines


def _about(record: Record) -> Iterable[str]:
    said, truth, counter = record.claim, record.trusted.truth, record.trusted.counter
    yield f"### {said['name']}"
    yield ""
    yield f"{said['statement']} {said['citation']}. Evidence: {said['evidence']}."
    yield ""
    yield f"* Predicted {said['predicts']:.4g} within {said['margin']:.2g}, of {said['observable']}."
    yield f"* Regime: {said['regime']}"
    yield f"* Fails if: {said['fails_if']}"
    yield f"* On {truth.finding.dataset}, where it is true: {_said(truth)}."
    yield f"* On {counter.finding.dataset}, where it is false: {_said(counter)}. {record.trusted.seconds:.1f} s."
    if not record.trusted.passed:
        yield "* It judges no network, for it does not tell these two apart."
    yield f"* File {record.stated_digest[:12]}, stated on {record.stated_on[:10]}, judged on {record.judged_on[:10]}."
    if record.changed:
        yield f"* The file was changed after its data: it is {said['digest'][:12]} now."


def said_of_truth(name: str, trusted: Trusted) -> str:
    """How a claim does where its answer is known, in one sentence."""
    judges = "" if trusted.passed else ", so it judges no network"
    first, second = trusted.truth.finding.dataset, trusted.counter.finding.dataset
    return (
        f"{name}: on {first}, where it is true, {_said(trusted.truth)}; on {second}, where it is false, "
        f"{_said(trusted.counter)}{judges} ({trusted.seconds:.1f} s)"
    )


def _said(judged: Judged) -> str:
    one = judged.finding.estimate
    if one is None or judged.finding.reason:
        return f"{judged.verdict} ({judged.finding.reason})"
    return f"{judged.verdict}, {number(one.value)} ({number(one.low)} to {number(one.high)})"


def number(value: float | None) -> str:
    """Three digits, or a dash."""
    return "–" if value is None else f"{value:.3g}"


def q_value(q: float | None) -> str:
    """A q-value in two digits, or a dash."""
    return "–" if q is None else "< 0.001" if q < 0.001 else f"{q:.2g}"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "/") for cell in cells) + " |"

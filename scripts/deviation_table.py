"""The deviation table on the terminal: what an analysis found, group by group and across families."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from ..results.quantity import LOSS
from .terminal import console

if TYPE_CHECKING:
    from ..collapse.inquiry import Inquiry
    from ..collapse.outcome import Analysis, GroupResult

_NAME = 24  # characters of a family's name that are never broken


def print_analysis(inquiry: Inquiry, *, titled: bool = False) -> None:
    """Print the deviation table: controls first, each row with its verdict in one plain sentence.

    Above it stands what the curves are of, unless it is the loss and ``titled`` is False.
    """
    from ..collapse.sentences.reasons import say
    from ..collapse.sentences.verdicts import reading_order
    from ..results.group_names import told_apart

    analysis, quantity = inquiry.analysis, inquiry.analysis.quantity
    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
    right = ("sizes", "seeds", "deviation", "bound", "noise", "would show", "p exact", "p shape", "unrelated")
    pairs = zip(analysis.groups, inquiry.groups, strict=True)
    rows = [
        _analysis_row(told_apart(group, analysis.groups), group, getattr(answers.detectable, "trend", None))
        for group, answers in sorted(pairs, key=lambda pair: reading_order(pair[0]))
    ]
    for name in ("family", "data set", *right, "verdict", "in words"):
        # The mark of a control stays on one line with its family.
        least = min(_NAME, max((len(row[0]) for row in rows), default=0)) if name == "family" else None
        table.add_column(name, justify="right" if name in right else "left", overflow="fold", min_width=least)
    for row in rows:
        table.add_row(*row)
    if titled or quantity != LOSS:
        console().print(quantity.heading, style="bold")
    console().print(table)
    console().print(
        "deviation: largest |d| over model sizes and x; bound: its upper 95 % bound; noise: the bound, in its plain "
        "form, that the seeds' noise alone would leave; would show: the smallest size trend that these sizes and "
        "seeds detect with 80 % power; unrelated: what curves show that share nothing but the schedule; "
        f"* on the shape scale, because {quantity.say('the irreducible loss is not known')}"
        + ("; † one run a size: a description, not tested" if any(g.single for g in analysis.groups) else "")
        + ("; ‡ with noise pooled over sizes" if any(g.noise_from == "sizes" for g in analysis.groups) else ""),
        style="dim",
    )
    for note in analysis.notes:
        console().print(f"read: {note}", style="dim", soft_wrap=True, markup=False, highlight=False)
    for warning in analysis.warnings:
        console().print(f"note: {say(warning)}", style="dim")
    _print_notes(analysis)
    _print_across(analysis)


def _print_notes(analysis: Analysis) -> None:
    """Each warning once with the groups that have it, and which evidence is confirmatory."""
    from ..collapse.sentences.reasons import say
    from ..results.group_names import full_name

    notes: dict[str, list[str]] = {}
    for group in analysis.groups:
        name = full_name(group, analysis.groups)
        for warning in (*group.warnings, *(["confirmatory"] if group.evidence == "confirmatory" else [])):
            notes.setdefault(say(warning), []).append(name)
    for warning, names in notes.items():
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        who = "all" if len(names) == len(analysis.groups) > 1 else ", ".join(names[:3]) + more
        console().print(f"note ({who}): {warning}", style="dim")


def _print_across(analysis: Analysis) -> None:
    from ..collapse.sentences.of_families import across_datasets_line, together_line
    from ..collapse.sentences.reasons import say

    table = Table(
        box=None,
        pad_edge=False,
        header_style="bold",
        title="Against the other families' master curve",
        title_justify="left",
    )
    for name in ("data set", "family", "deviation", "95 % interval", "where", "verdict"):
        table.add_column(name, justify="right" if name == "deviation" else "left")
    for across in analysis.across_families:
        star = "*" if across.scale == "shape" else ""
        for family in across.per_family:
            where = _stretch(*family.where) if family.where else ""
            interval = (
                f"{_percent(family.low)} to {_percent(family.high)}"
                if family.high is not None
                else say(family.reason, analysis.quantity)
                if family.reason
                else ""
            )
            table.add_row(
                across.dataset, family.name, _percent(family.deviation) + star, interval, where, family.verdict
            )
    if table.row_count:
        console().print()
        console().print(table)
    for across in analysis.across_families:
        console().print(f"families on {across.dataset} ({across.leg} rate): {together_line(across)}")
    for found in analysis.across_datasets:
        if line := across_datasets_line(found, analysis.quantity):
            console().print(line)


def _stretch(first: float, last: float) -> str:
    start, end = f"{first:.2g}", f"{last:.2g}"
    return f"near x {start}" if start == end else f"x {start} to {end}"


def _analysis_row(name: str, group: GroupResult, detectable: float | None) -> list[str]:
    from ..collapse.sentences.verdicts import sentence, verdict_words
    from ..results.group_names import with_control

    star = "*" if group.rescaled is not None and group.rescaled.scale == "shape" else ""
    star += "†" if group.single else ""
    pooled = "‡" if group.noise_from == "sizes" else ""
    return [
        with_control(name, group),
        group.dataset,
        str(group.n_rungs),
        str(group.n_seeds),
        _percent(group.deviation) + star,
        _percent(group.upper_bound) + star + pooled,
        _percent(group.noise_bound),
        "> 100 %" if detectable is not None and detectable > 1 else _percent(detectable),
        _number(group.p_exact),
        _number(group.p_shape),
        _percent(group.unrelated_deviation),
        verdict_words(group),
        sentence(group),
    ]


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"

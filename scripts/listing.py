"""Tables on the terminal: what there is, and what an analysis found."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from ..results.quantity import LOSS

if TYPE_CHECKING:
    from ..collapse.inquiry import Inquiry
    from ..collapse.outcome import Analysis, GroupResult

_PIPE_WIDTH = 160


def families() -> list[dict[str, Any]]:
    """Families with their ladders, sizes, kinds of data and checks. Sizes are read from a shipped file."""
    from ..architectures.family import FAMILIES
    from ..datasets.dataset import DATASETS
    from ..results.trials import rung_label
    from .publish.list_sizes import read_sizes

    tasks = {name: DATASETS.make(name).task for name in DATASETS.names()}
    sizes = read_sizes()
    rows = []
    for name in FAMILIES.names():
        family, known = FAMILIES.make(name), sizes.get(name, {})
        fits = [dataset for dataset, task in tasks.items() if family.misfit(task) is None]
        rows.append(
            {
                "family": name,
                "library": family.library,
                "rungs": len(family.ladder),
                "ladder": f"{rung_label(family.ladder[0])} to {rung_label(family.ladder[-1])}",
                "n_params": known.get("n_params"),
                "params_per_doubling": known.get("params_per_doubling"),
                "flops": known.get("flops"),
                "kinds": sorted({tasks[dataset].kind for dataset in fits}),
                "packable": family.packable,
                "coordinate_check": known.get("coordinate_check"),
                "fits": fits,
            }
        )
    return rows


def families_in_short(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of `families` for a terminal: ranges in few characters, and no list of data sets."""
    short = []
    for row in rows:
        ranges = {key: " to ".join(map(_short, row[key])) if row[key] else None for key in ("n_params", "flops")}
        words = {**ranges, "coordinate_check": _check(row["coordinate_check"])}
        short.append({key: value for key, value in {**row, **words}.items() if key != "fits"})
    return short


def _check(check: Mapping[str, Any] | None) -> str | None:
    """A coordinate check in a cell: its status with the slope, and that of the control, which must not be 0."""
    if check is None or check["slope"] is None:
        return None
    return f"{check['status']} {check['slope']:+.2f} ({check['standard']:+.2f})"


def _short(value: float) -> str:
    for scale, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= scale:
            return f"{value / scale:.3g}{letter}"
    return f"{value:g}"


def sweeps() -> list[dict[str, Any]]:
    """Built-in sweeps."""
    from ..benchmark.sweep import load_sweep, sweep_names

    rows = []
    for name in sweep_names():
        sweep = load_sweep(name)
        rows.append({"sweep": name, "margin": sweep.margin, "groups": len(sweep.groups)})
    return rows


def entries(kind: str) -> list[dict[str, Any]]:
    """Entries of the trainer of one kind, with their parameters and defaults."""
    from ..benchmark.observables.observable import OBSERVABLES
    from ..benchmark.optimisers.optimiser import OPTIMISERS
    from ..benchmark.schedules.schedule import SCHEDULES

    catalogue = {"observable": OBSERVABLES, "optimiser": OPTIMISERS, "schedule": SCHEDULES}[kind]
    rows = []
    for name in catalogue.names():
        entry = catalogue.make(name)
        params = {field.name: getattr(entry, field.name) for field in dataclasses.fields(entry)}
        said = ", ".join(f"{key}={'none' if value is None else value}" for key, value in params.items())
        rows.append({kind: name, "parameters": said, "what it is": entry.summary})
    return rows


def forms() -> list[dict[str, Any]]:
    """Forms of the normalised curve, with their parameters and the range of each."""
    from ..collapse.forms.form import FORMS

    rows = []
    for form in map(FORMS.make, FORMS.names()):
        said = ", ".join(f"{one.name} {one.low:.3g} to {one.high:.3g}" for one in form.parameters)
        said += ", and the annealing gain" if form.annealed else ""
        rows.append({"form": form.name, "formula": form.formula, "parameters": said, "source": form.citation})
    return rows


def print_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows that share their keys as a table."""
    if not rows:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in rows[0]:
        right = all(isinstance(row[name], (int, float)) for row in rows)
        table.add_column(name.replace("_", " "), justify="right" if right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    console().print(table)


def print_analysis(inquiry: Inquiry, *, titled: bool = False) -> None:
    """Print the deviation table: controls first, each row with its verdict in one plain sentence.

    Above it stands what the curves are of, unless it is the loss and ``titled`` is False.
    """
    from ..collapse.sentences.reasons import say
    from ..collapse.sentences.verdicts import told_apart

    analysis, quantity = inquiry.analysis, inquiry.analysis.quantity
    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
    right = ("rungs", "seeds", "deviation", "bound", "would show", "p exact", "p shape", "unrelated")
    for name in ("family", "data set", *right, "verdict", "in words"):
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    rows = zip(analysis.groups, inquiry.groups, strict=True)
    for group, answers in sorted(rows, key=lambda row: _order(row[0])):
        name = told_apart(group, analysis.groups)
        table.add_row(*_analysis_row(name, group, getattr(answers.detectable, "trend", None)))
    if titled or quantity != LOSS:
        console().print(quantity.heading, style="bold")
    console().print(table)
    console().print(
        "deviation: largest |d| over rungs and x; bound: its upper 95 % bound; would show: the smallest size trend "
        "that this ladder detects with 80 % power; unrelated: what curves show that share nothing but the schedule; "
        f"* on the shape scale, because {quantity.say('the irreducible loss is not known')}"
        + ("; † one run a size: a description, not tested" if any(g.single for g in analysis.groups) else ""),
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
    from ..collapse.sentences.verdicts import told_apart

    notes: dict[str, list[str]] = {}
    for group in analysis.groups:
        name = f"{told_apart(group, analysis.groups)} on {group.dataset}"
        for warning in (*group.warnings, *(["confirmatory"] if group.evidence == "confirmatory" else [])):
            notes.setdefault(say(warning), []).append(name)
    for warning, names in notes.items():
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        who = "all" if len(names) == len(analysis.groups) > 1 else ", ".join(names[:3]) + more
        console().print(f"note ({who}): {warning}", style="dim")


def _print_across(analysis: Analysis) -> None:
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
                across.dataset, family.family, _percent(family.deviation) + star, interval, where, family.verdict
            )
    if table.row_count:
        console().print()
        console().print(table)


def _stretch(first: float, last: float) -> str:
    start, end = f"{first:.2g}", f"{last:.2g}"
    return f"near x {start}" if start == end else f"x {start} to {end}"


def _order(group: GroupResult) -> tuple[int, str, float]:
    first = {"holds": 0, "fails": 1}.get(group.control or "", 2)
    return first, group.dataset, group.upper_bound if group.upper_bound is not None else float("inf")


def _analysis_row(name: str, group: GroupResult, detectable: float | None) -> list[str]:
    from ..collapse.sentences.verdicts import sentence

    star = "*" if group.rescaled is not None and group.rescaled.scale == "shape" else ""
    star += "†" if group.single else ""
    return [
        f"{name} (control: {group.control})" if group.control else name,
        group.dataset,
        str(group.n_rungs),
        str(group.n_seeds),
        _percent(group.deviation) + star,
        _percent(group.upper_bound) + star,
        _percent(detectable),
        _number(group.p_exact),
        _number(group.p_shape),
        _percent(group.unrelated_deviation),
        group.verdict,
        sentence(group),
    ]


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def console(*, stderr: bool = False) -> Console:
    """The terminal, or a pipe that is taken to be wide. Square brackets in names are no markup."""
    stream = sys.stderr if stderr else sys.stdout
    width = shutil.get_terminal_size().columns if stream.isatty() else _PIPE_WIDTH
    return Console(width=width, highlight=False, soft_wrap=False, stderr=stderr, markup=False)

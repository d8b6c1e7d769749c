"""What further questions found, on the terminal: the lines that `collapse.sentences` makes, under headings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from ..collapse.sentences.reasons import say
from ..results.quantity import LOSS, Quantity

if TYPE_CHECKING:
    from ..collapse.inquiry import Inquiry
    from ..collapse.planning.planner import Plan


def print_answers(inquiry: Inquiry, console: Console, *, across: bool = False) -> None:
    """Print what was asked beyond the verdicts, group by group and then across families."""
    from ..collapse.sentences.answers import group_lines, leg_lines, setting_lines
    from ..collapse.sentences.of_groups import spread_line

    quantity = inquiry.analysis.quantity
    names = [f"{group.family} on {group.dataset} ({group.leg} rate)" for group in inquiry.groups]
    for group, name, result in zip(inquiry.groups, names, inquiry.analysis.groups, strict=True):
        setting = f", {result.recipe_label or result.recipe}" if names.count(name) > 1 else ""
        spread = spread_line(result) if group.noise is not None else None
        lines = [*([spread] if spread else []), *group_lines(group, quantity)]
        _print_under(console, f"{name}{setting}", lines)
    if across and not inquiry.settings:
        console.print("\nfamilies: no data set has two families with seeds of their own, so none are compared")
    for setting in inquiry.settings:
        heading = f"families on {setting.dataset} ({setting.leg} rate)"
        _print_under(console, heading, setting_lines(setting, quantity))
    for leg in inquiry.legs:
        _print_under(console, f"data sets against architectures ({leg.leg} rate)", leg_lines(leg, quantity))


def _print_under(console: Console, heading: str, lines: Iterable[str]) -> None:
    """Lines under a heading; no heading where there are none."""
    for i, line in enumerate(lines):
        if i == 0:
            console.print(f"\n{heading}", style="bold")
        console.print(f"  {line}")


def print_plan(plan: Plan, console: Console, quantity: Quantity | None = None) -> None:
    """Print what a sweep needs, goal by goal, by a pilot's curves of a quantity where there is one."""
    from ..collapse.sentences.of_planning import DESIGN_HEADINGS, design_row, noise_line

    console.print(noise_line(plan, quantity))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in DESIGN_HEADINGS:
        table.add_column(name, justify="left" if name in ("goal", "status") else "right")
    for design in (*plan.designs, *(one for one in plan.alternatives if one.method == "simulation")):
        table.add_row(*design_row(design, plan.unit))
    console.print(table)
    for warning in plan.warnings:
        console.print(f"note: {say(warning, quantity or LOSS)}", style="dim")

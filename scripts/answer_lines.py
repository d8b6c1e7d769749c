"""What further questions found, on the terminal: the lines that `collapse.sentences` makes, under headings."""

from __future__ import annotations

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
    from ..collapse.sentences.answers import paragraphs

    for heading, lines in paragraphs(inquiry):
        if lines:
            console.print(f"\n{heading}", style="bold")
        for line in lines:
            console.print(f"  {line}")
    if across and not inquiry.settings:
        console.print("\nfamilies: no data set has two families with seeds of their own, so none are compared")


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

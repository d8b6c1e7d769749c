"""`plot`: draw the figures of curves. Loads no torch."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...errors import InputError, unknown
from ...results.layout import Layout
from ..application import ASK, app
from ..asked_curves import asked, check_style, draw
from ..options import FigureStyle, OfOption, ScaleOption
from ..table_options import with_layout

if TYPE_CHECKING:
    from ...collapse.outcome import Analysis


@app.command(rich_help_panel=ASK)
@with_layout
def plot(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="A results folder, or a table of curves.")],
    to: Annotated[
        str | None, typer.Option("--to", metavar="DIR", help="Where the figures go; the default is <DIR>/figures.")
    ] = None,
    of: OfOption = None,
    scale: ScaleOption = None,
    family: Annotated[
        list[str] | None, typer.Option("--family", metavar="NAME", help="Draw this family alone. May be repeated.")
    ] = None,
    dataset: Annotated[
        list[str] | None, typer.Option("--dataset", metavar="NAME", help="Draw this data set alone. May be repeated.")
    ] = None,
    style: FigureStyle = None,
    panel: Annotated[
        list[str] | None,
        typer.Option(
            "--panel",
            metavar="raw|collapsed|residuals|deviations|differences|largest-differences",
            help="Draw this panel alone, a figure for each ladder or data set. May be repeated.",
        ),
    ] = None,
    *,
    layout: Layout,
) -> None:
    """Draw the figures: PNG, SVG, PDF, and the plotted points as CSV."""
    if style is not None:
        check_style(style)
    if to is None:
        to = f"{folder.rstrip('/')}/figures" if Path(folder).is_dir() else "figures"
    for one in dict.fromkeys(of or ["loss"]):
        curves, inquiry = asked([folder], layout=layout, of=one, scale=scale)
        for note in curves.notes:
            typer.echo(f"read: {note}")
        # All curves are analysed, so that the numbers in a figure do not depend on what is drawn.
        draw(_only(inquiry.analysis, family or [], dataset or []), curves, to, style or "screen", panel or ())


def _only(analysis: Analysis, families: list[str], datasets: list[str]) -> Analysis:
    """The groups of some families and data sets; of comparisons across families those in which no family is left out.

    Raises
    ------
    InputError
        A name that no group has, or names that no group has together.
    """
    for kind, asked_for, there in (
        ("family", families, {group.family for group in analysis.groups}),
        ("data set", datasets, {group.dataset for group in analysis.groups}),
    ):
        for name in asked_for:
            if name not in there:
                raise unknown(kind, name, there)
    groups = tuple(
        group
        for group in analysis.groups
        if group.family in (families or [group.family]) and group.dataset in (datasets or [group.dataset])
    )
    if not groups:
        raise InputError(f"no group is of family {' or '.join(families)} on data set {' or '.join(datasets)}")
    across = tuple(
        one for one in analysis.across_families if not families and one.dataset in (datasets or [one.dataset])
    )
    return dataclasses.replace(analysis, groups=groups, across_families=across)

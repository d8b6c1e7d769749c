"""`plot`: draw the figures of curves. Loads no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...results.layout import Layout
from ..application import ASK, app
from ..asked_curves import asked, draw
from ..options import OfOption, ScaleOption
from ..table_options import with_layout


@app.command(rich_help_panel=ASK)
@with_layout
def plot(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="A results folder, or a table of curves.")],
    to: Annotated[
        str | None, typer.Option("--to", metavar="DIR", help="Where the figures go; the default is <DIR>/figures.")
    ] = None,
    of: OfOption = None,
    scale: ScaleOption = None,
    *,
    layout: Layout,
) -> None:
    """Draw the figures: PNG, SVG, PDF, and the plotted points as CSV."""
    if to is None:
        to = f"{folder.rstrip('/')}/figures" if Path(folder).is_dir() else "figures"
    for one in dict.fromkeys(of or ["loss"]):
        curves, inquiry = asked([folder], layout=layout, of=one, scale=scale)
        for note in curves.notes:
            typer.echo(f"read: {note}")
        draw(inquiry.analysis, curves, to)

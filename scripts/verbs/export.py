"""`export`: result tables as plain files."""

from __future__ import annotations

from typing import Annotated

import typer

from ...errors import unknown
from ..application import TRAIN, app


@app.command(rich_help_panel=TRAIN)
def export(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="A results folder.")],
    to: Annotated[str, typer.Option("--to", metavar="DIR", help="Where the files go.")],
    form: Annotated[str, typer.Option("--format", metavar="csv|parquet", help="The format of the files.")] = "csv",
) -> None:
    """Write the result tables as plain files: trials, curves and, where there are some, observables."""
    from ...results.store import Store
    from ...results.transfer import export as export_tables

    if form not in ("csv", "parquet"):
        raise unknown("format", form, ("csv", "parquet"))
    for path in export_tables(Store(folder), to, form):
        typer.echo(f"wrote {path}")

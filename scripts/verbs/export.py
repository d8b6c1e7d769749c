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
    form: Annotated[
        str,
        typer.Option("--format", metavar="csv|parquet|json|duckdb|markdown|latex", help="The format of the files."),
    ] = "csv",
) -> None:
    """Write the result tables as plain files: trials, curves, observables, and the deviation table."""
    from ...results.layout import Layout
    from ...results.store import Store
    from ...results.transfer import FORMS, WITH_GROUPS
    from ...results.transfer import export as export_tables

    if form not in FORMS:
        raise unknown("format", form, FORMS)
    groups = []
    if form in WITH_GROUPS:
        from ...collapse.contract import to_table
        from ..asked_curves import asked

        groups = to_table(asked([folder], layout=Layout())[1].analysis)
    for path in export_tables(Store(folder), to, form, groups):
        typer.echo(f"wrote {path}")

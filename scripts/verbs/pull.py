"""`pull`: copy a results folder from elsewhere."""

from __future__ import annotations

from typing import Annotated

import typer

from ..application import TRAIN, app


@app.command(rich_help_panel=TRAIN)
def pull(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The path or URL of a results folder.")],
    to: Annotated[str, typer.Option("--to", metavar="DIR", help="Where the copy goes.")],
    tier: Annotated[
        str | None,
        typer.Option(metavar="summary|curves|observables", help="How much of published tables; the default is all."),
    ] = None,
) -> None:
    """Copy a results folder or published tables from elsewhere, resume where it broke, and check every sha256."""
    from ...results.pulling import pull as pull_folder

    copied, kept = pull_folder(source, to, tier)
    typer.echo(f"{copied} files copied to {to}, {kept} were there already; checksums agree")

"""`pull`: copy a results folder from elsewhere."""

from __future__ import annotations

from typing import Annotated

import typer

from ..application import TRAIN, app


@app.command(rich_help_panel=TRAIN)
def pull(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The path or URL of a results folder.")],
    to: Annotated[str, typer.Option("--to", metavar="DIR", help="Where the copy goes.")],
) -> None:
    """Copy a results folder from elsewhere and check every file's sha256."""
    from ...results.transfer import pull as pull_folder

    copied, kept = pull_folder(source, to)
    typer.echo(f"{copied} files copied to {to}, {kept} were there already; checksums agree")

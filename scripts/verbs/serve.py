"""`serve`: show results in a browser on this machine. Loads no torch."""

from __future__ import annotations

from typing import Annotated

import typer

from ..application import ASK, app


@app.command(rich_help_panel=ASK)
def serve(
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="A results folder, or a page that `onecurve report` wrote.")
    ],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where; 0 takes a free port.")] = 8000,
) -> None:
    """Show a report, its tables and figures at an address of this machine alone; nothing can be changed there."""
    from ..serving import ReadOnly

    with ReadOnly(path, port) as server:
        typer.echo(f"{path} is shown at {server.address} on this machine alone; Ctrl+C ends it")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            typer.echo("ended", err=True)

"""`calibrate`: measure the tests again."""

from __future__ import annotations

from typing import Annotated

import typer

from ..application import CHECK, app
from ..writing import write_json, write_text


@app.command(rich_help_panel=CHECK)
def calibrate(
    to: Annotated[
        str, typer.Option("--to", metavar="FILE", help="Where the page goes, in Markdown.")
    ] = "calibration.md",
    quick: Annotated[bool, typer.Option("--quick", help="A first look: few groups and few resamples.")] = False,
    groups: Annotated[
        int | None, typer.Option(min=20, help="Simulated groups for each cell; 2000, or 40 with --quick.")
    ] = None,
    json_file: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="Also write the numbers as JSON.")
    ] = None,
) -> None:
    """Measure size and power of the tests again, and systems whose answer is exact, and write a page of numbers."""
    import numpy as np
    from rich.progress import Progress

    from ..publish.calibration_run import certified
    from ..terminal import console

    with Progress(console=console(stderr=True)) as bar:
        task = bar.add_task("calibrating", total=None)
        found = certified(
            quick,
            groups or (40 if quick else 2000),
            np.random.default_rng(0),
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    write_text(to, found.page)
    if json_file is not None:
        write_json(json_file, found.numbers)
    typer.echo(f"wrote {to}")

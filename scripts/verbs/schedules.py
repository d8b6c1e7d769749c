"""`schedules`: the curves under one learning-rate schedule from those under another. Loads no torch."""

from __future__ import annotations

from typing import Annotated

import typer

from ..application import ASK, app
from ..options import FiguresFolder, JsonFile
from ..writing import draw_into, write_json


@app.command(rich_help_panel=ASK)
def schedules(
    results: Annotated[
        list[str],
        typer.Argument(metavar="RESULTS...", help="Results folders or exports of trials that recorded gradient-noise."),
    ],
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="SCHEDULE", help="Forecast from this one; else from the largest sum of rates."),
    ] = None,
    to: FiguresFolder = None,
    json_file: JsonFile = None,
) -> None:
    """Forecast curves under each schedule from those under one: by the sum of the rates, and the gradient's noise."""
    import numpy as np

    from ...collapse.contract import plain
    from ...collapse.laws.other_schedule import COLUMNS, forecasts_of
    from ...collapse.sentences.of_schedules import TOLD, schedule_cells, schedules_heading, schedules_json
    from ...errors import InputError
    from ...results.reading import read_tables
    from ..terminal import console, print_rows

    rows, _ = read_tables(results, COLUMNS)
    found = forecasts_of(rows, source, rng=np.random.default_rng(0))
    if not found:
        raise InputError("these results have no two ladders that differ in the schedule alone")
    if json_file is not None and write_json(json_file, plain(schedules_json(found))):
        return
    for one in found:
        console().print(f"\n{schedules_heading(one)}", style="bold")
        print_rows([schedule_cells(curve) for curve in one.curves])
    typer.echo(f"\n{TOLD}")
    if to is not None:
        from ...collapse.drawing.schedule_forecasts import save_schedule_forecasts

        draw_into(to, lambda place: save_schedule_forecasts(found, place))

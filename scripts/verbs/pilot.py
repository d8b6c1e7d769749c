"""`pilot`: find the compute-optimal training lengths that a sweep asks for."""

from __future__ import annotations

import functools
from typing import Annotated

import typer

from ...errors import InputError
from ..application import TRAIN, app
from ..options import DataOption, OnlyOption, OutOption, SetOption, SweepArgument, pairs_of
from ..own_data import find_data


@app.command(rich_help_panel=TRAIN)
def pilot(
    sweep: SweepArgument,
    out: OutOption = None,
    address: Annotated[str, typer.Option(help="Where to train, as for `run`.")] = "local",
    only: OnlyOption = None,
    changes: SetOption = None,
    data_root: DataOption = None,
    device: Annotated[str | None, typer.Option(metavar="auto|cpu|cuda", help="Where to train, as for `run`.")] = None,
) -> None:
    """Find the compute-optimal training lengths that a sweep asks for, without training the sweep itself."""
    find_data(data_root)
    from ...benchmark.pilots import pilots_of
    from ...benchmark.sweep import load_sweep
    from ..piloting import open_pilots, pilot_store, run_pilots
    from ..progress import follow, workers

    loaded, which = load_sweep(sweep, changes or []), pairs_of("--only", only)
    asked = pilots_of(loaded, which)
    if not asked:
        raise InputError(f"{sweep} asks for no pilot: a group with `horizon: compute-optimal` does")
    store = pilot_store(out or f"runs/{loaded.name}")
    store.check_writable()
    still = open_pilots(loaded, store, which)
    if len(still) < len(asked):
        typer.echo(f"{len(asked) - len(still)} of {len(asked)} pilots were answered before: {store.uri}")
    if still:
        with workers(address) as executor:
            without = run_pilots(still, store, functools.partial(follow, executor=executor, device=device), typer.echo)
        if without != 0:
            raise typer.Exit(1)

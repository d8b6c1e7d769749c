"""`pilot`: find the learning rates and the training lengths that a sweep asks for."""

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
    """Find the learning rates and training lengths that a sweep asks for, without training the sweep itself."""
    find_data(data_root)
    from ...benchmark.pilots.of_sweep import pilots_of
    from ...benchmark.sweep import load_sweep
    from ..piloting import FILE, pilot_store, run_pilots, with_found
    from ..progress import follow, workers

    loaded, which = load_sweep(sweep, changes or []), pairs_of("--only", only)
    if not pilots_of(loaded, which):
        raise InputError(f"{sweep} asks for no pilot: `horizon: compute-optimal` and `peak_lr: tuned` do")
    store = pilot_store(out or f"runs/{loaded.name}")
    store.check_writable()
    for answer in (store.read_json(FILE) or {}).values():
        typer.echo(f"answered before: {answer['family']} on {answer['dataset']}: {answer['said']}")
    if pilots_of(with_found(loaded, store), which):
        with workers(address) as executor:
            train = functools.partial(follow, executor=executor, device=device)
            if run_pilots(loaded, store, train, typer.echo, which) != 0:
                raise typer.Exit(1)

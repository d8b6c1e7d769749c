"""`plan`: what a sweep would train and what it would cost."""

from __future__ import annotations

import typer

from ..application import TRAIN, app
from ..options import DataOption, JsonFlag, OnlyOption, OutOption, SetOption, SweepArgument, pairs_of
from ..own_data import find_data
from ..writing import print_json


@app.command(rich_help_panel=TRAIN)
def plan(
    sweep: SweepArgument,
    out: OutOption = None,
    only: OnlyOption = None,
    changes: SetOption = None,
    data_root: DataOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say what a sweep would train and what it would cost. Trains nothing and writes nothing."""
    find_data(data_root)
    from ...benchmark.sweep import load_sweep
    from ...benchmark.sweep_plan import plan_sweep
    from ...results.store import Store

    loaded = load_sweep(sweep, changes or [])
    planned = plan_sweep(loaded, Store(out or f"runs/{loaded.name}"), pairs_of("--only", only))
    if as_json:
        print_json(planned)
        return
    from ..terminal import print_rows

    print_rows(planned["cells"])
    typer.echo(
        f"{planned['n_trials']} trials, {planned['n_done']} of them in the table, {planned['flops']:.3g} FLOPs, "
        f"about {planned['expected_minutes']:.1f} minutes on {planned['cores']} cores"
    )

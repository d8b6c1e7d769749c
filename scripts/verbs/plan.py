"""`plan`: what a sweep would train and what it would cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

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
    on: Annotated[
        str | None,
        typer.Option(metavar="PLACE:N", help="Also say the hours on h100:64, on cpu:128, or on a100:8+cpu:512."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Say what a sweep would train and what it would cost. Trains nothing and writes nothing."""
    find_data(data_root)
    from ...benchmark.cards import places
    from ...benchmark.pilots.of_sweep import without_questions
    from ...benchmark.sweep import load_sweep
    from ...benchmark.sweep_plan import plan_sweep
    from ...collapse.sentences.numbers import counted
    from ...results.store import Store
    from ..piloting import pilot_store, plan_pilots, with_found

    loaded = load_sweep(sweep, changes or [])
    wanted = places(on) if on else None
    store, which = Store(out or f"runs/{loaded.name}"), pairs_of("--only", only)
    pilots = plan_pilots(loaded, pilot_store(store), which)
    ladders = without_questions(with_found(loaded, pilot_store(store)))
    planned = plan_sweep(ladders, store, which if pilots is None else {}, wanted)
    planned |= {"pilots": pilots} if pilots else {}
    if as_json:
        print_json(planned)
        return
    from ..terminal import print_rows

    if pilots:
        typer.echo(
            f"pilots of {counted(len(pilots['ladders']), 'ladder')} come first: {pilots['n_trials']} trials, about "
            f"{pilots['expected_minutes']:.1f} minutes, or up to {pilots['most_minutes']:.1f} where trunks have to be "
            "made longer or scans wider. What such a ladder costs is known after its pilot"
        )
    if not planned["cells"]:
        return
    print_rows(planned["cells"])
    typer.echo(
        f"{planned['n_trials']} trials, {planned['n_done']} of them in the table, {planned['flops']:.3g} FLOPs, "
        f"about {planned['expected_minutes']:.1f} minutes on {planned['cores']} cores"
    )
    for line in (*planned["notes"], *_shares(planned["observables"])):
        typer.echo(line)
    if wanted:
        typer.echo(_hours(planned["on"]))


def _shares(observables: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the observables cost, a sentence for each place from which that is known."""
    found: dict[str, list[str]] = {}
    for each in observables:
        found.setdefault(each["from"], []).append(f"{each['observable']} {100 * each['share']:.2g} %")
    return [
        f"observables, as shares of the updates' time on {place}: {', '.join(said)}" for place, said in found.items()
    ]


def _hours(on: Mapping[str, Any]) -> str:
    """What a sweep takes on the places that were asked of, in a sentence."""
    where = " and ".join(f"{count} {'cores' if place == 'cpu' else place}" for place, count in on["on"].items())
    parts = [f"{on['device_hours']:.3g} device hours"] if set(on["on"]) != {"cpu"} else []
    parts += [f"{on['core_hours']:.3g} core hours"] if "cpu" in on["on"] else []
    last = f"; the longest pack is {on['last']['cell']}, {on['last']['hours']:.2g} h" if on["last"] else ""
    guessed = on["trials_estimated"]
    basis = f"; {guessed} trials are estimates, none like them was measured there" if guessed else "; as measured there"
    return f"on {where}: {' and '.join(parts)}, {on['clock_hours']:.2g} h by the clock{last}{basis}"

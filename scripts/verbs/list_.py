"""`list`: what there is to name in a sweep."""

from __future__ import annotations

import dataclasses
import functools
from typing import Annotated, Any

import typer

from ...errors import unknown
from ..application import TRAIN, app
from ..options import JsonFlag
from ..writing import print_json


@app.command("list", rich_help_panel=TRAIN)
def list_entries(
    what: Annotated[
        str, typer.Argument(help="families, datasets, forms, observables, optimisers, schedules or sweeps.")
    ] = "families",
    as_json: JsonFlag = False,
) -> None:
    """List families, data sets, forms of the curve, observables, optimisers, schedules or built-in sweeps."""
    from .. import dataset_list, family_list
    from ..terminal import print_rows

    kinds = {
        "families": family_list.family_rows,
        "datasets": functools.partial(dataset_list.dataset_rows, population=as_json),
        "forms": form_rows,
        "observables": functools.partial(entry_rows, "observable"),
        "optimisers": functools.partial(entry_rows, "optimiser"),
        "schedules": functools.partial(entry_rows, "schedule"),
        "sweeps": sweep_rows,
    }
    if what not in kinds:
        raise unknown("kind of entry", what, kinds)
    rows = kinds[what]()
    if as_json:
        print_json(rows)
        return
    in_short = {"datasets": lambda rows: [dataset_list.brief(row) for row in rows], "families": family_list.in_short}
    print_rows(in_short.get(what, list)(rows))
    missing = [row for row in rows if row.get("missing")]
    if missing:
        typer.echo(f"{len(missing)} are missing here; `onecurve data list` and --data-root say how to get them")


def sweep_rows() -> list[dict[str, Any]]:
    """Built-in sweeps."""
    from ...benchmark.sweep import load_sweep, sweep_names

    rows = []
    for name in sweep_names():
        sweep = load_sweep(name)
        rows.append({"sweep": name, "margin": sweep.margin, "groups": len(sweep.groups)})
    return rows


def form_rows() -> list[dict[str, Any]]:
    """Forms of the normalised curve, with their parameters and the range of each."""
    from ...collapse.forms.form import FORMS

    rows = []
    for form in map(FORMS.make, FORMS.names()):
        said = ", ".join(f"{one.name} {one.low:.3g} to {one.high:.3g}" for one in form.parameters)
        said += ", and the annealing gain" if form.annealed else ""
        rows.append({"form": form.name, "formula": form.formula, "parameters": said, "source": form.citation})
    return rows


def entry_rows(kind: str) -> list[dict[str, Any]]:
    """Entries of the trainer of one kind, with their parameters and defaults."""
    from ...benchmark.observables.observable import OBSERVABLES
    from ...benchmark.optimisers.optimiser import OPTIMISERS
    from ...benchmark.schedules.schedule import SCHEDULES

    catalogue = {"observable": OBSERVABLES, "optimiser": OPTIMISERS, "schedule": SCHEDULES}[kind]
    rows = []
    for name in catalogue.names():
        entry = catalogue.make(name)
        params = {field.name: getattr(entry, field.name) for field in dataclasses.fields(entry)}
        said = ", ".join(f"{key}={'none' if value is None else value}" for key, value in params.items())
        rows.append({kind: name, "parameters": said, "what it is": entry.summary})
    return rows

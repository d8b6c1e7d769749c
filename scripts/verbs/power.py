"""`power`: how many seeds and model sizes a sweep needs. Loads no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ...errors import InputError, unknown
from ...results.layout import Layout
from ...results.levels import MARGIN
from ..application import ASK, app
from ..options import JsonFlag, ScaleOption
from ..table_options import with_layout
from ..writing import print_json

if TYPE_CHECKING:
    from ...collapse.planning.cost import Cost
    from ...results.curves import CurveSet


@app.command(rich_help_panel=ASK)
@with_layout
def power(
    pilot: Annotated[
        str | None, typer.Argument(help="Curves of one group: a results folder, or a table of curves.")
    ] = None,
    noise: Annotated[
        float | None,
        typer.Option(help="Without a pilot: the standard deviation over seeds of the relative reducible loss."),
    ] = None,
    deviation: Annotated[float, typer.Option(help="The deviation to detect.")] = MARGIN,
    horizon_error: Annotated[
        float, typer.Option(help="The relative error to detect in the exponent of the training lengths.")
    ] = 0.2,
    margin: Annotated[float, typer.Option(help="The margin to certify.")] = MARGIN,
    rungs: Annotated[int | None, typer.Option(help="How many model sizes the ladder has.")] = None,
    span: Annotated[float | None, typer.Option(help="The largest model size over the smallest.")] = None,
    size: Annotated[
        float | None, typer.Option(help="A model size whose cost is known; a pilot of ours knows its own.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="Core seconds of one trial of that size.")] = None,
    family: Annotated[str | None, typer.Option(help="The family of the pilot, where it has several.")] = None,
    dataset: Annotated[str | None, typer.Option(help="The data set of the pilot, where it has several.")] = None,
    of: Annotated[
        str | None,
        typer.Option("--of", metavar="NAME", help="Which observable of the pilot to plan for: loss, error or another."),
    ] = None,
    scale: ScaleOption = None,
    as_json: JsonFlag = False,
    *,
    layout: Layout,
) -> None:
    """Say how many seeds and model sizes a sweep needs to detect a deviation or to certify a margin."""
    import numpy as np

    from ...collapse.contract import plain
    from ...collapse.planning.cost import Cost
    from ...collapse.planning.planner import plan
    from ...collapse.sentences.as_json import worded
    from ..answer_lines import print_plan
    from ..terminal import console

    if (pilot is None) == (noise is None):
        raise InputError("give either a pilot or --noise, the sd over seeds of the relative excess loss")
    if pilot is None and (of or scale):
        raise InputError("--of and --scale say what is read of a pilot; without one there is nothing to read")
    if (size is None) != (seconds is None):
        raise InputError("--size and --seconds go together: what one trial of that size costs")
    cost = measured_cost(pilot, family, dataset) if pilot is not None else None
    if size is not None and seconds is not None:
        cost = Cost(size=size, amount=seconds)
    curves = _pilot(pilot, family, dataset, of or "loss", scale, layout) if pilot is not None else None
    found = plan(
        float(noise or 0.0) if curves is None else curves,
        rng=np.random.default_rng(0),
        deviation=deviation,
        horizon_error=horizon_error,
        margin=margin,
        rungs=rungs,
        span=span,
        cost=cost,
    )
    if as_json:
        read = {} if curves is None else {"observable": curves.quantity.observable, "scale": curves.quantity.scale}
        print_json(plain(worded(found) | read))
    else:
        print_plan(found, console(), None if curves is None else curves.quantity)


def _pilot(path: str, family: str | None, dataset: str | None, of: str, scale: str | None, layout: Layout) -> CurveSet:
    from ...results.curves import CurveSet
    from ...results.reading import read_curves

    curves = read_curves([path], of, scale, layout)
    for name, wanted in (("family", family), ("dataset", dataset)):
        there = {getattr(curve, name) for curve in curves}
        if wanted is not None and wanted not in there:
            raise unknown(f"{name} in {path}:", wanted, there)
    kept = [c for c in curves if family in (None, c.family) and dataset in (None, c.dataset)]
    return CurveSet.of(kept, curves.margin, warnings=curves.warnings, notes=curves.notes)


def measured_cost(pilot: str, family: str | None, dataset: str | None) -> Cost | None:
    """What the pilot's trials took, with the exponent that they show; None for other people's curves."""
    from ...collapse.planning.cost import Cost
    from ...results.reading import read_tables

    try:
        rows, _ = read_tables([pilot], ["family", "dataset", "status", "n_params", "train_seconds", "eval_seconds"])
    except InputError:
        return None
    spent = [
        (row["n_params"], row["train_seconds"] + (row["eval_seconds"] or 0.0))
        for row in rows
        if family in (None, row["family"]) and dataset in (None, row["dataset"])
        if row["status"] == "ok" and row["train_seconds"]
    ]
    return Cost.of([n for n, _ in spent], [s for _, s in spent], gamma=None) if spent else None

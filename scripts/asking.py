"""Verbs that ask curves: analyze, plot, power. None of them loads torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..errors import InputError, unknown
from ..results.levels import MARGIN, X_MIN
from .application import JsonFlag, app, print_json
from .bringing import (
    ColumnOption,
    FloorUnitOption,
    HorizonOption,
    MappingOption,
    OnlyOption,
    RestartsOption,
    RunOption,
    UnitOption,
    ValueOption,
    layout_of,
)

if TYPE_CHECKING:
    from ..collapse.inquiry import Inquiry
    from ..collapse.irreducible.choice import FloorChoice
    from ..collapse.outcome import Analysis
    from ..collapse.planning.cost import Cost
    from ..results.curves import CurveSet
    from ..results.layout import Layout

OfOption = Annotated[
    list[str] | None,
    typer.Option(
        "--of", metavar="NAME", help="loss, error (1 - accuracy), accuracy, or another observable; may be repeated"
    ),
]
ScaleOption = Annotated[
    str | None, typer.Option("--scale", metavar="as-given|complement", help="complement: 1 - value, of a share")
]


@app.command()
def analyze(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="results folders, or CSV or Parquet files")],
    irreducible_loss: Annotated[
        str,
        typer.Option(
            "--irreducible-loss",
            "--floor",
            metavar="known|profile|fit|VALUE|LOW:HIGH",
            help="where the irreducible loss, or the floor of another observable, comes from",
        ),
    ] = "known",
    of: OfOption = None,
    scale: ScaleOption = None,
    margin: Annotated[float | None, typer.Option(help="largest deviation that still counts as a collapse")] = None,
    json_file: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="write JSON; - for standard output")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="DIR", help="also draw the figures into this folder")
    ] = None,
    across: Annotated[bool, typer.Option("--across", help="models, cards and variance shares across families")] = False,
    forecast: Annotated[bool, typer.Option("--forecast", help="forecast each largest rung from the smaller")] = False,
    laws: Annotated[bool, typer.Option("--laws", help="implied floor, exponents, forms, competing rescalings")] = False,
    controls: Annotated[
        bool, typer.Option("--controls", help="shuffled rungs, wrong horizons, other data sets")
    ] = False,
    where: Annotated[bool, typer.Option("--where", help="at which x which rung leaves the common curve")] = False,
    noise: Annotated[bool, typer.Option("--noise", help="noise floor of the last loss, rung by rung")] = False,
    tightness: Annotated[
        bool, typer.Option("--tightness", help="which floor makes single runs tightest; their bound from reruns")
    ] = False,
    x_min: Annotated[
        float, typer.Option(help="where the grid starts at the earliest, a fraction of the horizon")
    ] = X_MIN,
    noise_from: Annotated[
        Literal["neighbours", "groups"] | None,
        typer.Option(help="one run a size: take a noise level from neighbouring evaluations, or from other groups"),
    ] = None,
    against: Annotated[
        Literal["time", "data", "tasks"],
        typer.Option(help="curves against training time; or final values against the size of the training set"),
    ] = "time",
    form: Annotated[
        list[str] | None,
        typer.Option(
            "--form",
            metavar="NAME|FILE:CLASS",
            help="a further form, such as my_form.py:MyForm, for --laws, --forecast and --across; may be repeated",
        ),
    ] = None,
    column: ColumnOption = None,
    value: ValueOption = None,
    only: OnlyOption = None,
    run: RunOption = None,
    mapping: MappingOption = None,
    unit: UnitOption = None,
    floor_unit: FloorUnitOption = None,
    restarts: RestartsOption = None,
    horizon: HorizonOption = None,
) -> None:
    """Test whether curves collapse and by how much each family deviates."""
    flags = {"across": across, "controls": controls, "forecast": forecast, "laws": laws, "noise": noise}
    flags |= {"tightness": tightness, "where": where}
    if form and not (laws or forecast or across):
        raise InputError("--form adds a form to what --laws, --forecast and --across compare: ask one of these too")
    # What a ladder would have shown stands beside every verdict.
    questions = ["detectable", *(name for name, asked in flags.items() if asked)]
    asked = list(dict.fromkeys(of or ["loss"]))
    if len(asked) > 1 and irreducible_loss not in ("known", "profile", "fit"):
        raise InputError(f"the floor {irreducible_loss} is that of one observable, got {len(asked)}: ask for one")
    layout = layout_of(column, value, only, run, mapping, unit, floor_unit, restarts, horizon)
    found = [
        _inquire(paths, irreducible_loss, margin, questions, x_min, against, one, scale, layout, noise_from, form or ())
        for one in asked
    ]
    if json_file is not None:
        from ..collapse.inquiry import json_of

        text = json.dumps(json_of([inquiry for _, inquiry in found]), indent=1, allow_nan=False)
        if json_file == "-":
            typer.echo(text)
            return
        write(json_file, text)
    from .answers import print_answers
    from .listing import console, print_analysis

    for i, (curves, inquiry) in enumerate(found):
        if i:
            typer.echo()
        print_analysis(inquiry, titled=len(found) > 1)
        if any(flags.values()):
            print_answers(inquiry, console(), across=across)
        if to is not None:
            _draw(inquiry.analysis, curves, to)


@app.command()
def plot(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="results folder, or a file of curves")],
    to: Annotated[str | None, typer.Option("--to", metavar="DIR", help="the default is <DIR>/figures")] = None,
    of: OfOption = None,
    scale: ScaleOption = None,
    column: ColumnOption = None,
    value: ValueOption = None,
    only: OnlyOption = None,
    run: RunOption = None,
    mapping: MappingOption = None,
    unit: UnitOption = None,
    floor_unit: FloorUnitOption = None,
    restarts: RestartsOption = None,
    horizon: HorizonOption = None,
) -> None:
    """Draw the figures: PNG, SVG, PDF, and the plotted points as CSV."""
    layout = layout_of(column, value, only, run, mapping, unit, floor_unit, restarts, horizon)
    if to is None:
        to = f"{folder.rstrip('/')}/figures" if Path(folder).is_dir() else "figures"
    for one in dict.fromkeys(of or ["loss"]):
        curves, inquiry = _inquire([folder], "known", None, [], of=one, scale=scale, layout=layout)
        for note in curves.notes:
            typer.echo(f"read: {note}")
        _draw(inquiry.analysis, curves, to)


@app.command()
def power(
    pilot: Annotated[str | None, typer.Argument(help="curves of one group: a results folder, CSV or Parquet")] = None,
    noise: Annotated[float | None, typer.Option(help="without a pilot: sd of the relative excess loss")] = None,
    deviation: Annotated[float, typer.Option(help="deviation to detect")] = MARGIN,
    horizon_error: Annotated[float, typer.Option(help="share by which a horizon exponent may be off")] = 0.2,
    margin: Annotated[float, typer.Option(help="margin to certify")] = MARGIN,
    rungs: Annotated[int | None, typer.Option(help="rungs of the ladder")] = None,
    span: Annotated[float | None, typer.Option(help="largest size over smallest")] = None,
    size: Annotated[
        float | None, typer.Option(help="a size whose cost is known; a pilot of ours knows its own")
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="core seconds of one trial of that size")] = None,
    family: Annotated[str | None, typer.Option(help="family of the pilot, where there are several")] = None,
    dataset: Annotated[str | None, typer.Option(help="data set of the pilot, where there are several")] = None,
    of: Annotated[
        str | None, typer.Option("--of", metavar="NAME", help="observable of the pilot: loss, error or another")
    ] = None,
    scale: ScaleOption = None,
    as_json: JsonFlag = False,
    column: ColumnOption = None,
    value: ValueOption = None,
    only: OnlyOption = None,
    run: RunOption = None,
    mapping: MappingOption = None,
    unit: UnitOption = None,
    floor_unit: FloorUnitOption = None,
    restarts: RestartsOption = None,
    horizon: HorizonOption = None,
) -> None:
    """Say how many seeds and rungs a sweep needs to detect a deviation or to certify a margin."""
    import numpy as np

    from ..collapse.contract import plain
    from ..collapse.planning.cost import Cost
    from ..collapse.planning.planner import plan as plan_power
    from ..collapse.sentences.as_json import worded
    from .answers import print_plan
    from .listing import console

    if (pilot is None) == (noise is None):
        raise InputError("give either a pilot or --noise, the sd over seeds of the relative excess loss")
    if pilot is None and (of or scale):
        raise InputError("--of and --scale say what is read of a pilot; without one there is nothing to read")
    if (size is None) != (seconds is None):
        raise InputError("--size and --seconds go together: what one trial of that size costs")
    cost = _measured_cost(pilot, family, dataset) if pilot is not None else None
    if size is not None and seconds is not None:
        cost = Cost(size=size, amount=seconds)
    layout = layout_of(column, value, only, run, mapping, unit, floor_unit, restarts, horizon)
    curves = _pilot(pilot, family, dataset, of or "loss", scale, layout) if pilot is not None else None
    found = plan_power(
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


@app.command()
def calibrate(
    to: Annotated[str, typer.Option("--to", metavar="FILE", help="the page, in Markdown")] = "calibration.md",
    quick: Annotated[bool, typer.Option("--quick", help="a look: few groups and resamples")] = False,
    groups: Annotated[
        int | None, typer.Option(min=20, help="simulated groups a cell; 2000, or 40 with --quick")
    ] = None,
    json_file: Annotated[str | None, typer.Option("--json", metavar="FILE", help="write the numbers as JSON")] = None,
) -> None:
    """Measure size and power of the tests again, and systems whose answer is exact, and write a page of numbers."""
    import numpy as np
    from rich.progress import Progress

    from .calibrate import calibrate as certify
    from .listing import console

    with Progress(console=console(stderr=True)) as bar:
        task = bar.add_task("calibrating", total=None)
        found = certify(
            quick,
            groups or (40 if quick else 2000),
            np.random.default_rng(0),
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    write(to, found.page)
    if json_file is not None:
        write(json_file, json.dumps(found.numbers, indent=1, allow_nan=False))
    typer.echo(f"wrote {to}")


def _inquire(
    paths: list[str],
    irreducible_loss: str,
    margin: float | None,
    questions: list[str],
    x_min: float = X_MIN,
    against: Literal["time", "data", "tasks"] = "time",
    of: str = "loss",
    scale: str | None = None,
    layout: Layout | None = None,
    noise_from: Literal["neighbours", "groups"] | None = None,
    forms: Sequence[str] = (),
) -> tuple[CurveSet, Inquiry]:
    import numpy as np

    from ..collapse.inquiry import inquire
    from ..results.data_curves import read_data_curves
    from ..results.reading import read_curves

    floor = _floor(irreducible_loss, layout)
    if margin is not None and not 0 < margin < 1:
        raise InputError(f"--margin is a share between 0 and 1, such as 0.03, got {margin:g}")
    if against == "time":
        curves = read_curves(paths, of, scale, layout)
    else:
        curves = read_data_curves(paths, against, observable=of, scale=scale)
    # A fixed seed: the same table gives the same p-values.
    rng = np.random.default_rng(0)
    found = inquire(
        curves,
        questions,
        rng=rng,
        margin=margin,
        irreducible_loss=floor,
        x_min=x_min,
        noise_from=noise_from,
        forms=forms,
    )
    return curves, found


def _pilot(path: str, family: str | None, dataset: str | None, of: str, scale: str | None, layout: Layout) -> CurveSet:
    from ..results.curves import CurveSet
    from ..results.reading import read_curves

    curves = read_curves([path], of, scale, layout)
    for name, wanted in (("family", family), ("dataset", dataset)):
        there = {getattr(curve, name) for curve in curves}
        if wanted is not None and wanted not in there:
            raise unknown(f"{name} in {path}:", wanted, there)
    kept = [c for c in curves if family in (None, c.family) and dataset in (None, c.dataset)]
    return CurveSet.of(kept, curves.margin, warnings=curves.warnings, notes=curves.notes)


def _measured_cost(pilot: str, family: str | None, dataset: str | None) -> Cost | None:
    """What the pilot's trials took, with the exponent that they show; None for other people's curves."""
    from ..collapse.planning.cost import Cost
    from ..results.reading import read_tables

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


def _floor(given: str, layout: Layout | None) -> FloorChoice:
    from ..results.values import nats

    if given in ("known", "profile", "fit"):
        return given  # type: ignore[return-value]
    try:
        ends = [float(end) for end in given.split(":", 1)]
    except ValueError:
        allowed = ("known", "profile", "fit", "a number", "LOW:HIGH")
        raise unknown("source of the irreducible loss", given, allowed) from None
    unit = layout.floor_unit if layout is not None else None
    if layout is not None and layout.unit not in (None, "nats") and unit is None:
        raise InputError(
            f"the loss is converted from {layout.unit} to nats, and the unit of --irreducible-loss {given} is not "
            f"said: --floor-unit {layout.unit}, or --floor-unit nats"
        )
    ends = [nats(end, unit) for end in ends]
    return (ends[0], ends[1]) if len(ends) == 2 else ends[0]


def _draw(analysis: Analysis, curves: CurveSet, to: str) -> None:
    from ..collapse.figures import save_figures

    try:
        paths = save_figures(analysis, curves, Path(to))
    except OSError as error:
        raise InputError(f"cannot draw into {to!r}: {error}") from None
    for path in paths:
        if path.suffix == ".png":
            typer.echo(f"drew {path} (also SVG, PDF, and its points as CSV)")


def write(path: str, text: str) -> None:
    """Write a file and the folders that it needs, or say why that cannot be."""
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text + "\n")
    except OSError as error:
        raise InputError(f"cannot write {path!r}: {error}") from None

"""`analyze`: test whether curves collapse. Loads no torch."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from ...errors import InputError
from ...results.layout import Layout
from ...results.levels import X_MIN
from ..application import ASK, app
from ..asked_curves import SOURCES, asked, check_style, draw, draw_onset
from ..options import FiguresFolder, FigureStyle, IrreducibleLossOption, JsonFile, MarginOption, OfOption, ScaleOption
from ..table_options import with_layout
from ..writing import write_json


@app.command(rich_help_panel=ASK)
@with_layout
def analyze(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="Results folders, tables of curves, or logs of other tools.")
    ],
    irreducible_loss: IrreducibleLossOption = "known",
    of: OfOption = None,
    scale: ScaleOption = None,
    margin: MarginOption = None,
    json_file: JsonFile = None,
    to: FiguresFolder = None,
    style: FigureStyle = None,
    across: Annotated[
        bool,
        typer.Option("--across", help="What families share: nested models, deviation cards, shares of the variance."),
    ] = False,
    forecast: Annotated[
        bool, typer.Option("--forecast", help="Forecast the curve of the largest model size from the smaller ones.")
    ] = False,
    laws: Annotated[
        bool,
        typer.Option(
            "--laws", help="The irreducible loss that the collapse implies, exponents, functional forms and rescalings."
        ),
    ] = False,
    controls: Annotated[
        bool,
        typer.Option(
            "--controls",
            help="Negative controls: permuted sizes, wrong training lengths, other data sets, ladders trained wrongly.",
        ),
    ] = False,
    where: Annotated[
        bool, typer.Option("--where", help="At which x which model size leaves the common curve.")
    ] = False,
    onset: Annotated[
        bool,
        typer.Option(
            "--onset", help="From which model size on the curves are within the margin, and corrections to scaling."
        ),
    ] = False,
    noise: Annotated[
        bool,
        typer.Option("--noise", help="The noise over seeds of each model size, and the collapse deviation beside it."),
    ] = False,
    robust: Annotated[
        bool,
        typer.Option(
            "--robust", help="The verdict without spikes and runs far from the others, and the run that it rests on."
        ),
    ] = False,
    tightness: Annotated[
        bool,
        typer.Option(
            "--tightness",
            help="Which irreducible loss makes single runs agree best, and a bound on their deviation from reruns.",
        ),
    ] = False,
    x_min: Annotated[
        float, typer.Option(help="The smallest x that is compared, as a fraction of the training length.")
    ] = X_MIN,
    noise_from: Annotated[
        Literal["neighbours", "groups", "sizes"] | None,
        typer.Option(
            help="With one run a size: take the noise from neighbouring evaluations, or from other groups of curves. "
            "With few seeds: pool it over model sizes, which takes it to be equal."
        ),
    ] = None,
    against: Annotated[
        Literal["time", "data", "tasks"],
        typer.Option(help="Learning curves against training time, or final values against the size of training sets."),
    ] = "time",
    form: Annotated[
        list[str] | None,
        typer.Option(
            "--form",
            metavar="NAME|FILE:CLASS",
            help="A further form, such as my_form.py:MyForm, for --laws, --forecast and --across. May be repeated.",
        ),
    ] = None,
    *,
    layout: Layout,
) -> None:
    """Test whether learning curves collapse, and by how much each family deviates."""
    flags = {"across": across, "controls": controls, "forecast": forecast, "laws": laws, "noise": noise}
    flags |= {"onset": onset, "robust": robust, "tightness": tightness, "where": where}
    if form and not (laws or forecast or across):
        raise InputError("--form adds a form to what --laws, --forecast and --across compare: ask one of these too")
    if style is not None:
        check_style(style)
        if to is None:
            raise InputError("--style says how figures are drawn: say with --to where they go")
    # What a ladder would have shown stands beside every verdict.
    questions = ["detectable", *(name for name, wanted in flags.items() if wanted)]
    observables = list(dict.fromkeys(of or ["loss"]))
    if len(observables) > 1 and irreducible_loss not in SOURCES:
        raise InputError(f"the floor {irreducible_loss} is that of one observable, got {len(observables)}: ask for one")
    found = [
        asked(
            paths,
            questions,
            layout=layout,
            of=one,
            scale=scale,
            irreducible_loss=irreducible_loss,
            margin=margin,
            x_min=x_min,
            against=against,
            noise_from=noise_from,
            forms=form or (),
        )
        for one in observables
    ]
    if json_file is not None:
        from ...collapse.inquiry_contract import json_of

        if write_json(json_file, json_of([inquiry for _, inquiry in found])):
            return
    from ..answer_lines import print_answers
    from ..deviation_table import print_analysis
    from ..terminal import console

    for i, (curves, inquiry) in enumerate(found):
        if i:
            typer.echo()
        print_analysis(inquiry, titled=len(found) > 1)
        if any(flags.values()):
            print_answers(inquiry, console(), across=across)
        if to is not None:
            draw(inquiry.analysis, curves, to, style or "screen")
            if onset:
                draw_onset(inquiry, to, style or "screen")

"""`scaling-law`: tables of final losses: L(N, D), iso-FLOP profiles, held-out budgets, families."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..application import ASK, app
from ..options import FiguresFolder, JsonFile
from ..writing import draw_into, write_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from ...collapse.scaling.study import Shared, Study


@app.command("scaling-law", rich_help_panel=ASK)
def scaling_law(
    path: Annotated[str, typer.Argument(metavar="TABLE", help="A CSV or Parquet table with one run a row.")],
    column: Annotated[
        list[str] | None, typer.Option(metavar="ROLE=COLUMN", help="A column by another name. May be repeated.")
    ] = None,
    delta: Annotated[
        float | None, typer.Option(help="Threshold of the Huber loss in ln L; the default is 1.345 times the noise.")
    ] = None,
    one_sided: Annotated[
        bool, typer.Option("--one-sided", help="Runs above the law count less, because some may be trained badly.")
    ] = False,
    resamples: Annotated[int, typer.Option(help="How many resamples the bootstrap draws.")] = 299,
    json_file: JsonFile = None,
    to: FiguresFolder = None,
) -> None:
    """Fit a scaling law to final losses alone: L(N, D) = E + A/N^alpha + B/D^beta, and iso-FLOP profiles.

    Columns: params, tokens, flops (or a budget; two of the three are enough, C = 6 N D), loss, and family where there
    are several. Common other names are taken as they are, and said.
    """
    import numpy as np

    from ...collapse.scaling.study import shared_exponents, study
    from ...results.final_losses import read_final_losses
    from ..terminal import console

    runs, notes = read_final_losses(path, column or [])
    # A fixed seed: the same table gives the same intervals.
    chances = np.random.default_rng(0).spawn(len(runs))
    studies = {
        name: study(one, rng=rng, family=name, delta=delta, one_sided=one_sided, resamples=resamples)
        for (name, one), rng in zip(runs.items(), chances, strict=True)
    }
    shared = shared_exponents(studies) if len(studies) > 1 else ()
    if json_file is not None and write_json(json_file, scaling_json(studies, shared, notes)):
        return
    _print(list(studies.values()), shared, notes, console())
    if to is not None:
        _draw(studies, shared, to)


def scaling_json(studies: dict[str, Study], shared: Sequence[Shared], notes: Sequence[str]) -> dict[str, Any]:
    """Everything as plain types; a missing number is null."""
    from ...collapse.contract import plain
    from ...collapse.sentences.as_json import worded

    families = [_family(name, one) for name, one in studies.items()]
    return plain({"families": families, "shared": worded(list(shared)), "notes": list(notes)})


def _family(name: str, one: Study) -> dict[str, Any]:
    """The law under its parameters' names; the frontier and the residuals are for figures."""
    from ...collapse.composing import Missing
    from ...collapse.sentences.as_json import worded
    from ...collapse.sentences.of_scaling_laws import law_status

    law, bootstrap, profile = None, {}, {}
    if isinstance(one.fitted, Missing):
        codes = [one.fitted.status.code]
    else:
        found, bootstrap, profile = one.fitted.law, one.fitted.bootstrap, one.fitted.profile
        reached = {"starts": found.starts, "starts_that_reached_it": found.reached}
        law = {"parameters": found.parameters, "noise": found.noise, "huber": worded(found.huber)} | reached
        codes = [reason.code for reason in found.reservations]
    return {
        "family": name,
        "n_runs": len(one.runs.loss),
        "flops": one.runs.flops_source,
        "status": law_status(one.fitted),
        "status_codes": codes,
        "law": law,
        "bootstrap": worded(bootstrap),
        "profile": worded(profile),
        "iso_flop": worded(one.iso),
        "held_out": worded(one.held_out),
    }


def _print(studies: Sequence[Study], shared: Sequence[Shared], notes: Sequence[str], console: Console) -> None:
    from ...collapse.sentences.of_scaling_laws import shared_line, study_lines

    for one in studies:
        console.print(f"{one.family}: {len(one.runs.loss)} runs", style="bold")
        for line in study_lines(one):
            console.print(f"  {line}")
    if shared:
        console.print("families", style="bold")
    for found in shared:
        console.print(f"  {shared_line(found)}")
    for note in notes:
        console.print(f"note: {note}", style="dim")


def _draw(studies: dict[str, Study], shared: Sequence[Shared], to: str) -> None:
    from ...collapse.drawing.scaling_laws import save_scaling

    draw_into(to, lambda folder: save_scaling(studies, shared, folder))

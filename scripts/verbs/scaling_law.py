"""`scaling-law`: tables of final losses: L(N, D), iso-FLOP profiles, held-out budgets, families."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...errors import InputError
from ..application import ASK, app
from ..options import FiguresFolder, JsonFile
from ..writing import say_drawn, write_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from ...collapse.scaling.intervals import Interval
    from ...collapse.scaling.isoflop import Growth
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

    families = []
    for name, one in studies.items():
        law = None
        if one.law is not None:
            law = {
                "parameters": one.law.parameters,
                "noise": one.law.noise,
                "huber": dataclasses.asdict(one.law.huber),
                "starts": one.law.starts,
                "starts_that_reached_it": one.law.reached,
            }
        families.append(
            {
                "family": name,
                "n_runs": len(one.runs.loss),
                "flops": one.runs.flops_source,
                "status": one.status,
                "law": law,
                "bootstrap": {key: dataclasses.asdict(value) for key, value in one.bootstrap.items()},
                "profile": {key: dataclasses.asdict(value) for key, value in one.profile.items()},
                "iso_flop": dataclasses.asdict(one.iso),
                "held_out": dataclasses.asdict(one.held_out),
            }
        )
    return plain({"families": families, "shared": [dataclasses.asdict(one) for one in shared], "notes": list(notes)})


def _print(studies: Sequence[Study], shared: Sequence[Shared], notes: Sequence[str], console: Console) -> None:
    for one in studies:
        console.print(f"{one.family}: {len(one.runs.loss)} runs", style="bold")
        for line in _lines(one):
            console.print(f"  {line}")
    if shared:
        console.print("families", style="bold")
    for found in shared:
        console.print(f"  {found.name}: {_shared(found)}")
    for note in notes:
        console.print(f"note: {note}", style="dim")


def _lines(one: Study) -> list[str]:
    lines = [f"L(N, D): {one.status}"] if one.law is None else _law_lines(one)
    bad = [row for row in one.iso.profiles if row.best_params is None]
    for row in one.iso.profiles:
        if row.best_params is not None:
            lines.append(f"at {row.budget:.3g} FLOPs: best size {_said(row.best_params)}, {row.best_tokens:.4g} tokens")
    # A table without fixed budgets has one budget a run: one line for all of them.
    lines += [f"at {row.budget:.3g} FLOPs: {row.status}" for row in bad[:4]]
    if len(bad) > 4:
        lines.append(f"and {len(bad) - 4} more budgets without a minimum")
    lines.append(f"minima of the parabolas: N ~ C^{_growth(one.iso.params)}")
    if one.iso.tokens.exponent is not None:
        lines.append(f"minima of the parabolas: D ~ C^{_growth(one.iso.tokens)}")
    held = one.held_out
    if held.error is None or held.bias is None or held.noise is None or held.covered is None:
        return [*lines, held.status]
    what = f"the largest {held.budgets} budgets" if held.budgets > 1 else "the largest budget"
    line = (
        f"{what if held.budgets else 'the fifth with the most FLOPs'}, foretold from the rest: error "
        f"{100 * held.error:.2g} %, bias {100 * held.bias:+.2g} %, noise of a run {100 * held.noise:.2g} %, "
        f"{100 * held.covered:.0f} % of runs in the 90 % band"
    )
    if held.baseline is not None and held.error_at_best is not None:
        line += (
            f"; at the best runs {100 * held.error_at_best:.2g} %, where a plain power law in C errs by "
            f"{100 * held.baseline:.2g} %"
        )
    return [*lines, line]


def _law_lines(one: Study) -> list[str]:
    law, names = one.law, ("E", "alpha", "beta")
    assert law is not None
    p = law.parameters
    lines = [f"L(N, D) = {p['E']:.4g} + {p['A']:.4g} / N^{p['alpha']:.4g} + {p['B']:.4g} / D^{p['beta']:.4g}"]
    lines.append("profile: " + ", ".join(f"{name} {_said(one.profile[name])}" for name in names))
    lines.append(
        "bootstrap: " + ", ".join(f"{name} {_said(one.bootstrap[name])}" for name in ("E", "A", "alpha", "B", "beta"))
    )
    lines.append(f"best size of the law: N ~ C^{_said(one.bootstrap['best size'])}")
    lines.append(
        f"a run lies {100 * law.noise:.2g} % about the law; {100 * law.reached:.0f} % of {law.starts} starts reached "
        f"this minimum" + ("" if one.status == "ok" else f"; {one.status}")
    )
    return lines


def _growth(growth: Growth) -> str:
    if growth.exponent is None:
        return f"?: {growth.status}"
    bias = "" if growth.bias is None else f" (parabolas of the law itself are off by {growth.bias:+.2g})"
    return _said(growth.exponent) + bias


def _shared(found: Shared) -> str:
    one = found.effects
    if one is None:
        return found.status
    import numpy as np

    mean, low, high = np.exp([one.mean, one.low, one.high])
    told = f"one value for all is rejected, p = {one.p:.2g}" if one.p < 0.05 else f"one value fits all, p = {one.p:.2g}"
    equal = "equal within" if one.equal else "not shown to be equal within"
    return (
        f"mean {mean:.4g} [{low:.4g}, {high:.4g}], spread between families {100 * one.tau:.2g} % (at most "
        f"{100 * one.tau_upper:.2g} %); {told}; {equal} {100 * one.margin:.0f} %"
    )


def _said(one: Interval) -> str:
    low, high = ("?" if end is None else f"{end:.4g}" for end in (one.low, one.high))
    return f"{one.value:.4g} [{low}, {high}]"


def _draw(studies: dict[str, Study], shared: Sequence[Shared], to: str) -> None:
    from ...collapse.drawing.scaling_laws import save_scaling

    try:
        paths = save_scaling(studies, shared, Path(to))
    except OSError as error:
        raise InputError(f"cannot draw into {to!r}: {error}") from None
    say_drawn(paths)

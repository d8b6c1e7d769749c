"""`check-family`: does a family keep its promises, and does its parametrisation transfer?"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..application import CHECK, app
from ..family_checking import as_dict, request, work
from ..options import JsonFile
from ..writing import write_json

if TYPE_CHECKING:
    from ...architectures.family import Rung
    from ...benchmark.checks.conformance import Kept
    from ...benchmark.checks.family_check import FamilyCheck, Named
    from ...benchmark.checks.rate_transfer import RateTransfer
    from ...benchmark.checks.slopes import Slope


@app.command("check-family", rich_help_panel=CHECK)
def check_family(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A family, timm:CLASS, torchvision:NAME or FILE.py:CLASS.")
    ],
    dataset: Annotated[str | None, typer.Option(help="The data set; the default is a small one that fits.")] = None,
    rungs: Annotated[
        str | None, typer.Option(help="Widths, such as 16,24,32,48; the default is the family's ladder.")
    ] = None,
    arguments: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A parameter of the family. May be repeated.")
    ] = None,
    promises: Annotated[
        bool, typer.Option("--promises", help="Check only what every family promises, in seconds in place of minutes.")
    ] = False,
    json_file: JsonFile = None,
) -> None:
    """Check what every family promises, then that training changes every layer alike at all widths and that the best
    learning rate stays.

    Exit code 1 where a promise is broken, a layer or the learning rate fails. Under two minutes on two cores.
    """
    family, data, label, ladder = request(name, dataset, rungs, arguments or [])
    kept = _kept(family, data if dataset else None, given=rungs is not None, quiet=json_file == "-")
    broken = [each.promise for each in kept if not each.kept]
    found = {"family": name, "dataset": label, "promises": [dataclasses.asdict(each) for each in kept]}
    if promises:
        found["status"] = "fail" if broken else "pass"
    else:
        check = _checked(name, label, family, data, ladder, quiet=json_file == "-")
        found |= as_dict(check) | ({"status": "fail"} if broken else {})
    if json_file is not None:
        write_json(json_file, found)
    if found["status"] == "fail":
        raise typer.Exit(1)


def _kept(family: Named, data: Named | None, *, given: bool, quiet: bool) -> list[Kept]:
    """What became of the promises, printed one by one; a ladder that was given is none of the family's."""
    from ...architectures.family import FAMILIES
    from ...benchmark.checks.conformance import OF_LADDERS, PROMISES, keeping
    from ...benchmark.checks.tasks import home
    from ...datasets.dataset import DATASETS

    entry = FAMILIES.make(*family)
    task = DATASETS.make(*data).task if data else home(entry)
    asked = [each for each in PROMISES if not (given and each in OF_LADDERS)]
    if not quiet:
        typer.echo(f"What every family promises, on {task}")
    found = []
    for each in keeping(entry, task, asked):
        found.append(each)
        if not quiet:
            word = "kept  " if each.kept else "BROKEN"
            typer.echo(f"  {word} {each.promise:<13} {each.clause} ({each.seconds:.1f} s)")
    return found


def _checked(name: str, label: str, family: Named, data: Named, ladder: Sequence[Rung], *, quiet: bool) -> FamilyCheck:
    from ...benchmark.checks.family_check import coordinate_jobs, gathered, transfer_jobs

    typer.echo(f"{name} on {label}", err=True)
    jobs = [*coordinate_jobs(family, data, ladder), *transfer_jobs(family, data, ladder)]
    found = gathered(name, work(jobs))
    if not quiet:
        typer.echo("")
        _print(found)
    return found


def _print(found: FamilyCheck) -> None:
    from ...benchmark.checks.rate_transfer import TRANSFER_BOUND
    from ...benchmark.checks.slopes import BOUND
    from ..terminal import print_rows

    mine, control = found.coordinates["mup"], found.coordinates["standard"]
    typer.echo(
        f"Change of activations in {mine.steps} updates against width, {mine.n_seeds} seeds, {', '.join(mine.rungs)}: "
        f"slope with its 95 % interval, inside +-{BOUND:g} passes"
    )
    rows = zip(mine.layers, control.layers, strict=True)
    print_rows([_layer_row(layer.layer, layer.kind, layer.slope, other.slope) for layer, other in rows])
    typer.echo("")
    if found.transfers:
        how = found.transfers["mup"]
        typer.echo(f"Best learning rate against width after {how.steps} updates: inside +-{TRANSFER_BOUND:g} passes")
        print_rows([_transfer_row(key, transfer) for key, transfer in found.transfers.items()])
        typer.echo("")
    seen = "is seen to fail, as it must" if found.control_seen else "is not seen to fail: this check shows nothing"
    typer.echo(f"{found.family}: {found.status}; the control (standard parametrisation at the same rate) {seen}")


def _layer_row(name: str, kind: str, slope: Slope, control: Slope) -> dict[str, Any]:
    status = slope.status if slope.status != "none" else slope.reason
    return {
        "layer": name,
        "kind": kind,
        "slope": _interval(slope),
        "": status,
        "standard (control)": _interval(control),
    }


def _transfer_row(key: str, transfer: RateTransfer) -> dict[str, Any]:
    best = [
        f"{b.rung} 2^{b.log2_rate:.1f}" if b.log2_rate is not None else f"{b.rung} {b.status}" for b in transfer.best
    ]
    status = transfer.slope.status if transfer.slope.status != "none" else transfer.slope.reason
    return {"parametrization": key, "slope": _interval(transfer.slope), "": status, "best rates": ", ".join(best)}


def _interval(slope: Slope) -> str:
    """A slope with its interval, in words where there is none."""
    if slope.value is None or slope.low is None or slope.high is None:
        return "-"
    return f"{slope.value:+.2f} ({slope.low:+.2f} to {slope.high:+.2f})"

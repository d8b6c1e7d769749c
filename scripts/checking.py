"""The verb `check-family`: does a family keep its promises, and does its parametrisation transfer?"""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import InputError
from .application import app, print_json

if TYPE_CHECKING:
    from ..architectures.family import Rung
    from ..benchmark.checks.conformance import Kept
    from ..benchmark.checks.family_check import FamilyCheck, Job, Named
    from ..benchmark.checks.rate_transfer import RateTransfer
    from ..benchmark.checks.slopes import Slope

_PROCESSES = 2
_EVERY = 5.0  # seconds between progress lines


@app.command("check-family")
def check_family(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="a family, timm:CLASS, torchvision:NAME or FILE.py:CLASS")
    ],
    dataset: Annotated[str | None, typer.Option(help="data set; the default is a small one that fits")] = None,
    rungs: Annotated[str | None, typer.Option(help="widths, such as 16,24,32,48; the default is the ladder")] = None,
    arguments: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="a parameter of the family; may be repeated")
    ] = None,
    promises: Annotated[
        bool, typer.Option("--promises", help="only what every family promises: seconds in place of minutes")
    ] = False,
    json_file: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="write JSON; - for standard output")
    ] = None,
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
        _write(json_file, found)
    if found["status"] == "fail":
        raise typer.Exit(1)


def _kept(family: Named, data: Named | None, *, given: bool, quiet: bool) -> list[Kept]:
    """What became of the promises, printed one by one; a ladder that was given is none of the family's."""
    from ..architectures.family import FAMILIES
    from ..benchmark.checks.conformance import OF_LADDERS, PROMISES, keeping
    from ..benchmark.checks.tasks import home
    from ..datasets.dataset import DATASETS

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
    from ..benchmark.checks.family_check import coordinate_jobs, gathered, transfer_jobs

    typer.echo(f"{name} on {label}", err=True)
    jobs = [*coordinate_jobs(family, data, ladder), *transfer_jobs(family, data, ladder)]
    found = gathered(name, work(jobs))
    if not quiet:
        typer.echo("")
        _print(found)
    return found


def request(
    name: str, dataset: str | None, rungs: str | None, arguments: Sequence[str]
) -> tuple[Named, Named, str, list[Rung]]:
    """Family and data set as any process can make them again, the data set in words, and the ladder."""
    from ..architectures.family import FAMILIES
    from ..benchmark.checks.small_data import label_of, small_dataset
    from ..benchmark.naming import check_fit, pinned
    from ..datasets.dataset import DATASETS

    params = dict(map(_argument, arguments))
    family = FAMILIES.make(name, params)
    ladder = _ladder(family, rungs)
    entry = pinned(family, params, ladder[0])
    family = FAMILIES.make(*entry)
    for rung in ladder:
        family.check_rung(rung)
    data = DATASETS.make(dataset) if dataset else small_dataset(family)
    check_fit(family, ladder, data.task, data.name)
    data.prepare()
    return entry, (data.name, dict(data.ref.params)), label_of(data), ladder


def _argument(pair: str) -> tuple[str, Any]:
    import yaml

    key, sign, value = pair.partition("=")
    if not sign:
        raise InputError(f"--set takes KEY=VALUE, got {pair!r}")
    try:
        return key.strip(), yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise InputError(f"--set {pair}: {' '.join(str(error).split())[:200]}") from None


def _ladder(family: Any, rungs: str | None) -> list[Rung]:
    ladder: list[Rung] = list(family.ladder)
    if rungs is not None:
        knob = next(iter(ladder[0] if ladder else family.knobs))
        try:
            ladder = [{knob: int(part)} for part in rungs.split(",")]
        except ValueError:
            raise InputError(f"--rungs takes widths such as 16,24,32,48, got {rungs!r}") from None
    if len(ladder) < 3:
        raise InputError(
            f"family {family.name!r} has {len(ladder)} rungs here, a check needs 3: give widths by --rungs 16,24,32,48 "
            "and arguments that scale with w by --set, such as --set embed_dim=w"
        )
    return ladder


def work(jobs: Sequence[Job], *, processes: int = _PROCESSES) -> list[tuple[Job, Any]]:
    """Do jobs in processes of one thread each, with a line of progress now and then on standard error.

    The processes are sent the texts of the users' files that this one has read.
    """
    from ..architectures.user import remember, sources
    from ..benchmark.checks.family_check import do

    began = last = time.monotonic()
    found, total, over = [], sum(job.seconds for job in jobs), 0.0
    with ProcessPoolExecutor(processes, get_context("spawn"), remember, (sources(),)) as pool:
        waiting = {pool.submit(do, job): job for job in jobs}
        try:
            for future in as_completed(waiting):
                job = waiting[future]
                found.append((job, future.result()))
                over += job.seconds
                now = time.monotonic()
                if now - last >= _EVERY or len(found) == len(jobs):
                    last, left = now, (now - began) * (total - over) / over
                    print(
                        f"{len(found)}/{len(jobs)} parts, {now - began:.0f} s, about {left:.0f} s left",
                        file=sys.stderr,
                        flush=True,
                    )
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return found


def as_dict(found: FamilyCheck) -> dict[str, Any]:
    """What a check found, as plain types."""
    return {**dataclasses.asdict(found), "status": found.status, "control_seen": found.control_seen}


def _write(json_file: str, value: dict[str, Any]) -> None:
    import json

    if json_file == "-":
        print_json(value)
        return
    try:
        path = Path(json_file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n")
    except OSError as error:
        raise InputError(f"cannot write {json_file}: {error}") from None


def _print(found: FamilyCheck) -> None:
    from ..benchmark.checks.rate_transfer import TRANSFER_BOUND
    from ..benchmark.checks.slopes import BOUND
    from .listing import print_rows

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
    return {"layer": name, "kind": kind, "slope": interval(slope), "": status, "standard (control)": interval(control)}


def _transfer_row(key: str, transfer: RateTransfer) -> dict[str, Any]:
    best = [
        f"{b.rung} 2^{b.log2_rate:.1f}" if b.log2_rate is not None else f"{b.rung} {b.status}" for b in transfer.best
    ]
    status = transfer.slope.status if transfer.slope.status != "none" else transfer.slope.reason
    return {"parametrization": key, "slope": interval(transfer.slope), "": status, "best rates": ", ".join(best)}


def interval(slope: Slope) -> str:
    """A slope with its interval, in words where there is none."""
    if slope.value is None or slope.low is None or slope.high is None:
        return "-"
    return f"{slope.value:+.2f} ({slope.low:+.2f} to {slope.high:+.2f})"

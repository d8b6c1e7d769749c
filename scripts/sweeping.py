"""Verbs about sweeps and their tables: list, plan, run, status, export, pull."""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import InputError, unknown
from .application import JsonFlag, app, print_json

SweepArgument = Annotated[str, typer.Argument(metavar="SWEEP", help="a sweep file, or the name of a built-in sweep")]
OutOption = Annotated[str | None, typer.Option("--out", help="results folder or URL; the default is runs/<sweep>")]
OnlyOption = Annotated[
    list[str] | None, typer.Option("--only", metavar="KEY=NAME", help="restrict to a family, dataset or control")
]
DataOption = Annotated[
    str | None, typer.Option("--data-root", metavar="DIR", help="folder of your own data sets [env: ONECURVE_DATA]")
]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="replace a setting in all groups")
]


@app.command("list")
def list_entries(
    what: Annotated[
        str, typer.Argument(help="families, datasets, forms, observables, optimisers, schedules or sweeps")
    ] = "families",
    as_json: JsonFlag = False,
) -> None:
    """List families, data sets, forms of the curve, observables, optimisers, schedules or built-in sweeps."""
    from . import listing
    from .dataset_list import brief, dataset_rows

    kinds = {
        "families": listing.families,
        "datasets": functools.partial(dataset_rows, population=as_json),
        "forms": listing.forms,
        "observables": functools.partial(listing.entries, "observable"),
        "optimisers": functools.partial(listing.entries, "optimiser"),
        "schedules": functools.partial(listing.entries, "schedule"),
        "sweeps": listing.sweeps,
    }
    if what not in kinds:
        raise unknown("kind of entry", what, kinds)
    rows = kinds[what]()
    if as_json:
        print_json(rows)
    else:
        in_short = {"datasets": lambda rows: [brief(row) for row in rows], "families": listing.families_in_short}
        listing.print_rows(in_short.get(what, list)(rows))
        missing = [row for row in rows if row.get("missing")]
        if missing:
            typer.echo(f"{len(missing)} are missing here; `onecurve data list` and --data-root say how to get them")


@app.command()
def plan(
    sweep: SweepArgument,
    out: OutOption = None,
    only: OnlyOption = None,
    changes: SetOption = None,
    data_root: DataOption = None,
    on: Annotated[
        str | None, typer.Option(metavar="PLACE:N", help="hours on h100:64, on cpu:128, on a100:8+cpu:512")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Say what a sweep would train and what it would cost. Trains nothing and writes nothing."""
    _find_data(data_root)
    from ..benchmark.cards import places
    from ..benchmark.plan import plan_sweep
    from ..benchmark.sweep import load_sweep
    from ..results.store import Store

    loaded = load_sweep(sweep, changes or [])
    wanted = places(on) if on else None
    planned = plan_sweep(loaded, Store(out or f"runs/{loaded.name}"), _pairs("--only", only), wanted)
    if as_json:
        print_json(planned)
        return
    from .listing import print_rows

    print_rows(planned["cells"])
    typer.echo(
        f"{planned['n_trials']} trials, {planned['n_done']} of them in the table, {planned['flops']:.3g} FLOPs, "
        f"about {planned['expected_minutes']:.1f} minutes on {planned['cores']} cores"
    )
    if wanted:
        typer.echo(_hours(planned["on"]))


@app.command()
def run(
    sweep: SweepArgument,
    out: OutOption = None,
    address: Annotated[
        str, typer.Option(help="local: start Ray here; in-process: no Ray; otherwise the Ray cluster to join")
    ] = "local",
    only: OnlyOption = None,
    changes: SetOption = None,
    data_root: DataOption = None,
    pack: Annotated[
        str | None, typer.Option(help="true or false: train seeds as one batched model, or one by one")
    ] = None,
    shard: Annotated[str, typer.Option(metavar="I/N", help="train the I-th of N parts")] = "1/1",
    threads: Annotated[int, typer.Option(min=1, help="torch threads of a worker")] = 1,
    refresh: Annotated[bool, typer.Option("--refresh", help="train again the families that changed")] = False,
    retry: Annotated[
        str,
        typer.Option(
            metavar="failed|record",
            help="train again what failed, took too long or ran out of memory; or what lacks an observable",
        ),
    ] = "",
    device: Annotated[
        str | None, typer.Option(metavar="auto|cpu|cuda", help="where to train; the default is the sweep's, else auto")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(min=0.01, help="minutes for a pack; by default 10 and 20 times what is expected")
    ] = None,
    keep_every: Annotated[float, typer.Option(min=0.0, help="minutes between checkpoints of a pack")] = 5.0,
    resume_across: Annotated[
        bool,
        typer.Option(
            "--resume-across", help="go on from checkpoints of other devices or versions, too; the rows say so"
        ),
    ] = False,
    stop_after: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="end the run when N trials have failed")
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="say what the curves share as they arrive, and which trials leave")
    ] = False,
    watch_every: Annotated[float, typer.Option(min=0.1, help="seconds between two looks of --watch")] = 30.0,
    allow_failures: Annotated[bool, typer.Option("--allow-failures", help="exit with 0 though trials failed")] = False,
) -> None:
    """Train a sweep. The same command goes on after a crash, extends what is there, and repeats nothing."""
    _find_data(data_root)
    from ..benchmark.choices import check_device
    from ..benchmark.sweep import load_sweep
    from ..results.store import Store
    from .progress import follow, terms

    if device is not None:
        check_device(device)
    pairs = [*(changes or []), *([f"pack={pack}"] if pack is not None else [])]
    loaded = load_sweep(sweep, pairs)
    store = Store(out or f"runs/{loaded.name}")
    store.check_writable()
    options = {"only": _pairs("--only", only), "shard": _shard(shard), "refresh": refresh}
    options |= {"retry": _retry(retry), "device": device}
    options |= {"terms": terms(threads, timeout, keep_every, resume_across, stop_after)}
    options |= {"watch": watch_every if watch else None}
    try:
        summary = follow(loaded, store, address, **options)
    except KeyboardInterrupt:
        typer.echo("\nstopped: what was finished is kept, and the same command goes on from there", err=True)
        raise typer.Exit(130) from None
    trained = summary.asked - summary.found - summary.left
    typer.echo(f"{summary.asked} trials: {summary.found} were in the table, {trained} trained now")
    for machine, reason in summary.left_out.items():
        typer.echo(f"  {machine} was left out: it failed packs that do well elsewhere: {reason}", err=True)
    for reason in summary.reasons[:10]:
        typer.echo(f"  failed: {reason}", err=True)
    for note in summary.notes[:10]:
        typer.echo(f"  note: {note}", err=True)
    if summary.undelivered:
        typer.echo(f"{summary.undelivered} trials wait on this machine: the same command delivers them", err=True)
    if summary.failed:
        counts = ", ".join(f"{n} {status}" for status, n in sorted(summary.statuses.items()))
        typer.echo(f"{summary.failed} trials did not end well ({counts}); they are rows of the table", err=True)
    if summary.left:
        typer.echo(
            f"{summary.left} trials are left: what was finished is kept, what trained has a checkpoint, and the same "
            "command goes on from there",
            err=True,
        )
    if summary.asked_to_end:
        signal.raise_signal(signal.SIGTERM)
    if summary.undelivered or summary.left or (summary.failed and not allow_failures):
        raise typer.Exit(1)


@app.command()
def status(folder: Annotated[str, typer.Argument(help="results folder")], as_json: JsonFlag = False) -> None:
    """Say how far a sweep is: done, failed, pending, and what data and evaluations cost."""
    from .listing import print_rows
    from .status import said, sweep_status

    report = sweep_status(folder)
    if as_json:
        print_json(report)
        return
    print_rows(report["groups"])
    for line in said(report):
        typer.echo(line)


@app.command()
def export(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="results folder")],
    to: Annotated[str, typer.Option("--to", metavar="DIR", help="where the files go")],
    form: Annotated[str, typer.Option("--format", metavar="csv|parquet", help="format of the files")] = "csv",
) -> None:
    """Write the result tables as plain files: trials, curves and, where there are some, observables."""
    from ..results.store import Store
    from ..results.transfer import export as export_tables

    if form not in ("csv", "parquet"):
        raise unknown("format", form, ("csv", "parquet"))
    for path in export_tables(Store(folder), to, form):
        typer.echo(f"wrote {path}")


@app.command()
def pull(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="path or URL of a results folder")],
    to: Annotated[str, typer.Option("--to", metavar="DIR", help="where the copy goes")],
) -> None:
    """Copy a results folder from elsewhere and check every file's sha256."""
    from ..results.transfer import pull as pull_folder

    copied, kept = pull_folder(source, to)
    typer.echo(f"{copied} files copied to {to}, {kept} were there already; checksums agree")


def _hours(on: Mapping[str, Any]) -> str:
    """What a sweep takes on the places that were asked of, in a sentence."""
    where = " and ".join(f"{count} {'cores' if place == 'cpu' else place}" for place, count in on["on"].items())
    parts = [f"{on['device_hours']:.3g} device hours"] if set(on["on"]) != {"cpu"} else []
    parts += [f"{on['core_hours']:.3g} core hours"] if "cpu" in on["on"] else []
    last = f"; the longest pack is {on['last']['cell']}, {on['last']['hours']:.2g} h" if on["last"] else ""
    guessed = on["trials_estimated"]
    basis = f"; {guessed} trials are estimates, none like them was measured there" if guessed else "; as measured there"
    return f"on {where}: {' and '.join(parts)}, {on['clock_hours']:.2g} h by the clock{last}{basis}"


def _pairs(flag: str, values: list[str] | None) -> dict[str, str]:
    pairs = {}
    for value in values or []:
        key, sign, name = value.partition("=")
        if not sign:
            raise InputError(f"{flag} takes key=name, such as family=mlp, got {value!r}")
        pairs[key] = name
    return pairs


def _find_data(root: str | None) -> None:
    """Say where users' data are, before anything looks for them or starts workers."""
    if root is None:
        return
    if not Path(root).is_dir():
        raise InputError(f"the data root {root!r} is not a folder")
    os.environ["ONECURVE_DATA"] = str(Path(root).absolute())


def _retry(value: str) -> str:
    if value not in ("", "failed", "record"):
        raise unknown("--retry", value, ("failed", "record"))
    return value


def _shard(value: str) -> tuple[int, int]:
    part, _, parts = value.partition("/")
    if not (part.isdigit() and parts.isdigit() and 1 <= int(part) <= int(parts)):
        raise InputError(f"--shard takes I/N with 1 <= I <= N, such as 2/8, got {value!r}")
    return int(part), int(parts)

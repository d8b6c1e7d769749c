"""`run`: train a sweep."""

from __future__ import annotations

import functools
import signal
from typing import TYPE_CHECKING, Annotated

import typer

from ...errors import InputError, unknown
from ..application import TRAIN, app
from ..options import DataOption, OnlyOption, OutOption, SetOption, SweepArgument, pairs_of
from ..own_data import find_data

if TYPE_CHECKING:
    from ...benchmark.runner import RunSummary


@app.command(rich_help_panel=TRAIN)
def run(
    sweep: SweepArgument,
    out: OutOption = None,
    address: Annotated[
        str,
        typer.Option(help="local starts Ray here; in-process uses no Ray; anything else is a Ray cluster to join."),
    ] = "local",
    only: OnlyOption = None,
    changes: SetOption = None,
    data_root: DataOption = None,
    pack: Annotated[
        str | None, typer.Option(help="true or false: train seeds as one batched model, or one by one.")
    ] = None,
    shard: Annotated[str, typer.Option(metavar="I/N", help="Train the I-th of N parts of the sweep.")] = "1/1",
    threads: Annotated[int, typer.Option(min=1, help="How many torch threads a worker has.")] = 1,
    refresh: Annotated[bool, typer.Option("--refresh", help="Train again the families whose code changed.")] = False,
    retry: Annotated[
        str,
        typer.Option(
            metavar="failed|record",
            help="Train again what failed, took too long or ran out of memory; or what lacks an observable.",
        ),
    ] = "",
    device: Annotated[
        str | None, typer.Option(metavar="auto|cpu|cuda", help="Where to train; the default is the sweep's, else auto.")
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(min=0.01, help="Minutes that a pack may take; by default 10 and 20 times what is expected."),
    ] = None,
    keep_every: Annotated[float, typer.Option(min=0.0, help="Minutes between checkpoints of a pack.")] = 5.0,
    resume_across: Annotated[
        bool,
        typer.Option(
            "--resume-across", help="Go on from checkpoints of other devices or versions, too; the rows say so."
        ),
    ] = False,
    stop_after: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="End the run when N trials have failed.")
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Say what the curves share as they arrive, and which trials leave.")
    ] = False,
    watch_every: Annotated[
        float | None, typer.Option(min=0.1, help="Seconds between two looks of --watch; the default is 30.")
    ] = None,
    report: Annotated[
        bool, typer.Option("--report", help="Write the report while trials arrive, and whole in the end.")
    ] = False,
    report_every: Annotated[
        float | None, typer.Option(min=1.0, help="Seconds between two pages of --report; the default is 60.")
    ] = None,
    allow_failures: Annotated[
        bool, typer.Option("--allow-failures", help="Exit with code 0 even where trials failed.")
    ] = False,
) -> None:
    """Train a sweep. The same command goes on after a crash, extends what is there, and repeats nothing."""
    if report_every is not None and not report:
        raise InputError("--report-every says how often --report writes: give --report too")
    if watch_every is not None and not watch:
        raise InputError("--watch-every says how often --watch looks: give --watch too")
    find_data(data_root)
    from ...benchmark.choices import check_device
    from ...benchmark.pilots.of_sweep import pilots_of
    from ...benchmark.sweep import load_sweep
    from ...results.store import Store
    from ..piloting import pilot_store, run_pilots, to_train, with_found
    from ..progress import follow, terms, workers

    if device is not None:
        check_device(device)
    pairs = [*(changes or []), *([f"pack={pack}"] if pack is not None else [])]
    loaded = load_sweep(sweep, pairs)
    store = Store(out or f"runs/{loaded.name}")
    store.check_writable()
    which, part = pairs_of("--only", only), _shard(shard)
    how = {"refresh": refresh, "retry": _retry(retry), "device": device}
    how |= {"terms": terms(threads, timeout, keep_every, resume_across, stop_after)}
    pilots = pilot_store(store)
    if part != (1, 1) and pilots_of(with_found(loaded, pilots), which):
        raise InputError(f"train the pilots before a part of the sweep: onecurve pilot {sweep} --out {store.uri}")
    try:
        with workers(address) as executor:
            train = functools.partial(follow, executor=executor, **how)
            without = run_pilots(loaded, pilots, train, typer.echo, which)
            if without is None:
                typer.echo("the pilots were ended: the same command goes on from there", err=True)
                raise typer.Exit(1)
            loaded = to_train(loaded, pilots, which)
            looks = {"watch": (watch_every or 30.0) if watch else None}
            looks |= {"page": (report_every or 60.0) if report else None}
            summary = follow(loaded, store, executor, only=which, shard=part, **looks, **how)
    except KeyboardInterrupt:
        typer.echo("\nstopped: what was finished is kept, and the same command goes on from there", err=True)
        raise typer.Exit(130) from None
    _say(summary)
    if summary.asked_to_end:
        signal.raise_signal(signal.SIGTERM)
    if summary.undelivered or summary.left or ((summary.failed or without) and not allow_failures):
        raise typer.Exit(1)


def _say(summary: RunSummary) -> None:
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


def _retry(value: str) -> str:
    if value not in ("", "failed", "record"):
        raise unknown("--retry", value, ("failed", "record"))
    return value


def _shard(value: str) -> tuple[int, int]:
    part, _, parts = value.partition("/")
    if not (part.isdigit() and parts.isdigit() and 1 <= int(part) <= int(parts)):
        raise InputError(f"--shard takes I/N with 1 <= I <= N, such as 2/8, got {value!r}")
    return int(part), int(parts)

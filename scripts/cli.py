"""The command line. Heavy imports stay inside the verbs that need them."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ..errors import InputError, unknown

app = typer.Typer(
    name="onecurve",
    help="Do networks of different sizes, architectures and data sets learn along one curve?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

SweepArgument = Annotated[str, typer.Argument(metavar="SWEEP", help="a sweep file, or the name of a built-in sweep")]
OutOption = Annotated[str | None, typer.Option("--out", help="results folder or URL; the default is runs/<sweep>")]
OnlyOption = Annotated[
    list[str] | None, typer.Option("--only", metavar="KEY=NAME", help="restrict to a family, dataset or control")
]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="replace a setting in all groups")
]
JsonFlag = Annotated[bool, typer.Option("--json", help="print JSON")]


@app.command("list")
def list_entries(
    what: Annotated[str, typer.Argument(help="families, datasets or sweeps")] = "families",
    as_json: JsonFlag = False,
) -> None:
    """List families, data sets or built-in sweeps."""
    from . import listing

    kinds = {"families": listing.families, "datasets": listing.datasets, "sweeps": listing.sweeps}
    if what not in kinds:
        raise unknown("kind of entry", what, kinds)
    rows = kinds[what]()
    if as_json:
        _print_json(rows)
    else:
        listing.print_rows(rows)


@app.command()
def plan(
    sweep: SweepArgument,
    out: OutOption = None,
    only: OnlyOption = None,
    changes: SetOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say what a sweep would train and what it would cost. Trains nothing and writes nothing."""
    from ..benchmark.plan import plan_sweep
    from ..benchmark.sweep import load_sweep
    from ..results.store import Store

    loaded = load_sweep(sweep, changes or [])
    planned = plan_sweep(loaded, Store(out or f"runs/{loaded.name}"), _pairs("--only", only))
    if as_json:
        _print_json(planned)
        return
    from .listing import print_rows

    print_rows(planned["cells"])
    typer.echo(
        f"{planned['n_trials']} trials, {planned['n_done']} of them in the table, {planned['flops']:.3g} FLOPs, "
        f"about {planned['expected_minutes']:.1f} minutes on {planned['cores']} cores"
    )


@app.command()
def run(
    sweep: SweepArgument,
    out: OutOption = None,
    address: Annotated[
        str, typer.Option(help="local: start Ray here; in-process: no Ray; otherwise the Ray cluster to join")
    ] = "local",
    only: OnlyOption = None,
    changes: SetOption = None,
    pack: Annotated[
        str | None, typer.Option(help="true or false: train seeds as one batched model, or one by one")
    ] = None,
    shard: Annotated[str, typer.Option(metavar="I/N", help="train the I-th of N parts")] = "1/1",
    threads: Annotated[int, typer.Option(min=1, help="torch threads of a worker")] = 1,
    refresh: Annotated[bool, typer.Option("--refresh", help="train again the families that changed")] = False,
    allow_failures: Annotated[bool, typer.Option("--allow-failures", help="exit with 0 though trials failed")] = False,
) -> None:
    """Train a sweep. The same command goes on after a crash, extends what is there, and repeats nothing."""
    from ..benchmark.sweep import load_sweep
    from ..results.store import Store
    from .progress import follow

    pairs = [*(changes or []), *([f"pack={pack}"] if pack is not None else [])]
    loaded = load_sweep(sweep, pairs)
    store = Store(out or f"runs/{loaded.name}")
    store.check_writable()
    options = {"only": _pairs("--only", only), "shard": _shard(shard), "threads": threads, "refresh": refresh}
    try:
        summary = follow(loaded, store, address, **options)
    except KeyboardInterrupt:
        typer.echo("\nstopped: what was finished is kept, and the same command goes on from there", err=True)
        raise typer.Exit(130) from None
    typer.echo(
        f"{summary.asked} trials: {summary.found} were in the table, {summary.asked - summary.found} trained now"
    )
    for reason in summary.reasons[:10]:
        typer.echo(f"  failed: {reason}", err=True)
    if summary.failed:
        counts = ", ".join(f"{n} {status}" for status, n in sorted(summary.statuses.items()))
        typer.echo(f"{summary.failed} trials did not end well ({counts}); they are rows of the table", err=True)
        if not allow_failures:
            raise typer.Exit(1)


@app.command()
def status(folder: Annotated[str, typer.Argument(help="results folder")], as_json: JsonFlag = False) -> None:
    """Say how far a sweep is: done, failed, pending."""
    from .listing import print_rows
    from .status import sweep_status

    report = sweep_status(folder)
    if as_json:
        _print_json(report)
        return
    print_rows(report["groups"])
    typer.echo(
        f"{report['ok']} of {report['n_trials']} trials done, {report['failed']} failed, {report['pending']} pending"
    )


@app.command()
def analyze(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="results folders, or CSV or Parquet files")],
    irreducible_loss: Annotated[
        str, typer.Option(metavar="known|profile|fit|VALUE", help="where the irreducible loss comes from")
    ] = "known",
    margin: Annotated[float | None, typer.Option(help="largest deviation that still counts as a collapse")] = None,
    json_file: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="write JSON; - for standard output")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="DIR", help="also draw the figures into this folder")
    ] = None,
) -> None:
    """Test whether curves collapse and by how much each family deviates."""
    curves, analysis = _analysis(paths, irreducible_loss, margin)
    if json_file is not None:
        from ..collapse.analysis import to_json

        text = json.dumps(to_json(analysis), indent=1, allow_nan=False)
        if json_file == "-":
            typer.echo(text)
            return
        _write(json_file, text)
    from .listing import print_analysis

    print_analysis(analysis)
    if to is not None:
        _draw(analysis, curves, to)


@app.command()
def plot(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="results folder, or a file of curves")],
    to: Annotated[str | None, typer.Option("--to", metavar="DIR", help="the default is <DIR>/figures")] = None,
) -> None:
    """Draw the figures: PNG, SVG, PDF, and the plotted points as CSV."""
    curves, analysis = _analysis([folder], "known", None)
    if to is None:
        to = f"{folder.rstrip('/')}/figures" if Path(folder).is_dir() else "figures"
    _draw(analysis, curves, to)


@app.command()
def export(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="results folder")],
    to: Annotated[str, typer.Option("--to", metavar="DIR", help="where the files go")],
    form: Annotated[str, typer.Option("--format", metavar="csv|parquet", help="format of the files")] = "csv",
) -> None:
    """Write the result tables as plain files: trials and curves."""
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


def main() -> None:
    """Run the command line: bad input ends with one message and exit code 2, never with a traceback."""
    warnings.showwarning = lambda message, *_, **__: typer.echo(f"warning: {message}", err=True)
    try:
        app()
    except InputError as error:
        typer.echo(f"onecurve: {error}", err=True)
        sys.exit(2)


def _analysis(paths: list[str], irreducible_loss: str, margin: float | None) -> tuple[Any, Any]:
    import numpy as np

    from ..collapse.analysis import analyze as analyze_curves
    from ..results.reading import read_curves

    floor = _floor(irreducible_loss)
    if margin is not None and not 0 < margin < 1:
        raise InputError(f"--margin is a share between 0 and 1, such as 0.03, got {margin:g}")
    curves = read_curves(paths)
    # A fixed seed: the same table gives the same p-values.
    return curves, analyze_curves(curves, rng=np.random.default_rng(0), margin=margin, irreducible_loss=floor)


def _floor(given: str) -> Literal["known", "profile", "fit"] | float:
    if given in ("known", "profile", "fit"):
        return given  # type: ignore[return-value]
    try:
        return float(given)
    except ValueError:
        raise unknown("source of the irreducible loss", given, ("known", "profile", "fit", "a number")) from None


def _draw(analysis: Any, curves: Any, to: str) -> None:
    from ..collapse.figures import save_figures

    try:
        paths = save_figures(analysis, curves, Path(to))
    except OSError as error:
        raise InputError(f"cannot draw into {to!r}: {error}") from None
    for path in paths:
        if path.suffix == ".png":
            typer.echo(f"drew {path} (also SVG, PDF, and its points as CSV)")


def _pairs(flag: str, values: list[str] | None) -> dict[str, str]:
    pairs = {}
    for value in values or []:
        key, sign, name = value.partition("=")
        if not sign:
            raise InputError(f"{flag} takes key=name, such as family=mlp, got {value!r}")
        pairs[key] = name
    return pairs


def _shard(value: str) -> tuple[int, int]:
    part, _, parts = value.partition("/")
    if not (part.isdigit() and parts.isdigit() and 1 <= int(part) <= int(parts)):
        raise InputError(f"--shard takes I/N with 1 <= I <= N, such as 2/8, got {value!r}")
    return int(part), int(parts)


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=1, allow_nan=False))


def _write(path: str, text: str) -> None:
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text + "\n")
    except OSError as error:
        raise InputError(f"cannot write {path!r}: {error}") from None


if __name__ == "__main__":
    main()

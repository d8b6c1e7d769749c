"""The verb for tables of an observable at several system sizes: exponents, and one function for several systems."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import InputError, unknown
from .application import app

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

    from ..collapse.finite_size_tables import Estimate, Scaling, Table
    from ..collapse.metric_factors import SharedFunction

_COLUMNS = ("system", "observable", "size", "t", "value", "error", "dimensionless")
Systems = dict[str, tuple[tuple[str, ...], "list[Table]"]]


@app.command("finite-size")
def finite_size(
    paths: Annotated[list[str], typer.Argument(metavar="TABLE...", help="CSV or Parquet, one point a row")],
    critical: Annotated[
        list[str] | None, typer.Option(metavar="SYSTEM=T", help="a critical point that is known; may be repeated")
    ] = None,
    margin: Annotated[float, typer.Option(help="largest difference that still counts as one function")] = 0.03,
    json_file: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="write JSON; - for standard output")
    ] = None,
) -> None:
    """Fit exponents to tables of observables at several sizes, and ask whether systems share one function.

    Columns: observable, size, t (the control parameter), value, error (standard), dimensionless (true for a ratio that
    scales without a power of the size), and system where there are several. The fit chooses the window around the
    critical point in which scaling holds.
    """
    from ..collapse.contract import plain
    from .asking import write
    from .listing import console

    if not 0 < margin < 1:
        raise InputError(f"--margin is a share between 0 and 1, such as 0.03, got {margin:g}")
    systems = read_systems(paths)
    fits, pairs = _fitted(systems, _known(critical or [], systems)), []
    for first, second in itertools.combinations(systems, 2):
        pairs.append((first, second, *_compared(systems, fits, first, second, margin)))
    found = _json(systems, fits, pairs)
    if json_file is not None:
        text = json.dumps(plain(found), indent=1, allow_nan=False)
        if json_file == "-":
            typer.echo(text)
            return
        write(json_file, text)
    _print(systems, fits, pairs, console())


def read_systems(paths: Sequence[str]) -> Systems:
    """Names of the observables and their tables for each system, both in alphabetical order."""
    import polars as pl

    from ..collapse.finite_size_tables import Table

    frame = pl.concat([_read(path) for path in paths])
    systems: Systems = {}
    for name in sorted(frame["system"].unique()):
        mine = frame.filter(pl.col("system") == name)
        observables = tuple(sorted(mine["observable"].unique()))
        tables = []
        for observable in observables:
            rows = mine.filter(pl.col("observable") == observable)
            columns = {key: rows[key].to_numpy() for key in ("size", "t", "value", "error")}
            try:
                tables.append(
                    Table(
                        sizes=columns["size"],
                        t=columns["t"],
                        y=columns["value"],
                        se=columns["error"],
                        dimensionless=bool(rows["dimensionless"].all()),
                    )
                )
            except InputError as error:
                raise InputError(f"{observable} of {name}: {error}") from None
        systems[name] = (observables, tables)
    return systems


def _read(path: str) -> pl.DataFrame:
    import polars as pl

    if not Path(path).is_file():
        raise InputError(f"{path!r} is not there. Give a CSV or Parquet file with the columns {', '.join(_COLUMNS)}")
    try:
        frame = pl.read_parquet(path) if path.endswith(".parquet") else pl.read_csv(path, infer_schema_length=None)
    except (pl.exceptions.PolarsError, UnicodeDecodeError, OSError) as error:
        raise InputError(f"{path} is neither a readable CSV nor a Parquet file: {str(error)[:120]}") from None
    missing = [name for name in _COLUMNS[1:] if name not in frame.columns]
    if missing:
        raise InputError(f"{path} has no column {', '.join(missing)}. It has: {', '.join(frame.columns[:30])}")
    if "system" not in frame.columns:
        frame = frame.with_columns(pl.lit("system").alias("system"))
    numbers = [pl.col(name).cast(pl.Float64, strict=False) for name in ("size", "t", "value", "error")]
    flag = pl.col("dimensionless").cast(pl.String).str.to_lowercase().is_in(["true", "1"]).fill_null(False)
    frame = frame.select(pl.col("system", "observable").cast(pl.String), *numbers, flag)
    for name in ("size", "t", "value", "error"):
        bad = ~(frame[name].is_not_null() & frame[name].is_finite())
        if bad.any():
            raise InputError(f"{path}, row {int(bad.arg_true()[0]) + 1}: {name} is not a finite number")
    return frame


def _known(given: Sequence[str], systems: Systems) -> dict[str, float]:
    found = {}
    for one in given:
        name, _, value = one.partition("=")
        if name not in systems:
            raise unknown("system", name, tuple(systems))
        try:
            found[name] = float(value)
        except ValueError:
            raise InputError(f"--critical takes SYSTEM=T, such as square=0.4407, got {one!r}") from None
    return found


def _fitted(systems: Systems, critical: dict[str, float]) -> dict[str, Scaling]:
    import numpy as np

    from ..collapse.finite_size import fit_scaling

    chances = np.random.default_rng(0).spawn(len(systems))
    return {
        name: fit_scaling(tables, rng=rng, critical=critical.get(name))
        for (name, (_, tables)), rng in zip(systems.items(), chances, strict=True)
    }


def _compared(
    systems: Systems, fits: dict[str, Scaling], first: str, second: str, margin: float
) -> tuple[SharedFunction | None, str]:
    from ..collapse.metric_factors import compare_systems

    if systems[first][0] != systems[second][0]:
        return None, "they do not have the same observables"
    try:
        shared = compare_systems((systems[first][1], fits[first]), (systems[second][1], fits[second]), margin=margin)
    except InputError as error:
        return None, str(error)
    return shared, "ok"


def _json(systems: Systems, fits: dict[str, Scaling], pairs: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    rows = []
    for name, fit in fits.items():
        fields = dataclasses.asdict(fit)
        dimensions = dict(zip(systems[name][0], fields.pop("dimensions"), strict=True))
        rows.append({"system": name, **fields, "dimensions": dimensions})
    compared = [
        {"systems": [first, second], "status": status, **(dataclasses.asdict(shared) if shared else {})}
        for first, second, shared, status in pairs
    ]
    return {"systems": rows, "pairs": compared}


def _print(systems: Systems, fits: dict[str, Scaling], pairs: Sequence[tuple[Any, ...]], console: Console) -> None:
    for name, fit in fits.items():
        console.print(f"{name}: {fit.points} points", style="bold")
        if fit.critical is None or fit.inverse_nu is None:
            console.print(f"  {fit.status}")
            continue
        point = _said(fit.critical, 6) if fit.critical.high > fit.critical.low else f"{fit.critical.value:.6g} (given)"
        console.print(f"  critical point {point}, 1/nu {_said(fit.inverse_nu)}")
        for observable, dimension in zip(systems[name][0], fit.dimensions, strict=True):
            if dimension is not None:
                console.print(f"  {observable} ~ L^{_said(dimension)}")
        console.print(f"  window |t - t_c| L^(1/nu) <= {fit.window:.3g}, goodness of fit p = {fit.goodness:.2g}")
    for first, second, shared, status in pairs:
        console.print(f"{first} and {second}", style="bold")
        if shared is None:
            console.print(f"  cannot-tell: {status}")
            continue
        said = {True: "one class", False: "different classes", None: "cannot-tell"}[shared.one_class]
        exponents = "exponents agree" if shared.exponents_agree else "exponents differ"
        console.print(
            f"  {said}: {exponents}; with the distance of {second} times {_said(shared.distance_factor)}, its function "
            f"differs by {100 * shared.difference:.2g} % [{100 * shared.low:.2g}, {100 * shared.high:.2g}], margin "
            f"{100 * shared.margin:.2g} %"
        )


def _said(one: Estimate, digits: int = 4) -> str:
    return f"{one.value:.{digits}g} [{one.low:.{digits}g}, {one.high:.{digits}g}]"

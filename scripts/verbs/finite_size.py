"""`finite-size`: tables of an observable at several system sizes: exponents, and one function for several systems."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...errors import InputError, unknown
from ...results.levels import MARGIN
from ..application import ASK, app
from ..options import JsonFile
from ..writing import write_json

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

    from ...collapse.composing import Missing
    from ...collapse.finite_size.metric_factors import SharedFunction
    from ...collapse.finite_size.tables import Scaling, Table

_NUMBERS = ("size", "t", "value", "error")
SYNONYMS = {
    "size": ("L", "N", "system_size", "length", "linear_size", "width", "n"),
    "t": (
        *("tau", "p", "T", "beta", "temperature", "control", "control_parameter", "parameter", "K", "J"),
        *("coupling", "rho", "g", "h", "x"),
    ),
    "value": ("estimator", "estimate", "mean", "average", "y", "a", "m", "val"),
    "error": (
        *("standard_error", "std_error", "stderr", "se", "sem", "err", "error_bar", "uncertainty", "sigma", "dy"),
        *("da", "yerr", "y_err", "value_error"),
    ),
    "observable": ("quantity", "name", "variable", "measure"),
    "dimensionless": ("ratio", "is_ratio", "scale_free"),
    "system": ("lattice", "model", "family"),
}
Systems = dict[str, tuple[tuple[str, ...], "list[Table]"]]


@app.command("finite-size", rich_help_panel=ASK)
def finite_size(
    paths: Annotated[list[str], typer.Argument(metavar="TABLE...", help="CSV or Parquet tables with one point a row.")],
    critical: Annotated[
        list[str] | None, typer.Option(metavar="SYSTEM=T", help="A critical point that is known. May be repeated.")
    ] = None,
    corrections: Annotated[
        bool, typer.Option("--corrections", help="Also fit a correction to scaling, L^-omega.")
    ] = False,
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="ROLE=COLUMN", help="A column by another name, such as tau=p. May be repeated."),
    ] = None,
    margin: Annotated[float, typer.Option(help="The largest difference that still counts as one function.")] = MARGIN,
    json_file: JsonFile = None,
) -> None:
    """Fit exponents to tables of observables at several sizes, and ask whether systems share one function.

    Columns: observable, size, t (the control parameter), value, error (standard), dimensionless (true for a ratio that
    scales without a power of the size), and system where there are several. Common other names are taken as they are,
    and said. The fit chooses the window around the critical point in which scaling holds.
    """
    from ...collapse.contract import plain
    from ..terminal import console

    if not 0 < margin < 1:
        raise InputError(f"--margin is a share between 0 and 1, such as 0.03, got {margin:g}")
    systems, notes = read_systems(paths, column or [])
    fits, pairs = _fitted(systems, _known(critical or [], systems), corrections), []
    for first, second in itertools.combinations(systems, 2):
        pairs.append((first, second, _compared(systems, fits, first, second, margin)))
    found = _json(systems, fits, pairs) | {"notes": notes}
    if json_file is not None and write_json(json_file, plain(found)):
        return
    _print(systems, fits, pairs, console())
    for note in notes:
        console().print(f"note: {note}", style="dim")


def read_systems(paths: Sequence[str], said: Sequence[str] = ()) -> tuple[Systems, list[str]]:
    """Names of the observables and their tables for each system, both in alphabetical order, and what was guessed.

    Parameters
    ----------
    paths : CSV or Parquet files.
    said : ``ROLE=COLUMN`` pairs.
    """
    import polars as pl

    from ...collapse.finite_size.tables import Table

    read = [_read(path, said) for path in paths]
    frame, notes = pl.concat([one for one, _ in read]), [note for _, some in read for note in some]
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
    return systems, list(dict.fromkeys(notes))


def _read(path: str, said: Sequence[str]) -> tuple[pl.DataFrame, list[str]]:
    """One point a row under our own names, and what was taken for what."""
    import polars as pl

    from ...results.column_names import match_columns, missing_columns, numbers_of, read_frame, said_columns

    given = read_frame(path)
    roles, notes = match_columns(given.columns, SYNONYMS, said_columns(said, SYNONYMS), path)
    missing = [name for name in _NUMBERS if name not in roles]
    if missing:
        raise missing_columns(path, missing, given.columns, "finite-size")
    if not given.height:
        raise InputError(f"{path} has columns but no rows")
    frame = pl.DataFrame([numbers_of(given, roles[name], path).alias(name) for name in _NUMBERS])
    if "observable" in roles:
        observable = given[roles["observable"]].cast(pl.String)
    else:
        name = roles["value"]
        observable = pl.Series([name] * given.height)
        notes.append(f"there is no column observable: all rows are one, {name!r}")
    system = given[roles["system"]].cast(pl.String) if "system" in roles else pl.Series(["system"] * given.height)
    frame = frame.with_columns(system.alias("system"), observable.alias("observable"))
    if "dimensionless" in roles:
        flag = given[roles["dimensionless"]].cast(pl.String).str.to_lowercase().is_in(["true", "1", "yes"])
        return frame.with_columns(flag.fill_null(False).alias("dimensionless")), notes
    # A power of the size is the general case, its exponent 0 for a ratio; only what has no logarithm must be a ratio.
    flag = (pl.col("value").min() <= 0).over("system", "observable").alias("dimensionless")
    notes.append(
        "there is no column dimensionless: a power of the size is fitted where all values are above 0; say true for a "
        "ratio such as a Binder cumulant, which is then fitted without one"
    )
    return frame.with_columns(flag), notes


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


def _fitted(systems: Systems, critical: dict[str, float], corrections: bool) -> dict[str, Scaling | Missing]:
    import numpy as np

    from ...collapse.finite_size.fit import fit_scaling

    chances = np.random.default_rng(0).spawn(len(systems))
    return {
        name: fit_scaling(tables, rng=rng, critical=critical.get(name), corrections=corrections)
        for (name, (_, tables)), rng in zip(systems.items(), chances, strict=True)
    }


def _compared(
    systems: Systems, fits: dict[str, Scaling | Missing], first: str, second: str, margin: float
) -> SharedFunction | Missing:
    from ...collapse.composing import Missing
    from ...collapse.finite_size.metric_factors import SharedFunction, compare_systems
    from ...collapse.reasons import because

    if systems[first][0] != systems[second][0]:
        return Missing(SharedFunction, because("different-observables"))
    return compare_systems((systems[first][1], fits[first]), (systems[second][1], fits[second]), margin=margin)


def _json(systems: Systems, fits: dict[str, Scaling | Missing], pairs: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    from ...collapse.sentences.as_json import worded

    rows = []
    for name, fit in fits.items():
        fields = worded(fit)
        dimensions = dict(zip(systems[name][0], fields.pop("dimensions"), strict=True))
        rows.append({"system": name, **fields, "dimensions": dimensions})
    return {
        "systems": rows,
        "pairs": [{"systems": [first, second], **worded(shared)} for first, second, shared in pairs],
    }


def _print(
    systems: Systems, fits: dict[str, Scaling | Missing], pairs: Sequence[tuple[Any, ...]], console: Console
) -> None:
    from ...collapse.composing import Missing
    from ...collapse.sentences.of_finite_size import pair_line, system_lines

    for name, fit in fits.items():
        points = 0 if isinstance(fit, Missing) else fit.points
        console.print(f"{name}: {points} points", style="bold")
        for line in system_lines(systems[name][0], fit):
            console.print(f"  {line}")
    for first, second, shared in pairs:
        console.print(f"{first} and {second}", style="bold")
        console.print(f"  {pair_line(second, shared)}")

"""Result tables as plain files."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, get_args

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import InputError
from .exported import MARGIN
from .file_list import put, write_manifest
from .flat_lists import lists_as_text
from .grams import grams_alone
from .schema import CURVE_NAMES, MARGIN_KEY, SCHEMA
from .store import Store
from .text_tables import Row, latex_table, markdown_table, verdict_row

Form = Literal["csv", "parquet", "json", "markdown", "latex", "duckdb"]
FORMS: tuple[Form, ...] = get_args(Form)
WITH_GROUPS: tuple[Form, ...] = ("json", "markdown", "latex", "duckdb")  # forms that show what an analysis found


def export(store: Store, to: str | Path, form: Form, groups: Sequence[Row] = ()) -> list[Path]:
    """Write ``trials`` (one row a trial) and ``curves`` (one row an evaluation) as plain files.

    Where more than loss and accuracy was measured, also ``observables``, one row a value, and where Gram matrices were
    kept ``grams``, one row a matrix. ``trials.parquet`` keeps the
    curves as list columns, so that file alone can be analysed and plotted, by any observable; elsewhere lists are text.

    Parameters
    ----------
    store : the results folder.
    to : the folder for the files; those of the same names are replaced.
    form : ``csv``, ``parquet`` or ``json``, a file a table; ``duckdb``, one file ``results.duckdb`` with all tables;
        ``markdown`` or ``latex``, the groups alone, as ``groups.md`` or ``groups.tex``.
    groups : one row a group, from an analysis: a further table for the forms `WITH_GROUPS`.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    InputError
        Nothing to export, a folder that cannot be written, or no duckdb.
    """
    table = store.table()
    if not table.num_rows:
        raise InputError(f"{store.uri!r} holds no results to export")
    folder = Path(to)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        paths = _write(folder, table, store, form, groups)
        write_manifest(folder)
    except OSError as error:
        raise InputError(f"cannot export to {str(to)!r}: {error}") from None
    return paths


def _write(folder: Path, table: pa.Table, store: Store, form: Form, groups: Sequence[Row]) -> list[Path]:
    if form in ("markdown", "latex"):
        ending, write = ("md", markdown_table) if form == "markdown" else ("tex", latex_table)
        return [put(folder / f"groups.{ending}", write([verdict_row(row) for row in groups]).encode())]
    tables = _tables(table, store.planned_margin())
    if form == "parquet":
        pq.write_table(_with_margin(table, store), folder / "trials.parquet", compression="zstd")
        del tables["trials"]
    if form in WITH_GROUPS:
        tables["groups"] = pl.DataFrame(groups, infer_schema_length=None)
    if form == "duckdb":
        return [_write_duckdb(folder / "results.duckdb", tables)]
    for name, frame in tables.items():
        getattr(frame, f"write_{form}")(folder / f"{name}.{form}")
    return [folder / f"{name}.{form}" for name in dict.fromkeys(["trials", *tables])]


def _tables(table: pa.Table, margin: float | None) -> dict[str, pl.DataFrame]:
    """The tables of plain cells, by name."""
    frame = pl.DataFrame(pl.from_arrow(table))
    tables = {"trials": trials_alone(frame, margin), "curves": exploded(frame)}
    beside = {"observables": observables(frame), "grams": grams_alone(frame)}
    return tables | {name: one for name, one in beside.items() if one.height}


def trials_alone(frame: pl.DataFrame, margin: float | None) -> pl.DataFrame:
    """The trials without their curves, with the planned margin; lists are text, so that every cell is one value."""
    trials = frame.drop(CURVE_NAMES, "observables", "grams")
    return lists_as_text(trials).with_columns(pl.lit(margin, pl.Float64).alias(MARGIN))


def _write_duckdb(path: Path, tables: Mapping[str, pl.DataFrame]) -> Path:
    """One database file with a table each, whole or not at all."""
    try:
        import duckdb
    except ImportError:
        raise InputError("a DuckDB file needs duckdb: pip install 'onecurve[duckdb]'") from None
    building = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        with duckdb.connect(str(building)) as database:
            for name, frame in tables.items():
                database.register("rows", frame.to_arrow())
                database.execute(f"CREATE TABLE {name} AS SELECT * FROM rows")
                database.unregister("rows")
        return building.replace(path)
    finally:
        building.unlink(missing_ok=True)


def exploded(frame: pl.DataFrame) -> pl.DataFrame:
    """One row an evaluation, with the columns that name the trial. A trial without evaluations has no row here."""
    names = ["trial_id", "family", "dataset", "recipe", "leg", "n_params", "seed", "status"]
    accuracy = pl.when(pl.col("test_accuracy").list.len() == 0).then(None).otherwise(pl.col("test_accuracy"))
    padded = frame.select(*names, *CURVE_NAMES).with_columns(accuracy.alias("test_accuracy"))
    padded = padded.filter(pl.col("step").list.len() > 0)
    blank = pl.col("step").list.eval(pl.lit(None, pl.Float64))
    return padded.with_columns(pl.col("test_accuracy").fill_null(blank)).explode(*CURVE_NAMES)


def observables(frame: pl.DataFrame) -> pl.DataFrame:
    """One row a value of an observable: the trial, the step, the whole test loss there, and the observable.

    Steps at which it was not measured have no row. ``scale`` is that on which it is compared, null in older tables.
    Against ``test_loss`` the values need no horizon, schedule or clock to be compared between trials.
    """
    trial = ["trial_id", "family", "dataset", "recipe", "leg", "n_params", "seed"]
    seen = frame.filter(pl.col("observables").list.len() > 0)
    seen = seen.select(*trial, "step", "x", "test_loss", "observables").explode("observables").unnest("observables")
    seen = seen.explode("step", "x", "test_loss", "value").filter(pl.col("value").is_not_null())
    return seen.join(_scales(frame), on=["trial_id", "name"], how="left", maintain_order="left")


def _scales(frame: pl.DataFrame) -> pl.DataFrame:
    """The scale on which each observable of a trial is compared, where the trial says it."""
    said = frame.select("trial_id", "measured").explode("measured").unnest("measured")
    pairs = said.select("trial_id", pl.col("names").alias("name"), pl.col("scales").alias("scale"))
    return pairs.explode("name", "scale").drop_nulls().unique(["trial_id", "name"], keep="first", maintain_order=True)


def _with_margin(table: pa.Table, store: Store) -> pa.Table:
    margin, table = store.planned_margin(), table.select(SCHEMA.names)
    return table if margin is None else table.replace_schema_metadata({MARGIN_KEY: repr(margin).encode()})

"""Result tables as plain files."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import InputError
from .exported import MARGIN
from .file_list import write_manifest
from .schema import CURVE_NAMES, MARGIN_KEY, OBSERVABLE_COLUMNS, SCHEMA
from .store import Store


def export(store: Store, to: str | Path, form: Literal["csv", "parquet"]) -> list[Path]:
    """Write ``trials`` (one row a trial) and ``curves`` (one row an evaluation) as CSV or Parquet.

    Where more than loss and accuracy was measured, also ``observables``, one row a value. ``trials.parquet`` keeps the
    curves as list columns, so that file alone can be analysed and plotted, by any observable.

    Returns
    -------
    list of Path
        The tables written.
    """
    table = store.table()
    if not table.num_rows:
        raise InputError(f"{store.uri!r} holds no results to export")
    folder = Path(to)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"trials.{form}", folder / f"curves.{form}"]
    frame = pl.DataFrame(pl.from_arrow(table))
    if form == "csv":
        trials = frame.drop(CURVE_NAMES, [name for name, _, _ in OBSERVABLE_COLUMNS])
        lists = [name for name, kind in trials.schema.items() if kind.is_nested()]
        joined = pl.col(lists).cast(pl.List(pl.String)).list.join(", ")
        margin = pl.lit(store.planned_margin(), pl.Float64).alias(MARGIN)
        trials.with_columns(joined, margin).write_csv(paths[0])
        exploded(frame).write_csv(paths[1])
    else:
        pq.write_table(_with_margin(table, store), paths[0], compression="zstd")
        exploded(frame).write_parquet(paths[1])
    seen = observables(frame)
    if seen.height:
        paths.append(folder / f"observables.{form}")
        seen.write_csv(paths[2]) if form == "csv" else seen.write_parquet(paths[2])
    write_manifest(folder)
    return paths


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

    Steps at which it was not measured have no row.
    Against ``test_loss`` the values need no horizon, schedule or clock to be compared between trials.
    """
    trial = ["trial_id", "family", "dataset", "recipe", "leg", "n_params", "seed"]
    seen = frame.filter(pl.col("observables").list.len() > 0)
    seen = seen.select(*trial, "step", "x", "test_loss", "observables").explode("observables").unnest("observables")
    return seen.explode("step", "x", "test_loss", "value").filter(pl.col("value").is_not_null())


def _with_margin(table: pa.Table, store: Store) -> pa.Table:
    margin, table = store.planned_margin(), table.select(SCHEMA.names)
    return table if margin is None else table.replace_schema_metadata({MARGIN_KEY: repr(margin).encode()})

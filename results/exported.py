"""Our own tables after `export`: curves with one row an evaluation, and the trials beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import InputError
from .flat_lists import list_from_text
from .grams import FIELDS, grams_gathered
from .schema import CURVE_NAMES, MARGIN_KEY, SCHEMA

_TRIAL = ("trial_id", "family", "dataset", "recipe", "leg", "n_params", "seed")
_CURVES = (*_TRIAL, "status", "step", "x", "test_loss")
_OBSERVABLES = ("name", "value")
_ENDINGS = (".parquet", ".csv")
MARGIN = "planned_margin"


def exported(path: str) -> tuple[pa.Table, float | None, list[str]] | None:
    """Read the trials of an export, one row a trial as they were in the results folder.

    Parameters
    ----------
    path : the folder of an export, or one of its files.

    Returns
    -------
    (trials, planned margin, notes), or None where it is none of these.

    Raises
    ------
    InputError
        Trials or observables without their curves beside them.
    """
    curves = _curves_file(path)
    if curves is None:
        return None
    rows = _gathered(curves)
    trials, seen, grams = (curves.with_name(f"{name}{curves.suffix}") for name in ("trials", "observables", "grams"))
    margin: Any = None
    notes = []
    if trials.is_file() and _has(trials, _TRIAL):
        known = _read(trials)
        lists = [name for name in rows.columns if name in CURVE_NAMES]
        rows = known.drop(lists, strict=False).join(rows.select("trial_id", *lists), on="trial_id", how="left")
        margin = known[MARGIN].drop_nulls().first() if MARGIN in known.columns else None
        if trials.suffix == ".parquet":
            margin = (pq.read_schema(trials).metadata or {}).get(MARGIN_KEY)
    else:
        alone = (
            f"{curves.name} stands alone: without its trials the irreducible loss and the planned margin are not known"
        )
        notes.append(alone)
    if seen.is_file() and _has(seen, _OBSERVABLES):
        # Where the trials say what was measured, theirs stays: it has the seconds, too.
        rows = rows.drop("observables", strict=False).join(_observables(seen, rows), on="trial_id", how="left")
    if grams.is_file() and _has(grams, FIELDS):
        rows = rows.drop("grams", strict=False).join(grams_gathered(_read(grams)), on="trial_id", how="left")
    return _table(rows), float(margin) if margin is not None else None, notes


def _curves_file(path: str) -> Path | None:
    """The file of curves that the path is, or that belongs to it."""
    place = Path(path)
    folder = place if place.is_dir() else place.parent
    if not place.is_dir() and (place.suffix not in _ENDINGS or not _has(place, _TRIAL)):
        return None
    if place.is_file() and _has(place, _CURVES) and not _has(place, ("observables",)) and not _has(place, _OBSERVABLES):
        return place
    if place.is_file() and not (_has(place, ("recipe_label",)) or _has(place, _OBSERVABLES)):
        return None
    endings = _ENDINGS if place.is_dir() else (place.suffix,)
    beside = [folder / f"curves{ending}" for ending in endings]
    found = next((file for file in beside if file.is_file() and _has(file, _CURVES)), None)
    if found is None and place.is_file():
        raise InputError(f"{path} is our own table without the curves: put curves{place.suffix} beside it")
    return found


def _observables(file: Path, curves: pl.DataFrame) -> pl.DataFrame:
    """One row a trial, each of its observables with a value for each step of its curve, and with its scale if told."""
    rows = _read(file)
    values = rows.select("trial_id", "name", "step", pl.col("value").cast(pl.Float64))
    asked = values.select("trial_id", "name").unique(maintain_order=True)
    steps = asked.join(curves.select("trial_id", "step").explode("step"), on="trial_id", maintain_order="left_right")
    every = steps.join(values, on=["trial_id", "name", "step"], how="left", maintain_order="left")
    lists = every.group_by("trial_id", "name", maintain_order=True).agg("value")
    found = lists.group_by("trial_id", maintain_order=True).agg(pl.struct("name", "value").alias("observables"))
    return found.join(_measured(rows), on="trial_id", how="left") if "scale" in rows.columns else found


def _measured(rows: pl.DataFrame) -> pl.DataFrame:
    """The column ``measured`` as far as the observables' own table knows it: their scales."""
    scales = rows.filter(pl.col("scale").is_not_null()).unique(["trial_id", "name"], keep="first", maintain_order=True)
    one = pl.struct(
        pl.col("name").alias("label"),
        pl.concat_list("name").alias("names"),
        pl.concat_list(pl.col("scale").cast(pl.String)).alias("scales"),
        pl.lit(None, pl.Float64).alias("seconds"),
    )
    return scales.group_by("trial_id", maintain_order=True).agg(one.alias("measured"))


def _has(file: Path, names: tuple[str, ...]) -> bool:
    try:
        there = (pl.scan_parquet if file.suffix == ".parquet" else pl.scan_csv)(file).collect_schema().names()
    except (pl.exceptions.PolarsError, UnicodeDecodeError, OSError):
        return False
    return set(names) <= set(there)


def _read(file: Path) -> pl.DataFrame:
    """The file, with our types for text: a hash may look like a number."""
    if file.suffix == ".parquet":
        return pl.read_parquet(file)
    texts = {field.name: pl.String for field in SCHEMA if pa.types.is_string(field.type)}
    there = pl.scan_csv(file).collect_schema().names()
    return pl.read_csv(file, infer_schema_length=None, schema_overrides={n: t for n, t in texts.items() if n in there})


def _gathered(file: Path) -> pl.DataFrame:
    """One row a trial, its curve as lists."""
    rows = _read(file)
    lists = [name for name in rows.columns if name in CURVE_NAMES]
    fixed = [pl.col(name).first() for name in rows.columns if name not in (*CURVE_NAMES, "trial_id")]
    return rows.group_by("trial_id", maintain_order=True).agg(*fixed, *(pl.col(name) for name in lists))


def _table(rows: pl.DataFrame) -> pa.Table:
    """With the types of a results folder, missing columns null and missing curves empty."""
    arrays = []
    for field in SCHEMA:
        if field.name not in rows.columns:
            arrays.append(pa.nulls(rows.height, field.type))
            continue
        column = rows[field.name]
        if column.dtype == pl.String and pa.types.is_boolean(field.type):
            column = column == "true"
        if column.dtype == pl.String and pa.types.is_list(field.type):
            arrays.append(list_from_text(column, field.type))
            continue
        arrays.append(column.to_arrow().cast(field.type))
    return pa.table(arrays, schema=SCHEMA)

"""Our own tables after `export`: curves with one row an evaluation, and the trials beside them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import InputError
from .schema import CURVE_NAMES, MARGIN_KEY, SCHEMA

_CURVES = ("trial_id", "family", "dataset", "recipe", "leg", "n_params", "seed", "status", "step", "x", "test_loss")
_ENDINGS = (".parquet", ".csv")
MARGIN = "planned_margin"


def exported(path: str) -> tuple[pa.Table, float | None, tuple[str, ...]] | None:
    """Read the trials of an export, one row a trial as they were in the results folder.

    Parameters
    ----------
    path : the folder of an export, or its file of curves or, as CSV, of trials.

    Returns
    -------
    (trials, planned margin, notes), or None where it is none of these.

    Raises
    ------
    InputError
        Trials without their curves, or observables, which are no learning curves.
    """
    files = _files(path)
    if files is None:
        return None
    curves, trials = files
    rows = _gathered(curves)
    if trials is None:
        note = f"{curves.name} stands alone: without its trials the irreducible loss and the planned margin are not known"
        return _table(rows), None, (note,)
    known = _read(trials)
    margin = known[MARGIN].drop_nulls().first() if MARGIN in known.columns else None
    if trials.suffix == ".parquet":
        margin = (pq.read_schema(trials).metadata or {}).get(MARGIN_KEY)
    lists = [name for name in rows.columns if name in CURVE_NAMES]
    whole = known.drop(lists, strict=False).join(rows.select("trial_id", *lists), on="trial_id", how="left")
    return _table(whole.drop(MARGIN, strict=False)), float(margin) if margin is not None else None, ()


def _files(path: str) -> tuple[Path, Path | None] | None:
    """The files of curves and of trials of which the path is one, or in whose folder they are."""
    place = Path(path)
    if place.is_dir():
        there = [place / f"curves{ending}" for ending in _ENDINGS]
        place = next((file for file in there if file.is_file() and _has(file, _CURVES)), place)
    if not place.is_file() or place.suffix not in _ENDINGS:
        return None
    if _has(place, _CURVES) and not _has(place, ("observables",)):
        trials = place.with_name(f"trials{place.suffix}")
        if _has(place, ("name", "value")):
            raise InputError(f"{path} has observables, one a row, and no learning curves: give curves{place.suffix}")
        return place, trials if trials.is_file() and _has(trials, _CURVES[:8]) else None
    if place.stem == "trials" and _has(place, (*_CURVES[:8], "recipe_label")):
        curves = place.with_name(f"curves{place.suffix}")
        if not (curves.is_file() and _has(curves, _CURVES)):
            raise InputError(f"{path} has one row a trial and no curves: put curves{place.suffix} beside it")
        return curves, place
    return None


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
        arrays.append(column.to_arrow().cast(field.type))
    return pa.table(arrays, schema=SCHEMA)

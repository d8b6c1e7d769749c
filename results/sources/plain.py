"""Plain tables: CSV, TSV and Parquet files."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ...errors import InputError
from .source import Raw

_FIRST = 10_000


def read_plain(path: str) -> Raw:
    """Read one file with one evaluation a row.

    Raises
    ------
    InputError
        The file is empty, damaged, or neither CSV nor Parquet.
    """
    if Path(path).stat().st_size == 0:
        raise InputError(f"{path} is empty. A table of learning curves has one evaluation a row, under a row of names")
    try:
        if path.endswith(".parquet"):
            return Raw(pl.read_parquet(path), "Parquet")
        return Raw(_csv(path, "\t" if path.endswith(".tsv") else ","), "CSV")
    except (pl.exceptions.PolarsError, UnicodeDecodeError, OSError) as error:
        first = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise InputError(f"{path} is neither a readable CSV nor a Parquet file: {first}") from None


def _csv(path: str, separator: str) -> pl.DataFrame:
    """The first rows decide the columns' types or, where a later one does not fit, all rows: twice the time."""
    try:
        return pl.read_csv(path, infer_schema_length=_FIRST, separator=separator)
    except pl.exceptions.PolarsError:
        return pl.read_csv(path, infer_schema_length=None, separator=separator)

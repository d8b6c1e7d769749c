"""Plain tables: CSV, TSV and Parquet files."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ...errors import InputError
from .source import Raw


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
        # All rows decide a column's type: a size of 1.3B may stand in the last.
        separator = "\t" if path.endswith(".tsv") else ","
        return Raw(pl.read_csv(path, infer_schema_length=None, separator=separator), "CSV")
    except (pl.exceptions.PolarsError, UnicodeDecodeError, OSError) as error:
        first = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise InputError(f"{path} is neither a readable CSV nor a Parquet file: {first}") from None

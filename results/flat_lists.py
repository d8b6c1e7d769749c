"""Columns of lists as text and back, for tables in which a cell is one value."""

from __future__ import annotations

import json

import polars as pl
import pyarrow as pa


def lists_as_text(frame: pl.DataFrame) -> pl.DataFrame:
    """Lists of words joined by commas, lists of records as JSON; what is missing stays missing."""
    nested = {name: kind for name, kind in frame.schema.items() if isinstance(kind, pl.List)}
    records = [name for name, kind in nested.items() if isinstance(kind.inner, pl.Struct)]
    words = [name for name in nested if name not in records]
    encoded = [pl.format("[{}]", pl.col(name).list.eval(pl.element().struct.json_encode()).list.join(", ")).alias(name)
               for name in records]  # fmt: skip
    return frame.with_columns(pl.col(words).cast(pl.List(pl.String)).list.join(", "), *encoded)


def list_from_text(column: pl.Series, kind: pa.DataType) -> pa.Array:
    """What `lists_as_text` wrote, with its type."""
    if pa.types.is_struct(kind.value_type):
        return pa.array([None if text is None else json.loads(text) for text in column], type=kind)
    return column.str.split(", ").list.filter(pl.element() != "").to_arrow().cast(kind)

"""Tables in JSON: one object a line, a list of records, lists under names, and runs under names."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import polars as pl

from ...errors import InputError
from .content import decoded, is_json_lines, json_of, opening
from .frames import doubts, exploded, from_records, stack
from .source import Raw

_FIRST = 10_000
_BARE = re.compile(rb'("\s*:\s*)(NaN|-?Infinity)(\s*[,}])')
_WORDS = ["NaN", "Infinity", "-Infinity"]


class Lines:
    """One JSON object a line."""

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether each line is an object."""
        return path.is_file() and is_json_lines(path)

    @staticmethod
    def read(path: Path) -> Raw:
        """Read JSON lines; nested objects become columns with dots in their names."""
        table, cut = read_lines(path)
        table, notes = exploded(table, path)
        return Raw(table, "JSON lines", (*cut, *notes, *doubts(table)))


class Document:
    """One JSON value that holds a table."""

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether the file is a JSON value that holds records or lists of values under names."""
        return path.is_file() and _tables(json_of(path)) is not None

    @staticmethod
    def read(path: Path) -> Raw:
        """Read the records, or the lists; a mapping from runs to either gets a column ``run``."""
        tables = _tables(json_of(path)) or {}
        parts = []
        for run, records in tables.items():
            table, _ = exploded(from_records(records), path)
            parts.append(table if run is None or "run" in table.columns else table.with_columns(run=pl.lit(run)))
        table = stack(parts, path)
        return Raw(table, "JSON", tuple(doubts(table)))


class NoTable:
    """A file that begins as JSON and is no table."""

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether the file begins as JSON does."""
        return path.is_file() and opening(path).lstrip()[:1] in ("{", "[")

    @staticmethod
    def read(path: Path) -> Raw:
        """Say what a table in JSON looks like."""
        value = json_of(path)
        if value is None:
            raise InputError(f"{path} begins as JSON and is damaged or cut off")
        holds = f"an object with {', '.join(list(value)[:8])}" if isinstance(value, dict) else "a list without records"
        raise InputError(
            f"{path} holds {holds}, and no table. Tables in JSON are a list of records, lists under names, "
            "runs under names with either, or one record a line"
        )


def read_lines(path: Path) -> tuple[pl.DataFrame, list[str]]:
    """The table of a file of JSON lines, by polars, or line by line where lines do not fit one another; and notes."""
    data, _ = decoded(path)
    # Python writes NaN and Infinity, which JSON has not: as words in quotes they can be read.
    quoted = _BARE.sub(rb'\1"\2"\3', data) if b"NaN" in data or b"Infinity" in data else data
    for first in (_FIRST, None):
        try:
            return _flat(pl.read_ndjson(io.BytesIO(quoted), infer_schema_length=first)), []
        except pl.exceptions.PolarsError:
            continue
    records, cut = _records(data, path)
    return from_records(records), cut


def _flat(table: pl.DataFrame) -> pl.DataFrame:
    """Objects as columns with dots in their names, and numbers where NaN and Infinity stand among them in quotes."""
    while nested := {name: kind for name, kind in table.schema.items() if isinstance(kind, pl.Struct)}:
        named = {name: [f"{name}.{field.name}" for field in kind.fields] for name, kind in nested.items()}
        table = table.with_columns(pl.col(name).struct.rename_fields(fields) for name, fields in named.items())
        table = table.unnest(list(nested))
    for name in (n for n, kind in table.schema.items() if kind == pl.String):
        if table[name].is_in(_WORDS).any():
            values = table[name].cast(pl.Float64, strict=False)
            table = table.with_columns(values) if values.null_count() == table[name].null_count() else table
    return table


def _records(data: bytes, path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    records = []
    lines = data.decode().splitlines()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            if number == len(lines):
                return records, [f"Line {number}, the last, is cut off and was left out."]
            raise InputError(f"{path}, line {number}: no JSON ({error})") from None
        if not isinstance(record, dict):
            raise InputError(f"{path}, line {number}: {line[:40]!r} is no object with names and values")
        records.append(record)
    return records, []


def _tables(value: Any, deep: bool = True) -> dict[str | None, list[dict[str, Any]]] | None:
    """Records by run (None where there is one table), or None where the value holds no table."""
    if isinstance(value, list):
        full = bool(value) and all(isinstance(record, dict) for record in value)
        return {None: value} if full else None
    if not isinstance(value, dict) or not value:
        return None
    if _is_lists(value):
        return {None: [value]}
    inner = {run: _tables(part, deep=False) for run, part in value.items()} if deep else {}
    if inner and all(found is not None for found in inner.values()):
        return {str(run): found[None] for run, found in inner.items() if found is not None}
    return None


def _is_lists(value: dict[str, Any]) -> bool:
    """Lists of numbers of one length, beside scalars that hold for all of them."""
    lists = [part for part in value.values() if isinstance(part, list) and part]
    plain = all(not isinstance(part, (dict, list)) for entries in lists for part in entries)
    scalars = all(not isinstance(part, dict) for part in value.values())
    return bool(lists) and plain and scalars and len({len(entries) for entries in lists}) == 1

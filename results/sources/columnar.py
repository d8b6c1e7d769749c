"""Parquet and Arrow, by content whatever the file is called."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import polars as pl

from ...errors import InputError
from .content import head
from .frames import doubts, exploded, numbers, stack
from .source import Raw

_ARROW, _STREAM = b"ARROW1", b"\xff\xff\xff\xff"
_NULL = "__HIVE_DEFAULT_PARTITION__"
_MARKERS = ("_SUCCESS", "_metadata", "_common_metadata")


def is_parquet(path: Path) -> bool:
    """Whether the file begins as Parquet does."""
    return path.is_file() and head(path, 4) == b"PAR1"


def recognises(path: Path) -> bool:
    """Whether the file is Parquet, Arrow (Feather) or an Arrow stream."""
    return path.is_file() and head(path, 6).startswith((b"PAR1", _ARROW, _STREAM))


def read(path: Path) -> Raw:
    """Read one Parquet or Arrow file; a row that is a run with its curve in lists becomes one row an evaluation."""
    start = head(path, 6)
    kind = "Parquet" if start.startswith(b"PAR1") else "Arrow"
    try:
        if kind == "Parquet":
            table = pl.read_parquet(path, hive_partitioning=False)
        else:
            data = path.read_bytes()
            table = pl.read_ipc(data) if start.startswith(_ARROW) else pl.read_ipc_stream(data)
    except (pl.exceptions.PolarsError, OSError) as error:
        first = str(error).splitlines()[0][:120]
        raise InputError(f"{path} begins as a {kind} file and is damaged: {first}") from None
    table, notes = exploded(table, path)
    return Raw(table, kind, (*notes, *doubts(table)))


class Parts:
    """A folder of Parquet parts, as Spark, Dask and pandas write one table; ``key=value`` folders are its columns."""

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether the folder says that it is one table: a marker, parts by name, or folders ``key=value``."""
        files = _parts(path)
        if not files:
            return False
        named = any((path / name).exists() for name in _MARKERS) or path.name.endswith((".parquet", ".pq"))
        return named or all(f.name.startswith("part") or "=" in f.parent.name for f in files)

    @staticmethod
    def read(path: Path) -> Raw:
        """Read all parts, in the order of their names."""
        files = _parts(path)
        tables = [_with_folders(read(file).table, file.relative_to(path)) for file in files]
        table = stack(tables, path)
        return Raw(table, "folder of Parquet parts", (f"{len(files)} parts were read as one table.", *doubts(table)))


def _parts(path: Path) -> list[Path]:
    if not path.is_dir():
        return []
    hidden = ("_", ".")
    files = (f for f in sorted(path.rglob("*")) if not any(p.startswith(hidden) for p in f.relative_to(path).parts))
    return [file for file in files if is_parquet(file)]


def _with_folders(table: pl.DataFrame, name: Path) -> pl.DataFrame:
    """The table with what the folders ``key=value`` above its file say, as columns."""
    pairs = [part.split("=", 1) for part in name.parts[:-1] if "=" in part]
    texts = {k: None if v == _NULL else unquote(v) for k, v in pairs if k not in table.columns}
    if not texts:
        return table
    said = numbers(pl.DataFrame({key: [text] for key, text in texts.items()}, schema=dict.fromkeys(texts, pl.String)))
    return table.with_columns(pl.lit(said[key].item(), said.schema[key]).alias(key) for key in texts)

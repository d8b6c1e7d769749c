"""Weights & Biases: the export of a chart, and the folder of a run that was logged offline.

The tables that the run page and ``run.history()`` export are plain CSV and JSON.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from ...errors import InputError
from ..columns import kind_of_clock
from . import delimited
from .content import head
from .extras import need
from .frames import doubts, flatten, from_records, stack, with_parameters
from .source import Raw

_BETWEEN = " - "
_BOUNDS = ("__MIN", "__MAX")
_MARK, _BLOCK, _HEADER = b":W&B", 32768, 7
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4


class Chart:
    """A chart's export: the clock, then ``run - metric`` with ``__MIN`` and ``__MAX`` beside it, one column a run."""

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether all columns but the first are ``run - metric``, some with bounds, or of one metric by a clock."""
        if not path.is_file():
            return False
        names = delimited.header(path)
        if len(names) < 2 or not all(_BETWEEN in name for name in names[1:]):
            return False
        one = len({name.rsplit(_BETWEEN, 1)[1] for name in names[1:]}) == 1
        return any(name.endswith(_BOUNDS) for name in names) or (one and kind_of_clock(names[0]) is not None)

    @staticmethod
    def read(path: Path) -> Raw:
        """Read one evaluation a row: the clock under its own name, ``run``, and a column for each metric."""
        raw = delimited.read(path)
        clock, *names = raw.table.columns
        notes = [note for note in raw.notes if "__MIN" not in note]
        metrics = {name: name.rsplit(_BETWEEN, 1) for name in names if not name.endswith(_BOUNDS)}
        runs = list(dict.fromkeys(run for run, _ in metrics.values()))
        tables = []
        for run in runs:
            own = {name: metric for name, (owner, metric) in metrics.items() if owner == run}
            table = raw.table.select(clock, *(pl.col(name).alias(metric) for name, metric in own.items()))
            some = pl.any_horizontal(pl.col(metric).is_not_null() for metric in own.values())
            tables.append(table.filter(some).insert_column(0, pl.lit(run).alias("run")))
        mixed = [n for n in metrics if _are_bins(raw.table, n)]
        if mixed:
            notes.append(
                f"In {len(mixed)} of {len(metrics)} columns __MIN and __MAX differ: the chart shows means over bins of "
                "steps. Export the full history, by `run.scan_history()`."
            )
        table = stack(tables, path)
        return Raw(table, "W&B chart export", (*notes, *doubts(table)))


class Offline:
    """``run-*.wandb`` files: what W&B writes on disk before, or without, an upload."""

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether the file is one, or lies in the folder."""
        return bool(_logs(path))

    @staticmethod
    def read(path: Path) -> Raw:
        """Read the full history of each run, with its configuration as columns."""
        messages = need("wandb.proto.wandb_internal_pb2", f"{path} holds runs of W&B, and reading them")
        tables, notes = [], []
        for file in _logs(path):
            table, cut = _run(file, messages)
            if cut:
                notes.append(f"{file.name} is cut off: what stands before is read.")
            if table is None:
                notes.append(f"{file.name} has no history and was left out.")
            else:
                tables.append(table)
        if not tables:
            raise InputError(f"{path} holds {len(_logs(path))} W&B runs, none of which logged a metric")
        table = _told_apart(stack(tables, path))
        return Raw(table, "W&B offline run", (*notes, *doubts(table)))


def _are_bins(table: pl.DataFrame, name: str) -> bool:
    low, high = (f"{name}{bound}" for bound in _BOUNDS)
    return low in table.columns and high in table.columns and bool((table[low] < table[high]).any())


def _logs(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if head(path, 4) == _MARK else []
    return [file for file in sorted(path.rglob("run-*.wandb")) if head(file, 4) == _MARK] if path.is_dir() else []


def _run(path: Path, messages: Any) -> tuple[pl.DataFrame | None, bool]:
    """The history of one run, and whether its file is cut off."""
    rows, config, name, cut = [], {}, path.stem.removeprefix("run-"), False
    run_id = name
    for data in _records(path.read_bytes()):
        if data is None:
            cut = True
            break
        record = messages.Record()
        record.ParseFromString(data)
        kind = record.WhichOneof("record_type")
        if kind == "history":
            rows.append({"_step": record.history.step.num, **_items(record.history.item)})
        elif kind == "run":
            name, run_id = record.run.display_name or name, record.run.run_id or run_id
            config |= _items(record.run.config.update)
        elif kind == "config":
            config |= _items(record.config.update)
    if not rows:
        return None, cut
    table = from_records(rows)
    lists = [column for column, kind in table.schema.items() if kind.is_nested()]
    table = table.drop(lists).with_columns(run=pl.lit(name), run_id=pl.lit(run_id))
    return with_parameters(table, flatten({k: v for k, v in config.items() if not k.startswith("_wandb")})), cut


def _told_apart(table: pl.DataFrame) -> pl.DataFrame:
    """Several runs may have one name: then the id stands beside it. A run that was resumed keeps its id."""
    shared = pl.col("run_id").n_unique().over("run") > 1
    return table.with_columns(pl.when(shared).then(pl.format("{} ({})", "run", "run_id")).otherwise("run").alias("run"))


def _items(items: Any) -> dict[str, Any]:
    """What W&B stores under a key, or under a path of keys, as JSON."""
    return {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in items}


def _records(data: bytes) -> Iterator[bytes | None]:
    """The messages of a log: blocks of 32 KiB with pieces of checksum, length, place and bytes; None where it breaks.

    wandb reads these files in Go alone since 0.2x, so the framing is read here and the messages by its own classes.
    """
    at, parts = _HEADER, b""
    while at < len(data):
        left = _BLOCK - at % _BLOCK
        if left < _HEADER:  # what is left of a block and holds no header is padding
            at += left
            continue
        if at + _HEADER > len(data):
            yield None
            return
        checksum, length, place = struct.unpack_from("<IHB", data, at)
        piece = data[at + _HEADER : at + _HEADER + length]
        if len(piece) < length or zlib.crc32(bytes([place]) + piece) != checksum:
            yield None
            return
        at += _HEADER + length
        parts = piece if place in (_FULL, _FIRST) else parts + piece
        if place in (_FULL, _LAST):
            yield parts

"""Where learning curves are kept: one Parquet shard a pack, written once, read as one table."""

from __future__ import annotations

import contextlib
import json
import os
import uuid
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from ..errors import InputError
from .schema import SCHEMA

_SHARDS = "trials"


class Store:
    """A results folder, on a local disk or on what pyarrow's file systems reach (``s3://bucket/folder``).

    Reading resolves repeats: of the rows of one trial the best wins, ``ok`` before anything else, then the latest.

    Parameters
    ----------
    uri : folder, as a path or a URL. It need not exist.
    """

    def __init__(self, uri: str | Path) -> None:
        self.uri = str(uri)
        self.fs, self.root = _open(self.uri)

    @property
    def local(self) -> bool:
        """Whether the folder is on a local file system, where a rename is atomic."""
        return isinstance(self.fs, pafs.LocalFileSystem)

    def write_rows(self, rows: Sequence[Mapping[str, Any]], pack: str) -> str:
        """Write the rows of one pack as a new shard and return its path. No shard is ever changed."""
        table = pa.Table.from_pylist([dict(row) for row in rows], schema=SCHEMA)
        attempt = max((int(row.get("attempt") or 1) for row in rows), default=1)
        path = f"{self.root}/{_SHARDS}/{pack}-{uuid.uuid4().hex[:8]}-{attempt}.parquet"
        self._put(path, lambda sink: pq.write_table(table, sink, compression="zstd"))
        return path

    def write_json(self, name: str, value: Any) -> None:
        """Write a small JSON file at the root of the folder, whole or not at all."""
        text = json.dumps(value, indent=1, sort_keys=True, allow_nan=False).encode()
        self._put(f"{self.root}/{name}", lambda sink: sink.write(text))

    def read_json(self, name: str) -> Any | None:
        """The value of a JSON file at the root of the folder, or None where there is none."""
        path = f"{self.root}/{name}"
        if self.fs.get_file_info(path).type != pafs.FileType.File:
            return None
        with self.fs.open_input_stream(path) as source:
            return json.loads(source.read().decode())

    def planned_margin(self) -> float | None:
        """The margin that the folder's locks agree on; None where there is no lock, or several that differ."""
        margins = {(self.read_json(name) or {}).get("margin") for name in self.json_names(".lock.json")}
        return margins.pop() if len(margins) == 1 else None

    def json_names(self, suffix: str) -> list[str]:
        """Names of the files at the root of the folder that end in ``suffix``."""
        return sorted(info.base_name for info in self._list(self.root) if info.base_name.endswith(suffix))

    def shards(self) -> list[str]:
        """Paths of all shards, sorted."""
        return sorted(i.path for i in self._list(f"{self.root}/{_SHARDS}") if i.path.endswith(".parquet"))

    def table(self, columns: Sequence[str] | None = None) -> pa.Table:
        """One row a trial, the best of its attempts, in the order of trial ids."""
        needed = None if columns is None else sorted({*columns, "trial_id", "status", "started_utc", "attempt"})
        return best_rows(self._read(needed))

    def successful(self) -> set[str]:
        """Ids of the trials that ended well."""
        table = self.table(["trial_id", "status"])
        done = zip(table["trial_id"].to_pylist(), table["status"].to_pylist(), strict=True)
        return {trial for trial, status in done if status == "ok"}

    def check_writable(self) -> None:
        """Say now, not after hours of training, that nothing can be kept here."""
        probe = f"{self.root}/.onecurve-{uuid.uuid4().hex[:8]}"
        try:
            self._put(probe, lambda sink: sink.write(b"probe"))
            self.fs.delete_file(probe)
        except OSError as error:
            raise InputError(f"the results folder {self.uri!r} is not writable: {error}") from None

    def _read(self, columns: list[str] | None) -> pa.Table:
        schema = SCHEMA if columns is None else pa.schema([SCHEMA.field(name) for name in columns])
        paths = self.shards()
        if not paths:
            return schema.empty_table()
        try:
            return pads.dataset(paths, schema=SCHEMA, filesystem=self.fs, format="parquet").to_table(columns=columns)
        except (pa.ArrowInvalid, OSError):
            return pa.concat_tables([schema.empty_table(), *self._readable(paths, columns)])

    def _readable(self, paths: Sequence[str], columns: list[str] | None) -> list[pa.Table]:
        """Read shard by shard, and name those that cannot be read: their trials count as not yet done."""
        tables = []
        for path in paths:
            try:
                shard = pads.dataset([path], schema=SCHEMA, filesystem=self.fs, format="parquet")
                tables.append(shard.to_table(columns=columns))
            except (pa.ArrowInvalid, OSError):
                warnings.warn(
                    f"{path} is damaged and was left out; `onecurve run` trains its trials again", stacklevel=2
                )
        return tables

    def _list(self, folder: str) -> list[pafs.FileInfo]:
        return self.fs.get_file_info(pafs.FileSelector(folder, allow_not_found=True))

    def _put(self, path: str, write: Any) -> None:
        if not self.local:  # an object store shows an object when it is whole, and cannot rename
            with self.fs.open_output_stream(path) as sink:
                write(sink)
            return
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        temporary = f"{path}.{uuid.uuid4().hex[:8]}.tmp"
        try:
            with open(temporary, "wb") as sink:
                write(sink)
                sink.flush()
                os.fsync(sink.fileno())
            os.replace(temporary, path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)


def best_rows(table: pa.Table) -> pa.Table:
    """Keep one row a trial: ``ok`` before anything else, then the latest attempt."""
    rank = pa.array([0 if status == "ok" else 1 for status in table["status"].to_pylist()], pa.int8())
    order = table.append_column("rank", rank).sort_by(
        [("trial_id", "ascending"), ("rank", "ascending"), ("attempt", "descending"), ("started_utc", "descending")]
    )
    ids = order["trial_id"].to_pylist()
    first = [i for i, trial in enumerate(ids) if i == 0 or trial != ids[i - 1]]
    return order.take(pa.array(first, pa.int64())).drop_columns(["rank"])


def _open(uri: str) -> tuple[pafs.FileSystem, str]:
    if "://" not in uri:
        return pafs.LocalFileSystem(), str(Path(uri).absolute())
    try:
        fs, root = pafs.FileSystem.from_uri(uri)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"cannot open {uri!r}: {error}. Give a folder, or a URL such as s3://bucket/folder") from None
    return fs, root.rstrip("/")

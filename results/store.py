"""Where learning curves are kept: one Parquet shard a pack, written once, read as one table."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
import uuid
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from ..errors import InputError
from .guard import guarded
from .schema import SCHEMA

_SHARDS = "trials"
_PARTS = {"views", "shells", "token-classes"}  # different names for the parts that a data set has
_ROOM = 100e6  # bytes that must be free before a run starts
# pyarrow asks an object store for an object's size and then for so many bytes, so of an object that another driver
# replaces in between it reads a part.
_READS, _PAUSE = 5, 0.2  # tries; seconds between them
_PART = "part-"  # no pack is called so: their names begin with 16 hex digits
_SOURCES = b"onecurve.sources"
_KEYS = ["trial_id", "status", "attempt", "started_utc"]
# Shards are read with the schema given, so they need no copy of it, and no statistics: half the size, half the time.
# Of so many short columns, snappy makes files as small as zstd does, and a third faster to read.
_BARE = pa.schema([field.remove_metadata() for field in SCHEMA])
_SMALL = {"compression": "snappy", "write_statistics": False, "use_dictionary": False, "store_schema": False}
# Each page carries its checksum, so that one flipped bit is damage and not another number.
_CHECKED = pads.ParquetFileFormat(
    default_fragment_scan_options=pads.ParquetFragmentScanOptions(page_checksum_verification=True)
)
_UNREADABLE = (pa.ArrowException, OSError)


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
        self._put(path, lambda sink: pq.write_table(table, sink, write_page_checksum=True, **_SMALL))
        return path

    def rows_of(self, path: str) -> list[dict[str, Any]]:
        """The rows of one shard, as they were written."""
        return self._load([path], None).to_pylist()

    def write_json(self, name: str, value: Any) -> None:
        """Write a small JSON file at the root of the folder, whole or not at all."""
        text = json.dumps(value, indent=1, sort_keys=True, allow_nan=False).encode()
        self._put(f"{self.root}/{name}", lambda sink: sink.write(text))

    def read_json(self, name: str) -> Any | None:
        """The value of a JSON file at the root of the folder, or None where there is none."""
        path = f"{self.root}/{name}"
        if self.fs.get_file_info(path).type != pafs.FileType.File:
            return None
        tries = 1 if self.local else _READS
        for last in [False] * (tries - 1) + [True]:
            with self.fs.open_input_stream(path) as source:
                text = source.read()
            try:
                return json.loads(text.decode())
            except ValueError as error:
                if last:
                    raise InputError(
                        f"{name} in {self.uri!r} is damaged ({error}); restore it, or give another --out"
                    ) from None
            time.sleep(_PAUSE)
        return None

    def write_bytes(self, name: str, parts: Sequence[Any]) -> None:
        """Write a file of the folder, whole or not at all, from its parts one after the other."""
        self._put(f"{self.root}/{name}", lambda sink: [sink.write(part) for part in parts])

    def read_bytes(self, name: str, most: int | None = None) -> bytes | None:
        """The bytes of a file of the folder, or the first of them; None where there is none."""
        try:
            with self.fs.open_input_stream(f"{self.root}/{name}") as source:
                return source.read(most)
        except FileNotFoundError:
            return None

    def names(self, folder: str) -> list[str]:
        """Names of the whole files in a folder of the folder."""
        return sorted(i.base_name for i in self._list(f"{self.root}/{folder}") if not i.base_name.endswith(".tmp"))

    def remove(self, name: str) -> None:
        """Delete a file of the folder, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            self.fs.delete_file(f"{self.root}/{name}")

    def planned_margin(self) -> float | None:
        """The margin that the folder's locks agree on; None where there is no lock, or several that differ."""
        margins = {(self.read_json(name) or {}).get("margin") for name in self.json_names(".lock.json")}
        return margins.pop() if len(margins) == 1 else None

    def json_names(self, suffix: str) -> list[str]:
        """Names of the files at the root of the folder that end in ``suffix``."""
        return sorted(info.base_name for info in self._list(self.root) if info.base_name.endswith(suffix))

    def shards(self) -> list[str]:
        """Paths of all shards that packs wrote, sorted."""
        return [path for path in self._tables() if not _is_part(path)]

    def parts(self) -> list[str]:
        """Paths of all parts, each the rows of many shards in one file, sorted."""
        return [path for path in self._tables() if _is_part(path)]

    def loose(self) -> list[str]:
        """Paths of the shards that no part holds yet."""
        held = {name for part in self.parts() for name in self._sources(part)}
        return [path for path in self.shards() if path.rsplit("/", 1)[1] not in held]

    def compact(self, minimum: int = 2) -> str | None:
        """Write the rows of all loose shards into one part, and return its path.

        Thousands of small files are slow to open, on an object store above all. The shards stay: reading leaves out
        those that a part names, and a shard that two parts hold is no harm, because one row a trial is kept anyway.

        Parameters
        ----------
        minimum : do nothing where fewer loose shards are there.
        """
        paths = self.loose()
        if len(paths) < minimum:
            return None
        table, read = self._readable(paths, None)
        if not table.num_rows:
            return None
        names = json.dumps([path.rsplit("/", 1)[1] for path in read]).encode()
        path = f"{self.root}/{_SHARDS}/{_PART}{uuid.uuid4().hex[:16]}.parquet"
        table = table.replace_schema_metadata({_SOURCES: names})
        self._put(path, lambda sink: pq.write_table(table, sink, compression="zstd", write_page_checksum=True))
        return path

    def prune(self, older_than_days: float = 1.0) -> int:
        """Delete the shards that a part holds, if both are older than a day; returns how many.

        A part that is young may still be on its way to other machines, and its shards may be open there.
        """
        limit = time.time() - 86400 * older_than_days
        age = {info.path: info.mtime.timestamp() for info in self._list(f"{self.root}/{_SHARDS}") if info.mtime}
        doomed = set()
        for part in self.parts():
            if age.get(part, limit) < limit and not self._unsound([part]):
                doomed |= {f"{self.root}/{_SHARDS}/{name}" for name in self._sources(part)}
        gone = [path for path in sorted(doomed) if age.get(path, limit) < limit]
        for path in gone:
            self.fs.delete_file(path)
        return len(gone)

    def quarantine(self) -> list[str]:
        """Move what is no readable shard of ours out of the way; returns the new paths. Its trials are open again."""
        bad = self._unsound([*self.parts(), *self.loose()])
        moved = []
        for path in sorted([*bad, *self._unsound(self._behind(bad))]):
            target = f"{self.root}/quarantine/{path.rsplit('/', 1)[1]}"
            self.fs.create_dir(f"{self.root}/quarantine")
            with contextlib.suppress(FileNotFoundError):  # another driver was faster
                self.fs.move(path, target)
                moved.append(target)
        return moved

    def table(self, columns: Sequence[str] | None = None) -> pa.Table:
        """One row a trial, the best of its attempts, in the order of trial ids."""
        needed = None if columns is None else sorted({*columns, *_KEYS})
        return best_rows(self._read(needed))

    def statuses(self) -> dict[str, str]:
        """Status of every trial in the table, by trial id."""
        table = self.table(["trial_id", "status"])
        return dict(zip(table["trial_id"].to_pylist(), table["status"].to_pylist(), strict=True))

    def attempts(self) -> dict[str, tuple[str, int]]:
        """Status and number of the best attempt of every trial in the table, by trial id."""
        table = self.table(["trial_id", "status", "attempt"])
        columns = (table[name].to_pylist() for name in ("trial_id", "status", "attempt"))
        return {trial: (status, attempt or 1) for trial, status, attempt in zip(*columns, strict=True)}

    def recorded(self) -> dict[str, set[str]]:
        """What the rows of trials that ended well were asked to record beside the loss, by trial id.

        Tables from before there was such a column could have the parts of a task alone.
        """
        table = self.table(["trial_id", "status", "recorded", "observables"])
        columns = (table[name].to_pylist() for name in ("trial_id", "status", "recorded", "observables"))
        found = {}
        for trial, status, recorded, observables in zip(*columns, strict=True):
            if status == "ok":
                labels = set(recorded if recorded is not None else ["views"] if observables else [])
                found[trial] = labels | (_PARTS if labels & _PARTS else set())
        return found

    def successful(self) -> set[str]:
        """Ids of the trials that ended well."""
        return {trial for trial, status in self.statuses().items() if status == "ok"}

    @contextlib.contextmanager
    def exclusive(self, name: str, patience: float = 30.0) -> Iterator[None]:
        """Keep other processes from the same block, where the storage can: a file that only one can create.

        A holder that died is passed over after ``patience`` seconds. Object stores have no such file: there, what is
        written last wins.
        """
        if not self.local:
            yield
            return
        with guarded(Path(f"{self.root}/.{name}.guard"), patience):
            yield

    def check_writable(self) -> None:
        """Say now, not after hours of training, that nothing can be kept here."""
        probe = f"{self.root}/.onecurve-{uuid.uuid4().hex[:8]}"
        try:
            self._put(probe, lambda sink: sink.write(b"probe"))
            self.fs.delete_file(probe)
        except OSError as error:
            raise InputError(f"the results folder {self.uri!r} is not writable: {error}") from None
        free = shutil.disk_usage(self.root).free if self.local else _ROOM
        if free < _ROOM:
            raise InputError(
                f"the disk of {self.uri!r} has {free / 1e6:.0f} MB left; results and logs want {_ROOM / 1e6:.0f} MB"
            )

    def _read(self, columns: list[str] | None) -> pa.Table:
        paths = [*self.parts(), *self.loose()]
        schema = SCHEMA if columns is None else pa.schema([SCHEMA.field(name) for name in columns])
        if not paths:
            return schema.empty_table()
        table, read = self._readable(paths, columns)
        behind = self._behind(set(paths) - set(read))
        return pa.concat_tables([table, self._readable(behind, columns)[0]]) if behind else table

    def _behind(self, paths: Collection[str]) -> list[str]:
        """Shards that those of the files that are parts hold: they are read where a part is damaged."""
        names = {name for path in paths if _is_part(path) for name in self._sources(path)}
        return [path for path in self.shards() if path.rsplit("/", 1)[1] in names] if names else []

    def _load(self, paths: Sequence[str], columns: list[str] | None) -> pa.Table:
        """The rows of files, all or none: an error where one of them is damaged or not ours."""
        table = self._dataset(paths).to_table(columns=columns)
        _check_ids(table)
        return table

    def _dataset(self, paths: Sequence[str]) -> pads.Dataset:
        return pads.dataset(list(paths), schema=_BARE, filesystem=self.fs, format=_CHECKED)

    def _unsound(self, paths: list[str]) -> list[str]:
        """Those of the files that are damaged or not ours, every page of them read."""
        if not paths:
            return []
        try:
            for batch in self._dataset(paths).to_batches():
                _check_ids(batch)
        except _UNREADABLE:
            if len(paths) == 1:
                return paths if self._reached(paths[0]) else []
            half = len(paths) // 2
            return self._unsound(paths[:half]) + self._unsound(paths[half:])
        return []

    def _reached(self, path: str) -> bool:
        """Whether a file is there and its bytes can be had. A storage that does not answer raises: it is no damage."""
        try:
            with self.fs.open_input_stream(path) as source:
                source.read()
        except FileNotFoundError:
            return False
        return True

    def _readable(self, paths: Sequence[str], columns: list[str] | None) -> tuple[pa.Table, list[str]]:
        """Read all files, or one by one where that fails: what is damaged or not ours is left out, and named."""
        with contextlib.suppress(*_UNREADABLE):
            return self._load(paths, columns), list(paths)
        tables, read = [], []
        for path in paths:
            try:
                table = self._load([path], columns)
            except _UNREADABLE:
                if self._reached(path):
                    warnings.warn(
                        f"{path} is damaged or foreign and was left out; `onecurve run` trains its trials again",
                        stacklevel=2,
                    )
                continue
            tables.append(table)
            read.append(path)
        names = SCHEMA.names if columns is None else columns
        empty = pa.schema([_BARE.field(name) for name in names]).empty_table()
        return pa.concat_tables([empty, *tables]), read

    def _tables(self) -> list[str]:
        return sorted(i.path for i in self._list(f"{self.root}/{_SHARDS}") if i.path.endswith(".parquet"))

    def _sources(self, part: str) -> list[str]:
        """Names of the shards that a part holds; none where it cannot be read, so that its shards are read instead."""
        try:
            metadata = pq.read_schema(part, filesystem=self.fs).metadata or {}
        except _UNREADABLE:
            return []
        return json.loads(metadata.get(_SOURCES, b"[]"))

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
    keys = pl.DataFrame(pl.from_arrow(table.select(_KEYS))).with_row_index()
    best = keys.sort(
        "trial_id", pl.col("status") != "ok", "attempt", "started_utc", descending=[False, False, True, True]
    ).unique("trial_id", keep="first", maintain_order=True)
    return table.take(best["index"].to_arrow())


def _check_ids(rows: pa.Table | pa.RecordBatch) -> None:
    if rows.column("trial_id").null_count:
        raise pa.ArrowInvalid("a row has no trial id")


def _is_part(path: str) -> bool:
    return path.rsplit("/", 1)[1].startswith(_PART)


def _open(uri: str) -> tuple[pafs.FileSystem, str]:
    if "://" not in uri:
        return pafs.LocalFileSystem(), str(Path(uri).absolute())
    try:
        fs, root = pafs.FileSystem.from_uri(uri)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"cannot open {uri!r}: {error}. Give a folder, or a URL such as s3://bucket/folder") from None
    return fs, root.rstrip("/")

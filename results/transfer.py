"""Result tables on the move: export to plain files, pull a folder from elsewhere."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Literal

import polars as pl
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from ..errors import InputError
from .exported import MARGIN
from .file_list import NAME as MANIFEST
from .file_list import write_manifest
from .schema import CURVE_NAMES, MARGIN_KEY, OBSERVABLE_COLUMNS, SCHEMA
from .store import Store
from .web import fetch, is_web

CHECKSUMS = "checksums.sha256"


def export(store: Store, to: str | Path, form: Literal["csv", "parquet"]) -> list[Path]:
    """Write ``trials`` (one row a trial) and ``curves`` (one row an evaluation) as CSV or Parquet.

    Where more than loss and accuracy was measured, also ``observables``, one row a value. ``trials.parquet`` keeps the
    curves as list columns, so that file alone can be analysed and plotted, by any observable.

    Returns
    -------
    list of Path
        The tables written.
    """
    table = store.table()
    if not table.num_rows:
        raise InputError(f"{store.uri!r} holds no results to export")
    folder = Path(to)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"trials.{form}", folder / f"curves.{form}"]
    frame = pl.DataFrame(pl.from_arrow(table))
    if form == "csv":
        trials = frame.drop(CURVE_NAMES, [name for name, _, _ in OBSERVABLE_COLUMNS])
        lists = [name for name, kind in trials.schema.items() if kind.is_nested()]
        joined = pl.col(lists).cast(pl.List(pl.String)).list.join(", ")
        margin = pl.lit(store.planned_margin(), pl.Float64).alias(MARGIN)
        trials.with_columns(joined, margin).write_csv(paths[0])
        exploded(frame).write_csv(paths[1])
    else:
        pq.write_table(_with_margin(table, store), paths[0], compression="zstd")
        exploded(frame).write_parquet(paths[1])
    seen = observables(frame)
    if seen.height:
        paths.append(folder / f"observables.{form}")
        seen.write_csv(paths[2]) if form == "csv" else seen.write_parquet(paths[2])
    write_manifest(folder)
    return paths


def exploded(frame: pl.DataFrame) -> pl.DataFrame:
    """One row an evaluation, with the columns that name the trial. A trial without evaluations has no row here."""
    names = ["trial_id", "family", "dataset", "recipe", "leg", "n_params", "seed", "status"]
    accuracy = pl.when(pl.col("test_accuracy").list.len() == 0).then(None).otherwise(pl.col("test_accuracy"))
    padded = frame.select(*names, *CURVE_NAMES).with_columns(accuracy.alias("test_accuracy"))
    padded = padded.filter(pl.col("step").list.len() > 0)
    blank = pl.col("step").list.eval(pl.lit(None, pl.Float64))
    return padded.with_columns(pl.col("test_accuracy").fill_null(blank)).explode(*CURVE_NAMES)


def observables(frame: pl.DataFrame) -> pl.DataFrame:
    """One row a value of an observable: the trial, the step, the whole test loss there, and the observable.

    Steps at which it was not measured have no row.
    Against ``test_loss`` the values need no horizon, schedule or clock to be compared between trials.
    """
    trial = ["trial_id", "family", "dataset", "recipe", "leg", "n_params", "seed"]
    seen = frame.filter(pl.col("observables").list.len() > 0)
    seen = seen.select(*trial, "step", "x", "test_loss", "observables").explode("observables").unnest("observables")
    return seen.explode("step", "x", "test_loss", "value").filter(pl.col("value").is_not_null())


def _with_margin(table: pa.Table, store: Store) -> pa.Table:
    margin, table = store.planned_margin(), table.select(SCHEMA.names)
    return table if margin is None else table.replace_schema_metadata({MARGIN_KEY: repr(margin).encode()})


def pull(source: str, to: str | Path) -> tuple[int, int]:
    """Copy a results folder (a path, or a URL: ``s3://`` and what pyarrow reads, ``https://``) and check each sha256.

    A file that is there already with the right content is not copied again. Where the source has a list of checksums,
    the copy must agree with it; one is written beside the copy, and a manifest with which a web server can hand out
    the copy. From the web come folders with a manifest, and single files.

    Returns
    -------
    (copied, kept) : numbers of files.

    Raises
    ------
    InputError
        No such folder, nothing in it, or a file that does not have the checksum that it should have.
    """
    if is_web(source):
        found = fetch(source, Path(to))
        _write_sums(Path(to), {entry.name: entry.sha256 for entry in found.entries})
        return found.copied, len(found.entries) - found.copied
    store = Store(source)
    selector = pafs.FileSelector(store.root, recursive=True, allow_not_found=True)
    files = sorted(i.path for i in store.fs.get_file_info(selector) if i.type == pafs.FileType.File)
    if not any(path.endswith(".parquet") for path in files):
        raise InputError(f"{source!r} is not a results folder: it holds no Parquet file")
    target, copied, sums = Path(to), 0, {}
    listed = _listed(store)
    for path in files:
        name = path[len(store.root) + 1 :]
        if name in (CHECKSUMS, MANIFEST) or name.endswith(".tmp"):
            continue
        fresh, sums[name] = _copy(store.fs, path, target / name)
        copied += fresh
        if name in listed and listed[name] != sums[name]:
            raise InputError(
                f"{name} from {source!r} has sha256 {sums[name][:12]}..., its list says {listed[name][:12]}..."
            )
    _write_sums(target, sums)
    return copied, len(sums) - copied


def _write_sums(target: Path, sums: dict[str, str]) -> None:
    (target / CHECKSUMS).write_text("".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())))
    write_manifest(target)


def _listed(store: Store) -> dict[str, str]:
    path = f"{store.root}/{CHECKSUMS}"
    if store.fs.get_file_info(path).type != pafs.FileType.File:
        return {}
    with store.fs.open_input_stream(path) as source:
        lines = source.read().decode().splitlines()
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines if line.strip())}


def _copy(fs: pafs.FileSystem, path: str, target: Path) -> tuple[bool, str]:
    with fs.open_input_stream(path) as source:
        content = source.read()
    digest = hashlib.sha256(content).hexdigest()
    if target.exists() and hashlib.sha256(target.read_bytes()).hexdigest() == digest:
        return False, digest
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f"{target.name}.tmp")
    temporary.write_bytes(content)
    if hashlib.sha256(temporary.read_bytes()).hexdigest() != digest:
        raise InputError(f"{target} was not written as it was read; is the disk full?")
    os.replace(temporary, target)
    return True, digest

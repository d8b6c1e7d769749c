"""Folders of tables, one file a run."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from ...errors import InputError
from . import (
    columnar,
    delimited,
    excel,
    hugging_face,
    json_tables,
    keras,
    lightning,
    nanochat,
    olmo_core,
    tensorboard,
    weights_and_biases,
)
from .content import json_of
from .frames import doubts, stack, with_parameters
from .parameters import FILES, of_folder
from .source import Raw

_TABLES = (
    columnar,
    excel,
    hugging_face,
    keras.History,
    json_tables.Lines,
    json_tables.Document,
    nanochat,
    olmo_core.OlmoCoreLog,
    tensorboard.Download,
    weights_and_biases.Chart,
    lightning,
    keras.KerasLog,
    delimited,
)
_TEXT = (".csv", ".tsv", ".tab", ".dat")  # endings of text that is a table, where nobody gave the file by name
_LOGS = (".log", ".txt", ".out")
_PACKED = (".gz", ".bz2", ".zst", ".lz4")
_NAMED_BY_FILE = ("Keras CSVLogger", "Keras history", "Lightning metrics.csv", "nanochat log", "OLMo-core log")
_BESIDE = {Path(name).name for name in FILES} | {"overrides.yaml", "manifest.json", "sources.json"}
_EXPORTED = ("trials", "observables", "grams")  # beside `curves`, as `onecurve export` writes them


def recognises(path: Path) -> bool:
    """Whether the folder, or one below it, holds files that are tables."""
    return path.is_dir() and bool(files_in(path))


def read(path: Path) -> Raw:
    """Read all tables below a folder; the name of each file is its run."""
    return read_files(path)


def files_in(path: Path) -> list[tuple[Path, Any]]:
    """The tables below a folder, sorted, with the reader of each. Of several checkpoints of a run the last counts."""
    found = [(file, reader) for file in _walk(path) if (reader := _reader(file)) is not None]
    states = [file for file, reader in found if reader is hugging_face]
    if not states:
        return found
    last: dict[Path, Path] = {}
    for file in states:  # every checkpoint repeats the history of those before it
        run = hugging_face.run_folder(file)
        last[run] = max(last.get(run, file), file, key=lambda state: json_of(state).get("global_step") or 0)
    return [(file, hugging_face) for file in last.values()]


def read_files(path: Path) -> Raw:
    """Read the tables below a folder one under another, with what the tools left beside them as columns.

    Raises
    ------
    InputError
        Tables of several kinds, for they are hardly one thing.
    """
    found = [(file, reader.read(file)) for file, reader in files_in(path)]
    kinds = Counter(raw.kind for _, raw in found)
    if len(kinds) > 1:
        shown = ", ".join(
            f"{count} {kind} (such as {_first(found, kind, path)})" for kind, count in kinds.most_common()
        )
        raise InputError(f"{path} holds tables of several kinds: {shown}. Give the files that are meant by name")
    table = stack(_with_runs(found, path), path)
    notes = list(dict.fromkeys(note for _, raw in found for note in raw.notes))
    kind = found[0][1].kind
    if len(found) > 1:
        notes.insert(0, f"{len(found)} files were read, one a run.")
        kind = f"folder of {kind} files"
    notes += [note for note in doubts(table) if note not in notes]
    return Raw(table, kind, tuple(notes))


def _with_runs(found: list[tuple[Path, Raw]], path: Path) -> list[pl.DataFrame]:
    """The tables with their runs' parameters, and the file's name as the run where nothing else tells runs apart."""
    tables = [with_parameters(raw.table, of_folder(file.parent)) for file, raw in found]
    if len(tables) == 1:
        return tables
    names = _names([file.relative_to(path) for file, _ in found])
    clash = len({run for table in tables if "run" in table.columns for run in table["run"].unique()}) < len(tables)
    return [
        table.with_columns(run=pl.lit(name)) if _needs_name(table) or (clash and raw.kind in _NAMED_BY_FILE) else table
        for table, name, (_, raw) in zip(tables, names, found, strict=True)
    ]


def _needs_name(table: pl.DataFrame) -> bool:
    """Whether a table names no runs: with size and seed in it, a copy in another file stays a copy."""
    lower = {name.lower() for name in table.columns}
    return "run" not in lower and not {"size", "seed"} <= lower


def _names(files: list[Path]) -> list[str]:
    """Paths without endings; without the files' names too where all are called the same."""
    stems = [file.name.partition(".")[0] if file.suffix in _PACKED else file.stem for file in files]
    same = len(set(stems)) == 1 and all(len(file.parts) > 1 for file in files)
    return [(file.parent if same else file.parent / stem).as_posix() for file, stem in zip(files, stems, strict=True)]


def _first(found: list[tuple[Path, Raw]], kind: str, path: Path) -> str:
    return next(file.relative_to(path).as_posix() for file, raw in found if raw.kind == kind)


def _walk(path: Path) -> Iterator[Path]:
    """Files below a folder in the order of their paths, without what is hidden."""
    for folder, inner, names in os.walk(path):
        inner[:] = sorted(name for name in inner if not name.startswith((".", "_")))
        kept = [name for name in sorted(names) if not name.startswith((".", "_")) and name not in _BESIDE]
        whole = any(name.startswith("curves.") for name in kept)
        yield from (Path(folder) / n for n in kept if not (whole and n.partition(".")[0] in _EXPORTED))


def _reader(path: Path) -> Any:
    """The reader of a file in a folder, or None: text is asked for its ending, for prose is text as well."""
    plain = Path(path.stem) if path.suffix in _PACKED else path
    if plain.suffix in _TEXT:
        allowed = _TABLES
    elif plain.suffix in _LOGS:
        allowed = (nanochat, olmo_core.OlmoCoreLog)
    elif plain.suffix in (".json", ".jsonl", ".ndjson"):
        allowed = (hugging_face, keras.History, json_tables.Lines, json_tables.Document)
    else:
        allowed = (columnar, excel)
    return next((reader for reader in allowed if reader.recognises(path)), None)

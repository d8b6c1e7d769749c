"""Ray Tune: a folder a trial, with ``result.json`` or ``progress.csv``, and ``params.json``."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ...errors import InputError
from . import delimited
from .frames import doubts, stack, with_parameters
from .json_tables import read_lines
from .parameters import of_folder
from .source import Raw

_LOGS = ("result.json", "progress.csv")
_CONFIG = ("config/", "config.")


def recognises(path: Path) -> bool:
    """Whether a folder at most three levels down holds a trial: its parameters beside its results."""
    return path.is_dir() and bool(_trials(path))


def read(path: Path) -> Raw:
    """Read all results of all trials, with their parameters as columns; the run is the trial's folder.

    ``result.json`` is read where it is there: ``progress.csv`` has only the metrics that the first result had.
    """
    tables, empty, rows_only = [], [], 0
    for folder in _trials(path):
        log = next(folder / name for name in _LOGS if (folder / name).is_file())
        if not log.stat().st_size:
            empty.append(folder.name)
            continue
        rows_only += log.name == "progress.csv"
        table = read_lines(log)[0] if log.name == "result.json" else delimited.read(log).table
        parameters = of_folder(folder)
        # The results repeat the parameters, as config/NAME: one of the two is enough.
        doubled = [n for n in table.columns if n.startswith(_CONFIG) and n[len("config/") :] in parameters]
        nested = [name for name, kind in table.schema.items() if kind.is_nested()]
        table = with_parameters(table.drop(doubled + nested), parameters)
        tables.append(table.with_columns(run=pl.lit(folder.name)))
    if not tables:
        raise InputError(f"{path} holds {len(empty)} Ray Tune trials, none of which has a result yet")
    notes = [f"{len(empty)} trials without a result were left out, such as {empty[0]}."] if empty else []
    if rows_only:
        notes.append("progress.csv has only the metrics of a trial's first result; result.json would have all.")
    table = stack(tables, path)
    return Raw(table, "Ray Tune folder", (*notes, *doubts(table)))


def _trials(path: Path) -> list[Path]:
    found = [path, *path.glob("*"), *path.glob("*/*"), *path.glob("*/*/*")]
    trials = (f for f in found if (f / "params.json").is_file() and any((f / name).is_file() for name in _LOGS))
    return sorted(trials)

"""Keras: the file of CSVLogger, and ``History.history`` saved as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from . import delimited
from .content import json_of
from .frames import doubts, exploded, from_records
from .source import Raw

_NOTE = "`loss` is Keras's training loss and is called train_loss here; val_loss is the loss of the validation set."


class KerasLog:
    """A file of CSVLogger: ``epoch`` first, then metrics in the order of their names."""

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether the columns are ``epoch``, ``loss`` and metrics with their ``val_`` partners, and nothing else."""
        if not path.is_file():
            return False
        names = delimited.header(path)
        return bool(names) and names[0] == "epoch" and "step" not in names and _is_history(names[1:])

    @staticmethod
    def read(path: Path) -> Raw:
        """Read the log of one run; its name is the file's."""
        raw = delimited.read(path)
        return _raw(raw.table, path, "Keras CSVLogger", raw.notes)


class History:
    """``json.dump(model.fit(...).history)``, alone or under ``history`` beside ``params``."""

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether the file maps ``loss``, ``val_loss``, ... to lists of numbers."""
        return path.is_file() and _history(json_of(path)) is not None

    @staticmethod
    def read(path: Path) -> Raw:
        """Read the history of one run; where it has no epochs they are counted from 0."""
        value = json_of(path)
        history = _history(value) or {}
        table, _ = exploded(from_records([history]), path)
        notes: tuple[str, ...] = ()
        if "epoch" not in table.columns:
            epochs = value.get("epoch")
            counted = not (isinstance(epochs, list) and len(epochs) == table.height)
            numbered = pl.Series("epoch", range(table.height) if counted else epochs)
            table = table.insert_column(0, numbered)
            notes = ("The epochs are not in the file: they were counted from 0.",) if counted else ()
        return _raw(table, path, "Keras history", notes)


def _history(value: Any) -> dict[str, list[Any]] | None:
    if not isinstance(value, dict):
        return None
    inner = value.get("history", value)
    if not isinstance(inner, dict) or not inner or not _is_history([n for n in inner if n != "epoch"]):
        return None
    lists = all(isinstance(part, list) and all(isinstance(v, (int, float)) for v in part) for part in inner.values())
    return inner if lists else None


def _is_history(names: list[str]) -> bool:
    """Keras logs ``loss`` always, and each ``val_`` metric beside the metric of the same name."""
    partners = [name for name in names if name.startswith("val_")]
    named = all(name.removeprefix("val_") in names for name in partners)
    foreign = {"family", "dataset", "size", "seed", "x", "compute", "run"} & set(names)
    return "loss" in names and bool(partners) and named and not foreign


def _raw(table: pl.DataFrame, path: Path, kind: str, notes: tuple[str, ...]) -> Raw:
    table = table.rename({"loss": "train_loss"}) if "train_loss" not in table.columns else table
    table = table.with_columns(run=pl.lit(path.name.partition(".")[0]))
    return Raw(table, kind, (*notes, _NOTE, *doubts(table)))

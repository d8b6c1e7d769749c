"""MLflow: its folders (``mlruns``) and its SQLite database."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from ...errors import InputError
from .content import head
from .frames import doubts, joined, numbers
from .source import Raw

_TEXT = "MLflow keeps parameters as text: those in which every value is a number are numbers here."
_LARGEST = 1.7976931348623157e308  # how the database stores an infinite value


class Folder:
    """``experiment/run/metrics/NAME`` with a line ``time value step`` each, and ``params/NAME``."""

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether there are folders ``metrics`` beside ``params`` or a ``meta.yaml``."""
        return path.is_dir() and bool(_runs(path))

    @staticmethod
    def read(path: Path) -> Raw:
        """Read all metrics of all runs that were not deleted, by step."""
        points, parameters, names = [], {}, {}
        for folder in _runs(path):
            meta = _meta(folder)
            if meta.get("lifecycle_stage") == "deleted":
                continue
            run = str(folder.relative_to(path.parent))
            names[run] = str(meta.get("run_name") or _line(folder / "tags" / "mlflow.runName") or folder.name)
            experiment = _meta(folder.parent).get("name")
            stored = {"experiment": experiment} if experiment else {}
            parameters[run] = stored | _texts(folder / "params")
            points += [(run, name, *_metric(file)) for name, file in _files(folder / "metrics")]
        return _raw(points, parameters, names, "MLflow file store", path)


class Database:
    """The tables ``runs``, ``metrics`` and ``params`` of ``mlflow.db``."""

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether the file is a SQLite database."""
        return path.is_file() and head(path, 15) == b"SQLite format 3"

    @staticmethod
    def read(path: Path) -> Raw:
        """Read all metrics of all runs that were not deleted, in the order of logging."""
        try:
            with contextlib.closing(sqlite3.connect(f"file:{path.absolute()}?mode=ro", uri=True)) as base:
                runs = base.execute(
                    "SELECT r.run_uuid, r.name, e.name FROM runs r LEFT JOIN experiments e USING (experiment_id) "
                    "WHERE r.lifecycle_stage IS NOT 'deleted' ORDER BY r.start_time, r.run_uuid"
                ).fetchall()
                params = base.execute("SELECT run_uuid, key, value FROM params").fetchall()
                # The table has no order of its own beside time and step; rowid is that of logging.
                metrics = base.execute(
                    "SELECT run_uuid, key, step, value, is_nan FROM metrics ORDER BY run_uuid, key, timestamp, rowid"
                ).fetchall()
        except sqlite3.Error as error:
            raise InputError(f"{path} is a SQLite database, but not one of MLflow: {error}") from None
        parameters: dict[str, dict[str, str]] = {run: {"experiment": name} if name else {} for run, _, name in runs}
        for run, key, value in params:
            if run in parameters:
                parameters[run][key] = value
        logged: dict[tuple[str, str], tuple[list[int], list[float]]] = {}
        for run, key, step, value, is_nan in metrics:
            steps, values = logged.setdefault((run, key), ([], []))
            steps.append(step)
            values.append(_value(value, is_nan))
        order = {run: place for place, (run, _, _) in enumerate(runs)}
        kept = sorted((k for k in logged if k[0] in order), key=lambda k: order[k[0]])
        points = [(*key, *logged[key]) for key in kept]
        names = {run: name or run for run, name, _ in runs}
        return _raw(points, parameters, names, "MLflow database", path)


def _raw(points: list[Any], parameters: dict[str, dict[str, str]], names: dict[str, str], kind: str, path: Path) -> Raw:
    if not points:
        raise InputError(f"{path} is an {kind} without a single metric")
    table = joined(points)
    keys = list(dict.fromkeys(key for own in parameters.values() for key in own if key not in table.columns))
    columns = {key: [own.get(key) for own in parameters.values()] for key in keys}
    # Names need not be unique in MLflow; where they are not, the id beside them tells the runs apart.
    counts = Counter(names.values())
    ids = {run: run.rsplit(os.sep, 1)[-1] for run in parameters}
    shown = [names[run] if counts[names[run]] == 1 else f"{names[run]} ({ids[run]})" for run in parameters]
    stored = pl.DataFrame(
        {"run": list(parameters), "shown": shown, **columns}, schema_overrides=dict.fromkeys(keys, pl.String)
    )
    stored = stored.select("run", "shown").hstack(numbers(stored.select(keys))) if keys else stored
    table = table.join(stored, on="run", how="left", maintain_order="left").drop("run").rename({"shown": "run"})
    notes = [_TEXT] if any(kind.is_numeric() for kind in stored.select(keys).dtypes) else []
    return Raw(table, kind, (*notes, *doubts(table)))


def _runs(path: Path) -> list[Path]:
    """Run folders at most two levels down: of a store, of one experiment, or the run itself."""
    found = [path, *path.glob("*"), *path.glob("*/*")]
    runs = (f for f in found if (f / "metrics").is_dir() and ((f / "params").is_dir() or (f / "meta.yaml").is_file()))
    return sorted(f for f in runs if ".trash" not in f.parts and "models" not in f.relative_to(path).parts)


def _files(folder: Path) -> list[tuple[str, Path]]:
    """Files with their names; a metric called ``val/loss`` lies in a folder ``val``."""
    return [(f.relative_to(folder).as_posix(), f) for f in sorted(folder.rglob("*")) if f.is_file()]


def _metric(path: Path) -> tuple[list[int], list[float]]:
    steps, values = [], []
    lines = path.read_text().splitlines()
    for number, line in enumerate(lines, 1):
        fields = line.split()
        try:
            # Later versions write the data set's name and digest behind; the first had no step.
            values.append(float(fields[1]))
            steps.append(int(fields[2]) if len(fields) > 2 else number - 1)
        except (IndexError, ValueError):
            raise InputError(f"{path}, line {number}: {line[:60]!r} is no `time value step`") from None
    return steps, values


def _texts(folder: Path) -> dict[str, str]:
    return {name: _line(file) for name, file in _files(folder)} if folder.is_dir() else {}


def _line(path: Path) -> str:
    return path.read_text().strip() if path.is_file() else ""


def _meta(folder: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load((folder / "meta.yaml").read_text())
    except (OSError, yaml.YAMLError):
        return {}
    return found if isinstance(found, dict) else {}


def _value(value: float, is_nan: Any) -> float:
    if is_nan:
        return float("nan")  # the database stores 0 in its place
    return float("inf") * (1 if value > 0 else -1) if abs(value) >= _LARGEST else value

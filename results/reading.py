"""From paths to learning curves: results folders, exported tables, and other people's files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import InputError
from .curves import CurveSet, LearningCurve
from .external import read_tidy
from .schema import MARGIN_KEY, SCHEMA
from .store import Store, best_rows
from .web import at_hand

_NEEDED = (
    "trial_id",
    "family",
    "dataset",
    "rung",
    "n_params",
    "seed",
    "recipe",
    "recipe_label",
    "leg",
    "control",
    "status",
    "warmup_fraction",
    "horizon_source",
    "irreducible_loss",
    "irreducible_loss_se",
    "pool_fraction",
    "repeats",
    "x",
    "lr",
    "test_loss",
    "started_utc",
    "attempt",
)
_LATER = ("running_statistics",)  # tables of older versions do without


def read_curves(paths: Sequence[str | Path]) -> CurveSet:
    """Read learning curves from results folders, exported ``trials.parquet`` files, or tidy CSV or Parquet files.

    Parameters
    ----------
    paths : folders, files, or URLs of folders.

    Returns
    -------
    CurveSet
        All curves; its margin is that of the sweep, where all paths agree on one.

    Raises
    ------
    InputError
        A path that is not there, holds no curves, or cannot be read as either.
    """
    curves: list[LearningCurve] = []
    margins: set[float] = set()
    for path in map(str, paths):
        with at_hand(path) as place:
            found, margin = _read_one(place)
        curves += found
        if margin is not None:
            margins.add(margin)
    return CurveSet.of(curves, margins.pop() if len(margins) == 1 else None)


def read_tables(paths: Sequence[str | Path], columns: Sequence[str]) -> tuple[list[dict[str, Any]], float | None]:
    """Rows of our own tables, one a trial, and the margin on which they agree. What a table has not is null.

    Raises
    ------
    InputError
        A path that is not there, or that is not ours.
    """
    rows: list[dict[str, Any]] = []
    margins: set[float] = set()
    for path in map(str, paths):
        with at_hand(path) as place:
            table, margin = _table(place, columns)
        if table is None:
            raise InputError(f"{path!r} holds curves alone; give a results folder or an exported trials.parquet")
        rows += [{**dict.fromkeys(columns), **row} for row in table.to_pylist()]
        margins |= set() if margin is None else {margin}
    return rows, margins.pop() if len(margins) == 1 else None


def curves_of(table: pa.Table) -> list[LearningCurve]:
    """The learning curves of a result table; a trial without a single evaluation is kept as an empty curve."""
    there = [name for name in (*_NEEDED, *_LATER) if name in table.column_names]
    return [_curve(row) for row in table.select(there).to_pylist()]


def _read_one(path: str) -> tuple[list[LearningCurve], float | None]:
    table, margin = _table(path, (*_NEEDED, *_LATER))
    return (read_tidy(path), None) if table is None else (curves_of(table), margin)


def _table(path: str, columns: Sequence[str]) -> tuple[pa.Table | None, float | None]:
    """One row a trial and the planned margin; no table where the file or folder is somebody else's."""
    if "://" not in path and not Path(path).exists():
        raise InputError(f"{path!r} is not there. Give a results folder, or a CSV or Parquet file of learning curves")
    if "://" in path or Path(path).is_dir():
        if "://" not in path and not _ours(Path(path)):
            return None, None
        store = Store(path)
        table = store.table(columns)
        if not table.num_rows:
            raise InputError(f"{path!r} holds no results. `onecurve run SWEEP --out {path}` makes some")
        return table, store.planned_margin()
    table = _read_exported(path) if path.endswith(".parquet") else None
    if table is None:
        return None, None
    margin = (table.schema.metadata or {}).get(MARGIN_KEY)
    best = best_rows(table)
    return best.select([name for name in columns if name in best.column_names]), float(margin) if margin else None


def _ours(folder: Path) -> bool:
    """Whether a folder is a results folder, or an empty one that may become one: never somebody's with other files."""
    kept = any(folder.glob("trials/*.parquet")) or any(folder.glob("*.lock.json"))
    return kept or not any(folder.iterdir())


def _read_exported(path: str) -> pa.Table | None:
    """The table of an exported run, or None where the file is somebody else's."""
    try:
        names = set(pq.read_schema(path).names)
    except (pa.ArrowInvalid, OSError):
        raise InputError(f"{path!r} is not a readable Parquet file (damaged, empty or of another format)") from None
    if not set(_NEEDED) <= names:
        return None
    table = pq.read_table(path)
    fields = [SCHEMA.field(name) if name in SCHEMA.names else table.schema.field(name) for name in table.column_names]
    return table.cast(pa.schema(fields, metadata=table.schema.metadata))


def _curve(row: dict[str, Any]) -> LearningCurve:
    loss = np.array(row["test_loss"] or [], dtype=float)
    lr = np.array([np.nan if v is None else v for v in row["lr"] or []], dtype=float)
    return LearningCurve(
        family=row["family"],
        dataset=row["dataset"],
        recipe=row["recipe"],
        recipe_label=row["recipe_label"] or "",
        leg=row["leg"],
        size=float(row["n_params"]),
        seed=row["seed"],
        x=np.array(row["x"] or [], dtype=float),
        loss=loss,
        lr=lr if len(lr) == len(loss) and np.all(np.isfinite(lr)) else None,
        irreducible_loss=row["irreducible_loss"],
        irreducible_loss_se=row["irreducible_loss_se"] or 0.0,
        status=row["status"],
        control=row["control"],
        repeats=row["repeats"] or 1.0,
        pool_fraction=row["pool_fraction"] or 0.0,
        running_statistics=bool(row.get("running_statistics")),
        warmup_fraction=row["warmup_fraction"] or 0.0,
        horizon_source=row["horizon_source"] or "assumed",
        rung=row["rung"] or "",
        trial_id=row["trial_id"],
    )

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
from .exported import exported
from .external import read_external
from .layout import Layout
from .schema import MARGIN_KEY, SCHEMA
from .sources import read_raw
from .store import Store, best_rows
from .twice import once

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


def read_curves(paths: Sequence[str | Path], layout: Layout | None = None) -> CurveSet:
    """Read learning curves from results folders, exported tables, or other people's files and folders.

    Parameters
    ----------
    paths : folders, files, or URLs of folders.
    layout : how other people's tables are to be read; over a mapping file ``onecurve.yaml`` beside them.

    Returns
    -------
    CurveSet
        All curves; its margin is that of the sweep, where all paths agree on one. Its notes say what was guessed.

    Raises
    ------
    InputError
        A path that is not there, holds no curves, or cannot be read as either; a run that two paths have.
    """
    curves: list[tuple[tuple[int, str], LearningCurve]] = []
    margins: set[float] = set()
    notes: list[str] = []
    for place in enumerate(map(str, paths)):
        found, margin, said = _read_one(place[1], layout or Layout())
        curves += [(place, curve) for curve in found]
        margins |= set() if margin is None else {margin}
        notes += said if len(paths) == 1 else [f"{place[1]}: {note}" for note in said]
    once(curves)
    margin = margins.pop() if len(margins) == 1 else None
    return CurveSet.of((curve for _, curve in curves), margin, notes=notes)


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
        table, margin, _ = _table(path, columns)
        if table is None:
            raise InputError(f"{path!r} holds curves alone; give a results folder or an exported trials.parquet")
        rows += [{**dict.fromkeys(columns), **row} for row in table.to_pylist()]
        margins |= set() if margin is None else {margin}
    return rows, margins.pop() if len(margins) == 1 else None


def curves_of(table: pa.Table) -> list[LearningCurve]:
    """The learning curves of a result table; a trial without a single evaluation is kept as an empty curve."""
    there = [name for name in (*_NEEDED, *_LATER) if name in table.column_names]
    return [_curve(row) for row in table.select(there).to_pylist()]


def _read_one(path: str, layout: Layout) -> tuple[list[LearningCurve], float | None, list[str]]:
    table, margin, said = _table(path, (*_NEEDED, *_LATER))
    if table is not None:
        return curves_of(table), margin, said
    layout, beside = layout.beside(path)
    found, said = read_external(read_raw(path), path, layout)
    return found, None, [*([f"read as {beside} says"] if beside else []), *said]


def _table(path: str, columns: Sequence[str]) -> tuple[pa.Table | None, float | None, list[str]]:
    """One row a trial, the planned margin, and notes; no table where the file or folder is somebody else's."""
    if "://" not in path and not Path(path).exists():
        raise InputError(f"{path!r} is not there. Give a results folder, or a CSV or Parquet file of learning curves")
    if "://" in path or _ours(Path(path)):
        store = Store(path)
        table = store.table(columns)
        if not table.num_rows:
            raise InputError(f"{path!r} holds no results. `onecurve run SWEEP --out {path}` makes some")
        return table, store.planned_margin(), []
    table = _read_exported(path) if path.endswith(".parquet") and Path(path).is_file() else None
    if table is not None:
        margin = (table.schema.metadata or {}).get(MARGIN_KEY)
        best = best_rows(table)
        there = [name for name in columns if name in best.column_names]
        return best.select(there), float(margin) if margin else None, []
    found = exported(path)
    if found is None:
        return None, None, []
    table, margin, notes = found
    return table.select([name for name in columns if name in table.column_names]), margin, notes


def _ours(folder: Path) -> bool:
    """Whether a folder is a results folder, or an empty one that may become one: never somebody's with other files."""
    if not folder.is_dir():
        return False
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

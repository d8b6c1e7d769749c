"""From paths to learning curves: results folders, exported tables, and other people's files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import InputError
from .curves import CurveSet, LearningCurve
from .external import read_tidy
from .observed import OtherCurves, OwnRows, Source, lacking
from .quantity import LOSS, TEST_LOSS, quantity_of, stored_name
from .schema import MARGIN_KEY, SCHEMA
from .store import Store, best_rows

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
_LATER = ("running_statistics", "device")  # tables of older versions do without
_BESIDE_LOSS = ("test_accuracy", "observables")


def read_curves(paths: Sequence[str | Path], observable: str = "loss", scale: str | None = None) -> CurveSet:
    """Read learning curves from results folders, exported ``trials.parquet`` files, or tidy CSV or Parquet files.

    Parameters
    ----------
    paths : folders, files, or URLs of folders.
    observable : what the curves are of: a name in the tables, or ``loss``, ``accuracy``, or ``error`` (1 - accuracy).
        A curve has the points at which it was measured.
    scale : ``as-given``, or ``complement`` for one less a share; None is as given, but for the error.

    Returns
    -------
    CurveSet
        All curves; its margin is that of the sweep, where all paths agree on one; its warnings say which groups and
        trials lack the observable and are left out.

    Raises
    ------
    InputError
        A path that is not there, holds no curves, or cannot be read as either; an observable that no table has; a
        complement of what is no share.
    """
    sources: list[Source] = []
    margins: set[float] = set()
    # Most ask for the loss alone, and need not wait for the rest.
    columns = (*_NEEDED, *_LATER, *(_BESIDE_LOSS if stored_name(observable) != TEST_LOSS else ()))
    for path in map(str, paths):
        table, margin = _table(path, columns)
        sources.append(OtherCurves(read_tidy(path)) if table is None else OwnRows(table.to_pylist()))
        if margin is not None:
            margins.add(margin)
    quantity = quantity_of(observable, scale, {name for source in sources for name in source.names()})
    curves = [curve for source in sources for curve in source.curves(quantity)]
    warnings = lacking(sources, quantity.observable)
    return CurveSet.of(curves, margins.pop() if len(margins) == 1 else None, warnings=warnings)


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
        table, margin = _table(path, columns)
        if table is None:
            raise InputError(f"{path!r} holds curves alone; give a results folder or an exported trials.parquet")
        rows += [{**dict.fromkeys(columns), **row} for row in table.to_pylist()]
        margins |= set() if margin is None else {margin}
    return rows, margins.pop() if len(margins) == 1 else None


def curves_of(table: pa.Table) -> list[LearningCurve]:
    """The loss curves of a result table; a trial without a single evaluation is kept as an empty curve."""
    there = [name for name in (*_NEEDED, *_LATER) if name in table.column_names]
    return OwnRows(table.select(there).to_pylist()).curves(LOSS)


def _table(path: str, columns: Sequence[str]) -> tuple[pa.Table | None, float | None]:
    """One row a trial and the planned margin; no table where the file is somebody else's."""
    if "://" not in path and not Path(path).exists():
        raise InputError(f"{path!r} is not there. Give a results folder, or a CSV or Parquet file of learning curves")
    if "://" in path or Path(path).is_dir():
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

"""From paths to learning curves: results folders, exported tables, and other people's files."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import InputError
from .curves import CurveSet, LearningCurve
from .exported import exported
from .file_list import summary_alone
from .layout import Layout
from .observed import OwnRows, Source, lacking
from .quantity import LOSS, TEST_LOSS, quantity_of, stored_name
from .schema import MARGIN_KEY, SCHEMA, SCHEMA_VERSION
from .sources.readers import read_raw
from .store import Store, best_rows
from .transport import shown
from .twice import once
from .web import at_hand
from .wide import read_asked

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
_LATER = ("running_statistics", "device", "tuned", "schema_version", "measured")  # tables of older versions do without
_BESIDE_LOSS = ("test_accuracy", "observables")


def read_curves(
    paths: str | Path | Sequence[str | Path],
    observable: str = "loss",
    scale: str | None = None,
    layout: Layout | None = None,
) -> CurveSet:
    """Read learning curves from results folders, exported tables, or other people's files and folders.

    Parameters
    ----------
    paths : a folder, a file or a URL of one, or several.
    observable : what the curves are of: a name in the tables, or ``loss``, ``accuracy``, or ``error`` (1 - accuracy).
        A curve has the points at which it was measured.
    scale : ``as-given``, ``complement`` for one less a share, ``ratio`` for positive values without an irreducible
        part, or ``difference`` for values of either sign; None is what the tables say of it, else as given, but for the
        error.
    layout : how other people's tables are to be read; over a mapping file ``onecurve.yaml`` beside them.

    Returns
    -------
    CurveSet
        All curves; its margin is that of the sweep, where all paths agree on one. Its warnings say which groups and
        trials lack the observable and are left out, its notes what was guessed.

    Raises
    ------
    InputError
        A path that is not there, holds no curves, or cannot be read as either; an observable that no table has; a
        complement of what is no share; a run that two paths have.
    """
    paths = [paths] if isinstance(paths, str | Path) else paths
    # Most ask for the loss alone, and need not wait for the rest.
    columns = (*_NEEDED, *_LATER, *(_BESIDE_LOSS if stored_name(observable) != TEST_LOSS else ()))
    read = [_source(path, layout or Layout(), columns, observable) for path in map(str, paths)]
    sources = [source for source, _ in read]
    names, more = (set().union(*found) for found in zip(*((s.names(), s.more()) for s in sources), strict=True))
    scales = {name: said for source in sources for name, said in source.scales().items()}
    quantity = quantity_of(observable, scale, names, more, scales)
    curves: list[tuple[tuple[int, str], LearningCurve]] = []
    notes: list[str] = []
    for place, source in zip(enumerate(map(str, paths)), sources, strict=True):
        curves += [(place, curve) for curve in source.curves(quantity)]
        said = source.said(quantity.observable)
        notes += said if len(sources) == 1 else [f"{place[1]}: {note}" for note in said]
    once(curves)
    margins = {margin for _, margin in read if margin is not None}
    return CurveSet.of(
        (curve for _, curve in curves),
        margins.pop() if len(margins) == 1 else None,
        warnings=lacking(sources, quantity.observable),
        notes=[*notes, *quantity.compared],
    )


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
            table, margin, _ = own_rows(place, columns)
        if table is None:
            raise InputError(f"{path!r} holds curves alone; give a results folder or an exported trials.parquet")
        rows += [{**dict.fromkeys(columns), **row} for row in table.to_pylist()]
        margins |= set() if margin is None else {margin}
    return rows, margins.pop() if len(margins) == 1 else None


def curves_of(table: pa.Table) -> list[LearningCurve]:
    """The loss curves of a result table; a trial without a single evaluation is kept as an empty curve."""
    there = [name for name in (*_NEEDED, *_LATER) if name in table.column_names]
    return OwnRows(table.select(there).to_pylist()).curves(LOSS)


def _source(path: str, layout: Layout, columns: Sequence[str], observable: str) -> tuple[Source, float | None]:
    """What a path holds, and the planned margin."""
    with at_hand(path) as place:
        table, margin, said = own_rows(place, columns)
        if table is not None:
            refuse_newer(table, path)
            return OwnRows(table.to_pylist(), said), margin
        layout, beside = layout.beside(place)
        found = read_asked(read_raw(place), path if place == path else shown(path), layout, observable)
        notes = [f"read as {beside.replace(place, path)} says"] if beside else []
        return dataclasses.replace(found, notes={**found.notes, "": [*notes, *found.notes.get("", ())]}), None


def own_rows(path: str, columns: Sequence[str]) -> tuple[pa.Table | None, float | None, list[str]]:
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
    if found is None and summary_alone(Path(path)):
        raise InputError(
            f"{path!r} holds the summary of published tables alone: `onecurve pull SOURCE --to {path} --tier curves` "
            "brings the curves"
        )
    if found is None:
        return None, None, []
    table, margin, notes = found
    return table.select([name for name in columns if name in table.column_names]), margin, notes


def refuse_newer(table: pa.Table, path: str) -> None:
    """A later version may mean other things by the same columns."""
    versions = table["schema_version"].unique().to_pylist() if "schema_version" in table.column_names else []
    found = max(filter(None, versions), default=0)
    if found > SCHEMA_VERSION:
        raise InputError(
            f"{path!r} has version {found} of the result table, and this Onecurve reads versions up to "
            f"{SCHEMA_VERSION}: update Onecurve"
        )


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

"""Lightning: the ``metrics.csv`` of its CSVLogger, with ``hparams.yaml`` beside it."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from . import delimited
from .frames import doubts, with_parameters
from .parameters import of_folder
from .source import Raw


def recognises(path: Path) -> bool:
    """Whether ``epoch`` and ``step`` are among the columns, and the name or what lies beside it is Lightning's."""
    if not path.is_file():
        return False
    names = delimited.header(path)
    own = path.name.endswith("metrics.csv") or (path.parent / "hparams.yaml").is_file()
    return own and {"epoch", "step"} <= set(names) and not {"family", "dataset", "run"} & set(names)


def read(path: Path) -> Raw:
    """Read one run. Training and validation stand in rows of their own: what a row has not logged is null."""
    raw = delimited.read(path)
    table = with_parameters(raw.table, of_folder(path.parent))
    folder = path.absolute().parent
    # version_0 of what? The logger's name is the folder above.
    name = f"{folder.parent.name}/{folder.name}" if folder.name.startswith("version_") else folder.name
    table = table.with_columns(run=pl.lit(name if path.name == "metrics.csv" else path.stem))
    return Raw(table, "Lightning metrics.csv", (*raw.notes, *doubts(table)))

"""What a reader of somebody else's files hands on: a table as its source has it."""

from __future__ import annotations

import dataclasses

import polars as pl


@dataclasses.dataclass(frozen=True)
class Raw:
    """A table as its source has it: one row an evaluation of one run, columns under the source's own names and types.

    Parameters
    ----------
    table : columns as they are, never through text. A column ``run`` where the source names runs (a file's, folder's or
        column's name), and the run's parameters (size, seed, ...) as columns where the source stores them.
    kind : what it was recognised as, for messages ("CSV", "MLflow file store", ...).
    notes : what was guessed, one sentence each.
    """

    table: pl.DataFrame
    kind: str
    notes: tuple[str, ...] = ()

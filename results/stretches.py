"""Stretches of rows that belong together, without a copy of the table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
import polars as pl

_SCATTERED = 0.25  # stretches over rows, from which on the rows of one run hardly lie together


def starts(frame: pl.DataFrame, key: Sequence[str]) -> np.ndarray:
    """Rows, at least one, at which a column of the key has another value than in the row before."""
    changed = np.zeros(frame.height, dtype=bool)
    changed[:1] = True
    if key:
        changes = [pl.col(name).ne_missing(pl.col(name).shift(1)) for name in key]
        changed |= frame.select(reduce(lambda a, b: a | b, changes)).to_series().to_numpy()
    return np.flatnonzero(changed)


def together(frame: pl.DataFrame, key: Sequence[str]) -> tuple[pl.DataFrame, np.ndarray]:
    """The frame with where another run's rows begin; where runs lie scattered, in the order of the key first."""
    found = starts(frame, key)
    if len(found) > _SCATTERED * frame.height and key:
        frame = frame.sort(key, maintain_order=True)
        found = starts(frame, key)
    return frame, found

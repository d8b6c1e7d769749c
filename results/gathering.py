"""The runs of a tidy table, their evaluations in the order of the file, without a copy where rows lie together."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from ..errors import InputError
from .quantity import TEST_LOSS
from .runs import Run
from .stretches import together
from .tidy import Tidy


def gather(tidy: Tidy) -> tuple[list[Run], int]:
    """Take a table apart into runs.

    Returns
    -------
    runs, and how many rows had no loss at all; a run without any loss is a run without evaluations. Another observable
    was not measured where it has no value: that is no loss that is missing, and a run without any is left out.

    Raises
    ------
    InputError
        A horizon or floor that changes within a run.
    """
    frame, starts = together(tidy.frame, tidy.key)
    heads = frame.select(tidy.key)[starts].with_columns(stretch=pl.int_range(len(starts)))
    grouped = heads.group_by(tidy.key, maintain_order=True).agg("stretch")
    slices = [slice(start, end) for start, end in zip(starts, [*starts[1:], frame.height], strict=True)]
    columns = {name: frame[name].to_numpy() for name in _NUMBERS if name in frame.columns}
    logged = (frame["loss"].is_not_null() & frame["clock"].is_not_null()).to_numpy()
    whole = bool(logged.all())
    runs = []
    for row in grouped.iter_rows(named=True):
        stretches = row.pop("stretch")
        at = slices[stretches[0]] if len(stretches) == 1 else np.r_[*(slices[i] for i in stretches)]
        said: dict[str, Any] = {**tidy.same, **row}
        said |= {name: columns[name][at] for name in _PER_ROW if name in columns}
        runs.append(Run(**said))
        other = runs[-1].observable != TEST_LOSS
        if other:
            runs[-1].reach = float(np.nanmax(runs[-1].clock, initial=0.0))
            runs[-1].keep(np.isfinite(runs[-1].loss) & logged[at])
        elif not whole:
            runs[-1].keep(logged[at])
        for name in (name for name in _PER_RUN if name in columns):
            one = _largest if name == "test_loss_se" else _one
            setattr(runs[-1], name, one(columns[name][at], name, runs[-1]))
        if other:
            runs[-1].irreducible_loss = None  # a floor is that of the loss alone
        if "status" in frame.columns:
            given = frame["status"][at].drop_nulls()
            runs[-1].status = given[-1] if len(given) else ""
    kept = [run for run in runs if run.observable == TEST_LOSS or len(run.clock)]
    lost = 0 if "observable" in frame.columns else int((~logged & frame["clock"].is_not_null().to_numpy()).sum())
    return kept, lost


_PER_ROW = ("clock", "loss", "lr")
_PER_RUN = ("horizon", "irreducible_loss", "irreducible_loss_se", "test_loss_se")
_NUMBERS = (*_PER_ROW, *_PER_RUN)


def _largest(values: np.ndarray, name: str, run: Run) -> float | None:
    """The largest of a run's numbers; None where no row has one."""
    known = values[~np.isnan(values)]
    return float(known.max()) if len(known) else None


def _one(values: np.ndarray, name: str, run: Run) -> Any:
    """What holds for the whole run; None where no row says it."""
    if np.isnan(values[0]):
        values = values[~np.isnan(values)]
    if not len(values):
        return None
    if np.nanmin(values) < np.nanmax(values):
        raise InputError(f"{name} changes within one run: {run.name}. It is one number a run")
    return float(values[0])

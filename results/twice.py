"""Runs that are given twice: refused, with the column that would tell them apart."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

import numpy as np
import polars as pl

from ..errors import InputError
from .columns import Chosen
from .curves import LearningCurve
from .restarts import Restarts
from .runs import Run, counted
from .tidy import Tidy

_CHOICE = (
    "`--restarts last` lets the later attempt win from where it starts; `--restarts continue` counts on from where the "
    "earlier part ended. "
)
_MANY = 12  # values of a column that may tell parts of a table apart


def refusal(found: Restarts, total: int, tidy: Tidy, chosen: Chosen, path: str) -> InputError:
    """Build the error for runs whose clock goes back and of which it is not plain what happened."""
    clock = chosen.columns.get("x") or chosen.columns["step"]
    first = [run for run, *_ in (*found.twice, *found.open)] + found.mixed
    run, said = first[0], []
    values, counts = np.unique(run.clock, return_counts=True)
    if counts.max() > 1:
        said.append(f"{counts.max()} rows for {run.name} at {clock} = {values[counts.argmax()]:g}")
    if found.open:
        stepped, before, after = found.open[0]
        said.append(f"{clock} goes back in the order of the file ({stepped.name}: from {before:g} to {after:g})")
    if found.mixed:
        said.append(f"every second row lies on another course ({found.mixed[0].name}), as of two runs in one, sorted")
    choice = _CHOICE if found.open else ""
    return InputError(
        f"{path}: {'; '.join(said)}; so in {counted(len(first), total)}. Each point may stand once. "
        f"{_apart(run, tidy, chosen)}{choice}If these are different runs, add a column `seed` or `recipe`"
    )


def _apart(run: Run, tidy: Tidy, chosen: Chosen) -> str:
    """The columns by which the rows of such a run would be apart, as a hint."""
    own = [pl.col(name).cast(pl.String) == pl.lit(getattr(run, name)).cast(pl.String) for name in tidy.key]
    if not tidy.spare.width:
        return ""
    mine = tidy.frame.select(reduce(lambda a, b: a & b, own)).to_series()
    rows, clock = tidy.spare.filter(mine), tidy.frame["clock"].filter(mine)
    for column in rows.columns:
        if rows[column].dtype.is_nested() or not 1 < rows[column].n_unique() <= _MANY:
            continue
        if not pl.DataFrame({"clock": clock, "by": rows[column]}).is_duplicated().any():
            values = [str(value) for value in rows[column].drop_nulls().unique(maintain_order=True)]
            if column == chosen.columns.get("run"):
                return f"They have names of their own in {column!r}: --column seed={column} makes them seeds. "
            return (
                f"They differ in {column!r} ({', '.join(values)}): --only {column}={_held_out(values)} keeps one of "
                "these. "
            )
    return ""


def _held_out(values: list[str]) -> str:
    """The value that most likely says that a loss was not trained on."""
    return next((value for value in values if value.lower().startswith(("val", "eval", "test"))), values[-1])


def once(curves: Iterable[tuple[tuple[int, str], LearningCurve]]) -> None:
    """Refuse a run that is given in two files, as within one.

    Parameters
    ----------
    curves : each with the number and name of the source that it is from.

    Raises
    ------
    InputError
        Two curves of one family, data set, recipe, leg, size and seed; of trials of ours, of one id.
    """
    seen: dict[tuple[object, ...], tuple[int, str]] = {}
    again: list[tuple[str, str, LearningCurve]] = []
    for place, curve in curves:
        key: tuple[object, ...] = (curve.trial_id,)
        if not curve.trial_id:
            key = (curve.family, curve.dataset, curve.recipe, curve.leg, curve.size, str(curve.seed))
        first = seen.setdefault(key, place)
        if first != place:
            again.append((first[1], place[1], curve))
    if again:
        first, path, curve = again[0]
        raise InputError(
            f"{len(again)} runs are given twice: {curve.family} on {curve.dataset}, size {curve.size:g}, seed "
            f"{curve.seed} is in {first} and in {path}. Two losses of one run are no two runs: give one file. If they "
            "are different runs, tell them apart by a column `seed` or `recipe`"
        )

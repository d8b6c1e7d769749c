"""A table under our names and in our units, and its runs."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from ..errors import InputError
from .columns import Chosen, normal
from .layout import Layout
from .runs import Run
from .values import amounts, labels, not_given, numbers, rates, refuse, seconds, time_of_day, to_nats

KEY = ("family", "dataset", "recipe", "leg", "size", "seed")
_DEFAULTS = {"recipe": "external", "leg": "decayed"}
_SIZE_IN_NAME = re.compile(r"[-_ ]?\d+(\.\d+)?[kKmMbBgG]?(?![a-zA-Z])")


@dataclasses.dataclass(frozen=True)
class Tidy:
    """A table under our names.

    Attributes
    ----------
    frame : columns ``family, dataset, recipe, leg, size, seed, clock, loss`` and, where they are given, ``lr, horizon,
        irreducible_loss, status``; the loss in nats, row by row as in the source.
    labelled : whether runs of one size are told apart by a seed or a name.
    notes : what was guessed.
    """

    frame: pl.DataFrame
    labelled: bool
    notes: list[str]

    @classmethod
    def of(cls, table: pl.DataFrame, chosen: Chosen, layout: Layout, path: str) -> Tidy:
        """Check and convert every column that is used; the first cell that cannot be is an error with its row."""
        there = {name: table[column].alias(name) for name, column in chosen.columns.items()}
        for name, column in there.items():
            if column.dtype.is_nested():
                raise InputError(f"{path}: {name} is a column of lists or structures. Give one evaluation a row")
        notes: list[str] = []
        columns = [*_texts(there, path, notes), _size(there["size"], path)]
        seed, labelled = _seed(there, path, notes)
        columns += [seed, _loss(there["loss"], path), _clock(there, chosen, path, notes)]
        columns += _optional(there, path)
        frame = _since_start(pl.DataFrame(columns), there.get("x", there.get("step", there["loss"])), chosen, notes)
        frame = frame.with_columns(to_nats(pl.col("loss"), layout.unit))
        if "irreducible_loss" in frame.columns:
            frame = frame.with_columns(to_nats(pl.col("irreducible_loss"), layout.floor_unit))
        if layout.unit is not None and layout.unit != "nats":
            notes.append(f"the loss was converted from {layout.unit} to nats{_per_byte(layout.unit)}")
        return cls(frame, labelled, notes)


def _per_byte(unit: str) -> str:
    return " per byte" if unit == "bits-per-byte" else ""


def _texts(there: dict[str, pl.Series], path: str, notes: list[str]) -> list[pl.Series]:
    height = len(there["loss"])
    found, unnamed = [], []
    for name in ("family", "dataset", "recipe", "leg"):
        if name in there:
            refuse_nulls(there[name], path)
            text = there[name] if there[name].dtype == pl.String else there[name].cast(pl.String)
        else:
            default = _DEFAULTS.get(name, "unnamed")
            text = pl.repeat(default, height, dtype=pl.String, eager=True).alias(name)
            unnamed += [name] if name not in _DEFAULTS else []
        found.append(text)
    if unnamed:
        word = {"family": "family", "dataset": "data set"}
        which = " and one ".join(word[name] for name in unnamed)
        notes.append(f"{Path(path).name} names no {' and no '.join(word[n] for n in unnamed)}: taken as one {which}")
    legs = set(found[3].unique()) - {"decayed", "constant"}
    if legs:
        raise InputError(f"{path}: leg is {sorted(legs)[0]!r}; allowed: constant, decayed")
    return found


def refuse_nulls(column: pl.Series, path: str) -> None:
    """Raise for a cell of a text column that is empty."""
    if column.null_count():
        raise InputError(f"{path}, row {int(column.is_null().arg_true()[0]) + 1}: {column.name} is not given")


def _size(given: pl.Series, path: str) -> pl.Series:
    size = amounts(given)
    refuse(size.is_null() | ~size.is_finite(), given, path, "a finite number, or one such as 70M or 1.3B,")
    return size


def _seed(there: dict[str, pl.Series], path: str, notes: list[str]) -> tuple[pl.Series, bool]:
    if "seed" in there:
        return labels(there["seed"], path), True
    if "run" in there and there["run"].n_unique() > there["size"].n_unique():
        refuse_nulls(there["run"], path)
        notes.append("no column seed: runs of one size are told apart by their names")
        return there["run"].cast(pl.String).alias("seed"), True
    notes.append("no column seed: taken as one run a size")
    return pl.repeat(0, len(there["size"]), dtype=pl.Int64, eager=True).alias("seed"), False


def _loss(given: pl.Series, path: str) -> pl.Series:
    loss = numbers(given)
    refuse(loss.is_null() & ~not_given(given), given, path, "a number")
    if not loss.is_finite().any():
        refuse(~loss.is_finite().fill_null(False), given, path, "a finite number", ". No row has one")
    return loss


def _clock(there: dict[str, pl.Series], chosen: Chosen, path: str, notes: list[str]) -> pl.Series:
    given = there.get("x", there.get("step"))
    assert given is not None
    clock = seconds(given).fill_nan(None)
    logged = there["loss"].is_not_null()
    refuse((clock.is_null() & (logged | ~not_given(given))) | clock.is_infinite().fill_null(False), given, path, "a number")
    refuse((clock < 0).fill_null(False), given, path, "a number of at least 0")
    if given.dtype == pl.Duration:
        notes.append("the clock is a duration: taken in seconds")
    return clock.alias("clock")


def _since_start(frame: pl.DataFrame, given: pl.Series, chosen: Chosen, notes: list[str]) -> pl.DataFrame:
    """The frame with a clock that shows the time of day taken from each run's first reading."""
    least = frame["clock"].min()
    timed = chosen.clock == "time" or not given.dtype.is_numeric()
    if not (timed and isinstance(least, float) and time_of_day(least)):
        return frame
    notes.append("the clock is the time of day: each run's first row is taken for its start")
    return frame.with_columns(pl.col("clock") - pl.col("clock").min().over(KEY))


def _optional(there: dict[str, pl.Series], path: str) -> list[pl.Series]:
    found = []
    for name in ("irreducible_loss", "horizon"):
        if name in there:
            value = seconds(there[name]).fill_nan(None)
            empty = not_given(there[name]) | (there[name].cast(pl.String).str.to_lowercase() == "nan").fill_null(False)
            refuse(value.is_null() & ~empty | value.is_infinite().fill_null(False), there[name], path, "a finite number")
            if name == "horizon":
                refuse((value <= 0).fill_null(False), there[name], path, "a number above 0")
            found.append(value.alias(name))
    if "lr" in there:
        found.append(rates(there["lr"], path).alias("lr"))
    if "status" in there:
        found.append(there["status"].cast(pl.String))
    return found


def gather(frame: pl.DataFrame) -> tuple[list[Run], int]:
    """The runs of a tidy table, in the order in which they come, and how many rows had no loss at all.

    Raises
    ------
    InputError
        A horizon or floor that changes within a run.
    """
    logged = pl.col("loss").is_not_null() & pl.col("clock").is_not_null()
    per_row = [name for name in ("clock", "loss", "lr") if name in frame.columns]
    per_run = [name for name in ("horizon", "irreducible_loss") if name in frame.columns]
    grouped = frame.group_by(KEY, maintain_order=True).agg(
        *(pl.col(name).filter(logged) for name in per_row),
        *(pl.col(name).drop_nulls().first() for name in per_run),
        *((pl.col(name).max() - pl.col(name).min()).alias(f"{name} range") for name in per_run),
        *([pl.col("status").drop_nulls().last()] if "status" in frame.columns else []),
    )
    lost = frame.select((pl.col("loss").is_null() & pl.col("clock").is_not_null()).sum()).item()
    lists = {name: _arrays(grouped[name]) for name in per_row}
    runs = []
    for i, row in enumerate(grouped.drop(per_row).iter_rows(named=True)):
        for name in per_run:
            if row.pop(f"{name} range"):
                who = f"{row['family']} on {row['dataset']}, size {row['size']:g}, seed {row['seed']}"
                raise InputError(f"{name} changes within one run: {who}. It is one number a run")
        runs.append(Run(**row, **{name: arrays[i] for name, arrays in lists.items()}))
    return runs, int(lost)


def _arrays(lists: pl.Series) -> list[np.ndarray]:
    lengths = lists.list.len()
    flat = lists.filter(lengths > 0).explode().cast(pl.Float64).to_numpy() if lengths.sum() else np.empty(0)
    return np.split(flat, np.cumsum(lengths.to_numpy())[:-1])


def one_family(runs: Sequence[Run], chosen: Chosen) -> list[str]:
    """Where a column such as `model` names each size (gpt-70M, gpt-160M), the family is what the names share."""
    column = chosen.columns.get("family", "family")
    sizes: dict[str, set[float]] = {}
    for run in runs:
        sizes.setdefault(run.family, set()).add(run.size)
    stems = {_SIZE_IN_NAME.sub("", name).strip("-_ ") for name in sizes}
    if normal(column) == "family" or len(sizes) < 2 or len(stems) > 1 or any(len(one) > 1 for one in sizes.values()):
        return []
    family = stems.pop() or "unnamed"
    for run in runs:
        run.family = family
    return [f"{column!r} names each size, such as {min(sizes)!r}: taken as one family, {family!r}"]

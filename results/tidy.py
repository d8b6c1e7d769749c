"""A table under our names and in our units, and its runs."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from ..errors import InputError
from .columns import Chosen, normal
from .layout import Layout
from .quantity import TEST_LOSS, stored_name
from .runs import Run
from .values import amounts, error_in_nats, labels, not_given, numbers, rates, refuse, seconds, time_of_day, to_nats

_NAMED = ("family", "dataset", "recipe", "leg", "observable")
KEY = (*_NAMED, "size", "seed")
_DEFAULTS = {
    "family": "unnamed",
    "dataset": "unnamed",
    "recipe": "external",
    "leg": "decayed",
    "observable": TEST_LOSS,
}
_SIZE_IN_NAME = re.compile(r"[-_ ]?\d+(\.\d+)?[kKmMbBgG]?(?![a-zA-Z])")


@dataclasses.dataclass(frozen=True)
class Tidy:
    """A table under our names.

    Attributes
    ----------
    frame : columns ``size, clock, loss`` and, where given, ``family, dataset, recipe, leg, observable, seed, lr,
        horizon, irreducible_loss, status``; the loss in nats, row by row as in the source.
    same : what holds for all rows and is no column.
    spare : the source's columns that are not used, and that of the runs' names.
    labelled : whether runs of one size are told apart by a seed or a name.
    notes : what was guessed.
    """

    frame: pl.DataFrame
    same: dict[str, Any]
    spare: pl.DataFrame
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
        same = _unsaid(there, path, notes)
        columns = [*_texts(there, path), _size(there["size"], path), *_seed(there, path, same, notes)]
        columns += [_loss(there, path), _clock(there, chosen, path, notes), *_optional(there, path)]
        frame = _since_start(pl.DataFrame(columns), there.get("x", there.get("step", there["loss"])), chosen, notes)
        of_loss = pl.col("observable") == TEST_LOSS if "observable" in frame.columns else pl.lit(True)
        frame = frame.with_columns(
            pl.when(of_loss).then(to_nats(pl.col("loss"), layout.unit)).otherwise(pl.col("loss"))
        )
        if "irreducible_loss" in frame.columns:
            frame = frame.with_columns(to_nats(pl.col("irreducible_loss"), layout.floor_unit))
        for name, unit in (("irreducible_loss_se", layout.floor_unit), ("test_loss_se", layout.unit)):
            if name in frame.columns:
                frame = frame.with_columns(pl.col(name) * error_in_nats(name, unit, path))
        if layout.unit is not None and layout.unit != "nats":
            notes.append(f"the loss was converted from {layout.unit} to nats{_per_byte(layout.unit)}")
        used = {*chosen.columns.values()} - {chosen.columns.get("run")}
        spare = table.select(column for column in table.columns if column not in used)
        return cls(frame, same, spare, "seed" in frame.columns, notes)

    @property
    def key(self) -> list[str]:
        """The columns that tell runs apart."""
        return [name for name in KEY if name in self.frame.columns]


def _per_byte(unit: str) -> str:
    return " per byte" if unit == "bits-per-byte" else ""


def _unsaid(there: dict[str, pl.Series], path: str, notes: list[str]) -> dict[str, Any]:
    """What a table that does not name it is taken for."""
    unnamed = [word for name, word in (("family", "family"), ("dataset", "data set")) if name not in there]
    if unnamed:
        which = " and one ".join(unnamed)
        notes.append(f"{Path(path).name} names no {' and no '.join(unnamed)}: taken as one {which}")
    return {name: default for name, default in _DEFAULTS.items() if name not in there}


def _texts(there: dict[str, pl.Series], path: str) -> list[pl.Series]:
    found = []
    for name in (name for name in _NAMED if name in there):
        refuse_nulls(there[name], path)
        if name == "observable":
            found.append(_observable(there[name]).cast(pl.Categorical).alias(name))
            continue
        # A name a row would take most of the memory.
        text = there[name].cast(pl.String).cast(pl.Categorical)
        blank = any(one != one.strip() for one in text.unique().cast(pl.String))
        found.append(text.cast(pl.String).str.strip_chars().cast(pl.Categorical) if blank else text)
    legs = set(there["leg"].cast(pl.String).str.strip_chars().unique()) if "leg" in there else set()
    if legs - {"decayed", "constant"}:
        raise InputError(f"{path}: leg is {sorted(legs - {'decayed', 'constant'})[0]!r}; allowed: constant, decayed")
    return found


def refuse_nulls(column: pl.Series, path: str) -> None:
    """Raise for a cell of a text column that is empty."""
    if column.null_count():
        raise InputError(f"{path}, row {int(column.is_null().arg_true()[0]) + 1}: {column.name} is not given")


def _size(given: pl.Series, path: str) -> pl.Series:
    size = amounts(given)
    refuse(size.is_null() | ~size.is_finite(), given, path, "a finite number, or one such as 70M or 1.3B,")
    return size


def _seed(there: dict[str, pl.Series], path: str, same: dict[str, Any], notes: list[str]) -> list[pl.Series]:
    if "seed" in there:
        return [labels(there["seed"], path)]
    if "run" in there and there["run"].n_unique() > there["size"].n_unique():
        refuse_nulls(there["run"], path)
        notes.append("no column seed: runs of one size are told apart by their names")
        return [there["run"].cast(pl.String).cast(pl.Categorical).alias("seed")]
    notes.append("no column seed: taken as one run a size")
    same["seed"] = 0
    return []


def _observable(given: pl.Series) -> pl.Series:
    """Names of observables as in our tables."""
    names = given.unique().cast(pl.String).to_list()
    stored = [stored_name(name.strip()) for name in names]
    return given.cast(pl.String).replace_strict(names, stored, return_dtype=pl.String)


def _loss(there: dict[str, pl.Series], path: str) -> pl.Series:
    given = there["loss"]
    loss = numbers(given)
    refuse(loss.is_null() & ~not_given(given), given, path, "a number")
    if "observable" in there:
        # Such a table has a row for what was logged alone, so a loss that is missing there is a mistake.
        blank = loss.fill_nan(None).is_null() & (_observable(there["observable"]) == TEST_LOSS)
        refuse(
            blank | loss.is_infinite().fill_null(False),
            given,
            path,
            "a finite number",
            ". A run that diverged ends at its last finite point",
        )
    if not loss.is_finite().any():
        refuse(~loss.is_finite().fill_null(False), given, path, "a finite number", ". No row has one")
    return loss


def _clock(there: dict[str, pl.Series], chosen: Chosen, path: str, notes: list[str]) -> pl.Series:
    given = there.get("x", there.get("step"))
    assert given is not None
    clock = seconds(given).fill_nan(None)
    logged = there["loss"].is_not_null()
    refuse(
        (clock.is_null() & (logged | ~not_given(given))) | clock.is_infinite().fill_null(False), given, path, "a number"
    )
    refuse((clock < 0).fill_null(False), given, path, "a number of at least 0")
    if given.dtype == pl.Duration:
        notes.append("the clock is a duration: taken in seconds")
    return (clock + chosen.from_zero).alias("clock")


def _since_start(frame: pl.DataFrame, given: pl.Series, chosen: Chosen, notes: list[str]) -> pl.DataFrame:
    """The frame with a clock that shows the time of day taken from each run's first reading."""
    least = frame["clock"].min()
    timed = chosen.clock == "time" or not given.dtype.is_numeric()
    if not (timed and isinstance(least, float) and time_of_day(least)):
        return frame
    notes.append("the clock is the time of day: each run's first row is taken for its start")
    key = [name for name in KEY if name in frame.columns]
    return frame.with_columns(pl.col("clock") - pl.col("clock").min().over(key))


def _optional(there: dict[str, pl.Series], path: str) -> list[pl.Series]:
    found = []
    for name in ("irreducible_loss", "irreducible_loss_se", "test_loss_se", "horizon"):
        if name in there:
            value = seconds(there[name]).fill_nan(None)
            empty = not_given(there[name]) | (there[name].cast(pl.String).str.to_lowercase() == "nan").fill_null(False)
            refuse(
                value.is_null() & ~empty | value.is_infinite().fill_null(False), there[name], path, "a finite number"
            )
            if name == "horizon":
                refuse((value <= 0).fill_null(False), there[name], path, "a number above 0")
            if name.endswith("_se"):
                refuse((value < 0).fill_null(False), there[name], path, "a number of at least 0")
            found.append(value.alias(name))
    if "lr" in there:
        found.append(rates(there["lr"], path).alias("lr"))
    if "status" in there:
        found.append(there["status"].cast(pl.String))
    return found


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

"""Read other people's learning curves: tidy CSV or Parquet, checked before a single number is used."""

from __future__ import annotations

from difflib import get_close_matches

import polars as pl

from ..errors import InputError
from .curves import LearningCurve
from .sources import read_raw

_REQUIRED = ("family", "dataset", "size", "seed", "loss")
_CLOCKS = ("x", "step", "compute")
_OPTIONAL = ("irreducible_loss", "recipe", "leg", "lr", "horizon")
_NUMERIC = ("size", "seed", "loss", "x", "step", "compute", "irreducible_loss", "lr", "horizon")
_TEXT = ("family", "dataset", "recipe", "leg")
_AT_LEAST_0 = ("x", "step", "compute", "lr")


def read_tidy(path: str) -> list[LearningCurve]:
    """Read one evaluation a row into learning curves.

    Columns ``family, dataset, size, seed, loss`` and a clock: ``x`` (fraction of the horizon), ``step`` or ``compute``.
    Optional: ``irreducible_loss``, ``recipe``, ``leg`` (``decayed`` or ``constant``), ``lr``, and ``horizon`` in the
    clock's unit. Without a horizon the longest run of a rung is taken to have reached it; shorter ones are censored.

    Parameters
    ----------
    path : a file or folder that `read_raw` reads.

    Raises
    ------
    InputError
        A file that cannot be read, a missing column, a value that is not a finite number, a point given twice.
    """
    frame = read_raw(path).table
    _check_columns(frame, path)
    frame = _fill(_numeric(frame, path))
    clock = next(name for name in _CLOCKS if name in frame.columns)
    frame = _with_fraction(frame, clock, path)
    key = ["family", "dataset", "recipe", "leg", "size", "seed"]
    twice = frame.group_by([*key, "fraction"]).len().filter(pl.col("len") > 1)
    if twice.height:
        first = twice.sort([*key, "fraction"]).row(0, named=True)
        raise InputError(
            f"{path}: {first['len']} rows for {first['family']} on {first['dataset']}, size {first['size']:g}, "
            f"seed {first['seed']} at {clock} giving x = {first['fraction']:g}. Each point may stand once; "
            "add a `recipe` column if these are different runs"
        )
    return [_curve(group.sort("fraction")) for _, group in frame.group_by(key, maintain_order=True)]


def _check_columns(frame: pl.DataFrame, path: str) -> None:
    missing = [name for name in _REQUIRED if name not in frame.columns]
    if not any(name in frame.columns for name in _CLOCKS):
        missing.append("x (or step, or compute)")
    if missing:
        hints = []
        for name in missing:
            close = get_close_matches(name.split()[0], frame.columns, n=1, cutoff=0.5)
            hints.append(f"{name}" + (f" (is it {close[0]!r}?)" if close else ""))
        raise InputError(f"{path} has no column {', '.join(hints)}. It has: {', '.join(frame.columns[:30])}")
    if frame.height == 0:
        raise InputError(f"{path} has columns but no rows")
    for name in (n for n in (*_NUMERIC, *_TEXT) if n in frame.columns):
        if frame[name].dtype.is_nested():
            raise InputError(f"{path}: {name} is a column of lists or structures. Give one evaluation a row")
        if name in _TEXT and frame[name].null_count():
            raise InputError(f"{path}, row {int(frame[name].is_null().arg_true()[0]) + 1}: {name} is not given")


def _numeric(frame: pl.DataFrame, path: str) -> pl.DataFrame:
    for name in (n for n in _NUMERIC if n in frame.columns):
        values = frame[name].cast(pl.String).str.strip_chars().cast(pl.Float64, strict=False)
        bad = ~(values.is_not_null() & values.is_finite())
        if name in ("irreducible_loss", "lr", "horizon"):
            bad &= frame[name].is_not_null()
        _refuse(bad, frame[name], path, "a finite number", ". A run that diverged ends at its last finite point")
        if name in _AT_LEAST_0:
            _refuse((values < 0).fill_null(False), frame[name], path, "a number of at least 0")
        if name == "horizon":
            _refuse((values <= 0).fill_null(False), frame[name], path, "a number above 0")
        if name == "seed":
            _refuse(values != values.floor(), frame[name], path, "a whole number")
        frame = frame.with_columns(values.alias(name))
    return frame


def _refuse(bad: pl.Series, given: pl.Series, path: str, needed: str, hint: str = "") -> None:
    if bad.any():
        row = int(bad.arg_true()[0])
        raise InputError(
            f"{path}, row {row + 1}: {given.name} is {given[row]!r}, where {needed} is needed "
            f"({int(bad.sum())} such rows){hint}"
        )


def _fill(frame: pl.DataFrame) -> pl.DataFrame:
    for name, default in (("recipe", "external"), ("leg", "decayed")):
        if name not in frame.columns:
            frame = frame.with_columns(pl.lit(default).alias(name))
    return frame.with_columns(
        pl.col("family", "dataset", "recipe", "leg").cast(pl.String), pl.col("seed").cast(pl.Int64)
    )


def _with_fraction(frame: pl.DataFrame, clock: str, path: str) -> pl.DataFrame:
    legs = set(frame["leg"].unique()) - {"decayed", "constant"}
    if legs:
        raise InputError(f"{path}: leg is {sorted(legs)[0]!r}; allowed: constant, decayed")
    if clock == "x":
        return frame.with_columns(pl.col("x").alias("fraction"))
    rung = ["family", "dataset", "recipe", "leg", "size"]
    horizon = pl.col("horizon") if "horizon" in frame.columns else pl.col(clock).max().over(rung)
    frame = frame.with_columns((pl.col(clock) / horizon).alias("fraction"))
    if not frame["fraction"].is_finite().all():
        raise InputError(f"{path}: a rung has no horizon: its longest run ends at {clock} 0, or `horizon` is not given")
    return frame


def _curve(group: pl.DataFrame) -> LearningCurve:
    first = group.row(0, named=True)
    lr = group["lr"].to_numpy() if "lr" in group.columns and group["lr"].null_count() == 0 else None
    return LearningCurve(
        family=first["family"],
        dataset=first["dataset"],
        recipe=first["recipe"],
        recipe_label=first["recipe"],
        leg=first["leg"],
        size=first["size"],
        seed=first["seed"],
        x=group["fraction"].to_numpy(),
        loss=group["loss"].to_numpy(),
        lr=lr / lr.max() if lr is not None and lr.max() > 0 else None,
        irreducible_loss=first.get("irreducible_loss"),
        rung=f"size {first['size']:g}",
    )

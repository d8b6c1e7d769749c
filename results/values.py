"""Values as people write them: 70M, 1.3B, 70,000,000; labels of seeds; clocks of any kind; units of a loss."""

from __future__ import annotations

import math
import re

import polars as pl

from ..errors import InputError

_SCALE = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12}
_AMOUNT = re.compile(r"([+-]?\d[\d_, ]*(?:\.\d+)?(?:[eE][+-]?\d+)?|[+-]?\.\d+)\s*([kKmMbBgGtT]?)")
_THOUSANDS = r"^[+-]?\d{1,3}([,_ ]\d{3})+(\.\d+)?$"
_NOTHING = ("", "nan", "none", "null", "na", "n/a", "-")
_ROUNDING = 1e-5  # of the peak: a learning rate this far below 0 is a 0 that was rounded
_DECIMALS = 1e-6  # a rate written with six decimals is wrong by half of this; never more than 1 % of the peak
_EPOCH = 1e8  # seconds: a clock beyond is the time of day, counted since 1970


def size_of(text: str) -> float | None:
    """``70M``, ``1.3B``, ``70,000,000`` or ``7e7`` as a number; None where it is none."""
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        return None
    digits = found[1].replace("_", "").replace(" ", "")
    if "," in digits:
        if not re.fullmatch(_THOUSANDS, digits):
            return None
        digits = digits.replace(",", "")
    return float(digits) * _SCALE[found[2].lower()]


def amounts(column: pl.Series) -> pl.Series:
    """Sizes, or other amounts with letters for thousands and millions, as numbers; null where it is none."""
    if column.dtype != pl.String:
        return numbers(column)
    different = column.unique()
    read = [size_of(text) if text is not None else None for text in different.to_list()]
    return column.replace_strict(different, pl.Series(read, dtype=pl.Float64), return_dtype=pl.Float64)


def numbers(column: pl.Series) -> pl.Series:
    """Any column as numbers, without a way through text where it is none; null where a cell is no number."""
    if isinstance(column.dtype, pl.Categorical | pl.Enum):
        column = column.cast(pl.String)
    if column.dtype == pl.String:
        text = column.str.strip_chars()
        read = text.cast(pl.Float64, strict=False)
        if read.null_count() == column.null_count():
            return read
        plain = text.str.contains(_THOUSANDS)
        apart = text.str.replace_all("[,_ ]", "").cast(pl.Float64, strict=False)
        return read.fill_null(pl.select(pl.when(plain).then(apart)).to_series())
    if column.dtype == pl.Null or column.dtype.is_numeric() or column.dtype == pl.Boolean:
        return column.cast(pl.Float64)
    return pl.repeat(None, len(column), dtype=pl.Float64, eager=True)


def not_given(column: pl.Series) -> pl.Series:
    """Which cells say nothing: null, or a word for it."""
    if column.dtype != pl.String:
        return column.is_null()
    return column.is_null() | column.str.strip_chars().str.to_lowercase().is_in(_NOTHING)


def seconds(column: pl.Series) -> pl.Series:
    """A clock as numbers: durations and times of day in seconds, anything else as it counts; null where it is none."""
    kind = column.dtype
    if kind == pl.Duration:
        return column.dt.total_microseconds() / 1e6
    if kind == pl.Date or kind == pl.Datetime:
        return column.cast(pl.Datetime("us")).dt.epoch("us") / 1e6
    if kind == pl.Time:
        return column.cast(pl.Int64) / 1e9
    read = amounts(column)
    if kind != pl.String or read.null_count() <= not_given(column).sum():
        return read
    text = column.str.strip_chars()
    dated = _dated(text)
    if dated.null_count() < len(text):
        return dated
    parts = text.str.extract_groups(r"^(?:(\d+) days?,? *)?(\d+):(\d\d?):(\d\d?(?:\.\d+)?)$").struct.unnest()
    days, hours, minutes, rest = (parts.to_series(i).cast(pl.Float64, strict=False) for i in range(4))
    clock = 86400 * days.fill_null(0.0) + 3600 * hours + 60 * minutes + rest
    return clock if clock.null_count() < len(text) else read


def _dated(text: pl.Series) -> pl.Series:
    try:
        found = text.str.to_datetime(strict=False, time_unit="us", time_zone="UTC")
    except pl.exceptions.PolarsError:
        return pl.repeat(None, len(text), dtype=pl.Float64, eager=True)
    return found.dt.epoch("us") / 1e6


def time_of_day(clock: float) -> bool:
    """Whether a clock in seconds counts since 1970 and not since the run's start."""
    return clock > _EPOCH


def labels(column: pl.Series, path: str) -> pl.Series:
    """Seeds: whole numbers of any length as they are, text as it is.

    Raises
    ------
    InputError
        A seed that is not given, a fraction, or a number of floating point beyond 2^53, where they have gaps.
    """
    if isinstance(column.dtype, pl.Categorical | pl.Enum | pl.Boolean):
        column = column.cast(pl.String)
    if column.dtype == pl.String:
        column = column.str.strip_chars()
        refuse(not_given(column), column, path, "a whole number or a name")
        return column
    refuse(column.is_null(), column, path, "a whole number or a name")
    if column.dtype.is_float():
        refuse(~column.is_finite() | (column != column.floor()), column, path, "a whole number")
        exact = 2.0 ** (24 if column.dtype == pl.Float32 else 53)
        refuse(
            column.abs() >= exact,
            column,
            path,
            "a label",
            f". Above {exact:.0f} different seeds are one number of floating point: write them as integers or text",
        )
        return column.cast(pl.Int128)
    return column


def rates(column: pl.Series, path: str) -> pl.Series:
    """Learning rates, of which some may be missing; what lies below 0 by rounding alone is 0.

    Raises
    ------
    InputError
        A rate that is no number, or below 0.
    """
    read = numbers(column).fill_nan(None)
    refuse(read.is_null() & ~not_given(column) & ~_is_nan(column), column, path, "a number")
    peak = read.max()
    top = abs(peak) if isinstance(peak, float) else 0.0
    least = -max(_ROUNDING * top, min(_DECIMALS, 0.01 * top))
    refuse((read < least).fill_null(False), column, path, "a number of at least 0")
    return read.clip(lower_bound=0.0)


def _is_nan(column: pl.Series) -> pl.Series:
    return column.is_nan().fill_null(False) if column.dtype.is_float() else pl.repeat(False, len(column), eager=True)


def refuse(bad: pl.Series, given: pl.Series, path: str, needed: str, hint: str = "") -> None:
    """Raise for the first bad cell, with its row."""
    if bad.any():
        row = int(bad.arg_true()[0])
        raise InputError(
            f"{path}, row {row + 1}: {given.name} is {given[row]!r}, where {needed} is needed "
            f"({int(bad.sum())} such rows){hint}"
        )


def to_nats(loss: pl.Expr, unit: str | None) -> pl.Expr:
    """A loss in nats. Bits per byte become nats per byte, which differ from nats per token by a factor alone."""
    if unit in ("bits", "bits-per-byte"):
        return loss * math.log(2)
    return loss.log() if unit == "perplexity" else loss


def error_in_nats(name: str, unit: str | None, path: str) -> float:
    """What a standard error in a unit is multiplied by.

    Raises
    ------
    InputError
        The error of a perplexity, which is no number of nats.
    """
    if unit == "perplexity":
        raise InputError(f"{path}: {name} of a perplexity cannot be converted: give it in nats, over the perplexity")
    return math.log(2) if unit in ("bits", "bits-per-byte") else 1.0


def nats(value: float, unit: str | None) -> float:
    """One loss in nats, as `to_nats`.

    Raises
    ------
    InputError
        A perplexity that is not above 0.
    """
    if unit == "perplexity":
        if not value > 0:
            raise InputError(f"a perplexity is above 0, got {value:g}")
        return math.log(value)
    return value * math.log(2) if unit in ("bits", "bits-per-byte") else value

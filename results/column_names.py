"""Which column of somebody's table is which: what the user says, our own names, then names that are common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from ..errors import InputError, unknown


def read_frame(path: str) -> pl.DataFrame:
    """A CSV, tab-separated or Parquet file.

    Raises
    ------
    InputError : it is not there, empty or of another format.
    """
    if not Path(path).is_file():
        raise InputError(f"{path!r} is not there. Give a CSV or Parquet file")
    if Path(path).stat().st_size == 0:
        raise InputError(f"{path} is empty")
    try:
        if path.endswith((".parquet", ".pq")):
            return pl.read_parquet(path)
        return pl.read_csv(path, infer_schema_length=None, separator="\t" if path.endswith(".tsv") else ",")
    except (pl.exceptions.PolarsError, UnicodeDecodeError, OSError) as error:
        raise InputError(f"{path} is neither a readable CSV nor a Parquet file: {str(error)[:120]}") from None


def said_columns(given: Sequence[str], synonyms: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """``ROLE=COLUMN`` pairs as a dictionary; a role may be called by any of its common names.

    Raises
    ------
    InputError : no equals sign, or no such role.
    """
    found = {}
    for one in given:
        role, equals, column = one.partition("=")
        if not equals or not column:
            raise InputError(f"--column takes ROLE=COLUMN, such as {next(iter(synonyms))}=my_column, got {one!r}")
        known = [name for name, others in synonyms.items() if role == name or role in others]
        if not known:
            raise unknown("role of a column", role, tuple(synonyms))
        found[known[0]] = column
    return found


def match_columns(
    columns: Sequence[str], synonyms: Mapping[str, Sequence[str]], said: Mapping[str, str], path: str
) -> tuple[dict[str, str], list[str]]:
    """The column of each role that has one, and what was taken for what, in words.

    A column that the user names counts first, then one with the role's own name, then the first common name that is
    there; capitals, blanks, hyphens and dots do not matter. No column is taken twice.

    Parameters
    ----------
    columns : of the table.
    synonyms : role to common names, the most telling first.
    said : role to column, by the user.
    path : for messages.

    Raises
    ------
    InputError : a column that the user names is not there, or two columns fit one role equally.
    """
    for role, column in said.items():
        if column not in columns:
            raise unknown(f"column for {role} in {path}:", column, columns)
    found, notes = dict(said), []
    plain: dict[str, list[str]] = {}
    for column in columns:
        plain.setdefault(_plain(column), []).append(column)
    for role, others in synonyms.items():
        if role in found:
            continue
        for name in dict.fromkeys((role, *others)):
            free = [column for column in ([name] if name in columns else plain.get(_plain(name), [])) if column]
            free = [column for column in free if column not in found.values()]
            if len(free) > 1:
                raise InputError(
                    f"{path}: both {free[0]!r} and {free[1]!r} may be {role}; say which: --column {role}={free[0]}"
                )
            if free:
                found[role] = free[0]
                if free[0] != role:
                    notes.append(f"{free[0]!r} is taken for {role}")
                break
    return found, notes


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def missing_columns(path: str, missing: Sequence[str], columns: Sequence[str], command: str) -> InputError:
    """One message for everything that is missing, with a command that would name it."""
    flags = " ".join(f"--column {role}=..." for role in missing)
    return InputError(
        f"{path} has no column for {', '.join(missing)}. It has: {', '.join(columns[:30])}. "
        f"Say which is which: onecurve {command} {path} {flags}"
    )


def numbers_of(frame: pl.DataFrame, column: str, path: str) -> pl.Series:
    """A column as finite numbers.

    Raises
    ------
    InputError : a row that is none.
    """
    if frame[column].dtype.is_nested():
        raise InputError(f"{path}: {column} is a column of lists or structures. Give one number a row")
    given = frame[column]
    values = given if given.dtype.is_numeric() else given.cast(pl.String).str.strip_chars()
    values = values.cast(pl.Float64, strict=False)
    bad = ~(values.is_not_null() & values.is_finite()).fill_null(False)
    if bad.any():
        row = int(bad.arg_true()[0])
        raise InputError(
            f"{path}, row {row + 1}: {column} is {given[row]!r}, not a finite number ({int(bad.sum())} rows)"
        )
    return values

"""Tables as text: CSV in the dialects that people write."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import numpy as np
import polars as pl

from ...errors import InputError
from .content import decoded, opening
from .frames import doubts, numbers
from .source import Raw

KIND = "CSV"
_SEPARATORS = "\t;,|"
_NAMES = {"\t": "tabs", ";": "semicolons", "|": "bars", " ": "blanks"}
_SAID_SEPARATOR = re.compile(rb"sep=[^\n]{1,2}\r?\n", re.IGNORECASE)
_FIRST = 10_000
_MISSING = ["NA", "N/A", "<NA>", "null", "None"]
_COMMA_NUMBER = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?")
_POINT_NUMBER = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?")


def recognises(path: Path) -> bool:
    """Whether the file is text at all; what it lacks as a table is said when it is read."""
    return path.is_file() and bool(opening(path).strip())


def header(path: Path) -> list[str]:
    """The names in the first row, or none where the file is no text."""
    lines = [line for line in opening(path).splitlines()[:50] if line.strip() and not line.startswith(("#", "sep="))]
    return [] if not lines else _split(lines[0], _separator(lines[:-1] or lines))


def read(path: Path) -> Raw:
    """Read a table of text.

    Separators are tabs, semicolons, commas, bars or blanks; numbers may have decimal commas where the separator is
    another. Lines that begin with ``#`` are comments. What was found is told in notes.

    Raises
    ------
    InputError
        Rows of different lengths (by line number), a column named twice, a file without rows.
    """
    data, notes = decoded(path)
    if b"\r" in data and b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    data, before = _without_comments(_without_end(data), notes)
    sample = [line for line in data[:65536].decode("utf-8", "ignore").splitlines()[:50] if line.strip()]
    if not sample:
        raise InputError(f"{path} holds comments and no table")
    separator = _separator(sample)
    if separator in _NAMES:
        notes.append(f"The columns are separated by {_NAMES[separator]}.")
    names = _split(sample[0], separator)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{path}: the column {twice!r} is there twice; each name may stand once")
    if separator == " " or any(re.search(f"{re.escape(separator)} +[^ ]", line) for line in sample):
        data = _rewritten(data, separator)
        separator = "," if separator == " " else separator
    comma = separator != "," and _has_decimal_commas(sample, separator)
    if comma:
        notes.append("Numbers have decimal commas.")
    try:
        table = _parse(data, separator, comma)
    except pl.exceptions.PolarsError as error:
        _check_lengths(data, separator, len(names), path, before)
        raise InputError(f"{path} is no readable CSV: {str(error).splitlines()[0][:120]}") from None
    # Too long a line is an error of polars, a short one is filled with nulls: then separators are missing.
    if b'"' in data or data.count(separator.encode()) != (len(names) - 1) * (table.height + 1):
        _check_lengths(data, separator, len(names), path, before)
    table = table.rename(dict(zip(_raw_names(data, separator), names, strict=True)))
    table = _without_index(numbers(table), notes)
    return Raw(table, KIND, (*notes, *doubts(table)))


def _without_end(data: bytes) -> bytes:
    """The text without comment lines below the table."""
    start = data.rstrip().rfind(b"\n") + 1
    while start and data[start:].lstrip()[:1] == b"#":
        data = data[:start]
        start = data.rstrip().rfind(b"\n") + 1
    return data


def _without_comments(data: bytes, notes: list[str]) -> tuple[bytes, int]:
    """The table below the comments at its head, and how many lines were above it."""
    lines = 0
    last = b""
    if _SAID_SEPARATOR.match(data):  # Excel writes and reads it; the rows show the separator as well
        data, lines = data.partition(b"\n")[2], 1
    while data[:1] in (b"#", b"\n", b"\r") and data:
        line, _, data = data.partition(b"\n")
        last = line.strip() or last
        lines += 1
    if not last:
        return data, lines
    # A table that numpy wrote has its names in the last comment, above rows of bare numbers.
    below = data.partition(b"\n")[0].decode("utf-8", "ignore")
    names = last.lstrip(b"#").strip().decode("utf-8", "ignore")
    separator = _separator([below])
    rows = _split(below, separator)
    if len(_split(names, separator)) == len(rows) > 1 and all(_is_number(cell) for cell in rows):
        notes.append("The names stand in a line that begins with #.")
        return names.encode() + b"\n" + data, lines - 1
    notes.append(f"{lines} lines above the table that begin with # were left out.")
    return data, lines


def _separator(lines: list[str]) -> str:
    """The separator that gives every line the same number of fields, the most where several do."""
    counts = {s: [len(_split(line, s)) for line in lines] for s in _SEPARATORS}
    fit = [s for s, n in counts.items() if n[0] > 1 and len(set(n)) == 1]
    if fit:
        return max(fit, key=lambda s: counts[s][0])
    if max(n[0] for n in counts.values()) > 1:
        return max(counts, key=lambda s: counts[s][0])
    return " " if len(lines[0].split()) > 1 else ","


def _split(line: str, separator: str) -> list[str]:
    if separator == " ":
        return line.split()
    return [cell.strip() for cell in next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])]


def _raw_names(data: bytes, separator: str) -> list[str]:
    """The header as polars reads it: cells with their blanks."""
    first = data.partition(b"\n")[0].decode().rstrip("\r")
    return next(csv.reader([first], delimiter=separator))


def _rewritten(data: bytes, separator: str) -> bytes:
    """The same table without blanks around its cells."""
    out = io.StringIO()
    lines = data.decode().splitlines()
    if separator == " ":
        csv.writer(out, lineterminator="\n").writerows(line.split() for line in lines)
        return out.getvalue().encode()
    rows = csv.reader(lines, delimiter=separator, skipinitialspace=True)
    csv.writer(out, delimiter=separator, lineterminator="\n").writerows([c.strip() for c in row] for row in rows)
    return out.getvalue().encode()


def _check_lengths(data: bytes, separator: str, width: int, path: Path, before: int) -> None:
    """Refuse a row that is longer or shorter than the header: polars fills a short one with nulls."""
    lines, counts = _fields(data, separator)
    bad = np.flatnonzero(counts != width)
    if len(bad):
        line, found = int(lines[bad[0]]) + before, int(counts[bad[0]])
        raise InputError(
            f"{path}, line {line}: {found} fields where the header has {width} ({len(bad)} such lines). "
            "Is the line cut off, or does a text hold the separator without quotes?"
        )


def _fields(data: bytes, separator: str) -> tuple[np.ndarray, np.ndarray]:
    """Line numbers and numbers of fields of all rows that are not blank."""
    if b'"' in data:
        reader = csv.reader(io.StringIO(data.decode(), newline=""), delimiter=separator)
        found = [(reader.line_num, len(row)) for row in reader if row]
        return np.array([n for n, _ in found]), np.array([n for _, n in found])
    characters = np.frombuffer(data, np.uint8)
    starts = np.r_[0, np.flatnonzero(characters == ord("\n")) + 1]
    starts = starts[starts < len(data)]
    seen = np.flatnonzero(characters == ord(separator))
    counts = np.diff(np.searchsorted(seen, np.r_[starts, len(data)])) + 1
    full = ~np.isin(characters[starts], (ord("\n"), ord("\r")))
    return np.flatnonzero(full) + 1, counts[full]


def _has_decimal_commas(sample: list[str], separator: str) -> bool:
    cells = [cell for line in sample[1:] for cell in _split(line, separator)]
    return any(map(_COMMA_NUMBER.fullmatch, cells)) and not any(map(_POINT_NUMBER.fullmatch, cells))


def _parse(data: bytes, separator: str, comma: bool) -> pl.DataFrame:
    """The first rows decide the columns' types or, where a later one does not fit, all rows: twice the time."""
    options = {"separator": separator, "decimal_comma": comma, "null_values": _MISSING}
    try:
        table = pl.read_csv(data, infer_schema_length=_FIRST, **options)
    except pl.exceptions.PolarsError:
        table = pl.read_csv(data, infer_schema_length=None, **options)
    blank = table.select(pl.all_horizontal(pl.all().is_null()).alias("blank"))["blank"]
    return table.filter(~blank) if blank.any() else table


def _without_index(table: pl.DataFrame, notes: list[str]) -> pl.DataFrame:
    """Without the row numbers that pandas and R write as a first column without a name."""
    name = table.columns[0]
    if name not in ("", "Unnamed: 0") or not table.schema[name].is_integer():
        return table
    notes.append("The first column, row numbers without a name, was left out.")
    return table.drop(name)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True

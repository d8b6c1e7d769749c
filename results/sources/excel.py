"""Excel workbooks, through polars and fastexcel."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ...errors import InputError
from .content import head
from .extras import need
from .frames import doubts, stack
from .source import Raw

_OLD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def recognises(path: Path) -> bool:
    """Whether the file is a workbook: a zip archive with a workbook in it, or the older binary form."""
    if not path.is_file():
        return False
    start = head(path, 8)
    if start.startswith(_OLD):
        return True
    if not start.startswith(b"PK\x03\x04"):
        return False
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return False
    return any(name.startswith("xl/") for name in names) or "content.xml" in names


def read(path: Path) -> Raw:
    """Read the sheets that hold a table: all of them where they have the same columns, else the first."""
    need("fastexcel", f"{path} is an Excel workbook, and reading it")
    try:
        sheets = pl.read_excel(path, sheet_id=0, infer_schema_length=None, raise_if_empty=False)
    except Exception as error:  # fastexcel has errors of its own for each damage
        raise InputError(f"{path} is no readable Excel workbook: {str(error).splitlines()[0][:120]}") from None
    full = {name: table for name, table in sheets.items() if table.height}
    if not full:
        raise InputError(f"{path} holds no table: all {len(sheets)} sheets are empty")
    first, *others = full.values()
    if others and all(table.columns == first.columns for table in others):
        named = [
            table.with_columns(run=pl.lit(name)) if "run" not in table.columns else table
            for name, table in full.items()
        ]
        table = stack(named, path)
        return Raw(table, "Excel", (f"{len(full)} sheets of the same columns were read.", *doubts(table)))
    notes = (f"Only the sheet {next(iter(full))!r} of {len(full)} was read.",) if others else ()
    return Raw(first, "Excel", (*notes, *doubts(first)))

"""Our own tables as a whole, wherever they are: a results folder, an export, published tables."""

from __future__ import annotations

import pyarrow as pa

from ..errors import InputError
from .reading import own_rows, refuse_newer
from .schema import SCHEMA
from .web import at_hand


def own_table(path: str) -> tuple[pa.Table, float | None]:
    """One row a trial with every column of `SCHEMA`, what the tables have not as null, and the planned margin.

    Raises
    ------
    InputError
        Nothing there, somebody else's table, curves without their trials, or rows of a later schema.
    """
    found = own_table_or_none(path)
    if found is None:
        raise InputError(
            f"{path!r} is no table of Onecurve's. Give a results folder, or what `onecurve export` or `publish` made"
        )
    return found


def own_table_or_none(path: str) -> tuple[pa.Table, float | None] | None:
    """`own_table`, or None where the file or folder is somebody else's."""
    with at_hand(path) as place:
        table, margin, _ = own_rows(place, SCHEMA.names)
    if table is None:
        return None
    missing = [field for field in SCHEMA if field.name not in table.column_names]
    for field in missing:
        table = table.append_column(field, pa.nulls(table.num_rows, field.type))
    table = table.select(SCHEMA.names).cast(SCHEMA)
    refuse_newer(table, path)
    return table, margin

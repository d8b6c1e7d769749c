"""Other people's runs into one table that is read at once, with a record of what was guessed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from ..errors import InputError
from .sources import Raw, read_raw
from .sources.frames import stack
from .web import at_hand

TABLE, RECORD = "curves.parquet", "sources.json"


@dataclasses.dataclass(frozen=True)
class Imported:
    """What was written.

    Parameters
    ----------
    table : the Parquet file, one evaluation a row.
    record : the JSON file that says where it is from and what was guessed.
    sources : the paths as given, each with what it was read as.
    """

    table: Path
    record: Path
    sources: list[tuple[str, Raw]]


def import_curves(paths: Sequence[str], to: str | Path) -> Imported:
    """Read files and folders that `read_raw` reads into one Parquet file, its columns under the sources' own names.

    Of several sources the column ``source`` says which; a column that one of them has not is null there. ``analyze``
    reads the table with the numbers that it reads from the sources.

    Raises
    ------
    InputError
        A source that cannot be read, sources whose columns do not fit one another, a folder that cannot be written.
    """
    folder = Path(to)
    sources = []
    for path in paths:
        if Path(path).resolve() == folder.resolve():
            raise InputError(f"{path} would be read and written into: give another folder with --to")
        with at_hand(path) as place:
            sources.append((path, read_raw(place)))
    tables = [raw.table for _, raw in sources]
    if len(sources) > 1:
        tables = [raw.table.with_columns(source=pl.lit(path)) for path, raw in sources]
    table = stack(tables, " and ".join(paths))
    said = [
        {
            "source": path,
            "read_as": raw.kind,
            "rows": raw.table.height,
            "columns": raw.table.columns,
            "notes": raw.notes,
        }
        for path, raw in sources
    ]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        table.write_parquet(folder / TABLE)
        (folder / RECORD).write_text(json.dumps({"table": TABLE, "sources": said}, indent=1) + "\n")
    except OSError as error:
        raise InputError(f"cannot write into {str(to)!r}: {error}") from None
    return Imported(folder / TABLE, folder / RECORD, sources)

"""Other people's runs into one table that is read at once, with a record of what was guessed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import yaml

from ..errors import InputError, unknown
from .layout import FILE, Layout
from .sources.frames import stack
from .sources.readers import read_raw
from .sources.source import Raw
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


def import_curves(paths: Sequence[str], to: str | Path, layout: Layout | None = None) -> Imported:
    """Read files and folders that `read_raw` reads into one Parquet file, its columns under the sources' own names.

    Of several sources the column ``source`` says which; a column that one of them has not is null there. ``analyze``
    reads the table with the numbers that it reads from the sources. What the user says of the columns and of the runs'
    names is kept beside the table, as ``onecurve.yaml``, which ``analyze`` reads too.

    Parameters
    ----------
    paths : files, folders, or URLs of these.
    to : the folder to write into.
    layout : what the user says of the columns.

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
    if layout is not None and layout.run is not None:
        tables = [_named(one, path) for one, path in zip(tables, paths, strict=True)]
    table = stack(tables, " and ".join(paths))
    for column in layout.column.values() if layout is not None else ():
        if column not in table.columns:
            raise unknown("column", column, table.columns)
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
        _write_layout(folder / FILE, layout or Layout())
    except OSError as error:
        raise InputError(f"cannot write into {str(to)!r}: {error}") from None
    return Imported(folder / TABLE, folder / RECORD, sources)


def _named(table: pl.DataFrame, path: str) -> pl.DataFrame:
    """With the file's name as the run's where the source names no runs: the table to be written has another name."""
    return table if "run" in table.columns else table.with_columns(run=pl.lit(Path(path).stem))


def _write_layout(file: Path, layout: Layout) -> None:
    said = {name: value for name, value in dataclasses.asdict(layout).items() if value}
    if said:
        file.write_text(yaml.safe_dump(said, sort_keys=False))
    else:
        file.unlink(missing_ok=True)

"""Publish a sweep: a folder of tables in tiers, with checksums, a data card, a licence and a citation."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import InputError
from .data_card import DataCard, PublishedTable, citation, croissant, licence_text, readme
from .exported import MARGIN
from .fields import COLUMNS, CURVE_COLUMNS, SCHEMA_VERSION
from .file_list import NAME, listed_file, put, read_manifest, write_manifest, write_sums
from .grams import grams_alone
from .schema import MARGIN_KEY
from .text_tables import Row, verdict_row
from .transfer import exploded, observables, trials_alone

SUMMARY_BYTES = 1_000_000  # what the first tier may weigh
_ABOUT = {
    "groups": "one row a family, data set and setting: its deviation, bounds and verdict",
    "trials": "one row a trial, which is one network trained once, with its specification",
    "curves": "one row an evaluation",
    "observables": "one row a value of what else was measured along the training",
    "grams": "one row a Gram matrix of features on test inputs that the trials of a data set share",
}
_TIERS = {"groups": "summary", "trials": "curves", "curves": "curves"} | dict.fromkeys(
    ("observables", "grams"), "observables"
)
_MEANINGS = {name: about for name, _, about in COLUMNS} | {
    MARGIN: "largest deviation that counts as a collapse, chosen before the data",
    "name": "name of the observable",
    "value": "the observable at the step",
    "scale": "of an observable: how it is compared; of a Gram matrix: its largest entry",
    "layer": "last is what goes into the readout, middle a layer between",
    "examples": "of the curves: examples seen; of a Gram matrix: its rows",
    "features": "numbers an example has in that layer",
    "inputs": "hash of the test inputs",
    "values": "the upper triangle over the largest entry, row by row, little-endian float16 in base64",
}
_MEANINGS |= {"test_loss": next(about for name, _, about in CURVE_COLUMNS if name == "test_loss")}
_KINDS = {pl.Boolean: "bool", pl.Int64: "int64", pl.Float64: "float64", pl.String: "string"}


def publish(
    table: pa.Table,
    margin: float | None,
    groups: Sequence[Row],
    to: str | Path,
    card: DataCard,
    meanings: Mapping[str, str],
) -> list[Path]:
    """Write the folder that others pull.

    ``groups`` is the tier *summary*, under 1 MB; ``trials`` and ``curves`` are the tier *curves*, from which the
    analysis gives the numbers of the results folder again; ``observables`` is the third. The names of the machines that
    trained are left out.

    Parameters
    ----------
    table : one row a trial, as `Store.table` gives it.
    margin : the planned margin; None where there was none.
    groups : one row a group, from an analysis of the table.
    to : the folder. What an earlier call wrote there is replaced as a whole; a folder with other files is refused.
    card : what the publisher says.
    meanings : what the columns of ``groups`` are, by name.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    InputError
        An address in place of a folder, a folder with other files, or one that cannot be written; an empty table; a
        summary that weighs too much.
    """
    target = _free(to)
    if not table.num_rows:
        raise InputError("there are no results to publish")
    building = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        building.mkdir(parents=True)
        _write(building, table, margin, groups, card, meanings)
        names = sorted(path.name for path in building.iterdir())
        _take_place(building, target)
    except OSError as error:
        raise InputError(f"cannot publish to {str(to)!r}: {error}") from None
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return [target / name for name in names]


def _free(to: str | Path) -> Path:
    """The folder, if nothing in it would be lost: it is empty, not there, or written by `publish` as it stands."""
    if "://" in str(to):
        raise InputError(f"publish writes a folder on this machine, got {str(to)!r}: copy the folder there afterwards")
    target = Path(to).absolute()
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise InputError(f"{str(to)!r} is no folder: give one that is empty, or not there yet")
    files = {path.relative_to(target).as_posix() for path in target.rglob("*")} if target.exists() else set()
    manifest = target / NAME
    own = read_manifest(manifest.read_bytes(), str(manifest)) if manifest.is_file() else []
    if files and (not any(entry.tier for entry in own) or files - {NAME} > {entry.name for entry in own}):
        raise InputError(f"{str(to)!r} has other files in it: give a folder that is empty, or not there yet")
    return target


def _write(
    folder: Path,
    table: pa.Table,
    margin: float | None,
    groups: Sequence[Row],
    card: DataCard,
    meanings: Mapping[str, str],
) -> None:
    frame = pl.DataFrame(pl.from_arrow(table)).with_columns(host=pl.lit(None, pl.String))
    tables = [_table(folder, "groups", pl.DataFrame(groups, infer_schema_length=None), meanings)]
    (folder / "groups.csv").write_text(pl.DataFrame(groups, infer_schema_length=None).write_csv())
    tables.append(_table(folder, "trials", trials_alone(frame, margin), _MEANINGS, margin))
    tables.append(_table(folder, "curves", exploded(frame), _MEANINGS))
    for name, beside in (("observables", observables(frame)), ("grams", grams_alone(frame))):
        if beside.height:
            tables.append(_table(folder, name, beside, _MEANINGS))
    facts = {
        "trials": frame.height,
        "ended well": int((frame["status"] == "ok").sum()),
        "families": frame["family"].n_unique(),
        "data sets": frame["dataset"].n_unique(),
        "protocol": ", ".join(sorted({one or "not known" for one in frame["protocol"]})),
        "schema of the tables": SCHEMA_VERSION,
        "Onecurve": card.version,
    }
    texts: dict[str, Callable[[], str]] = {
        "README.md": lambda: readme(card, tables, [verdict_row(row) for row in groups], facts),
        "croissant.json": lambda: croissant(card, tables),
        "CITATION.cff": lambda: citation(card),
        "LICENSE": lambda: licence_text(card),
    }
    for name, text in texts.items():
        put(folder / name, text().encode())
    write_sums(folder, {path.name: listed_file(folder, path, {}).sha256 for path in folder.iterdir()})
    tiers = {table.file.name: _TIERS[table.name] for table in tables} | {"groups.csv": "summary"}
    entries = read_manifest(write_manifest(folder, tiers).read_bytes(), NAME)
    weight = sum(entry.size for entry in entries if entry.tier in (None, "summary"))
    if weight > SUMMARY_BYTES:
        raise InputError(
            f"the summary of {len(groups)} groups weighs {weight} bytes, more than {SUMMARY_BYTES}: publish parts of it"
        )


def _table(
    folder: Path, name: str, frame: pl.DataFrame, meanings: Mapping[str, str], margin: float | None = None
) -> PublishedTable:
    """Write one table, and say what is in it. A column in which nothing is known is text."""
    empty = [column for column, kind in frame.schema.items() if kind == pl.Null]
    frame = frame.with_columns(pl.col(empty).cast(pl.String))
    arrow = frame.to_arrow()
    if margin is not None:
        arrow = arrow.replace_schema_metadata({MARGIN_KEY: repr(margin).encode()})
    path = folder / f"{name}.parquet"
    pq.write_table(arrow, path, compression="zstd")
    columns = tuple((column, _KINDS[type(kind)], meanings.get(column, "")) for column, kind in frame.schema.items())
    tier = {path.name: _TIERS[name]}
    return PublishedTable(file=listed_file(folder, path, tier), rows=frame.height, about=_ABOUT[name], columns=columns)


def _take_place(built: Path, target: Path) -> None:
    """Put the finished folder in its place; the earlier one goes when the new one stands."""
    old = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.old")
    if target.exists():
        target.rename(old)
    built.rename(target)
    shutil.rmtree(old, ignore_errors=True)

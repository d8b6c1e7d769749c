"""TensorBoard: event files, and what its Download button gives."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import polars as pl

from ...errors import InputError
from . import delimited
from .extras import need
from .frames import doubts, joined
from .source import Raw

_MARK = "tfevents"
_COLUMNS = ["Wall time", "Step", "Value"]
_NAME = re.compile(r"(?:run-)?(?P<run>.+?)-tag-(?P<tag>.+)")


class Download:
    """``Wall time,Step,Value``: one scalar of one run, whose names are in the file's name alone."""

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether the three columns are there, and no other."""
        return path.is_file() and delimited.header(path) == _COLUMNS

    @staticmethod
    def read(path: Path) -> Raw:
        """Read one run; ``run-NAME-tag-TAG.csv`` gives the run's name and the name of the value."""
        raw = delimited.read(path)
        named = _NAME.fullmatch(path.stem)
        run, value = (named["run"], named["tag"]) if named else (path.stem, "Value")
        table = raw.table.rename({"Value": value}).with_columns(run=pl.lit(run))
        notes = (f"Value is called {value}, after the file's name.",) if named else ()
        return Raw(table, "TensorBoard download", (*raw.notes, *notes, *doubts(table.rename({"Step": "step"}))))


class Events:
    """Folders of event files, one folder a run."""

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether the file is an event file, or the folder holds some."""
        return bool(folders(path))

    @staticmethod
    def read(path: Path) -> Raw:
        """Read all scalars of all runs, every point that is in the files, by TensorBoard's own reader."""
        reader = need(
            "tensorboard.backend.event_processing.event_accumulator",
            f"{path} holds TensorBoard event files, and reading them",
        )
        util = need("tensorboard.util.tensor_util", "TensorBoard's tensors")
        points = [point for folder, name in folders(path).items() for point in _scalars(folder, name, reader, util)]
        if not points:
            raise InputError(f"{path} holds TensorBoard event files without a single scalar")
        table = joined(points)
        return Raw(table, "TensorBoard event files", tuple(doubts(table)))


def folders(path: Path) -> dict[str, str]:
    """What holds event files, with the run that it is: folders below the path by their path, or the file itself."""
    if path.is_file():
        return {str(path): path.absolute().parent.name} if _MARK in path.name else {}
    found = {}
    for folder, _, files in os.walk(path):
        if any(_MARK in name for name in files):
            inner = os.path.relpath(folder, path)
            found[folder] = path.absolute().name if inner == "." else inner.replace(os.sep, "/")
    return dict(sorted(found.items()))


def _scalars(folder: str, run: str, reader: Any, util: Any) -> list[tuple[str, str, list[int], list[float]]]:
    # 0 keeps every point; orphans are kept too, for restarts are the reader's business and not lost here.
    events = reader.EventAccumulator(folder, size_guidance={"scalars": 0, "tensors": 0}, purge_orphaned_data=False)
    events.Reload()
    found = []
    for tag in events.Tags()["scalars"]:
        logged = events.Scalars(tag)
        found.append((run, tag, [e.step for e in logged], [e.value for e in logged]))
    for tag in events.Tags()["tensors"]:
        if events.SummaryMetadata(tag).plugin_data.plugin_name != "scalars":
            continue
        logged = events.Tensors(tag)
        found.append((run, tag, [e.step for e in logged], [float(util.make_ndarray(e.tensor_proto)) for e in logged]))
    return found

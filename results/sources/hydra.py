"""Hydra: a folder a job, with ``.hydra/config.yaml`` beside whatever the job logged."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ...errors import InputError
from . import tensorboard
from .folders import files_in, read_files
from .frames import doubts, stack, with_parameters
from .parameters import of_folder
from .source import Raw


def recognises(path: Path) -> bool:
    """Whether the folder, or one below it, holds Hydra's record of a job."""
    return path.is_dir() and next(path.rglob(".hydra/config.yaml"), None) is not None


def read(path: Path) -> Raw:
    """Read the metrics of all jobs, in any form that is read alone, with each job's configuration as columns."""
    tables, empty, kinds, notes = [], [], set(), []
    for job in sorted(config.parent.parent for config in path.rglob(".hydra/config.yaml")):
        files, name = files_in(job), job.relative_to(path).as_posix()
        if not files and not tensorboard.folders(job):
            empty.append(name)
            continue
        raw = read_files(job) if files else tensorboard.Events.read(job)
        name = job.absolute().name if name == "." else name
        several = len(files) > 1 and "run" in raw.table.columns
        run = pl.concat_str(pl.lit(f"{name}/"), "run") if several else pl.lit(name)
        tables.append(with_parameters(raw.table.with_columns(run.alias("run")), of_folder(job)))
        kinds.add(raw.kind)
        notes += [note for note in raw.notes if note not in notes]
    if not tables:
        raise InputError(f"{path} holds {len(empty)} Hydra jobs without metrics in a form that is known here")
    if empty:
        notes.append(f"{len(empty)} jobs without metrics were left out, such as {empty[0]}.")
    table = stack(tables, path)
    notes += [note for note in doubts(table) if note not in notes]
    return Raw(table, f"Hydra folder of {', '.join(sorted(kinds))}", tuple(notes))

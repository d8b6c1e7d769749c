"""Hugging Face: ``trainer_state.json``, which every checkpoint of the Trainer holds."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl

from ...errors import InputError
from .content import json_of
from .frames import doubts, from_records, with_parameters
from .source import Raw

_CHECKPOINT = re.compile(r"checkpoint-\d+")


def recognises(path: Path) -> bool:
    """Whether the file is the state of a Trainer: a JSON object with a ``log_history``."""
    value = json_of(path) if path.is_file() else None
    return isinstance(value, dict) and isinstance(value.get("log_history"), list)


def read(path: Path) -> Raw:
    """Read the evaluations of one run: ``eval_loss`` over ``step``.

    The Trainer writes training and evaluation in rows of their own; ``loss`` is the training loss, and is called
    ``train_loss`` here so that it is not taken for the other. An evaluation that is there twice with nothing between
    (the step at which the run was resumed) is kept once, the last.
    """
    state = json_of(path)
    records = [entry for entry in state["log_history"] if isinstance(entry, dict) and "step" in entry]
    if not records:
        raise InputError(f"{path} is a Trainer's state without a single entry in its log_history")
    table = from_records(records)
    notes = []
    if "loss" in table.columns:
        table = table.rename({"loss": "train_loss"})
        notes.append("`loss` is the Trainer's training loss and is called train_loss here.")
    if any(name.startswith("eval_") for name in table.columns):
        table, repeated = _last_evaluations(table)
        if repeated:
            notes.append(
                f"{repeated} evaluations were there twice, at a step where the run was resumed: the last is kept."
            )
    planned = {name: state.get(name) for name in ("max_steps", "num_train_epochs")}
    table = with_parameters(table, {name: count for name, count in planned.items() if count and count > 0})
    table = table.with_columns(run=pl.lit(run_folder(path).name))
    return Raw(table, "Hugging Face Trainer state", (*notes, *doubts(table)))


def run_folder(path: Path) -> Path:
    """The folder of the run: that above the checkpoint's, where the state lies in one."""
    folder = path.absolute().parent
    return folder.parent if _CHECKPOINT.fullmatch(folder.name) else folder


def _last_evaluations(table: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Evaluations (rows that have an ``eval_`` value), each step's last among those next to one another."""
    names = [name for name in table.columns if name.startswith("eval_")]
    of_eval = table.with_row_index("order").filter(pl.any_horizontal(pl.col(n).is_not_null() for n in names))
    # Several evaluation sets give several rows at one step: what they logged tells them apart.
    logged = pl.concat_str([pl.col(n).is_not_null().cast(pl.Int8) for n in names])
    of_eval = of_eval.with_columns(logged.alias("logged"), pl.col("step").rle_id().alias("streak"))
    last = of_eval.unique(["streak", "logged"], keep="last", maintain_order=True)
    doomed = of_eval.join(last, on="order", how="anti")["order"]
    kept = table.with_row_index("order").filter(~pl.col("order").is_in(doomed.implode())).drop("order")
    return kept, len(doomed)

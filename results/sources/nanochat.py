"""nanochat: what ``scripts.base_train`` prints, in its older words and as records ``tag key=value ...``."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import polars as pl

from .content import decoded, opening
from .frames import doubts, from_records, with_parameters
from .source import Raw

_TRAIN = re.compile(r"^step (\d+)(?:/(\d+))? \([\d.]+%\) \| loss: (\S+)")
_VALIDATION = re.compile(r"^Step (\d+) \| Validation bpb: ([\d.]+|nan|inf)")
_EVALUATION = re.compile(r"^eval step=\d+ ")
_COUNT = re.compile(r"^(?P<name>[\w ]+?)\s*: (?P<count>[\d,]+)$")
_COUNTS = ("total", "num_params", "Number of parameters", "Total number of training tokens", "Vocab size")
_RECORDS = ("params", "summary")


def recognises(path: Path) -> bool:
    """Whether lines of training steps or of validations are there, as nanochat writes them."""
    if not path.is_file():
        return False
    lines = opening(path).splitlines()
    return any(_TRAIN.match(line) or _VALIDATION.match(line) or _EVALUATION.match(line) for line in lines)


def read(path: Path) -> Raw:
    """Read the bits per byte on the validation set over the step, and the training loss as it is printed.

    The model's parameters and the planned iterations become columns where the log has them. The run is the folder
    where the file is called ``base_train.log`` (nanochat's own place for it), else the file.
    """
    rows: list[dict[str, Any]] = []
    settings: dict[str, Any] = {}
    for line in decoded(path)[0].decode().splitlines():
        train, validation, count = _TRAIN.match(line), _VALIDATION.match(line), _COUNT.match(line)
        if train:
            rows.append({"step": int(train[1]), "smooth_train_loss": _number(train[3])})
            settings |= {"num_iterations": int(train[2])} if train[2] else {}
        elif validation:
            rows.append({"step": int(validation[1]), "val_bpb": _number(validation[2])})
        elif _EVALUATION.match(line):
            rows.append(_record(line))
        elif line.startswith(_RECORDS):
            found = _record(line)
            settings |= {k: v for k, v in found.items() if k not in ("val_bpb", "min_val_bpb", "core")}
        elif count and count["name"] in _COUNTS:
            settings[count["name"]] = int(count["count"].replace(",", ""))
    run = path.absolute().parent.name if path.stem == "base_train" else path.stem
    table = with_parameters(from_records(rows).with_columns(run=pl.lit(run)), settings)
    notes = ["val_bpb is in bits per byte."] if "val_bpb" in table.columns else []
    if "smooth_train_loss" in table.columns:
        notes.append("The training loss that nanochat prints is smoothed (0.9 of the former): smooth_train_loss.")
    return Raw(table, "nanochat log", (*notes, *doubts(table)))


def _record(line: str) -> dict[str, Any]:
    """The fields of a line ``tag key=value ...``; empty where it is prose."""
    try:
        pairs = [field.partition("=") for field in shlex.split(line)[1:]]
    except ValueError:
        return {}
    return {key: _number(value) for key, sign, value in pairs} if all(sign for _, sign, _ in pairs) else {}


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text

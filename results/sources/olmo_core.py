"""OLMo-core: ``metrics_step*.json`` of its metric saver, and what it prints.

The forms are those of ``olmo_core.train.callbacks``: ``metric_saver``, ``console_logger``, ``evaluator_callback``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import polars as pl

from .content import decoded, json_of, opening
from .frames import doubts, from_records, with_parameters
from .parameters import of_folder
from .source import Raw

_FILE = re.compile(r"metrics_step(\d+)\.json")
_STEP = re.compile(r"\[step=(?P<step>[\d,]+)/(?P<planned>[\d,]+|\?\?\?),epoch=(?P<epoch>\d+)")
_EVALUATION = re.compile(r"Finished (?P<name>.+) evals in [\d.]+ seconds\. Metrics:")
_VALUE = re.compile(r"^ {4}(?P<name>[^=]+)=(?P<value>\S+)$")
_UNITS = {"B": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}


class Saved:
    """A folder with ``metrics_step{step}.json`` files, in it or in folders below, one a run."""

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether such files are there."""
        return path.is_dir() and bool(_saved(path))

    @staticmethod
    def read(path: Path) -> Raw:
        """Read each file as the evaluation at the step in its name; the run is the folder."""
        tables = []
        for folder, files in _saved(path).items():
            rows = [{"step": step, **json_of(file)} for step, file in sorted(files) if isinstance(json_of(file), dict)]
            name = folder.relative_to(path).as_posix()
            run = pl.lit(path.absolute().name if name == "." else name)
            tables.append(with_parameters(from_records(rows).with_columns(run=run), of_folder(folder)))
        table = pl.concat(tables, how="diagonal_relaxed")
        note = "A file holds each metric's latest value: one that is evaluated less often is repeated until it is new."
        return Raw(table, "OLMo-core metric files", (note, *doubts(table)))


class OlmoCoreLog:
    """What an OLMo-core run prints."""

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether lines with ``[step=N/TOTAL,epoch=E`` are there."""
        return path.is_file() and _STEP.search(opening(path)) is not None

    @staticmethod
    def read(path: Path) -> Raw:
        """Read training metrics at their step, and evaluations at the last step that was printed before them."""
        table = from_records(_rows(decoded(path)[0].decode())).with_columns(run=pl.lit(path.stem))
        notes = ["OLMo-core's log rounds its values to a few digits; metrics_step*.json and W&B keep them whole."]
        if any(name.startswith("eval/") for name in table.columns):
            notes.append("Evaluations are printed without a step: each got the step that was printed before it.")
        return Raw(table, "OLMo-core log", (*notes, *doubts(table)))


def _saved(path: Path) -> dict[Path, list[tuple[int, Path]]]:
    found: dict[Path, list[tuple[int, Path]]] = {}
    for file in sorted(path.rglob("metrics_step*.json")):
        named = _FILE.fullmatch(file.name)
        if named:
            found.setdefault(file.parent, []).append((int(named[1]), file))
    return found


def _rows(text: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    where: dict[str, Any] = {}
    prefix, block = "", False
    for line in text.splitlines():
        step, evaluation, value = _STEP.search(line), _EVALUATION.search(line), _VALUE.match(line)
        if step:
            where = {"step": _whole(step["step"]), "epoch": int(step["epoch"])}
            if step["planned"] != "???":
                where["max_steps"] = _whole(step["planned"])
            prefix, block = "", True
            rows.append(dict(where))
        elif evaluation and where:
            prefix, block = f"eval/{evaluation['name']}/", True
            rows.append(dict(where))
        elif value and block:
            rows[-1][f"{prefix}{value['name']}"] = _number(value["value"])
        else:
            block = False
    return [row for row in rows if len(row) > len(where)]


def _whole(text: str) -> int:
    return int(text.replace(",", ""))


def _number(text: str) -> float | None:
    """A value as OLMo-core prints it: thousands with commas, large ones with a letter."""
    unit = _UNITS.get(text[-1:], 1.0)
    try:
        return float(text.rstrip("BTPE").replace(",", "")) * unit
    except ValueError:
        return None

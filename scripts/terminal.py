"""The terminal: its width, and rows as a table."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

_PIPE_WIDTH = 160


def console(*, stderr: bool = False) -> Console:
    """The terminal, or a pipe that is taken to be wide. Square brackets in names are no markup."""
    stream = sys.stderr if stderr else sys.stdout
    width = shutil.get_terminal_size().columns if stream.isatty() else _PIPE_WIDTH
    return Console(width=width, highlight=False, soft_wrap=False, stderr=stderr, markup=False)


def print_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows that share their keys as a table."""
    if not rows:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in rows[0]:
        right = all(isinstance(row[name], (int, float)) for row in rows)
        table.add_column(name.replace("_", " "), justify="right" if right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    console().print(table)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)

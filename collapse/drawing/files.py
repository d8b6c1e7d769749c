"""Sheets as files: each as PNG, SVG and PDF, with the points that are plotted in it."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from .lettering import house_style
from .sheet import Sheet

KINDS = ("png", "svg", "pdf")


def write_sheets(sheets: Iterable[tuple[str, Callable[[], Sheet]]], directory: str | Path) -> list[Path]:
    """Draw sheets one after the other and write each in every kind, and its points as CSV.

    Parameters
    ----------
    sheets : name of the files without their ending, and what draws the sheet.
    directory : where to; made if missing, files of the same name are replaced.

    Returns
    -------
    The files written, in the order of the sheets.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for name, draw in sheets:
        with house_style():
            sheet = draw()
        contents = {kind: sheet.picture(kind, name) for kind in KINDS} | {"csv": sheet.table().encode()}
        written += [_write(directory / f"{name}.{kind}", content) for kind, content in contents.items()]
    return written


def safe_name(name: str) -> str:
    """A file name without surprises; names that had to be changed carry a hash, so that no two become one file."""
    plain = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-.")[:60]
    return plain if plain and plain == name else f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}".lstrip("-")


def _write(path: Path, content: bytes) -> Path:
    # A figure that is being looked at is never half a figure: the finished file takes its place at once.
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    unfinished.write_bytes(content)
    return unfinished.replace(path)

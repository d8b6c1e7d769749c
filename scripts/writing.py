"""Answers as files and as JSON: a path that cannot be written is said in one sentence."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import typer

from ..errors import InputError
from ..results.file_list import put


def json_text(value: Any) -> str:
    """Plain types as JSON; what is not finite is an error, never written."""
    return json.dumps(value, indent=1, allow_nan=False)


def print_json(value: Any) -> None:
    """Print plain types as JSON."""
    typer.echo(json_text(value))


def write_text(path: str, text: str) -> None:
    """Write a file and the folders that it needs.

    Raises
    ------
    InputError
        The path cannot be written.
    """
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text + "\n")
    except OSError as error:
        raise InputError(f"cannot write {path!r}: {error}") from None


def write_whole(path: str, text: str) -> None:
    """Write a file that somebody may be reading: whole, or not at all.

    Raises
    ------
    InputError
        The path cannot be written.
    """
    place = Path(path)
    if place.exists() and not place.is_file():  # a device or a pipe is written to, never replaced
        write_text(path, text)
        return
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        put(place, (text + "\n").encode())
    except OSError as error:
        raise InputError(f"cannot write {path!r}: {error}") from None


def write_json(path: str, value: Any) -> bool:
    """Write plain types as JSON, to standard output for ``-``; whether standard output is now taken."""
    if path == "-":
        print_json(value)
        return True
    write_text(path, json_text(value))
    return False


def draw_into(to: str, save: Callable[[Path], Iterable[Path]]) -> None:
    """Draw figures into a folder, and say which.

    Raises
    ------
    InputError
        The folder cannot be written.
    """
    try:
        paths = save(Path(to))
    except OSError as error:
        raise InputError(f"cannot draw into {to!r}: {error}") from None
    say_drawn(paths)


def say_drawn(paths: Iterable[Path]) -> None:
    """One line for each figure that was drawn."""
    for path in paths:
        if path.suffix == ".png":
            typer.echo(f"drew {path} (also SVG, PDF, and its points as CSV)")

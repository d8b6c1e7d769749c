"""Where data of others lie: the user's data root, and what to say when something is not there."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from ..errors import InputError
from .pool import cache_directory

ROOT = "ONECURVE_DATA"


class MissingData(InputError):
    """Data that are not on this machine. The message says where it looked and how to get them."""


def data_root() -> Path:
    """The user's folder of data sets, ``$ONECURVE_DATA``.

    Raises
    ------
    MissingData
        It is not set, or there is no such folder.
    """
    given = os.environ.get(ROOT)
    if not given:
        raise MissingData(f"no data root is set: let --data-root or {ROOT} name the folder that holds your data sets.")
    root = Path(given).expanduser()
    if not root.is_dir():
        raise MissingData(f"the data root {given!r} is not a folder; let --data-root or {ROOT} name one that is there.")
    return root


def under_root(dataset: str, field: str, name: str) -> Path:
    """Return the file or folder ``name`` under the data root.

    Names are relative, so that a sweep file means the same on every machine.

    Raises
    ------
    InputError
        ``name`` is empty, absolute or leads out of the root.
    MissingData
        It is not there.
    """
    if not name:
        raise MissingData(f"{dataset} needs {field}: the name of a file or folder under the data root.")
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise InputError(f"{field} is {name!r}; it must be a name under the data root, such as {Path(name).name!r}.")
    path = data_root() / name
    if not path.exists():
        raise MissingData(f"{dataset} is not here: looked for {path}. Put it there, or name another data root.")
    return path


def content_of(root: Path, paths: Iterable[Path]) -> str:
    """sha256 of the names below ``root`` and the bytes of files.

    Reading a large folder takes minutes, so the answer is kept in the cache under the files' sizes and times of change.
    """
    listed = sorted((path.relative_to(root).as_posix(), path.stat().st_size, path.stat().st_mtime_ns) for path in paths)
    return _content(root, json.dumps([root.as_posix(), listed]), str(cache_directory()))


@lru_cache(maxsize=64)
def _content(root: Path, listed: str, cache: str) -> str:
    note = Path(cache) / "contents" / f"{hashlib.sha256(listed.encode()).hexdigest()[:32]}.txt"
    if note.exists() and len(known := note.read_text()) == 64:
        return known
    digest = hashlib.sha256()
    for name, size, _ in json.loads(listed)[1]:
        digest.update(f"{name} {size}\n".encode())
        with (root / name).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    _keep(note, digest.hexdigest())
    return digest.hexdigest()


def _keep(note: Path, text: str) -> None:
    """Write a note in one step; without a writable cache it is found out again next time."""
    temporary = note.with_suffix(f".{os.getpid()}.tmp")
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text)
        temporary.replace(note)
    except OSError:
        temporary.unlink(missing_ok=True)

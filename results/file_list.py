"""The list of a folder's files with sizes and checksums, so that a web server can hand the folder out."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from pathlib import Path, PurePosixPath

from ..errors import InputError

NAME = "manifest.json"
_VERSION = 1
_NOT_LISTED = (".tmp", ".part", ".guard")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclasses.dataclass(frozen=True)
class ListedFile:
    """One file.

    Parameters
    ----------
    name : its path below the folder, with ``/`` between parts.
    size : bytes.
    sha256 : of its content, in hex.
    """

    name: str
    size: int
    sha256: str


def write_manifest(folder: str | Path) -> Path:
    """Write ``manifest.json`` into a folder: ``{"version": 1, "files": [{"name", "size", "sha256"}, ...]}``.

    Hidden and half-written files are not listed. Any web server that hands out the folder then serves
    ``onecurve pull https://...`` and ``onecurve analyze https://...``.

    Returns
    -------
    Path
        The manifest.
    """
    root = Path(folder)
    entries = [dataclasses.asdict(_entry(root, path)) for path in sorted(root.rglob("*")) if _is_listed(root, path)]
    target = root / NAME
    temporary = root / f".{NAME}.tmp"
    temporary.write_text(json.dumps({"version": _VERSION, "files": entries}, indent=1) + "\n")
    temporary.replace(target)
    return target


def read_manifest(text: str | bytes, where: str) -> list[ListedFile]:
    """The entries of a manifest, each checked before anything is written.

    Raises
    ------
    InputError
        No manifest, one of a later version, or an entry whose name would leave the folder (absolute, ``..``, a drive)
        or whose size or checksum is none.
    """
    try:
        value = json.loads(text)
    except ValueError:
        raise InputError(f"{where} is no JSON: is this the address of a folder with a {NAME}?") from None
    files = value.get("files") if isinstance(value, dict) else None
    if not isinstance(files, list):
        raise InputError(f"{where} is no manifest: it has no list `files`")
    if value.get("version") != _VERSION:
        raise InputError(f"{where} is a manifest of version {value.get('version')!r}; known here is {_VERSION}")
    entries = [_checked(file, where) for file in files]
    names = [entry.name for entry in entries]
    twice = next((name for name in names if names.count(name) > 1), None) if len(set(names)) < len(names) else None
    if twice is not None:
        raise InputError(f"{where} lists {twice!r} twice")
    return entries


def is_inside(name: str) -> bool:
    """Whether a name stays below the folder on every system."""
    parts = name.split("/")
    plain = not any(part in ("", ".", "..") for part in parts)
    return plain and not any(sign in name for sign in "\\:\0") and not PurePosixPath(name).is_absolute()


def _checked(file: object, where: str) -> ListedFile:
    if not isinstance(file, dict) or not isinstance(name := file.get("name"), str):
        raise InputError(f"{where} lists {file!r}, which has no name")
    if not is_inside(name):
        raise InputError(f"{where} lists {name!r}, which would be written outside the folder: refused")
    size, digest = file.get("size"), file.get("sha256")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise InputError(f"{where}: the size of {name!r} is {size!r}, where a number of bytes is needed")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise InputError(f"{where}: the sha256 of {name!r} is {digest!r}, where 64 hex digits are needed")
    return ListedFile(name, size, digest)


def _is_listed(root: Path, path: Path) -> bool:
    parts = path.relative_to(root).parts
    hidden = any(part.startswith(".") for part in parts) or path.name.endswith(_NOT_LISTED)
    return path.is_file() and not hidden and parts != (NAME,)


def _entry(root: Path, path: Path) -> ListedFile:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return ListedFile(path.relative_to(root).as_posix(), path.stat().st_size, digest)

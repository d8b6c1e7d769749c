"""The list of a folder's files with sizes and checksums, so that a web server can hand the folder out."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from ..errors import InputError, unknown

NAME, CHECKSUMS = "manifest.json", "checksums.sha256"
TIERS = ("summary", "curves", "observables")  # of published tables: each holds those before it
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
    tier : the first of `TIERS` that holds it; None where it belongs to all, or to none.
    """

    name: str
    size: int
    sha256: str
    tier: str | None = None


def write_manifest(folder: str | Path, tiers: Mapping[str, str] | None = None) -> Path:
    """Write ``manifest.json`` into a folder: ``{"version": 1, "files": [{"name", "size", "sha256"}, ...]}``.

    ``tiers`` has the tier of the files that have one, by name; it stands beside them as ``tier``.

    Hidden and half-written files are not listed. Any web server that hands out the folder then serves
    ``onecurve pull https://...`` and ``onecurve analyze https://...``.

    Returns
    -------
    Path
        The manifest.
    """
    root = Path(folder)
    found = [listed_file(root, path, tiers or {}) for path in sorted(root.rglob("*")) if _is_listed(root, path)]
    entries = [{k: v for k, v in dataclasses.asdict(entry).items() if v is not None} for entry in found]
    return put(root / NAME, (json.dumps({"version": _VERSION, "files": entries}, indent=1) + "\n").encode())


def write_sums(folder: Path, sums: Mapping[str, str]) -> Path:
    """Write ``checksums.sha256``, the sha256 of files by name, as ``sha256sum --check`` reads it."""
    lines = (f"{sha256}  {name}\n" for name, sha256 in sorted(sums.items()))
    return put(folder / CHECKSUMS, "".join(lines).encode())


def put(path: Path, content: bytes) -> Path:
    """Write a file whole or not at all. Where a link has its name, the link is replaced and what it leads to stays."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        temporary.write_bytes(content)
        return temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def digest(path: Path) -> str:
    """The sha256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def of_tier(entries: Sequence[ListedFile], tier: str | None, where: str) -> list[ListedFile]:
    """The files of a tier, with those of the tiers before it and those of none; all files for None.

    Raises
    ------
    InputError
        No such tier, or a folder whose files have none.
    """
    if tier is None:
        return list(entries)
    if tier not in TIERS:
        raise unknown("tier", tier, TIERS)
    there = {entry.tier for entry in entries} - {None}
    if not there:
        raise InputError(f"{where} has no tiers: only what `onecurve publish` wrote has. Leave --tier out to take all")
    wanted = TIERS[: TIERS.index(tier) + 1]
    return [entry for entry in entries if entry.tier is None or entry.tier in wanted]


def summary_alone(folder: Path) -> bool:
    """Whether a folder is a copy of published tables without the curves."""
    manifest = folder / NAME
    if not manifest.is_file() or not (folder / "groups.parquet").is_file():
        return False
    return {entry.tier for entry in read_manifest(manifest.read_bytes(), str(manifest))} - {None} == {TIERS[0]}


def inside(root: Path, name: str) -> Path:
    """The path of a file in a folder, its own folder made.

    Raises
    ------
    InputError
        The name leaves the folder, by its parts or by a link, or another file is where its folder would be.
    """
    target = root / name
    if not is_inside(name) or not target.parent.resolve().is_relative_to(root.resolve()):
        raise InputError(f"{name!r} would be written outside {str(root)!r}, by its name or by a link: refused")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{name!r} cannot be written in {str(root)!r}: {error.strerror or error}") from None
    if target.is_dir() and not target.is_symlink():
        raise InputError(f"{name!r} cannot be written in {str(root)!r}: a folder has its name")
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
    size, sha256 = file.get("size"), file.get("sha256")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise InputError(f"{where}: the size of {name!r} is {size!r}, where a number of bytes is needed")
    if not isinstance(sha256, str) or not _DIGEST.fullmatch(sha256):
        raise InputError(f"{where}: the sha256 of {name!r} is {sha256!r}, where 64 hex digits are needed")
    tier = file.get("tier")
    if tier is not None and tier not in TIERS:
        raise unknown(f"tier of {name!r} in {where}:", tier, TIERS)
    return ListedFile(name, size, sha256, tier)


def _is_listed(root: Path, path: Path) -> bool:
    parts = path.relative_to(root).parts
    hidden = any(part.startswith(".") for part in parts) or path.name.endswith(_NOT_LISTED)
    return path.is_file() and not hidden and parts != (NAME,)


def listed_file(root: Path, path: Path, tiers: Mapping[str, str]) -> ListedFile:
    """The entry of a file of a folder."""
    name = path.relative_to(root).as_posix()
    return ListedFile(name, path.stat().st_size, digest(path), tiers.get(name))

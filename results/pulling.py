"""A results folder, or published tables, copied from elsewhere: checked before they are kept, and resumed."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow.fs as pafs

from ..errors import InputError
from .file_list import (
    CHECKSUMS,
    ListedFile,
    digest,
    inside,
    is_inside,
    of_tier,
    read_manifest,
    write_manifest,
    write_sums,
)
from .file_list import NAME as MANIFEST
from .store import Store
from .transport import shown
from .web import fetch, is_web

_UNFINISHED = (".tmp", ".part", ".guard")
_PIECE = 1 << 20  # bytes read at once


def pull(source: str, to: str | Path, tier: str | None = None) -> tuple[int, int]:
    """Copy a results folder or published tables, and check each sha256 before a file takes its place.

    A file that is there already with the right content is not copied again, and one that broke off goes on where it
    did. What the source's ``manifest.json`` or ``checksums.sha256`` lists must agree with it. Both are written beside
    the copy, with which a web server can hand it out. From the web come folders with a manifest, and single files.

    Parameters
    ----------
    source : a path, or a URL: ``https://``, ``s3://`` and what else pyarrow reads.
    to : the folder; nothing is written outside it.
    tier : how much of published tables, ``summary``, ``curves`` or ``observables``; all for None.

    Returns
    -------
    (copied, kept) : numbers of files.

    Raises
    ------
    InputError
        No such folder or tier, nothing in it, a name or link that leads outside the copy, a file that does not have
        the checksum that it should have, a copy that cannot be written.
    """
    target = Path(to)
    try:
        if is_web(source):
            found = fetch(source, target, tier)
            entries, copied = found.entries, found.copied
        else:
            entries, copied = _fetch_store(Store(source), target, tier)
        _write_sums(target, entries)
    except OSError as error:
        raise InputError(f"{shown(source)} cannot be copied to {str(to)!r}: {error}") from None
    return copied, len(entries) - copied


def _write_sums(target: Path, entries: list[ListedFile]) -> None:
    write_sums(target, {entry.name: entry.sha256 for entry in entries})
    write_manifest(target, {entry.name: entry.tier for entry in entries if entry.tier})


def _fetch_store(store: Store, to: Path, tier: str | None) -> tuple[list[ListedFile], int]:
    """Copy what a folder holds; what it lists is checked, what it does not list is taken as it is."""
    selector = pafs.FileSelector(store.root, recursive=True, allow_not_found=True)
    found = {i.path[len(store.root) + 1 :]: i for i in store.fs.get_file_info(selector) if i.type == pafs.FileType.File}
    if not any(name.endswith(".parquet") for name in found):
        raise InputError(f"{store.uri!r} is not a results folder: it holds no Parquet file")
    listed = _listed(store)
    wanted = {entry.name: entry for entry in of_tier(list(listed.values()), tier, repr(store.uri))}
    if any(entry.tier for entry in listed.values()):  # published tables: whole as they are listed, or not at all
        lost = [name for name in wanted if name not in found]
        if lost:
            raise InputError(f"{store.uri!r} lists {lost[0]!r}, which is not there: it was not copied there whole")
    entries, copied = [], 0
    for name, info in sorted(found.items()):
        own = name in (CHECKSUMS, MANIFEST) or name.endswith(_UNFINISHED)
        if own or (tier is not None and name not in wanted):
            continue
        entry, fresh = _take(store, info, inside(to, name), name, wanted.get(name))
        entries.append(entry)
        copied += fresh
    return entries, copied


def _listed(store: Store) -> dict[str, ListedFile]:
    """What the folder says of its files, by name; a size of -1 where only the checksum is said."""
    text = store.read_bytes(MANIFEST)
    if text is not None:
        return {entry.name: entry for entry in read_manifest(text, f"{MANIFEST} in {store.uri!r}")}
    sums = (store.read_bytes(CHECKSUMS) or b"").decode(errors="replace").splitlines()
    pairs = [line.partition("  ")[::2] for line in sums if line.strip()]
    for _, name in pairs:
        if not is_inside(name):
            raise InputError(f"{CHECKSUMS} in {store.uri!r} lists {name!r}, which lies outside the folder: refused")
    return {name: ListedFile(name, -1, sha256) for sha256, name in pairs}


def _take(
    store: Store, info: pafs.FileInfo, target: Path, name: str, listed: ListedFile | None
) -> tuple[ListedFile, bool]:
    """Copy one file, unless it is here with the content that it should have; whether it was copied."""
    if listed is not None and target.is_file() and digest(target) == listed.sha256:
        return ListedFile(name, target.stat().st_size, listed.sha256, listed.tier), False
    if listed is not None and listed.size not in (-1, info.size):
        raise InputError(f"{name} from {store.uri!r} has {info.size} bytes, its manifest says {listed.size}")
    part = target.with_name(f"{target.name}.part")
    # Without a checksum, an old piece may be of another file.
    if part.is_symlink() or listed is None or (part.exists() and part.stat().st_size > info.size):
        part.unlink(missing_ok=True)
    resumed = part.exists()
    _append(store, info.path, part)
    if resumed and listed is not None and digest(part) != listed.sha256:
        part.unlink()
        _append(store, info.path, part)
    found = digest(part)
    if listed is not None and found != listed.sha256:
        part.unlink()
        raise InputError(
            f"{name} from {store.uri!r} has sha256 {found[:12]}..., its list says {listed.sha256[:12]}...: it was "
            "changed or damaged after the list was written"
        )
    entry = ListedFile(name, part.stat().st_size, found, listed.tier if listed else None)
    if target.is_file() and digest(target) == found:
        part.unlink()
        return entry, False
    os.replace(part, target)
    return entry, True


def _append(store: Store, path: str, part: Path) -> None:
    """Read on where a piece ends."""
    with store.fs.open_input_file(path) as source, part.open("ab") as sink:
        source.seek(part.stat().st_size)
        while piece := source.read(_PIECE):
            sink.write(piece)

"""Files and folders on a web server: fetched whole, resumed where a connection broke, checked before they are used."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from ..errors import InputError
from .file_list import CHECKSUMS, NAME, ListedFile, digest, inside, is_inside, of_tier, read_manifest
from .transport import answer, fill, reason, refused, shown

if TYPE_CHECKING:
    import requests

_AT_ONCE = 4


@dataclasses.dataclass(frozen=True)
class Fetched:
    """What was fetched: all files with their checksums, how many came now, and whether it was a file and no folder."""

    entries: list[ListedFile]
    copied: int
    single: bool


def is_web(path: str) -> bool:
    """Whether a path is the address of something on a web server."""
    return path.lower().startswith(("https://", "http://"))


@contextlib.contextmanager
def at_hand(path: str) -> Iterator[str]:
    """The path itself, or a checked copy in the cache of what is on a web server; errors name the address.

    The copy of a folder is brought up to date: what has the right checksum is not fetched again, and what the server
    lists no longer is removed. A single file has no checksum and is fetched each time.
    """
    if not is_web(path):
        yield path
        return
    cache = Path(os.environ.get("ONECURVE_CACHE") or Path.home() / ".cache" / "onecurve").expanduser()
    copy = cache / "web" / hashlib.sha256(path.encode()).hexdigest()[:16]
    found = fetch(path, copy)
    names = {entry.name for entry in found.entries}
    for file in [file for file in copy.rglob("*") if file.is_file()]:
        if file.relative_to(copy).as_posix() not in names:
            file.unlink()
    place = str(copy / found.entries[0].name) if found.single else str(copy)
    try:
        yield place
    except InputError as error:
        raise InputError(str(error).replace(place, shown(path))) from None


def fetch(url: str, to: Path, tier: str | None = None) -> Fetched:
    """Copy a folder that has a manifest, or a single file, into a folder.

    Parameters
    ----------
    url : ``https://``, or ``http://`` on this machine.
    to : the folder; nothing is written outside it.
    tier : how much of published tables (see `of_tier`); all for None.

    Raises
    ------
    InputError
        Nothing there, a server that cannot be trusted or reached, a name that leaves the folder, a file that has
        another size or checksum than the manifest says.
    """
    import requests

    with requests.Session() as session:
        try:
            entries = _listed(session, url)
            if entries is None and tier is not None:
                raise InputError(f"{shown(url)} has no {NAME}, so it has no tiers. Leave --tier out to take all")
            if entries is None:
                return Fetched([_single(session, url, to)], 1, single=True)
            entries = [one for one in of_tier(entries, tier, shown(url)) if one.name != CHECKSUMS]
            to.mkdir(parents=True, exist_ok=True)
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                fresh = pool.map(lambda entry: _entry(session, _below(url, entry.name), to, entry), entries)
                return Fetched(entries, sum(fresh), single=False)
        except requests.RequestException as error:
            raise InputError(f"{shown(url)} cannot be reached: {reason(error)}") from None


def _is_folder(url: str) -> bool:
    return urlsplit(url).path.endswith("/")


def _listed(session: requests.Session, url: str) -> list[ListedFile] | None:
    """What the folder's manifest lists; None where there is none, and the address may be that of a file."""
    where = _below(url, NAME)
    with answer(session, where, {}) as response:
        if response.status_code == 200:
            text = response.content
            html = text.lstrip()[:1] == b"<"  # a server that answers every address with a page
            if not html or _is_folder(url):
                return read_manifest(text, shown(where))
        elif response.status_code not in (403, 404, 405, 410):
            raise refused(where, response)
    if _is_folder(url):
        raise InputError(
            f"{shown(url)} has no {NAME}. `onecurve export`, `publish` and `pull` write one beside the files"
        )
    return None


def _single(session: requests.Session, url: str, to: Path) -> ListedFile:
    name = unquote(urlsplit(url).path.rsplit("/", 1)[-1])
    if not is_inside(name):
        raise InputError(f"{shown(url)} is the address of no file")
    to.mkdir(parents=True, exist_ok=True)
    part = to / f"{name}.part"
    part.unlink(missing_ok=True)  # without a checksum, an old piece may be of another file
    fill(session, url, part, None)
    content = part.read_bytes()
    os.replace(part, to / name)
    return ListedFile(name, len(content), hashlib.sha256(content).hexdigest())


def _entry(session: requests.Session, url: str, to: Path, entry: ListedFile) -> bool:
    """Fetch one listed file where it is not here yet; returns whether it was fetched."""
    target = inside(to, entry.name)
    if target.is_file() and target.stat().st_size == entry.size and digest(target) == entry.sha256:
        return False
    part = target.with_name(f"{target.name}.part")
    if part.is_symlink() or (part.exists() and part.stat().st_size > entry.size):
        part.unlink()
    resumed = part.exists()
    fill(session, url, part, entry.size)
    if resumed and digest(part) != entry.sha256:  # the piece that was here was of another file
        part.unlink()
        fill(session, url, part, entry.size)
    found = digest(part)
    if found != entry.sha256:
        part.unlink()
        raise InputError(
            f"{shown(url)} has sha256 {found[:12]}..., its manifest says {entry.sha256[:12]}...: it was changed or "
            "damaged after the manifest was written"
        )
    os.replace(part, target)
    return True


def _below(url: str, name: str) -> str:
    """The address of a file in the folder, with the query (a signature, a token) that the folder's has."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{quote(name)}"))

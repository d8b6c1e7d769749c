"""Files and folders on a web server: fetched whole, resumed where a connection broke, checked before they are used."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import ipaddress
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

from ..errors import InputError
from .manifest import NAME, Entry, is_inside, read_manifest

if TYPE_CHECKING:
    import requests

_TRIES = 5  # without a byte gained
_WAIT = 0.2  # seconds before the second try, twice as long before each further one
_TIMEOUT = (10, 60)  # seconds to connect, and between two pieces
_PIECE = 1 << 20
_AT_ONCE = 4
_REDIRECTS = 10


@dataclasses.dataclass(frozen=True)
class Fetched:
    """What was fetched: all files with their checksums, how many came now, and whether it was a file and no folder."""

    entries: list[Entry]
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
        raise InputError(str(error).replace(place, _shown(path))) from None


def fetch(url: str, to: Path) -> Fetched:
    """Copy a folder that has a manifest, or a single file, into a folder.

    Parameters
    ----------
    url : ``https://``, or ``http://`` on this machine.
    to : the folder; nothing is written outside it.

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
            if entries is None:
                return Fetched([_single(session, url, to)], 1, single=True)
            to.mkdir(parents=True, exist_ok=True)
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                fresh = pool.map(lambda entry: _entry(session, _below(url, entry.name), to, entry), entries)
                return Fetched(entries, sum(fresh), single=False)
        except requests.RequestException as error:
            raise InputError(f"{_shown(url)} cannot be reached: {_reason(error)}") from None


def _is_folder(url: str) -> bool:
    return urlsplit(url).path.endswith("/")


def _listed(session: requests.Session, url: str) -> list[Entry] | None:
    """What the folder's manifest lists; None where there is none, and the address may be that of a file."""
    where = _below(url, NAME)
    with _answer(session, where, {}) as response:
        if response.status_code == 200:
            text = response.content
            html = text.lstrip()[:1] == b"<"  # a server that answers every address with a page
            if not html or _is_folder(url):
                return read_manifest(text, _shown(where))
        elif response.status_code not in (403, 404, 405, 410):
            raise _refused(where, response)
    if _is_folder(url):
        raise InputError(
            f"{_shown(url)} has no {NAME}. `onecurve export` and `onecurve pull` write one beside the files"
        )
    return None


def _single(session: requests.Session, url: str, to: Path) -> Entry:
    name = unquote(urlsplit(url).path.rsplit("/", 1)[-1])
    if not is_inside(name):
        raise InputError(f"{_shown(url)} is the address of no file")
    to.mkdir(parents=True, exist_ok=True)
    part = to / f"{name}.part"
    part.unlink(missing_ok=True)  # without a checksum, an old piece may be of another file
    _fill(session, url, part, None)
    content = part.read_bytes()
    os.replace(part, to / name)
    return Entry(name, len(content), hashlib.sha256(content).hexdigest())


def _entry(session: requests.Session, url: str, to: Path, entry: Entry) -> bool:
    """Fetch one listed file where it is not here yet; returns whether it was fetched."""
    target = to / entry.name
    if target.is_file() and target.stat().st_size == entry.size and _digest(target) == entry.sha256:
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.parent.resolve().is_relative_to(to.resolve()):
        raise InputError(f"{target} lies outside {to}, by a link: refused")
    part = target.with_name(f"{target.name}.part")
    if part.is_symlink() or (part.exists() and part.stat().st_size > entry.size):
        part.unlink()
    resumed = part.exists()
    _fill(session, url, part, entry.size)
    if resumed and _digest(part) != entry.sha256:  # the piece that was here was of another file
        part.unlink()
        _fill(session, url, part, entry.size)
    found = _digest(part)
    if found != entry.sha256:
        part.unlink()
        raise InputError(
            f"{_shown(url)} has sha256 {found[:12]}..., its manifest says {entry.sha256[:12]}...: it was changed or "
            "damaged after the manifest was written"
        )
    os.replace(part, target)
    return True


def _fill(session: requests.Session, url: str, part: Path, size: int | None) -> None:
    """Append to a piece until it is whole, however often the connection breaks."""
    import requests

    tag, idle = None, 0
    part.touch()
    while size is None or part.stat().st_size < size or size == 0:
        before = part.stat().st_size
        asked = {"Range": f"bytes={before}-"} if before else {}
        asked |= {"If-Range": tag} if before and tag else {}
        try:
            with _answer(session, url, asked) as response:
                if response.status_code == 416:  # the piece is longer than the file
                    part.write_bytes(b"")
                elif response.status_code in (200, 206):
                    tag = response.headers.get("ETag") or response.headers.get("Last-Modified")
                    _append(response, part, before, size)
                    return
                elif response.status_code < 500 and response.status_code != 429:
                    raise _refused(url, response)
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError):
            pass
        idle = 0 if part.stat().st_size > before else idle + 1
        if idle == _TRIES:
            of = "" if size is None else f" of {size}"
            raise InputError(
                f"{_shown(url)} broke off at byte {part.stat().st_size}{of}, {_TRIES} times in a row; the same command "
                "goes on from there"
            )
        time.sleep(_WAIT * 2 ** max(0, idle - 1))


def _append(response: requests.Response, part: Path, at: int, size: int | None) -> None:
    begins = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    goes_on = response.status_code == 206 and begins == str(at)
    if not goes_on:
        at = 0  # a server without ranges sends all of it again
    with part.open("ab" if goes_on else "wb") as file:
        for piece in response.iter_content(_PIECE):
            at += len(piece)
            if size is not None and at > size:
                file.truncate(0)
                raise InputError(f"{_shown(response.url)} is longer than the {size} bytes that its manifest says")
            file.write(piece)
    if size is not None and at < size:
        raise InputError(f"{_shown(response.url)} has {at} bytes, its manifest says {size}")


@contextlib.contextmanager
def _answer(session: requests.Session, url: str, headers: dict[str, str]) -> Iterator[requests.Response]:
    """One answer, through redirects that stay encrypted."""
    import requests

    headers = {**headers, "Accept-Encoding": "identity"}  # packed on the way, a range would count other bytes
    following = url
    try:
        for _ in range(_REDIRECTS):
            _check_address(following)
            response = session.get(following, headers=headers, stream=True, timeout=_TIMEOUT, allow_redirects=False)
            if not response.is_redirect:
                break
            following = urljoin(following, response.headers["Location"])
            response.close()
        else:
            raise InputError(f"{_shown(url)} was sent on {_REDIRECTS} times: given up")
    except requests.exceptions.SSLError as error:
        raise InputError(
            f"the certificate of {_shown(following)} is not trusted ({_reason(error)}). REQUESTS_CA_BUNDLE names a file "
            "of certificates to trust"
        ) from None
    except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
        raise InputError(f"{_shown(url)} is no address: {error}") from None
    with contextlib.closing(response):
        yield response


def _check_address(url: str) -> None:
    """Plain http is for this machine alone: elsewhere, anybody on the way could change what arrives."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return
    host = parts.hostname or ""
    with contextlib.suppress(ValueError):
        if parts.scheme == "http" and (host == "localhost" or ipaddress.ip_address(host).is_loopback):
            return
    raise InputError(
        f"{_shown(url)} is not encrypted: give an https:// address; http:// is taken on this machine alone"
    )


def _refused(url: str, response: requests.Response) -> InputError:
    what = {401: "asks for a password", 403: "is forbidden", 404: "is not there", 410: "is gone"}
    said = what.get(response.status_code, f"answers {response.status_code} {response.reason}")
    return InputError(f"{_shown(url)} {said}")


def _reason(error: Exception) -> str:
    """The last clause of what requests wraps several times."""
    return str(error).rsplit(": ", 1)[-1].strip("()'\" ")[:120]


def _below(url: str, name: str) -> str:
    """The address of a file in the folder, with the query (a signature, a token) that the folder's has."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{quote(name)}"))


def _shown(url: str) -> str:
    """An address without its user, password and query: messages are pasted into reports."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

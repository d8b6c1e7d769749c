"""How bytes come from a web server: encrypted, in pieces that are resumed, through redirects that stay encrypted."""

from __future__ import annotations

import contextlib
import ipaddress
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit, urlunsplit

from ..errors import InputError

if TYPE_CHECKING:
    import requests

_TRIES = 5  # without a byte gained
_WAIT = 0.2  # seconds before the second try, twice as long before each further one
_TIMEOUT = (10, 60)  # seconds to connect, and between two pieces
_PIECE = 1 << 16  # bytes; what a broken connection can lose
_REDIRECTS = 10


def fill(session: requests.Session, url: str, part: Path, size: int | None) -> None:
    """Append to a piece until it is whole, however often the connection breaks."""
    import requests

    tag, idle = None, 0
    part.touch()
    while size is None or part.stat().st_size < size or size == 0:
        before = part.stat().st_size
        asked = {"Range": f"bytes={before}-"} if before else {}
        asked |= {"If-Range": tag} if before and tag else {}
        try:
            with answer(session, url, asked) as response:
                if response.status_code == 416:  # the piece is longer than the file
                    part.write_bytes(b"")
                elif response.status_code in (200, 206):
                    tag = response.headers.get("ETag") or response.headers.get("Last-Modified")
                    _append(response, part, before, size)
                    return
                elif response.status_code < 500 and response.status_code != 429:
                    raise refused(url, response)
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError):
            pass
        idle = 0 if part.stat().st_size > before else idle + 1
        if idle == _TRIES:
            of = "" if size is None else f" of {size}"
            raise InputError(
                f"{shown(url)} broke off at byte {part.stat().st_size}{of}, {_TRIES} times in a row; the same command "
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
                raise InputError(f"{shown(response.url)} is longer than the {size} bytes that its manifest says")
            file.write(piece)
    if size is not None and at < size:
        raise InputError(f"{shown(response.url)} has {at} bytes, its manifest says {size}")


@contextlib.contextmanager
def answer(session: requests.Session, url: str, headers: dict[str, str]) -> Iterator[requests.Response]:
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
            raise InputError(f"{shown(url)} was sent on {_REDIRECTS} times: given up")
    except requests.exceptions.SSLError as error:
        raise InputError(
            f"the certificate of {shown(following)} is not trusted ({reason(error)}). REQUESTS_CA_BUNDLE names a file "
            "of certificates to trust"
        ) from None
    except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
        raise InputError(f"{shown(url)} is no address: {error}") from None
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
    raise InputError(f"{shown(url)} is not encrypted: give an https:// address; http:// is taken on this machine alone")


def refused(url: str, response: requests.Response) -> InputError:
    """The error for an answer that is final."""
    what = {401: "asks for a password", 403: "is forbidden", 404: "is not there", 410: "is gone"}
    said = what.get(response.status_code, f"answers {response.status_code} {response.reason}")
    return InputError(f"{shown(url)} {said}")


def reason(error: Exception) -> str:
    """The last clause of what requests wraps several times."""
    return str(error).rsplit(": ", 1)[-1].strip("()'\" ")[:120]


def shown(url: str) -> str:
    """An address without its user, password and query: messages are pasted into reports."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))

"""A folder of results over HTTP: to this machine alone, to be read and not to be changed."""

from __future__ import annotations

import html
import urllib.parse
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from ..errors import InputError

HOST = "127.0.0.1"
PAGE = "report.html"
_ALLOWED = "GET, HEAD"
_TYPES = {
    ".csv": "text/csv; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".md": "text/markdown; charset=utf-8",
    ".parquet": "application/vnd.apache.parquet",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".tex": "text/plain; charset=utf-8",
}
_ALWAYS = {
    "Cache-Control": "no-cache",  # the page grows while a sweep runs
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class ReadOnly(ThreadingHTTPServer):
    """Serves the pages, tables and figures of a folder on the loopback address.

    Parameters
    ----------
    root : the folder, or one page of it.
    port : where; 0 takes a free one.

    Raises
    ------
    InputError
        No such folder or page, or a port that is taken.
    """

    daemon_threads = True

    def __init__(self, root: str | Path, port: int = 0) -> None:
        place = Path(root)
        if not place.exists():
            raise InputError(f"{str(root)!r} is not there: a results folder, or a page that `onecurve report` wrote")
        if place.is_file() and place.suffix != ".html":
            raise InputError(f"{str(root)!r} is neither a folder nor a page (.html)")
        self.folder = (place if place.is_dir() else place.parent).resolve()
        self.page = PAGE if place.is_dir() else place.name
        try:
            super().__init__((HOST, port), _Request)
        except (OSError, OverflowError) as error:
            raise InputError(f"port {port} cannot be used: {error}; --port 0 takes a free one") from None

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://{HOST}:{self.server_port}/"

    def find(self, path: str) -> Path | None:
        """The file or folder that a request's path names; None where there is none that may be shown.

        Shown are files of the kinds that Onecurve writes and folders, none of them hidden, all within the folder when
        links are followed.
        """
        try:
            parts = urllib.parse.unquote(path.partition("?")[0], errors="strict").split("/")
        except UnicodeDecodeError:
            return None
        if any(part.startswith(".") or "\\" in part or "\0" in part or ":" in part for part in parts):
            return None
        try:
            place = self.folder.joinpath(*filter(None, parts)).resolve()
            if place != self.folder and self.folder not in place.parents:
                return None
            if place.is_dir():
                page = place / (self.page if place == self.folder else PAGE)
                return self.find(f"{path.partition('?')[0].rstrip('/')}/{page.name}") if page.is_file() else place
            return place if place.is_file() and place.suffix in _TYPES else None
        except (OSError, RuntimeError):  # a name that is too long, links in a ring
            return None


class _Request(BaseHTTPRequestHandler):
    server: ReadOnly
    server_version, sys_version = "onecurve", ""
    timeout = 30  # seconds for a client that says nothing

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def _refuse(self) -> None:
        self._end(HTTPStatus.METHOD_NOT_ALLOWED, b"results are read here, not changed\n", {"Allow": _ALLOWED})

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = do_CONNECT = _refuse

    def _answer(self, *, body: bool) -> None:
        # A page of another site may ask by a name of its own that leads here: its name would stand in Host.
        hosts = self.headers.get_all("Host") or []
        if len(hosts) != 1 or hosts[0].lower() not in self._own_names():
            self._end(HTTPStatus.MISDIRECTED_REQUEST, b"ask by http://127.0.0.1 or http://localhost\n", {}, body)
            return
        place = self.server.find(self.path)
        if place is None:
            self._end(HTTPStatus.NOT_FOUND, b"there is no such page, table or figure\n", {}, body)
        elif place.is_dir():
            head = {"Content-Type": _TYPES[".html"], "Content-Security-Policy": "default-src 'none'"}
            self._end(HTTPStatus.OK, _listing(place, self.server.folder).encode(), head, body)
        else:
            self._send(place, body)

    def _own_names(self) -> set[str]:
        names = (HOST, "localhost", "[::1]")
        return {f"{name}:{self.server.server_port}" for name in names} | (
            set(names) if self.server.server_port == 80 else set()
        )

    def _send(self, place: Path, body: bool) -> None:
        head = {"Content-Type": _TYPES[place.suffix]}
        if place.suffix != ".html":  # pages state a policy of their own
            head["Content-Security-Policy"] = "sandbox; default-src 'none'; style-src 'unsafe-inline'"
        try:
            content = place.read_bytes()
        except OSError:
            self._end(HTTPStatus.NOT_FOUND, b"it cannot be read\n", {}, body)
            return
        self._end(HTTPStatus.OK, content, head, body)

    def _end(self, status: HTTPStatus, content: bytes, head: dict[str, str], body: bool = True) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "text/plain; charset=utf-8", **_ALWAYS, **head}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the terminal says where the page is."""


def _listing(place: Path, root: Path) -> str:
    shown = sorted(
        one
        for one in place.iterdir()
        if not one.name.startswith(".") and (one.is_dir() or (one.is_file() and one.suffix in _TYPES))
    )
    where = "/".join(place.relative_to(root).parts)
    base = urllib.parse.quote(f"/{where}/" if where else "/")
    rows = [
        f'<li><a href="{html.escape(base + urllib.parse.quote(one.name, safe=""))}{"/" if one.is_dir() else ""}">'
        f"{html.escape(one.name)}</a></li>"
        for one in shown
    ]
    title = html.escape(where or root.name)
    body = f"<ul>{''.join(rows)}</ul>" if rows else "<p>There are no pages, tables or figures here.</p>"
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"></head>'
        f"<body><main><h1>{title}</h1>{body}</main></body></html>"
    )

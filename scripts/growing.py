"""`run --report`: the report of a sweep that still trains, written again and again by a process of its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import IO

_SHARE = 0.1  # of the time that pages may take: after a slow one the next is later
_LONGEST = 600.0  # seconds that the last page may take
_QUICK = ("--ask", "detectable")  # while the sweep trains; the last page answers everything


class Growing:
    """Writes the report of a results folder now and then, never two pages at a time, at the lowest priority while the
    sweep trains.

    What becomes of a page is nothing to the run: one that fails is left out, and the last one's failure is said.

    Parameters
    ----------
    uri : the results folder.
    say : prints a line.
    every : seconds from the end of one page to the start of the next at the least.
    """

    def __init__(self, uri: str, say: Callable[[str], None], every: float) -> None:
        self._uri, self._say, self._every = uri, say, every
        self._next = time.monotonic() + every
        self._began = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Growing:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def look(self) -> None:
        """Start a page if it is time and none is being written. Takes no longer than starting a process."""
        now = time.monotonic()
        if self._process is not None:
            if self._process.poll() is None:
                return
            self._process = None
            self._next = now + max(self._every, (now - self._began) / _SHARE)
        if now >= self._next:
            self._began, self._next = now, now + self._every
            with contextlib.suppress(OSError):
                self._process = self._start(_QUICK, subprocess.DEVNULL, subprocess.DEVNULL)
                with contextlib.suppress(AttributeError):  # not every system has priorities
                    os.setpriority(os.PRIO_PROCESS, self._process.pid, 19)

    def finish(self) -> None:
        """Write the whole report of what is there now, and say where it is, or why there is none."""
        self._stop()
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            try:
                self._process = self._start((), out, err)
                ended = self._process.wait(_LONGEST)
            except (OSError, subprocess.TimeoutExpired) as error:
                self._say(f"report: none was written: {error}")
                return
            told = out if ended == 0 else err
            told.seek(0)
            lines = told.read().decode(errors="replace").strip().splitlines() or [f"ended with code {ended}"]
            self._say(f"report: {lines[-1]}")

    def _start(self, words: tuple[str, ...], out: int | IO[bytes], err: int | IO[bytes]) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "onecurve.scripts.cli", "report", self._uri, *words]
        # A session of its own: an interrupt of the run is the run's to handle, which then ends the page.
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            start_new_session=True,
        )

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

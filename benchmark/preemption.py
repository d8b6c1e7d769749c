"""A machine that is taken away says so first, by SIGTERM: note it, so that what is at work can keep what it has."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any


class Preempted(Exception):
    """Training ended because the process was asked to end; its state was kept where that was worth it."""


class _Note:
    """A handler that remembers its signal, and passes it on to another of its kind that was there before."""

    def __init__(self, act: Callable[[], None]) -> None:
        self.asked, self._act = False, act
        self.before: Any = None

    def __call__(self, number: int, frame: Any) -> None:
        self.asked = True
        self._act()
        if isinstance(self.before, _Note):
            self.before(number, frame)


@contextlib.contextmanager
def heeding(act: Callable[[], None] = lambda: None) -> Iterator[Callable[[], bool]]:
    """Inside, SIGTERM ends nothing: it is noted, and ``act`` is called. The value says whether it came.

    Only a main thread can heed signals; elsewhere nothing ever comes.
    """
    note = _Note(act)
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    note.before = signal.signal(signal.SIGTERM, note)
    try:
        yield lambda: note.asked
    finally:
        signal.signal(signal.SIGTERM, note.before)

"""A file that only one process can create keeps others from a block; it is renewed while its maker lives."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

_LOOK = 0.05  # seconds between two attempts


@contextlib.contextmanager
def guarded(guard: Path, patience: float = 30.0) -> Iterator[None]:
    """Keep other processes from the same block.

    A holder that died is passed over when its guard has not been renewed for ``patience`` seconds by this process's own
    clock; of those who wait, one passes over it.
    """
    token = uuid.uuid4().hex
    guard.parent.mkdir(parents=True, exist_ok=True)
    seen, since = None, time.monotonic()
    while not _created(guard, token):
        now = _mark(guard)
        if now != seen:
            seen, since = now, time.monotonic()
        elif seen is not None and time.monotonic() - since > patience:
            _pass_over(guard, seen)
        time.sleep(_LOOK)
    over = threading.Event()
    renewing = threading.Thread(target=_renew, args=(guard, over, patience / 6), daemon=True)
    renewing.start()
    try:
        yield
    finally:
        over.set()
        renewing.join()
        if _token(guard) == token:  # else this process was passed over, and the guard is another's
            guard.unlink(missing_ok=True)


def _created(guard: Path, token: str) -> bool:
    """Create the guard with its content, or find that it is there: a link is made whole or not at all."""
    own = guard.with_name(f"{guard.name}.{token}")
    own.write_text(token)
    try:
        os.link(own, guard)
        return True
    except FileExistsError:
        return False
    finally:
        own.unlink()


def _mark(guard: Path) -> tuple[str, int] | None:
    """Whose guard it is and when it was renewed; None where it is gone."""
    try:
        return _token(guard), guard.stat().st_mtime_ns
    except FileNotFoundError:
        return None


def _token(guard: Path) -> str:
    try:
        return guard.read_text()
    except FileNotFoundError:
        return ""


def _pass_over(guard: Path, seen: tuple[str, int]) -> None:
    """Take away the guard of one who died. Of several only one gets it; what is not that guard goes back."""
    taken = guard.with_name(f"{guard.name}.{uuid.uuid4().hex}")
    with contextlib.suppress(FileNotFoundError):
        os.rename(guard, taken)
        if _mark(taken) != seen:
            with contextlib.suppress(FileExistsError):
                os.link(taken, guard)
        taken.unlink()


def _renew(guard: Path, over: threading.Event, every: float) -> None:
    while not over.wait(every):
        with contextlib.suppress(FileNotFoundError):
            os.utime(guard)

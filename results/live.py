"""What a run that is under way says of itself, for `status`: a small file that its driver renews."""

from __future__ import annotations

import contextlib
import datetime
import time
from collections.abc import Mapping
from typing import Any

from .store import Store

_EVERY = 5.0  # seconds between writes
_STALE = 60.0  # seconds after which a driver that says nothing is taken for gone
_NAME = ".live.json"


class Live:
    """A driver's own report.

    Parameters
    ----------
    store, sweep : where, and of what.
    slots : packs that run at once.
    """

    def __init__(self, store: Store, sweep: str, slots: int) -> None:
        self._store, self._name, self._slots = store, f"{sweep}{_NAME}", slots
        self._began, self._written, self._first = time.time(), 0.0, None

    def note(
        self,
        *,
        done: int,
        total: int,
        failed: int,
        seconds_done: float,
        seconds_total: float,
        left_out: Mapping[str, str] | None = None,
    ) -> None:
        """Renew the report, at most every five seconds. A store that is away for now costs nothing but the report."""
        now = time.time()
        self._first = self._first or (now, done)
        if now - self._written < _EVERY and done < total:
            return
        self._written = now
        since, before = self._first
        known = {"done": done, "total": total, "failed": failed, "workers": self._slots, "updated": now}
        known |= {"left_out": dict(left_out or {})}
        share = seconds_done / seconds_total if seconds_total else 1.0
        left = (now - self._began) * (1 - share) / share if share else None
        rate = 60 * (done - before) / (now - since) if now > since else None
        with contextlib.suppress(OSError):
            self._store.write_json(self._name, {**known, "seconds_left": left, "trials_per_minute": rate})

    def close(self) -> None:
        """Take the report away: nothing runs any more."""
        with contextlib.suppress(OSError):
            self._store.remove(self._name)


def under_way(store: Store) -> Mapping[str, Any] | None:
    """The report of the driver that is at work now; None where none is."""
    reports = [store.read_json(name) for name in store.json_names(_NAME)]
    fresh = [report for report in reports if report and time.time() - report["updated"] < _STALE]
    return fresh[0] if fresh else None


def clock(seconds: float) -> str:
    """Seconds as hours and minutes."""
    return str(datetime.timedelta(seconds=round(seconds)))

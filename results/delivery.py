"""Bring rows to a store that may be away for a while, and keep them here if it stays away."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .store import Store

PATIENCE = 300.0  # seconds: a server that restarts, a network that comes back, a disk that somebody clears


def deliver(
    store: Store,
    rows: Sequence[Mapping[str, Any]],
    pack: str,
    *,
    patience: float = PATIENCE,
    sleep: Callable[[float], None] = time.sleep,
) -> OSError | None:
    """Write the rows of a pack, again and again if it must be.

    Parameters
    ----------
    store, rows, pack : as for `Store.write_rows`.
    patience : seconds for which to go on after the first failure.
    sleep : waits between attempts, 1, 2, 4, ... and at most 30 seconds.

    Returns
    -------
    None if the rows are in the store, else the last error: the rows are still the caller's to keep.
    """
    waited, pause = 0.0, 1.0
    while True:
        try:
            store.write_rows(rows, pack)
            return None
        except OSError as error:
            if waited >= patience:
                return error
            pause_now = min(pause, patience - waited, 30.0)
            sleep(pause_now)
            waited, pause = waited + pause_now, 2 * pause


def waiting_room(store: Store) -> Store:
    """The local store for rows that another one did not take: ``$ONECURVE_CACHE/undelivered/<hash of its address>``."""
    cache = Path(os.environ.get("ONECURVE_CACHE") or Path.home() / ".cache" / "onecurve").expanduser()
    return Store(cache / "undelivered" / hashlib.sha256(store.uri.encode()).hexdigest()[:16])


def hand_over(store: Store) -> int:
    """Move what waits for a store into it; returns how many shards. One that fails stays where it is.

    One that is damaged is put aside: its trials are open.

    Raises
    ------
    OSError
        The store does not take them either.
    """
    room = waiting_room(store)
    room.quarantine()
    paths = room.shards()
    for path in paths:
        rows = room.rows_of(path)
        store.write_rows(rows, Path(path).name.split("-")[0])
        Path(path).unlink()
    return len(paths)

"""What a run was: sweep, versions, machine, start and end, one file a run beside the table."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator

from ..results.store import Store
from .provenance import provenance, utc_now
from .sweep import Sweep


@contextlib.contextmanager
def manifest(store: Store, sweep: Sweep, shard: tuple[int, int], slots: int) -> Iterator[None]:
    """Keep ``runs/<start>-<host>-<process>.json`` in the results folder; it gets its end when the run ends."""
    started = utc_now()
    name = f"runs/{started[:19].replace(':', '')}-{socket.gethostname()}-{os.getpid()}.json"
    what = {
        "sweep": sweep.model_dump(mode="json"),
        "shard": f"{shard[0]}/{shard[1]}",
        "slots": slots,
        "host": socket.gethostname(),
        "started_utc": started,
        **provenance(),
    }
    store.write_json(name, {**what, "ended_utc": None})
    yield
    with contextlib.suppress(OSError):  # a store that is gone has been reported already
        store.write_json(name, {**what, "ended_utc": utc_now()})

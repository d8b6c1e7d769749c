"""What a run was: sweep and what it was resolved to, versions, machine, start and end; one file a run."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import socket
from collections.abc import Iterator, Sequence

from ..results.store import Store
from .lock import Resolved
from .provenance import provenance, utc_now
from .sweep import Sweep


@contextlib.contextmanager
def manifest(
    store: Store, sweep: Sweep, cells: Sequence[Resolved], shard: tuple[int, int], slots: int
) -> Iterator[None]:
    """Keep ``runs/<start>-<host>-<process>.json`` in the results folder; it gets its end when the run ends."""
    started = utc_now()
    name = f"runs/{started[:19].replace(':', '')}-{socket.gethostname()}-{os.getpid()}.json"
    what = {
        "sweep": sweep.model_dump(mode="json"),
        "resolved": [{**dataclasses.asdict(cell), "trials": len(cell.trials)} for cell in cells],
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

"""What a worker does with a pack: train it, keep it, say how each trial ended."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..results.delivery import PATIENCE, deliver
from ..results.store import Store
from ..results.trials import TrialSpec
from .checkpoint import KEEP_EVERY, InStore
from .devices import device_error, device_of, libraries, memory_error
from .executors import Failure
from .lock import Pack
from .longer_runs import Longer
from .observables.observable import observable_from
from .preemption import Preempted, heeding
from .provenance import utc_now, version
from .rows import rows_of
from .train import dataset_of, train


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """What a worker needs to train a pack and to keep it.

    Attributes
    ----------
    pack : the trials.
    store : address of the results folder.
    logs : local folder of the logs; None where there is none.
    threads : torch threads.
    version, libraries : of the driver's Onecurve, and of its torch; a worker with others refuses.
    patience : seconds for which an unreachable store is tried again.
    keep_every : seconds between checkpoints.
    across : go on from a checkpoint of another kind of device or another version, too.
    alone : nothing else may run on its GPU meanwhile, or on the node where it takes none.
    failures : how its earlier tries in this run ended, as far as they count.
    reached : updates of its checkpoint when it was tried last.
    """

    pack: Pack
    store: str
    logs: str | None
    threads: int
    version: str
    libraries: Mapping[str, str] = dataclasses.field(default_factory=dict)
    patience: float = PATIENCE
    keep_every: float = KEEP_EVERY
    across: bool = False
    alone: bool = False
    failures: tuple[str, ...] = ()
    reached: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ended:
    """How a pack ended: status and reason of each trial, and its rows where the store did not take them."""

    trials: list[tuple[str, str | None]]
    undelivered: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    trouble: str | None = None


def work(job: Job) -> Ended:
    """Train a pack, write its shard and its log, and delete its checkpoint.

    Raises
    ------
    Failure
        The pack ended without curves. Whoever handed it out knows whether it is tried again, and writes its rows.
    InputError
        Another version, or other data, than the driver has.
    """
    with heeding() as asked:
        _check_version(job.version, job.libraries)
        _check_content(job.pack.specs[0])
        log, store = _Log(job), Store(job.store)
        how = {"threads": job.threads, "record": job.pack.record, "every": job.keep_every, "across": job.across}
        keeper = _keeper(store, job, asked=asked, told=log.write, **how)
        rows = _rows(job, log, keeper)
        for row in rows:
            end = row["test_loss"][-1] if row["test_loss"] else None
            log.write(f"{row['trial_id']} seed {row['seed']} {row['status']} loss {end} {row['reason'] or ''}\n")
        trouble = deliver(store, rows, job.pack.name, patience=job.patience)
        ended = [(row["status"], row["reason"]) for row in rows]
        if trouble is not None:
            return Ended(trials=ended, undelivered=rows, trouble=str(trouble))
        keeper.done()
        return Ended(trials=ended)


def _keeper(store: Store, job: Job, **how: Any) -> InStore:
    """Who keeps the pack's state; also for longer runs, and from shorter ones, where there may be any."""
    if job.pack.foreseen or job.pack.goes_on:
        return Longer(store, job.pack.name, foreseen=job.pack.foreseen, **how)
    return InStore(store, job.pack.name, **how)


def _rows(job: Job, log: _Log, keeper: InStore) -> list[dict[str, Any]]:
    pack, started = job.pack, utc_now()
    try:
        trained = train(
            pack.specs,
            threads=job.threads,
            record=[observable_from(json.loads(entry)) for entry in pack.record],
            device=device_of(pack.device),
            replicas=pack.replicas,
            keeper=keeper,
        )
        return rows_of(pack, trained, threads=job.threads, started=started)
    except InputError:
        raise
    except Preempted:
        failure = Failure("killed", "its process was asked to end")
    except (MemoryError, RuntimeError, ArithmeticError, LookupError, TypeError, ValueError, OSError) as error:
        log.write(traceback.format_exc())
        failure = _failure(error, pack.device)
    # Outside of the handler, which holds the error and with it the tensors of its frames.
    _release(pack.device)
    raise failure


def _failure(error: Exception, device: str) -> Failure:
    """What an error says: memory that did not suffice, a device that broke, or a trial that cannot be trained."""
    cause = memory_error(error)
    if cause is not None:
        return Failure("oom", f"{type(cause).__name__}: {cause}{_holders(device)}")
    reason = f"{type(error).__name__}: {error}"
    return Failure("killed", reason, broken=True) if device_error(error) else Failure("error", reason)


def _check_version(driver: str, others: Mapping[str, str]) -> None:
    here = version("onecurve")
    if here != driver:
        raise InputError(f"this worker has Onecurve {here}, the driver has {driver}; install the same on every node")
    found = libraries()
    for name, wanted in others.items():
        if found.get(name, wanted) != wanted:
            raise InputError(
                f"this worker has {name} {found[name]}, the driver has {wanted}: curves would differ; install the same "
                "on every node"
            )


def _check_content(spec: TrialSpec) -> None:
    content = dataset_of(spec).content()
    if content != spec.dataset.content:
        raise InputError(
            f"data set {spec.dataset.name!r} reads other data here (sha256 {content[:12]}...) "
            f"than where the sweep was planned ({spec.dataset.content[:12]}...)"
        )


def _holders(device: str) -> str:
    """Who holds a device's memory; nothing where the device does not answer any more."""
    try:
        said = device_of(device).taken()
    except (RuntimeError, InputError):
        return ""
    return f" ({said})" if said else ""


def _release(device: str) -> None:
    with contextlib.suppress(RuntimeError, InputError):
        device_of(device).release()


class _Log:
    """One file a pack, so that no worker writes into another's. A log that cannot be written stops nothing."""

    def __init__(self, job: Job) -> None:
        self._path = Path(job.logs, f"{job.pack.name}.log") if job.logs else None
        cell = job.pack.cell
        self.write(f"{utc_now()} {cell.family} {cell.rung} on {cell.dataset}, {cell.recipe_label}\n")

    def write(self, text: str) -> None:
        """Append a line."""
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a") as sink:
                sink.write(text)
        except OSError:
            self._path = None

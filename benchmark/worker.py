"""What a worker does with a pack: train it, keep it, say how each trial ended."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import traceback
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..results.delivery import PATIENCE, deliver
from ..results.store import Store
from ..results.trials import TrialSpec
from .devices import device_of
from .lock import Pack
from .observables.observable import observable_from
from .provenance import utc_now, version
from .rows import failed_rows, rows_of
from .train import dataset_of, train

# How torch, cuBLAS and cuDNN say that memory is exhausted.
_NO_MEMORY = ("out of memory", "can't allocate memory", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """What a worker needs to train a pack and to keep it.

    Attributes
    ----------
    pack : the trials.
    store : address of the results folder.
    logs : local folder of the logs; None where there is none.
    threads : torch threads.
    version : of the driver's Onecurve; a worker with another one refuses.
    patience : seconds for which an unreachable store is tried again.
    alone : nothing else may run on the node meanwhile.
    """

    pack: Pack
    store: str
    logs: str | None
    threads: int
    version: str
    patience: float = PATIENCE
    alone: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ended:
    """How a pack ended: status and reason of each trial, and its rows where the store did not take them."""

    trials: list[tuple[str, str | None]]
    undelivered: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    trouble: str | None = None


def work(job: Job) -> Ended:
    """Train a pack, write its shard and its log."""
    _check_version(job.version)
    _check_content(job.pack.specs[0])
    log = _Log(job)
    rows = _rows(job, log)
    for row in rows:
        end = row["test_loss"][-1] if row["test_loss"] else None
        log.write(f"{row['trial_id']} seed {row['seed']} {row['status']} loss {end} {row['reason'] or ''}\n")
    trouble = deliver(Store(job.store), rows, job.pack.name, patience=job.patience)
    ended = [(row["status"], row["reason"]) for row in rows]
    return Ended(trials=ended) if trouble is None else Ended(trials=ended, undelivered=rows, trouble=str(trouble))


def _rows(job: Job, log: _Log) -> list[dict[str, Any]]:
    pack, started = job.pack, utc_now()
    try:
        trained = train(
            pack.specs,
            threads=job.threads,
            record=[observable_from(json.loads(entry)) for entry in pack.record],
            device=device_of(pack.device),
            replicas=pack.replicas,
        )
        return rows_of(pack, trained, threads=job.threads, started=started)
    except InputError:
        raise
    except (MemoryError, RuntimeError, ArithmeticError, LookupError, TypeError, ValueError, OSError) as error:
        log.write(traceback.format_exc())
        cause = _memory_error(error)
        said = cause or error
        reason = f"{type(said).__name__}: {said}" + (_holders(pack.device) if cause else "")
        rows = failed_rows(pack, "oom" if cause else "error", reason, threads=job.threads, started=started)
    # Outside of the handler, which holds the error and with it the tensors of its frames.
    _release(pack.device)
    return rows


def _check_version(driver: str) -> None:
    here = version("onecurve")
    if here != driver:
        raise InputError(f"this worker has Onecurve {here}, the driver has {driver}; install the same on every node")


def _check_content(spec: TrialSpec) -> None:
    content = dataset_of(spec).content()
    if content != spec.dataset.content:
        raise InputError(
            f"data set {spec.dataset.name!r} reads other data here (sha256 {content[:12]}...) "
            f"than where the sweep was planned ({spec.dataset.content[:12]}...)"
        )


def _memory_error(error: BaseException | None) -> BaseException | None:
    """The error, or one behind it, that says that memory was exhausted: a capture's end hides the first."""
    while error is not None:
        if isinstance(error, MemoryError) or any(said in str(error) for said in _NO_MEMORY):
            return error
        error = error.__cause__ or error.__context__
    return None


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

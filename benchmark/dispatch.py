"""Hand packs to workers, try again what deserves it, and bring in what workers could not deliver."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import InputError
from ..results.delivery import PATIENCE, waiting_room
from ..results.store import Store
from .executors import Executor, Needs, Outcome
from .lock import Pack
from .provenance import utc_now, version
from .rows import failed_rows
from .worker import Ended, Job, work

# How a trial that ended so is tried again within a run: attempts in all. A divergence or an error would only repeat.
ATTEMPTS = {"killed": 3, "oom": 2}
COMPACT = 500  # loose shards that are worth a part of their own
_LOOK_EVERY = 60.0  # seconds between looks for what other drivers finished


@dataclasses.dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a run is, after each pack.

    ``seconds_done`` and ``seconds_total`` are expected core seconds, the measure by which the ETA is made.
    """

    stage: str
    done: int
    total: int
    failed: int
    seconds_done: float
    seconds_total: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Terms:
    """How packs are run.

    Attributes
    ----------
    threads : torch threads of a worker.
    patience : seconds for which an unreachable store is tried again.
    limit : from a pack to the seconds after which it is ended as ``timeout``.
    """

    threads: int = 1
    patience: float = PATIENCE
    limit: Callable[[Pack], float | None] = lambda pack: None


def generous(pack: Pack) -> float:
    """Seconds that a pack may take: ten minutes, and twenty times what was expected of it."""
    return 600 + 20 * pack.seconds


class Dispatch:
    """One run's packs on their way through an executor.

    Attributes
    ----------
    statuses, reasons : how trials ended, and why.
    notes : what is missing of trials that ended well.
    undelivered : trials whose rows wait on this machine, because the store did not take them.
    """

    def __init__(
        self, packs: Sequence[Pack], store: Store, terms: Terms, report: Callable[[Progress], None], total: int
    ) -> None:
        self.store, self.terms, self.report, self.total = store, terms, report, total
        self.statuses: Counter[str] = Counter()
        self.reasons: list[str] = []
        self.notes: list[str] = []
        self.undelivered = 0
        self._found = total - sum(len(pack.specs) for pack in packs)
        self._seconds, self._expected = 0.0, sum(pack.seconds for pack in packs)
        self._queue = deque(self._job(pack) for pack in packs)
        self._finished, self._looked = 0, time.monotonic()

    def run(self, executor: Executor) -> None:
        """Work until every pack has ended."""
        for outcome in executor.map(work, self._queue, self._needs):
            if not self._tried_again(outcome):
                self._settle(outcome)
            self._look_around()

    def _job(self, pack: Pack, alone: bool = False) -> Job:
        logs = f"{self.store.root}/logs" if self.store.local else None
        terms = self.terms
        known = {"threads": terms.threads, "patience": terms.patience, "version": version("onecurve")}
        return Job(pack=pack, store=self.store.uri, logs=logs, alone=alone, **known)

    def _needs(self, job: Job) -> Needs:
        pack = job.pack
        return Needs(
            cpus=max(pack.cpus, self.terms.threads),
            gpus=pack.gpus,
            memory=pack.memory,
            alone=job.alone,
            seconds=self.terms.limit(pack),
        )

    def _tried_again(self, outcome: Outcome) -> bool:
        job: Job = outcome.item
        status = _worst(outcome)
        if status == "oom" and job.pack.replicas > 1:  # on a GPU: smaller, as often as it takes
            self._queue.extend(self._job(part) for part in job.pack.smaller())
            return True
        tries = job.pack.attempt - job.pack.first_attempt + 1
        if tries >= ATTEMPTS.get(status, 1):
            return False
        again = dataclasses.replace(job.pack, attempt=job.pack.attempt + 1)
        self._queue.append(self._job(again, alone=status == "oom"))
        return True

    def _settle(self, outcome: Outcome) -> None:
        pack = outcome.item.pack
        if outcome.status == "ok":
            ended: Ended = outcome.value
        else:  # nobody wrote its rows: the driver does
            rows = failed_rows(
                pack, outcome.status, outcome.reason or "", threads=self.terms.threads, started=utc_now()
            )
            ended = Ended(trials=[(row["status"], row["reason"]) for row in rows], undelivered=rows)
        if ended.undelivered:
            self._keep(ended.undelivered, pack)
        self.statuses.update(status for status, _ in ended.trials)
        where = f"{pack.cell.family} {pack.cell.rung} on {pack.cell.dataset}"
        for status, reason in ended.trials:
            if reason:
                (self.notes if status == "ok" else self.reasons).append(f"{where}: {reason}")
        self._seconds += pack.seconds
        self._finished += 1
        if self._finished % COMPACT == 0:
            gather(self.store)
        self._tell()

    def _keep(self, rows: Sequence[Mapping[str, Any]], pack: Pack) -> None:
        """Write rows into the store, or beside it where it is gone; then start nothing more."""
        try:
            self.store.write_rows(rows, pack.name)
        except OSError as error:
            _set_aside(self.store, rows, pack.name, error)
            self.undelivered += len(rows)
            self.reasons.append(f"{self.store.uri} takes no results: {error}")
            self._queue.clear()

    def _tell(self) -> None:
        failed = sum(n for status, n in self.statuses.items() if status != "ok")
        self.report(
            Progress(
                stage="train",
                done=self._found + sum(self.statuses.values()),
                total=self.total,
                failed=failed,
                seconds_done=self._seconds,
                seconds_total=self._expected,
            )
        )

    def _look_around(self) -> None:
        """Leave out packs that another driver finished meanwhile."""
        if time.monotonic() - self._looked < _LOOK_EVERY or not self._queue:
            return
        self._looked = time.monotonic()
        try:
            done = self.store.successful()
        except OSError:  # away for now: the next look will tell
            return
        for job in [job for job in self._queue if all(spec.trial_id in done for spec in job.pack.specs)]:
            self._queue.remove(job)
            self.statuses.update(ok=len(job.pack.specs))
            self._expected -= job.pack.seconds


def gather(store: Store) -> None:
    """Compact many loose shards. A store that is away or full keeps them as they are, and a later run gathers them."""
    with contextlib.suppress(OSError):
        store.compact(minimum=COMPACT)


def _set_aside(store: Store, rows: Sequence[Mapping[str, Any]], name: str, error: OSError) -> None:
    room = waiting_room(store)
    try:
        room.write_rows(rows, name)
    except OSError as here:
        raise InputError(
            f"{store.uri} takes no results ({error}), and neither does {room.uri} ({here}): "
            f"{len(rows)} trials will be trained again; free space, then repeat the command"
        ) from None


def _worst(outcome: Outcome) -> str:
    """The status by which a pack is tried again: its own, or its trials' where they ran out of memory."""
    if outcome.status != "ok":
        return outcome.status
    return "oom" if any(status == "oom" for status, _ in outcome.value.trials) else "ok"

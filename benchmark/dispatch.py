"""Hand packs to workers, try again what deserves it, and bring in what workers could not deliver."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import InputError
from ..results.delivery import PATIENCE, waiting_room
from ..results.store import Store
from .backlog import Backlog, Needs
from .checkpoint import KEEP_EVERY
from .devices import libraries
from .executors import Executor, Failure, Outcome
from .lock import Pack
from .nodes import NodeRecord
from .preemption import heeding
from .provenance import utc_now, version
from .rows import failed_rows
from .tries import Tries, label
from .worker import Ended, Job, work

COMPACT = 500  # loose shards that are worth a part of their own
_LOOK_EVERY = 60.0  # seconds between looks for what other drivers finished


@dataclasses.dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a run is, after each pack.

    ``seconds_done`` and ``seconds_total`` are expected core seconds, the measure by which the ETA is made. ``left_out``
    has the machines that are given nothing more, with the reason.
    """

    stage: str
    done: int
    total: int
    failed: int
    seconds_done: float
    seconds_total: float
    left_out: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Terms:
    """How packs are run.

    Attributes
    ----------
    threads : torch threads of a worker.
    patience : seconds for which an unreachable store is tried again.
    limit : from a pack to the seconds after which it is ended as ``timeout``.
    keep_every : seconds between checkpoints.
    across : go on from checkpoints of other kinds of devices or other versions, too, and say so on the row.
    stop_after : end the run when so many trials have failed; None for never.
    """

    threads: int = 1
    patience: float = PATIENCE
    limit: Callable[[Pack], float | None] = lambda pack: None
    keep_every: float = KEEP_EVERY
    across: bool = False
    stop_after: int | None = None


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
    left_out : machines that failed packs which do well elsewhere, with the reason; they were given nothing more.
    asked_to_end : whether SIGTERM came.
    """

    def __init__(self, packs: Sequence[Pack], store: Store, terms: Terms, total: int) -> None:
        self.store, self.terms, self.total = store, terms, total
        self.statuses: Counter[str] = Counter()
        self.reasons: list[str] = []
        self.notes: list[str] = []
        self.undelivered, self.asked_to_end = 0, False
        self.left_out: dict[str, str] = {}
        self._found = total - sum(len(pack.specs) for pack in packs)
        self._seconds, self._expected = 0.0, sum(pack.seconds for pack in packs)
        self._standing, self._tries = NodeRecord(), Tries(store)
        self._job = functools.partial(
            Job,
            store=store.uri,
            logs=f"{store.root}/logs" if store.local else None,
            threads=terms.threads,
            patience=terms.patience,
            keep_every=terms.keep_every,
            across=terms.across,
            version=version("onecurve"),
            libraries=libraries(),
        )
        self._backlog = Backlog((self._job(pack=pack) for pack in packs), self._needs)
        self._finished, self._looked = 0, time.monotonic()

    @property
    def left(self) -> int:
        """Trials that are open still."""
        return self.total - self._found - sum(self.statuses.values())

    def run(self, executor: Executor, report: Callable[[Progress], None] = lambda progress: None) -> None:
        """Work until every pack has ended, or this process is asked to end by SIGTERM."""
        with heeding(executor.stop) as asked:
            for outcome in executor.map(work, self._backlog):
                self._judge(outcome, executor)
                if outcome.status == "killed" and executor.stopping:
                    self.reasons += [f"{_where(outcome)}{outcome.reason}"] if _broken(outcome) else []
                elif again := self._tries.after(outcome, executor.elsewhere):
                    for job in again:
                        self._backlog.add(job)
                else:
                    self._settle(outcome)
                    report(self._progress())
                if self.terms.stop_after is not None and self._failed() >= self.terms.stop_after:
                    executor.stop()
                self._look_around()
            self.asked_to_end = asked()

    def _needs(self, job: Job) -> Needs:
        pack = job.pack
        return Needs(
            cpus=max(pack.cpus, self.terms.threads),
            gpus=pack.gpus,
            memory=pack.memory,
            alone=job.alone,
            seconds=self.terms.limit(pack),
            elsewhere=self._standing.nodes_of(pack.specs[0].trial_id) if job.failures else frozenset(),
        )

    def _judge(self, outcome: Outcome, executor: Executor) -> None:
        """Note how the node did, and leave out those that fail what does well elsewhere."""
        where, first = outcome.where, outcome.item.pack.specs[0].trial_id
        if where is None:
            return
        if outcome.status == "ok":
            self._standing.did_well(where.node)
        else:
            self._standing.failed(where.node, where.host, first, outcome.reason or outcome.status)
        out = self._standing.left_out
        self.left_out |= {self._standing.hosts[node]: reason for node, reason in out.items()}
        executor.leave_out(frozenset(out))

    def _settle(self, outcome: Outcome) -> None:
        pack = outcome.item.pack
        if outcome.status == "ok":
            ended: Ended = outcome.value
        else:  # nobody wrote its rows: the driver does
            host = outcome.where.host if outcome.where else None
            how = {"threads": self.terms.threads, "started": utc_now(), "host": host}
            rows = failed_rows(pack, outcome.status, outcome.reason or "", **how)
            ended = Ended(trials=[(row["status"], row["reason"]) for row in rows], undelivered=rows)
        if ended.undelivered:
            self._keep(ended.undelivered, pack)
        self.statuses.update(status for status, _ in ended.trials)
        where = f"{label(pack)}: {_where(outcome)}"
        for status, reason in ended.trials:
            if reason:
                (self.notes if status == "ok" else self.reasons).append(f"{where}{reason}")
        self._seconds += pack.seconds
        self._finished += 1
        if self._finished % COMPACT == 0:
            gather(self.store)

    def _keep(self, rows: Sequence[Mapping[str, Any]], pack: Pack) -> None:
        """Write rows into the store, or beside it where it is gone; then start nothing more."""
        try:
            self.store.write_rows(rows, pack.name)
        except OSError as error:
            _set_aside(self.store, rows, pack.name, error)
            self.undelivered += len(rows)
            self.reasons.append(f"{self.store.uri} takes no results: {error}")
            self._backlog.drop()

    def _failed(self) -> int:
        return sum(n for status, n in self.statuses.items() if status != "ok")

    def _progress(self) -> Progress:
        return Progress(
            stage="train",
            done=self._found + sum(self.statuses.values()),
            total=self.total,
            failed=self._failed(),
            seconds_done=self._seconds,
            seconds_total=self._expected,
            left_out=dict(self.left_out),
        )

    def _look_around(self) -> None:
        """Leave out packs that another driver finished meanwhile."""
        if time.monotonic() - self._looked < _LOOK_EVERY or not len(self._backlog):
            return
        self._looked = time.monotonic()
        try:
            done = self.store.successful()
        except OSError:  # away for now: the next look will tell
            return
        for job in self._backlog.drop(lambda job: all(spec.trial_id in done for spec in job.pack.specs)):
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


def _broken(outcome: Outcome) -> bool:
    return isinstance(outcome.exception, Failure) and outcome.exception.broken


def _where(outcome: Outcome) -> str:
    """The machine on which something failed, for a message; nothing for what ended well."""
    return f"on {outcome.where.host}: " if outcome.where and outcome.status != "ok" else ""

"""What is tried again within a run, how often, and in which form."""

from __future__ import annotations

import contextlib
import dataclasses

from ..results.store import Store
from .checkpoint import reached
from .executors import Failure, Outcome
from .lock import Pack
from .worker import Job

# Tries in all. What is lost with its machine is lost by no fault of its own; an error may be the machine's or its own.
# A divergence would only repeat, and so would a pack that took too long.
TRIES = {"killed": 3, "error": 2}


class Tries:
    """Decides what follows a pack that did not end well.

    Parameters
    ----------
    store : where its checkpoint would be.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._believed: set[tuple[str, str]] = set()  # errors that two processes gave: the trial's own

    def after(self, outcome: Outcome, elsewhere: bool) -> list[Job]:
        """The jobs that take its place; none where it is settled.

        Parameters
        ----------
        elsewhere : whether there are other processes than the one in which it failed.
        """
        job: Job = outcome.item
        again = dataclasses.replace(job, pack=dataclasses.replace(job.pack, attempt=job.pack.attempt + 1))
        if outcome.status == "oom":
            return self._with_more_memory(again, job, outcome)
        if outcome.status == "killed" and (now := self._reached(job.pack)) > job.reached:
            return [dataclasses.replace(again, reached=now)]  # it went on: no failure
        if outcome.status == "error" and not self._may_be_the_machine(outcome, elsewhere):
            return []
        failures = (*job.failures, outcome.status)
        if failures.count(outcome.status) >= TRIES.get(outcome.status, 0):
            return []
        return [dataclasses.replace(again, failures=failures)]

    def _with_more_memory(self, again: Job, job: Job, outcome: Outcome) -> list[Job]:
        """Smaller where its own allocation failed; alone where the node ran short, or where it has one network."""
        parts = job.pack.smaller() if isinstance(outcome.exception, Failure) else []
        failures = (*job.failures, "oom")
        if parts:
            return [dataclasses.replace(job, pack=part, failures=failures, reached=0) for part in parts]
        return [] if job.alone else [dataclasses.replace(again, alone=True, failures=failures)]

    def _may_be_the_machine(self, outcome: Outcome, elsewhere: bool) -> bool:
        job: Job = outcome.item
        said = label(job.pack), outcome.reason or ""
        if "error" in job.failures:
            self._believed.add(said)
        return elsewhere and outcome.where is not None and said not in self._believed

    def _reached(self, pack: Pack) -> int:
        with contextlib.suppress(OSError):
            return reached(self._store, pack.name)
        return 0


def label(pack: Pack) -> str:
    """What a pack trains, in words."""
    return f"{pack.cell.family} {pack.cell.rung} on {pack.cell.dataset}"

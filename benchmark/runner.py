"""Run a sweep: skip what is stored, resolve what is open, submit packs, record success or the reason of failure."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from ..results.delivery import hand_over
from ..results.live import Live
from ..results.store import Store
from ..results.trials import TrialSpec
from . import resolve as resolving
from .checkpoint import tidied
from .dispatch import Dispatch, Progress, Terms, gather
from .executors import Executor
from .lock import Lock
from .longer_runs import forgotten, on_hand
from .manifest import manifest
from .packs import cut, packs_of
from .pool_use import seen_again
from .preparation import device_for, prepare
from .sweep import Cell, Sweep, expand, request


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunSummary:
    """What a run did.

    Attributes
    ----------
    asked, found : trials of the sweep, and how many of them had ended before.
    statuses : how all of them ended.
    reasons : why trials did not end well.
    undelivered : trials whose rows wait on this machine, because the store did not take them.
    notes : what is missing of trials that ended well.
    left : trials that are open still, because the run was asked to end, or its device broke.
    left_out : machines that were given nothing more, with the reason.
    asked_to_end : whether SIGTERM came.
    """

    asked: int
    found: int
    statuses: Mapping[str, int]
    reasons: tuple[str, ...]
    undelivered: int = 0
    notes: tuple[str, ...] = ()
    left: int = 0
    left_out: Mapping[str, str] = dataclasses.field(default_factory=dict)
    asked_to_end: bool = False

    @property
    def failed(self) -> int:
        """Trials that did not end well."""
        return sum(n for status, n in self.statuses.items() if status != "ok")


# Trials that ended so stay as they are: the same would happen again. What is lost with its worker is open again.
ENDED = frozenset({"ok", "diverged", "oom", "timeout", "error"})
RETRY = {"": frozenset(), "failed": frozenset({"oom", "timeout", "error"}), "record": frozenset()}
ALWAYS = frozenset({"loss", "accuracy"})  # recorded without being asked for


def run(
    sweep: Sweep,
    store: Store,
    executor: Executor,
    *,
    only: Mapping[str, str] | None = None,
    shard: tuple[int, int] = (1, 1),
    terms: Terms | None = None,
    refresh: bool = False,
    retry: str = "",
    device: str | None = None,
    report: Callable[[Progress], None] = lambda progress: None,
) -> RunSummary:
    """Train every trial of the sweep that has not ended yet.

    A trial that is lost with its worker, its device or its node is tried again, up to three times, and goes on from its
    checkpoint; one that fails is tried once more elsewhere; one that runs out of memory in smaller packs, then alone.
    One that diverges, fails twice or takes too long is a row with its reason, and stays one.

    Parameters
    ----------
    sweep, store, executor : what to train, where to keep it, where to run.
    only : restrict to a ``family``, ``dataset`` or ``control``.
    shard : ``(i, n)``: the i-th of n parts, cut by cells, so that packs stay whole.
    terms : threads, time limit, patience; by default one thread and no limit.
    refresh : train the trials of families that changed again, in place of refusing.
    retry : ``failed`` opens trials again that failed, took too long or ran out of memory; a divergence never.
        ``record`` opens those whose rows lack an observable that is asked for now.
    device : where to train: ``auto``, ``cpu`` or ``cuda``; None for what the sweep says, else ``auto``. No part of a
        trial's identity.
    report : called as the run goes on.

    Returns
    -------
    RunSummary

    Raises
    ------
    InputError
        A folder that is not writable or belongs to another sweep, a family that changed since trials were stored.
    """
    store.check_writable()
    lock, cells = _lock(sweep, store), _cells(sweep, only, shard)
    hand_over(store)
    store.quarantine()
    devices = {key: device_for(cell, device, executor) for key, cell in cells.items()}
    changed = prepare(cells, devices, lock, executor, refresh, report, store.attempts)
    lock.merge(store)
    for said in seen_again(((cell, lock.cells[key]) for key, cell in cells.items()), avoidably=True):
        warnings.warn(said, stacklevel=2)
    specs = {key: resolving.specs_of(cell, lock.cells[key]) for key, cell in cells.items()}
    _note(lock, specs, request(sweep, only) if shard == (1, 1) else None)
    lock.merge(store)

    changed_trials = [s for key, trials in specs.items() if cells[key].family[0] in changed for s in trials]
    forgotten(store, changed_trials)
    stale = {spec.trial_id for spec in changed_trials}
    stored = store.attempts()
    ended = {trial for trial, (status, _) in stored.items() if status in ENDED - RETRY[retry]} - stale
    ended -= _lacking(cells, specs, ended, store, again=retry == "record")
    terms = terms or Terms()
    open_trials = {key: [spec for spec in trials if spec.trial_id not in ended] for key, trials in specs.items()}
    packs = packs_of(
        {key: (cell, lock.cells[key], devices[key]) for key, cell in cells.items()},
        open_trials,
        lambda trial: stored.get(trial, ("", 0))[1],
        tidied(store, ended, stale),
        on_hand(store, [s for key, trials in open_trials.items() if lock.cells[key].before for s in trials]),
    )
    found = [stored[s.trial_id][0] for trials in specs.values() for s in trials if s.trial_id in ended]
    asked = sum(map(len, specs.values()))
    resolved = [lock.cells[key] for key in cells]
    way = Dispatch(cut(packs, executor.slots_of, terms.threads), store, terms, total=asked)
    with (
        contextlib.closing(Live(store, sweep.name, executor.slots)) as live,
        manifest(store, sweep, resolved, shard, executor.slots),
    ):
        way.run(executor, functools.partial(_tell, live, report))
    _gathered(way, store, lock)
    return RunSummary(
        asked=asked,
        found=len(found),
        statuses=way.statuses + Counter(found),
        reasons=tuple(dict.fromkeys(way.reasons)),
        undelivered=way.undelivered,
        notes=tuple(dict.fromkeys(way.notes)),
        left=way.left,
        left_out=way.left_out,
        asked_to_end=way.asked_to_end,
    )


def _lock(sweep: Sweep, store: Store) -> Lock:
    lock = Lock.load(store, sweep.name) or Lock(sweep=sweep.name, margin=sweep.margin)
    if lock.margin != sweep.margin:
        warnings.warn(
            f"the margin stays {lock.margin:g}, chosen before the data: `analyze --margin {sweep.margin:g}` has yours",
            stacklevel=3,
        )
    return lock


def _cells(sweep: Sweep, only: Mapping[str, str] | None, shard: tuple[int, int]) -> dict[str, Cell]:
    cells = {resolving.cell_key(cell): cell for cell in expand(sweep, only)}
    return {key: cell for key, cell in cells.items() if int(key, 16) % shard[1] == shard[0] - 1}


def _note(lock: Lock, specs: Mapping[str, Sequence[TrialSpec]], asked: str | None) -> None:
    """Let the lock know the trials, and the plan of a whole sweep."""
    for key, trials in specs.items():
        lock.cells[key].trials.update({str(spec.seed): spec.trial_id for spec in trials})
    if asked is not None:
        lock.plans[asked] = {key: [spec.seed for spec in trials] for key, trials in specs.items()}


def _lacking(
    cells: Mapping[str, Cell], specs: Mapping[str, Sequence[TrialSpec]], ended: set[str], store: Store, *, again: bool
) -> set[str]:
    """Trials that ended well without an observable that is asked for now: to be trained again, or only to be named."""
    if not any(cell.settings.observables for cell in cells.values()):
        return set()
    recorded, lacking = store.recorded(), dict[str, set[str]]()
    for key, cell in cells.items():
        dataset = resolving.dataset_of_cell(cell)
        for each in resolving.observables_of(cell):
            there = [s.trial_id for s in specs[key] if s.trial_id in ended and s.trial_id in recorded]
            without = {trial for trial in there if each.label not in recorded[trial]}
            if without and each.name not in ALWAYS and each.names_on(dataset):
                lacking.setdefault(each.label, set()).update(without)
    if lacking and not again:
        named = ", ".join(f"{label} ({len(trials)} trials)" for label, trials in lacking.items())
        warnings.warn(f"stored rows lack {named}: --retry record trains these trials again", stacklevel=3)
    return set().union(*lacking.values()) if again else set()


def _tell(live: Live, report: Callable[[Progress], None], progress: Progress) -> None:
    live.note(**{name: value for name, value in dataclasses.asdict(progress).items() if name != "stage"})
    report(progress)


def _gathered(way: Dispatch, store: Store, lock: Lock) -> None:
    if way.undelivered:
        return
    gather(store)
    with contextlib.suppress(OSError):  # an object store may have lost ours to a driver that was slow
        lock.merge(store)

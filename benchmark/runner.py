"""Run a sweep: skip what is stored, resolve what is open, submit packs, record success or the reason of failure."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import InputError
from ..results.delivery import hand_over
from ..results.live import Live
from ..results.store import Store
from ..results.trials import TrialSpec, fingerprint
from . import resolve as resolving
from .dispatch import Dispatch, Progress, Terms, gather
from .executors import Executor, Outcome
from .lock import Lock, Pack, Resolved
from .manifest import manifest
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
    """

    asked: int
    found: int
    statuses: Mapping[str, int]
    reasons: tuple[str, ...]
    undelivered: int = 0

    @property
    def failed(self) -> int:
        """Trials that did not end well."""
        return sum(n for status, n in self.statuses.items() if status != "ok")


# Trials that ended so stay as they are: the same would happen again. What is lost with its worker is open again.
ENDED = frozenset({"ok", "diverged", "oom", "timeout", "error"})
RETRY = {"": frozenset(), "failed": frozenset({"oom", "timeout", "error"})}


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
    report: Callable[[Progress], None] = lambda progress: None,
) -> RunSummary:
    """Train every trial of the sweep that has not ended yet.

    A trial that is lost with its worker or its node is tried again, up to three times; one that runs out of memory once
    more, alone on a node; one that diverges, fails or takes too long is a row with its reason, and stays one.

    Parameters
    ----------
    sweep, store, executor : what to train, where to keep it, where to run.
    only : restrict to a ``family``, ``dataset`` or ``control``.
    shard : ``(i, n)``: the i-th of n parts, cut by cells, so that packs stay whole.
    terms : threads, time limit, patience; by default one thread and no limit.
    refresh : train the trials of families that changed again, in place of refusing.
    retry : ``failed`` opens trials again that failed, took too long or ran out of memory; a divergence never.
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
    lock = Lock.load(store, sweep.name) or Lock(sweep=sweep.name, margin=sweep.margin)
    if lock.margin != sweep.margin:
        warnings.warn(
            f"the margin stays {lock.margin:g}, chosen before the data: `analyze --margin {sweep.margin:g}` has yours",
            stacklevel=2,
        )
    cells = {resolving.cell_key(cell): cell for cell in expand(sweep, only)}
    cells = {key: cell for key, cell in cells.items() if int(key, 16) % shard[1] == shard[0] - 1}
    hand_over(store)
    store.quarantine()
    changed = _prepare(cells, lock, executor, refresh, report)
    lock.merge(store)
    specs = {key: _specs(cell, lock.cells[key]) for key, cell in cells.items()}
    for key, trials in specs.items():
        lock.cells[key].trials.update({str(spec.seed): spec.trial_id for spec in trials})
    if shard == (1, 1):
        lock.plans[request(sweep, only)] = {key: [spec.seed for spec in trials] for key, trials in specs.items()}
    lock.merge(store)
    stale = {s.trial_id for key, trials in specs.items() if _family(cells[key]) in changed for s in trials}
    stored = store.attempts()
    ended = {trial for trial, (status, _) in stored.items() if status in ENDED - RETRY[retry]} - stale
    packs = _packs(cells, specs, lock, ended, stored, executor.slots)
    wanted = [spec.trial_id for trials in specs.values() for spec in trials]
    live = Live(store, sweep.name, executor.slots)

    def tell(progress: Progress) -> None:
        counts = dataclasses.asdict(progress)
        live.note(**{name: value for name, value in counts.items() if name != "stage"})
        report(progress)

    way = Dispatch(packs, store, terms or Terms(), tell, total=len(wanted))
    with contextlib.closing(live), manifest(store, sweep, [lock.cells[key] for key in cells], shard, executor.slots):
        way.run(executor)
    if not way.undelivered:
        gather(store)
        with contextlib.suppress(OSError):  # an object store may have lost ours to a driver that was slow
            lock.merge(store)
    found = [stored[trial][0] for trial in wanted if trial in ended]
    return RunSummary(
        asked=len(wanted),
        found=len(found),
        statuses=way.statuses + Counter(found),
        reasons=tuple(dict.fromkeys(way.reasons)),
        undelivered=way.undelivered,
    )


def _prepare(
    cells: Mapping[str, Cell], lock: Lock, executor: Executor, refresh: bool, report: Callable[[Progress], None]
) -> set[str]:
    """Make the data, resolve open cells, probe the families; returns the names of families that changed."""
    representatives = {
        (cell.family[0], fingerprint(cell.family), fingerprint(cell.dataset)): cell for cell in cells.values()
    }
    data = {fingerprint(cell.dataset): cell for cell in cells.values()}
    jobs: list[tuple[str, str, Cell]] = [("prepare", key, cell) for key, cell in data.items()]
    jobs += [("resolve", key, cell) for key, cell in cells.items() if key not in lock.cells]
    jobs += [("probe", "", cell) for cell in representatives.values()]
    changed: set[str] = set()
    for i, outcome in enumerate(executor.map(_prepare_one, jobs)):
        kind, key, cell = outcome.item
        if outcome.status != "ok":
            raise _as_input_error(outcome, f"{kind} {cell.family[0]} on {cell.dataset[0]}")
        if kind == "resolve":
            lock.cells[key] = outcome.value
        if kind == "probe" and lock.probes.setdefault(*outcome.value) != outcome.value[1]:
            changed.add(_family(cell))
            lock.probes[outcome.value[0]] = outcome.value[1]
        report(
            Progress(
                stage="prepare", done=i + 1, total=len(jobs), failed=0, seconds_done=i + 1, seconds_total=len(jobs)
            )
        )
    if changed and not refresh:
        stored = sum(len(c.trials) for c in lock.cells.values() if c.family in changed)
        raise InputError(
            f"{', '.join(sorted(changed))} changed since {stored} trials were stored: "
            "raise its version, or pass --refresh to train them again"
        )
    return changed


def _prepare_one(job: tuple[str, str, Cell]) -> Any:
    kind, _, cell = job
    if kind == "prepare":
        return resolving.dataset_of_cell(cell).prepare()
    return resolving.resolve(cell) if kind == "resolve" else resolving.probe(cell)


def _as_input_error(outcome: Outcome, what: str) -> BaseException:
    if isinstance(outcome.exception, InputError):
        return outcome.exception
    return InputError(f"{what} failed: {outcome.reason}")


def _family(cell: Cell) -> str:
    return cell.family[0]


def _specs(cell: Cell, resolved: Any) -> list[TrialSpec]:
    how = {name: getattr(resolved, name) for name in ("batch_size", "horizon_steps", "packed")}
    trial = functools.partial(resolving.trial, cell, **how)
    return [trial(seed) for seed in cell.settings.seed_list]


def _packs(
    cells: Mapping[str, Cell],
    specs: Mapping[str, Sequence[TrialSpec]],
    lock: Lock,
    ended: set[str],
    stored: Mapping[str, tuple[str, int]],
    slots: int,
) -> list[Pack]:
    """What is left to train, the longest first, so that the last worker does not finish alone."""
    packs = []
    for key, cell in cells.items():
        left = [spec for spec in specs[key] if spec.trial_id not in ended]
        size = len(left) if lock.cells[key].packed else 1
        for start in range(0, len(left), max(1, size)):
            chosen = tuple(left[start : start + size])
            attempt = 1 + max(stored.get(spec.trial_id, ("", 0))[1] for spec in chosen)
            packs.append(_pack(cell, lock.cells[key], chosen, attempt))
    if slots > 1:
        fair = sum(pack.seconds for pack in packs) / (2 * slots)
        packs = [part for pack in packs for part in _halved(pack, fair)]
    return sorted(packs, key=lambda pack: -pack.seconds)


def _pack(cell: Cell, resolved: Resolved, specs: tuple[TrialSpec, ...], attempt: int) -> Pack:
    given = cell.settings
    return Pack(
        specs=specs,
        cell=resolved,
        control=given.control,
        horizon_source=given.horizon_source,
        views=given.views,
        attempt=attempt,
        first_attempt=attempt,
        cpus=cell.takes[0],
        gpus=cell.takes[1],
    )


def _halved(pack: Pack, seconds: float) -> list[Pack]:
    """Split a pack that would keep one worker busy while others wait. A replica's bits do not depend on its pack."""
    if pack.seconds <= seconds or len(pack.specs) < 8:
        return [pack]
    middle = len(pack.specs) // 2
    halves = (pack.specs[:middle], pack.specs[middle:])
    return [part for half in halves for part in _halved(dataclasses.replace(pack, specs=half), seconds)]

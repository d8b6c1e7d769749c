"""Run a sweep: skip what is stored, resolve what is open, submit packs, record success or the reason of failure."""

from __future__ import annotations

import dataclasses
import functools
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..results.store import Store
from ..results.trials import TrialSpec, fingerprint
from . import resolve as resolving
from .executors import Executor, Outcome
from .lock import Lock, Pack
from .provenance import utc_now
from .rows import failed_rows, rows_of
from .sweep import Cell, Sweep, expand, request
from .train import dataset_of, train


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
class RunSummary:
    """What a run did: trials asked for, found in the table, trained now, and the statuses of all of them."""

    asked: int
    found: int
    statuses: Mapping[str, int]
    reasons: tuple[str, ...]

    @property
    def failed(self) -> int:
        """Trials that did not end well."""
        return sum(n for status, n in self.statuses.items() if status != "ok")


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Job:
    """What a worker needs to train a pack and to keep it."""

    pack: Pack
    store: str
    logs: str | None
    threads: int


def run(
    sweep: Sweep,
    store: Store,
    executor: Executor,
    *,
    only: Mapping[str, str] | None = None,
    shard: tuple[int, int] = (1, 1),
    threads: int = 1,
    refresh: bool = False,
    report: Callable[[Progress], None] = lambda progress: None,
) -> RunSummary:
    """Train every trial of the sweep that is not in the store yet.

    Parameters
    ----------
    sweep, store, executor : what to train, where to keep it, where to run.
    only : restrict to a ``family``, ``dataset`` or ``control``.
    shard : ``(i, n)``: the i-th of n parts, cut by cells, so that packs stay whole.
    threads : torch threads of a worker.
    refresh : train the trials of families that changed again, in place of refusing.
    report : called as the run goes on.

    Returns
    -------
    RunSummary

    Raises
    ------
    InputError
        A folder that is not writable or belongs to another sweep, a family that changed since trials were stored.
    """
    lock = Lock.load(store, sweep.name) or Lock(sweep=sweep.name, margin=sweep.margin)
    if lock.margin != sweep.margin:
        warnings.warn(
            f"the margin stays {lock.margin:g}, chosen before the data: `analyze --margin {sweep.margin:g}` has yours",
            stacklevel=2,
        )
    cells = {resolving.cell_key(cell): cell for cell in expand(sweep, only)}
    cells = {key: cell for key, cell in cells.items() if int(key, 16) % shard[1] == shard[0] - 1}
    if not cells:
        raise InputError(f"shard {shard[0]}/{shard[1]} holds no trials of this sweep")
    store.check_writable()
    changed = _prepare(cells, lock, executor, refresh, report)
    specs = {key: _specs(cell, lock.cells[key]) for key, cell in cells.items()}
    for key, trials in specs.items():
        lock.cells[key].trials.update({str(spec.seed): spec.trial_id for spec in trials})
    if shard == (1, 1):
        lock.plans[request(sweep, only)] = {key: [spec.seed for spec in trials] for key, trials in specs.items()}
    lock.save(store)
    done = store.successful()
    stale = {s.trial_id for key, trials in specs.items() if _family(cells[key]) in changed for s in trials}
    packs = _packs(cells, specs, lock, done - stale, executor.slots, attempt=2 if stale else 1)
    wanted = {spec.trial_id for trials in specs.values() for spec in trials}
    statuses, reasons = _train_all(packs, store, executor, threads, report, total=len(wanted))
    found = len(wanted) - sum(len(pack.specs) for pack in packs)
    return RunSummary(
        asked=len(wanted), found=found, statuses=statuses + Counter(ok=found), reasons=tuple(dict.fromkeys(reasons))
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
    done: set[str],
    slots: int,
    attempt: int,
) -> list[Pack]:
    """What is left to train, the longest first, so that the last worker does not finish alone."""
    packs = []
    for key, cell in cells.items():
        left = [spec for spec in specs[key] if spec.trial_id not in done]
        size = len(left) if lock.cells[key].packed else 1
        for start in range(0, len(left), max(1, size)):
            chosen = tuple(left[start : start + size])
            given = cell.settings
            known = {"control": given.control, "horizon_source": given.horizon_source, "views": given.views}
            packs.append(Pack(specs=chosen, cell=lock.cells[key], attempt=attempt, **known))
    if slots > 1:
        fair = sum(pack.seconds for pack in packs) / (2 * slots)
        packs = [part for pack in packs for part in _halved(pack, fair)]
    return sorted(packs, key=lambda pack: -pack.seconds)


def _halved(pack: Pack, seconds: float) -> list[Pack]:
    """Split a pack that would keep one worker busy while others wait. A replica's bits do not depend on its pack."""
    if pack.seconds <= seconds or len(pack.specs) < 8:
        return [pack]
    middle = len(pack.specs) // 2
    halves = (pack.specs[:middle], pack.specs[middle:])
    return [part for half in halves for part in _halved(dataclasses.replace(pack, specs=half), seconds)]


def _train_all(
    packs: Sequence[Pack],
    store: Store,
    executor: Executor,
    threads: int,
    report: Callable[[Progress], None],
    total: int,
) -> tuple[Counter[str], list[str]]:
    logs = f"{store.root}/logs" if store.local else None
    jobs = [_Job(pack=pack, store=store.uri, logs=logs, threads=threads) for pack in packs]
    statuses: Counter[str] = Counter()
    reasons: list[str] = []
    seconds, expected = 0.0, sum(pack.seconds for pack in packs)
    found = total - sum(len(pack.specs) for pack in packs)
    for outcome in executor.map(_train_one, jobs):
        pack = outcome.item.pack
        if outcome.status == "ok":
            ended = outcome.value
        else:  # the worker died before it could write: the driver writes its rows
            status = "killed" if outcome.status == "killed" else "error"
            rows = failed_rows(pack, status, outcome.reason or "", threads=threads, started=utc_now())
            store.write_rows(rows, pack.name)
            ended = [(status, outcome.reason)] * len(pack.specs)
        statuses.update(status for status, _ in ended)
        reasons += [f"{pack.cell.family} {pack.cell.rung} on {pack.cell.dataset}: {r}" for _, r in ended if r]
        seconds += pack.seconds
        failed = sum(n for status, n in statuses.items() if status != "ok")
        report(
            Progress(
                stage="train",
                done=found + sum(statuses.values()),
                total=total,
                failed=failed,
                seconds_done=seconds,
                seconds_total=expected,
            )
        )
    return statuses, reasons


def _train_one(job: _Job) -> list[tuple[str, str | None]]:
    """Train a pack in a worker, write its shard and its log, and return each trial's status and reason."""
    pack, started = job.pack, utc_now()
    log = _Log(job)
    try:
        _check_content(pack.specs[0])
        trained = train(pack.specs, threads=job.threads, views=pack.views)
        rows = rows_of(pack, trained, threads=job.threads, started=started)
    except InputError:
        raise
    except (MemoryError, RuntimeError, ArithmeticError, LookupError, TypeError, ValueError, OSError) as error:
        log.write(traceback.format_exc())
        status = "oom" if _out_of_memory(error) else "error"
        rows = failed_rows(pack, status, f"{type(error).__name__}: {error}", threads=job.threads, started=started)
    Store(job.store).write_rows(rows, pack.name)
    for row in rows:
        end = row["test_loss"][-1] if row["test_loss"] else None
        log.write(f"{row['trial_id']} seed {row['seed']} {row['status']} loss {end} {row['reason'] or ''}\n")
    return [(row["status"], row["reason"]) for row in rows]


def _check_content(spec: TrialSpec) -> None:
    content = dataset_of(spec).content()
    if content != spec.dataset.content:
        raise InputError(
            f"data set {spec.dataset.name!r} reads other data here (sha256 {content[:12]}...) "
            f"than where the sweep was planned ({spec.dataset.content[:12]}...)"
        )


def _out_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or "out of memory" in str(error) or "can't allocate memory" in str(error)


class _Log:
    """One file a pack, so that no worker writes into another's."""

    def __init__(self, job: _Job) -> None:
        self._path = Path(job.logs, f"{job.pack.name}.log") if job.logs else None
        cell = job.pack.cell
        self.write(f"{utc_now()} {cell.family} {cell.rung} on {cell.dataset}, {cell.recipe_label}\n")

    def write(self, text: str) -> None:
        """Append a line."""
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as sink:
            sink.write(text)

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
from .choices import check_device
from .devices import BRANCHES, replicas_on_a_gpu
from .dispatch import Dispatch, Progress, Terms, gather
from .executors import Executor, Outcome
from .lock import Lock, Pack, Resolved
from .manifest import manifest
from .naming import check_device_of
from .sweep import Cell, Sweep, expand, request
from .train import MAY_DIFFER


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
    """

    asked: int
    found: int
    statuses: Mapping[str, int]
    reasons: tuple[str, ...]
    undelivered: int = 0
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> int:
        """Trials that did not end well."""
        return sum(n for status, n in self.statuses.items() if status != "ok")


# Trials that ended so stay as they are: the same would happen again. What is lost with its worker is open again.
ENDED = frozenset({"ok", "diverged", "oom", "timeout", "error"})
RETRY = {"": frozenset(), "failed": frozenset({"oom", "timeout", "error"}), "record": frozenset()}
ALWAYS = frozenset({"loss", "accuracy"})  # recorded without being asked for
MOST_TOGETHER = 128  # networks of one pack on a processor: more of them are no faster there


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
    devices = {key: _device(cell, device, executor) for key, cell in cells.items()}
    changed = _prepare(cells, devices, lock, executor, refresh, report)
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
    lacking = _lacking(cells, specs, ended, store)
    if lacking and retry == "record":
        ended -= set().union(*lacking.values())
    elif lacking:
        named = ", ".join(f"{label} ({len(trials)} trials)" for label, trials in lacking.items())
        warnings.warn(f"stored rows lack {named}: --retry record trains these trials again", stacklevel=2)
    packs = _packs(cells, specs, lock, devices, ended, stored, executor.slots)
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
        notes=tuple(dict.fromkeys(way.notes)),
    )


def _device(cell: Cell, asked: str | None, executor: Executor) -> str:
    """Where a cell is to train: what was asked for, ``auto`` only where there are GPUs."""
    wish = check_device(asked or cell.settings.device or "auto")
    if cell.settings.precision == "tf32":
        if wish == "cpu" or (wish == "auto" and not executor.gpus):
            raise InputError("precision tf32 is a GPU's, and this sweep would train on a processor; use float32 there")
        wish = "cuda"
    if wish == "cuda" and not executor.gpus:
        raise InputError("device cuda was asked for, and there is no GPU here that torch or Ray sees; use --device cpu")
    if not executor.gpus or wish == "cpu":
        return "cpu"
    return check_device_of(resolving.family_of_cell(cell), cell.rung, resolving.dataset_of_cell(cell).task, wish)


def _lacking(
    cells: Mapping[str, Cell], specs: Mapping[str, Sequence[TrialSpec]], ended: set[str], store: Store
) -> dict[str, set[str]]:
    """Trials that ended well without an observable that is asked for now, by the observable's label."""
    if not any(cell.settings.observables for cell in cells.values()):
        return {}
    recorded, lacking = store.recorded(), {}
    for key, cell in cells.items():
        dataset = resolving.dataset_of_cell(cell)
        for each in resolving.observables_of(cell):
            there = [s.trial_id for s in specs[key] if s.trial_id in ended and s.trial_id in recorded]
            without = {trial for trial in there if each.label not in recorded[trial]}
            if without and each.name not in ALWAYS and each.names_on(dataset):
                lacking.setdefault(each.label, set()).update(without)
    return lacking


def _prepare(
    cells: Mapping[str, Cell],
    devices: Mapping[str, str],
    lock: Lock,
    executor: Executor,
    refresh: bool,
    report: Callable[[Progress], None],
) -> set[str]:
    """Make the data, resolve open cells, probe the families; returns the names of families that changed."""
    representatives = {
        (cell.family[0], fingerprint(cell.family), fingerprint(cell.dataset)): cell for cell in cells.values()
    }
    data = {fingerprint(cell.dataset): cell for cell in cells.values()}
    jobs: list[tuple[str, str, Cell, str]] = [("prepare", key, cell, "") for key, cell in data.items()]
    jobs += [("resolve", key, cell, devices[key]) for key, cell in cells.items() if key not in lock.cells]
    jobs += [("probe", "", cell, "") for cell in representatives.values()]
    changed: set[str] = set()
    for i, outcome in enumerate(executor.map(_prepare_one, jobs)):
        kind, key, cell, _ = outcome.item
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


def _prepare_one(job: tuple[str, str, Cell, str]) -> Any:
    kind, _, cell, device = job
    if kind == "prepare":
        return resolving.dataset_of_cell(cell).prepare()
    return resolving.resolve(cell, device) if kind == "resolve" else resolving.probe(cell)


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
    devices: Mapping[str, str],
    ended: set[str],
    stored: Mapping[str, tuple[str, int]],
    slots: int,
) -> list[Pack]:
    """What is left to train, the longest first, so that the last worker does not finish alone.

    Cells that differ in rates and schedules alone share packs: a replica's bits do not depend on its pack on a
    processor, and on a GPU a pack has a fixed size.
    """
    shared: dict[str, list[tuple[TrialSpec, float, Pack]]] = {}
    for key, cell in cells.items():
        resolved = lock.cells[key]
        for spec in specs[key]:
            if spec.trial_id not in ended:
                attempt = 1 + stored.get(spec.trial_id, ("", 0))[1]
                pack = _pack(cell, resolved, spec, attempt, devices[key])
                together = _together(spec, pack) if resolved.packed or pack.replicas else spec.trial_id
                shared.setdefault(together, []).append((spec, resolved.seconds, pack))
    packs = [pack for members in shared.values() for pack in _filled(members)]
    if slots > 1:
        fair = sum(pack.seconds for pack in packs) / (2 * slots)
        packs = [part for pack in packs for part in _halved(pack, fair)]
    return sorted(packs, key=lambda pack: -pack.seconds)


def _together(spec: TrialSpec, pack: Pack) -> str:
    """What trials share that may train in one pack."""
    fields = {name: value for name, value in spec.to_dict().items() if name not in MAY_DIFFER}
    same = [pack.control, pack.horizon_source, list(pack.record), pack.cpus, pack.gpus, pack.device, pack.replicas]
    return fingerprint({"spec": fields, "pack": same})


def _filled(members: Sequence[tuple[TrialSpec, float, Pack]]) -> list[Pack]:
    """Packs of trials that may train together: of like horizons, so that few replicas wait for the last."""
    ordered = sorted(members, key=lambda member: -member[0].horizon_steps)  # stable: seeds stay in their order
    packs: list[list[tuple[TrialSpec, float, Pack]]] = []
    for member in ordered:
        limit = member[2].replicas or MOST_TOGETHER
        if packs and len(packs[-1]) < limit and 2 * member[0].horizon_steps >= packs[-1][0][0].horizon_steps:
            packs[-1].append(member)
        else:
            packs.append([member])
    return [_of(members) for members in packs]


def _of(members: Sequence[tuple[TrialSpec, float, Pack]]) -> Pack:
    attempt = max(pack.attempt for _, _, pack in members)
    return dataclasses.replace(
        members[0][2],
        specs=tuple(spec for spec, _, _ in members),
        costs=tuple(seconds for _, seconds, _ in members),
        attempt=attempt,
        first_attempt=attempt,
    )


def _pack(cell: Cell, resolved: Resolved, spec: TrialSpec, attempt: int, device: str) -> Pack:
    """One trial as a pack of its own."""
    given, device = cell.settings, resolved.device if device == "auto" else device
    size = resolved.replicas or replicas_on_a_gpu(resolved.update_bytes)
    return Pack(
        specs=(spec,),
        cell=dataclasses.replace(resolved, trials={}),  # a cell's trials are the driver's business
        control=given.control,
        horizon_source=given.horizon_source,
        record=tuple(each.entry for each in resolving.observables_of(cell)),
        attempt=attempt,
        first_attempt=attempt,
        costs=(resolved.seconds,),
        cpus=cell.takes[0],
        gpus=cell.takes[1] if device == "cpu" else cell.takes[1] or 1,
        device=device,
        replicas=0 if device == "cpu" else size if resolved.packed else BRANCHES,
    )


def _halved(pack: Pack, seconds: float) -> list[Pack]:
    """Split a pack that would keep one worker busy while others wait. A replica's bits do not depend on its pack.

    A looped pack has one trial on a processor, and a pack on a GPU stays whole.
    """
    if pack.seconds <= seconds or len(pack.specs) < 8 or pack.device != "cpu":
        return [pack]
    middle = len(pack.specs) // 2
    return [part for rows in (slice(middle), slice(middle, None)) for part in _halved(pack.part(rows), seconds)]

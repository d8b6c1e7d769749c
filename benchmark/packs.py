"""From open trials to packs: who trains together, what has a checkpoint, how packs are cut for the slots they use."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import MappingProxyType

from ..results.trials import TrialSpec, fingerprint
from . import resolve as resolving
from .backlog import Needs
from .devices import BRANCHES, replicas_on_a_gpu
from .lock import Pack, Resolved
from .sweep import Cell
from .train import MAY_DIFFER

MOST_TOGETHER = 128  # networks of one pack on a processor: more of them are no faster there


@dataclasses.dataclass(frozen=True, slots=True)
class _Member:
    """A trial with what its pack needs to know of it."""

    spec: TrialSpec
    attempt: int
    like: Pack  # a pack of its cell, without trials


def packs_of(
    cells: Mapping[str, tuple[Cell, Resolved, str]],
    open_trials: Mapping[str, Sequence[TrialSpec]],
    attempts: Callable[[str], int],
    begun: Collection[Sequence[str]] = (),
    on_hand: Mapping[str, int] = MappingProxyType({}),
) -> list[Pack]:
    """What is left to train. Cells that differ in rates and schedules alone share packs.

    Parameters
    ----------
    cells : cell, what it was resolved to, and its device, by key.
    open_trials : trials that are left of each cell.
    attempts : how often a trial was tried before, from its id.
    begun : trials of each checkpoint: they stay one pack, which can go on from it.
    on_hand : updates after which a shorter run's state is there, by trial id: trials that go on from one update
        share packs.
    """
    shared: dict[str, list[_Member]] = {}
    for key, specs in open_trials.items():
        if not specs:
            continue
        cell, resolved, device = cells[key]
        like = _like(cell, resolved, device)
        together = _together(specs[0], like) if resolved.packed or like.replicas else None
        for spec in specs:
            member = _Member(spec, 1 + attempts(spec.trial_id), like)
            from_where = f"{together or spec.trial_id} after {on_hand.get(spec.trial_id, 0)}"
            shared.setdefault(from_where, []).append(member)
    place = {trial: i for i, trials in enumerate(begun) for trial in trials}
    packs = [_of(members) for together in shared.values() for members in _filled(together, place, begun)]
    return [dataclasses.replace(pack, begun=pack.specs[0].trial_id in place) for pack in packs] if place else packs


def cut(packs: Sequence[Pack], slots: Callable[[Needs], int], threads: int = 1) -> list[Pack]:
    """Packs that leave no slot idle, the longest first, so that the last worker does not finish alone.

    Parameters
    ----------
    slots : how many items that need this run at once.
    """
    shapes: dict[Needs, list[Pack]] = {}
    for pack in packs:
        shapes.setdefault(Needs(cpus=max(pack.cpus, threads), gpus=pack.gpus), []).append(pack)
    parts: list[Pack] = []
    for needs, members in shapes.items():
        at_once = slots(needs)
        fair = sum(pack.seconds for pack in members) / (2 * at_once) if at_once > 1 else float("inf")
        parts += [part for pack in members for part in _halved(pack, fair)]
    return sorted(parts, key=lambda pack: -pack.seconds)


def _like(cell: Cell, resolved: Resolved, device: str) -> Pack:
    """A pack of the cell, without trials: what all of its packs have."""
    given, device = cell.settings, resolved.device if device == "auto" else device
    size = resolved.replicas or replicas_on_a_gpu(resolved.update_bytes)
    return Pack(
        specs=(),
        cell=dataclasses.replace(resolved, trials={}),  # a cell's trials are the driver's business
        control=given.control,
        horizon_source=given.horizon_source,
        tuned=given.tuned,
        record=tuple(each.entry for each in resolving.observables_of(cell)),
        cpus=cell.takes[0],
        gpus=cell.takes[1] if device == "cpu" else cell.takes[1] or 1,
        device=device,
        replicas=0 if device == "cpu" else size if resolved.packed else BRANCHES,
    )


def _together(spec: TrialSpec, pack: Pack) -> str:
    """What trials share that may train in one pack."""
    fields = {name: value for name, value in spec.to_dict().items() if name not in MAY_DIFFER}
    same = [
        pack.control,
        pack.horizon_source,
        pack.tuned,
        list(pack.record),
        pack.cpus,
        pack.gpus,
        pack.device,
        pack.replicas,
    ]
    return fingerprint({"spec": fields, "pack": same})


def _filled(
    members: Sequence[_Member], place: Mapping[str, int], begun: Collection[Sequence[str]]
) -> Iterable[list[_Member]]:
    """Packs of trials that may train together: what a checkpoint holds, and others of like horizons, so that few
    replicas wait for the last."""
    if place:
        by_id = {member.spec.trial_id: member for member in members}
        whole = {place[trial] for trial in by_id if trial in place}
        for trials in [trials for i, trials in enumerate(begun) if i in whole]:
            if all(trial in by_id for trial in trials):
                yield [by_id.pop(trial) for trial in trials]
        members = list(by_id.values())
    ordered = sorted(members, key=lambda member: -member.spec.horizon_steps)  # stable: seeds stay in their order
    packs: list[list[_Member]] = []
    for member in ordered:
        limit = member.like.replicas or MOST_TOGETHER
        horizon = packs[-1][0].spec.horizon_steps if packs else 0
        if packs and len(packs[-1]) < limit and 2 * member.spec.horizon_steps >= horizon:
            packs[-1].append(member)
        else:
            packs.append([member])
    yield from packs


def _of(members: Sequence[_Member]) -> Pack:
    return dataclasses.replace(
        members[0].like,
        specs=tuple(member.spec for member in members),
        costs=tuple(member.like.cell.seconds for member in members),
        attempt=max(member.attempt for member in members),
        foreseen={m.spec.trial_id: m.like.cell.foreseen for m in members if m.like.cell.foreseen},
        goes_on=any(member.like.cell.before for member in members),
    )


def _halved(pack: Pack, seconds: float) -> list[Pack]:
    """Split a pack that would keep one worker busy while others wait. A replica's bits do not depend on its pack.

    A looped pack has one trial on a processor, and a pack on a GPU stays whole.
    """
    if pack.seconds <= seconds or len(pack.specs) < 8 or pack.device != "cpu" or pack.begun:
        return [pack]
    middle = len(pack.specs) // 2
    return [part for rows in (slice(middle), slice(middle, None)) for part in _halved(pack.part(rows), seconds)]

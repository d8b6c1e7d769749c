"""What observables cost beside the training: from the table where trials have ended, else measured on a few updates."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..results.store import Store
from .sweep import Cell, Sweep, expand

if TYPE_CHECKING:
    from .observables.observable import Observable

_COLUMNS = ["trial_id", "status", "measured", "train_seconds", "data_seconds"]
_ROUNDS, _UPDATES = 3, 5  # timed: so often an evaluation after so many updates


def measured_shares(rows: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Seconds of each observable over those of the updates alone, by label, from rows that know both."""
    updates: dict[str, float] = {}
    spent: dict[str, float] = {}
    for row in rows:
        if row["measured"] is None or row["train_seconds"] is None or row["data_seconds"] is None:
            continue
        for each in row["measured"]:
            label = each["label"]
            updates[label] = updates.get(label, 0.0) + row["train_seconds"] - row["data_seconds"]
            spent[label] = spent.get(label, 0.0) + each["seconds"]
    return {label: spent[label] / updates[label] for label in spent if updates[label] > 0}


def planned_shares(sweep: Sweep, store: Store, only: Mapping[str, str], trials: Iterable[str]) -> list[dict[str, Any]]:
    """What each observable of a sweep costs, as a share of the updates' time.

    Parameters
    ----------
    trials : those of the sweep: where some of them have ended, their seconds are taken.

    Returns
    -------
    list of dict
        ``observable``, ``share``, and ``from``: how many trials, or the cell on which it was measured now. Of several
        families and data sets one row each, at the middle of the ladder; empty where nothing is recorded.
    """
    if not any(group.observables for group in sweep.groups):
        return []
    mine = set(trials)
    ended = [row for row in store.table(_COLUMNS).to_pylist() if row["trial_id"] in mine and row["status"] == "ok"]
    known = measured_shares(ended)
    if known:
        return [{"observable": label, "share": share, "from": f"{len(ended)} trials"} for label, share in known.items()]
    ladders: dict[tuple[str, str, str], list[Cell]] = {}
    for cell in expand(sweep, only):
        if cell.settings.observables:
            key = (cell.family[0], cell.dataset[0], str(cell.settings.observables))
            ladders.setdefault(key, []).append(cell)
    return [row for cells in ladders.values() for row in _timed(cells[len(cells) // 2])]


def _timed(cell: Cell) -> Sequence[dict[str, Any]]:
    """A few updates and evaluations of a cell's networks by turns, on a processor.

    By the thread's own time, and the shortest of each: what else a busy machine does is none of their cost.
    """
    from ..results.trials import rung_label
    from . import resolve as resolving
    from .devices import CPU, torch_settings
    from .evaluation import eval_steps
    from .train import Lanes

    resolved = resolving.resolve(cell)
    how = {name: getattr(resolved, name) for name in ("batch_size", "horizon_steps", "packed")}
    seeds = cell.settings.seed_list
    together = max(2, min(len(seeds), 4)) if resolved.packed else 1
    specs = [resolving.trial(cell, seeds[i % len(seeds)], **how) for i in range(together)]
    record = resolving.observables_of(cell)
    with torch_settings(precision=specs[0].precision):
        make = Lanes(resolving.family_of_cell(cell), resolving.dataset_of_cell(cell), record, CPU)
        lane = make(specs, 1 + _ROUNDS * _UPDATES)
        lane.load()
        lane.update()  # the first one warms up
        update = math.inf
        seconds: dict[Observable, float] = {}
        for _ in range(_ROUNDS):
            for _ in range(min(_UPDATES, lane.load())):
                began = time.thread_time()
                lane.update()
                update = min(update, time.thread_time() - began)
            lane.load()
            for each, spent in lane.seconds_of_observables(time.thread_time).items():
                seconds[each] = min(seconds.get(each, math.inf), spent)
    evaluations = len(eval_steps(specs[0].eval_grid, resolved.horizon_steps, specs[0].warmup_fraction))
    where = f"{cell.family[0]} {rung_label(cell.rung)} on {cell.dataset[0]}"
    return [
        {
            "observable": each.label,
            "share": spent * -(-evaluations // each.every) / (update * resolved.horizon_steps),
            "from": where,
        }
        for each, spent in seconds.items()
    ]

"""What a sweep would train and what it would cost, from the lock where there is one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ..results.store import Store
from .executors import usable_cpus
from .hours import forecast, measured_seconds
from .lock import Lock, Resolved
from .observable_costs import planned_shares
from .sweep import Sweep, expand, request


def plan_sweep(
    sweep: Sweep, store: Store, only: Mapping[str, str], on: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """Cells, trials, FLOPs and expected minutes of a sweep. Measures what no lock holds yet, and writes nothing.

    Parameters
    ----------
    on : how many of each place, as `cards.places` reads them, for which hours are wanted, too.

    Returns
    -------
    dict
        ``n_trials``, ``n_done``, ``flops``, ``expected_minutes``, ``cores``, ``cells`` (one dict a cell), ``notes``
        (where examples will be seen again; none once a run has begun),
        ``observables`` (see `observable_costs.planned_shares`) and, where it was asked for, ``on``: what
        `hours.forecast` gives.
    """
    lock, done = Lock.load(store, sweep.name) or Lock(sweep=sweep.name, margin=sweep.margin), store.successful()
    planned = lock.plans.get(request(sweep, only))
    notes: list[str] = []
    if planned is None:
        cells = _resolved(sweep, lock, only, store.attempts(), notes)
    else:
        stored = lock.cells
        cells = [(stored[key], [stored[key].trials[str(seed)] for seed in seeds]) for key, seeds in planned.items()]
    n_trials, n_done, flops, seconds = 0, 0, 0.0, 0.0
    for cell, trials in cells:
        left = sum(trial not in done for trial in trials)
        n_trials, n_done = n_trials + len(trials), n_done + len(trials) - left
        flops += cell.flops * len(trials)
        seconds += cell.seconds * left
    cores = usable_cpus()
    return {
        "sweep": sweep.name,
        "n_trials": n_trials,
        "n_done": n_done,
        "flops": flops,
        "expected_minutes": seconds / cores / 60,
        "cores": cores,
        "cells": [_row(cell, len(trials)) for cell, trials in cells],
        "notes": notes,
        "observables": planned_shares(sweep, store, only, [trial for _, trials in cells for trial in trials]),
        **({"on": forecast(cells, on, done, measured_seconds(store))} if on else {}),
    }


def trial_ids(sweep: Sweep, store: Store) -> set[str]:
    """Trials of a sweep, as the lock of its results folder resolved them; what it has not is measured."""
    lock = Lock.load(store, sweep.name) or Lock(sweep=sweep.name, margin=sweep.margin)
    return {trial for _, trials in _resolved(sweep, lock, {}, store.attempts()) for trial in trials}


def _resolved(
    sweep: Sweep, lock: Lock, only: Mapping[str, str], trained: Collection[str], notes: list[str] | None = None
) -> list[tuple[Resolved, list[str]]]:
    """Cells with their trial ids; what no lock holds is measured, which needs torch. Notes are added to ``notes``."""
    from . import resolve as resolving
    from .pool_use import seen_again

    found, known = [], []
    for cell in expand(sweep, only):
        resolved = lock.cells.get(resolving.cell_key(cell))
        resolved = resolved or resolving.as_trained(cell, resolving.resolve(cell), trained)
        found.append((resolved, [spec.trial_id for spec in resolving.specs_of(cell, resolved)]))
        known.append((cell, resolved))
    if notes is not None:
        notes += seen_again(known)
    return found


def _row(cell: Resolved, trials: int) -> dict[str, Any]:
    return {
        "family": cell.family,
        "dataset": cell.dataset,
        "rung": cell.rung,
        "n_params": cell.n_params,
        "flops_per_example": cell.flops_per_example,
        "horizon_steps": cell.horizon_steps,
        "trials": trials,
        "packed": cell.packed,
        "seconds": round(cell.seconds * trials, 1),
    }

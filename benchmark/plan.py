"""What a sweep would train and what it would cost, from the lock where there is one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..results.store import Store
from .lock import Lock, Resolved
from .sweep import Sweep, expand


def plan_sweep(sweep: Sweep, store: Store, only: Mapping[str, str]) -> dict[str, Any]:
    """Cells, trials, FLOPs and expected minutes of a sweep. Measures what no lock holds yet, and writes nothing.

    Returns
    -------
    dict
        ``n_trials``, ``n_done``, ``flops``, ``expected_minutes``, ``cores`` and ``cells`` (one dict a cell).
    """
    from . import resolve as resolving
    from .executors import usable_cpus

    lock = Lock.load(store, sweep.name) or Lock(sweep=sweep.name, margin=sweep.margin)
    done = store.successful()
    rows, n_trials, n_done, flops, seconds = [], 0, 0, 0.0, 0.0
    for cell in expand(sweep, only):
        key = resolving.cell_key(cell)
        resolved = lock.cells.get(key) or resolving.resolve(cell)
        trials = [
            resolving.trial(cell, seed, horizon_steps=resolved.horizon_steps, packed=resolved.packed).trial_id
            for seed in cell.settings.seed_list
        ]
        left = sum(trial not in done for trial in trials)
        n_trials, n_done = n_trials + len(trials), n_done + len(trials) - left
        flops += resolved.flops * len(trials)
        seconds += resolved.seconds * left
        rows.append(_row(resolved, len(trials)))
    cores = usable_cpus()
    return {
        "sweep": sweep.name,
        "n_trials": n_trials,
        "n_done": n_done,
        "flops": flops,
        "expected_minutes": seconds / cores / 60,
        "cores": cores,
        "cells": rows,
    }


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

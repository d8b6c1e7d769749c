"""How far a sweep is, from its lock and its table alone: no torch, no Ray."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ..benchmark.lock import read_lock
from ..errors import InputError
from ..results.store import Store


def sweep_status(folder: str) -> dict[str, Any]:
    """Trials done, failed and pending, in all and by group.

    Raises
    ------
    InputError
        A folder without a lock.
    """
    store = Store(folder)
    names = store.json_names(".lock.json")
    if not names:
        raise InputError(f"{folder!r} holds no sweep (no .lock.json). `onecurve run SWEEP --out {folder}` starts one")
    table = store.table(["trial_id", "status"])
    ended = dict(zip(table["trial_id"].to_pylist(), table["status"].to_pylist(), strict=True))
    groups: dict[tuple[str, str, str], Counter[str]] = {}
    for name in names:
        lock = read_lock(store, name)
        for cell in lock.cells.values() if lock else ():
            counts = groups.setdefault((cell.family, cell.dataset, cell.recipe_label), Counter())
            counts.update(_state(ended.get(trial)) for trial in cell.trials.values())
    total = sum(groups.values(), Counter())
    rows = [
        {"family": family, "dataset": dataset, "recipe": recipe, **{k: counts[k] for k in ("ok", "failed", "pending")}}
        for (family, dataset, recipe), counts in groups.items()
    ]
    return {"n_trials": total.total(), **{k: total[k] for k in ("ok", "failed", "pending")}, "groups": rows}


def _state(status: str | None) -> str:
    if status is None:
        return "pending"
    return "ok" if status == "ok" else "failed"

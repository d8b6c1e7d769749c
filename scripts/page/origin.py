"""Where the numbers of a page come from: data, versions, and the runs that did not end well."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import InputError

if TYPE_CHECKING:
    from ...results.curves import CurveSet, LearningCurve

_MADE_WITH = {
    "protocol": "protocol",
    "onecurve_version": "Onecurve that trained them",
    "python": "Python",
    "torch": "PyTorch",
    "platform": "platform",
    "cpu_kind": "processor",
    "device": "device",
    "schema_version": "version of the table",
}


def data_hash(curves: CurveSet) -> str:
    """SHA-256 over all curves, in hex: the same for the same curves in whatever files and order they are kept."""
    return hashlib.sha256(b"".join(sorted(_digest(curve) for curve in curves))).hexdigest()


def _digest(curve: LearningCurve) -> bytes:
    names = (curve.family, curve.dataset, curve.recipe, curve.leg, curve.rung, curve.status, curve.control)
    numbers = (float(curve.size), curve.irreducible_loss, curve.quantity.observable, curve.quantity.scale)
    found = hashlib.sha256(repr((*names, *numbers, curve.seed)).encode())
    for values in (curve.x, curve.loss, *([] if curve.lr is None else [curve.lr])):
        found.update(np.ascontiguousarray(values, dtype="<f8").tobytes())
    return found.digest()


def own_rows(paths: Sequence[str]) -> list[dict[str, Any]]:
    """What our own tables say of each trial beside its curve; nothing for tables of others."""
    from ...results.reading import read_tables

    columns = ["trial_id", "status", "last_step", "reason", "started_utc", *_MADE_WITH]
    try:
        return read_tables(paths, columns)[0]
    except InputError:
        return []


def made_with(rows: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    """What trained the curves: each name with all its values, in words; what no row has is left out."""
    found = []
    for column, name in _MADE_WITH.items():
        values = sorted({str(row[column]) for row in rows if row[column] not in (None, "")})
        if values:
            found.append((name, ", ".join(values)))
    started = sorted(row["started_utc"] for row in rows if row["started_utc"])
    if started:
        found.append(("trained", f"{_day(started[0])} to {_day(started[-1])} (UTC)"))
    return found


def _day(stamp: str) -> str:
    return stamp[:16].replace("T", " ")


def unfinished(curves: Iterable[LearningCurve], rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Runs that did not end well or did not reach their end, each with its reason where there is one."""
    known = {row["trial_id"]: row for row in rows}
    return [
        {
            "family": curve.family,
            "dataset": curve.dataset,
            "setting": curve.recipe,
            "model_size": curve.rung or None,
            "parameters": float(curve.size),
            "seed": str(curve.seed),
            "status": curve.status,
            "last_x": float(curve.x[-1]) if len(curve.x) else None,
            "last_step": known.get(curve.trial_id, {}).get("last_step"),
            "reason": known.get(curve.trial_id, {}).get("reason") or None,
            "trial_id": curve.trial_id or None,
        }
        for curve in sorted(curves, key=lambda one: (one.family, one.dataset, one.size, str(one.seed)))
        if not curve.complete
    ]

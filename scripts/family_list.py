"""What `onecurve list families` says: ladders, sizes, kinds of data and checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def family_rows() -> list[dict[str, Any]]:
    """Families with their ladders, sizes, kinds of data and checks. Sizes are read from a shipped file."""
    from ..architectures.family import FAMILIES
    from ..datasets.dataset import DATASETS
    from ..results.trials import rung_label
    from .publish.list_sizes import read_sizes

    tasks = {name: DATASETS.make(name).task for name in DATASETS.names()}
    sizes = read_sizes()
    rows = []
    for name in FAMILIES.names():
        family, known = FAMILIES.make(name), sizes.get(name, {})
        fits = [dataset for dataset, task in tasks.items() if family.misfit(task) is None]
        rows.append(
            {
                "family": name,
                "library": family.library,
                "rungs": len(family.ladder),
                "ladder": f"{rung_label(family.ladder[0])} to {rung_label(family.ladder[-1])}",
                "n_params": known.get("n_params"),
                "params_per_doubling": known.get("params_per_doubling"),
                "flops": known.get("flops"),
                "kinds": sorted({tasks[dataset].kind for dataset in fits}),
                "packable": family.packable,
                "coordinate_check": known.get("coordinate_check"),
                "fits": fits,
            }
        )
    return rows


def in_short(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of `family_rows` for a terminal: ranges in few characters, and no list of data sets."""
    short = []
    for row in rows:
        ranges = {key: " to ".join(map(_short, row[key])) if row[key] else None for key in ("n_params", "flops")}
        words = {**ranges, "coordinate_check": _check(row["coordinate_check"])}
        short.append({key: value for key, value in {**row, **words}.items() if key != "fits"})
    return short


def _check(check: Mapping[str, Any] | None) -> str | None:
    """A coordinate check in a cell: its status with the slope, and that of the control, which must not be 0."""
    if check is None or check["slope"] is None:
        return None
    return f"{check['status']} {check['slope']:+.2f} ({check['standard']:+.2f})"


def _short(value: float) -> str:
    for scale, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= scale:
            return f"{value / scale:.3g}{letter}"
    return f"{value:g}"

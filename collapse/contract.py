"""What leaves the analysis: plain JSON for machines, rows for tables. A missing number is null, never NaN.

JSON is one walk over the fields of results (`sentences.as_json`); what a field's metadata says of it is in `composing`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .outcome import Analysis
from .sentences.as_json import worded

SCHEMA_VERSION = 3
_SAME = (
    *("family", "dataset", "recipe", "recipe_label", "leg", "control"),
    *("n_rungs", "n_seeds", "n_censored", "x_min", "x_max", "overlap"),
    *("p_exact", "p_trend", "p_shape", "deviation", "lower_bound", "upper_bound", "margin"),
    "reference_bound",
    *("single", "noise_from", "noise_floor", "noise_bound", "unrelated_deviation"),
    *("verdict", "conditional", "evidence", "reason", "sentence", "rescaling"),
)
#: Columns of `to_table`, and the way to each through a group's JSON.
COLUMNS = {
    **{name: name for name in _SAME},
    "L0": "irreducible_loss.value",
    "L0_source": "irreducible_loss.source",
    "resolution": "resolution.horizon_exponent_plus_20_percent",
    "warnings": "warnings",
    "observable": "observable",
    "scale": "scale",
}


def to_json(analysis: Analysis) -> dict[str, Any]:
    """An analysis as plain types, ready for `json.dumps(..., allow_nan=False)`.

    Lengths of x are fractions of the horizon, deviations are in ln l (.03 is 3 %).
    """
    return {"schema_version": SCHEMA_VERSION, **plain(worded(analysis, analysis.quantity))}


def to_table(analysis: Analysis) -> list[dict[str, Any]]:
    """One row a group, for CSV or Parquet; every row has the same columns."""
    found = to_json(analysis)
    of = {name: found[name] for name in ("observable", "scale")}
    return [{column: _at(group | of, path) for column, path in COLUMNS.items()} for group in found["groups"]]


def _at(found: Any, path: str) -> Any:
    for name in path.split("."):
        found = found.get(name)
    return "; ".join(found) if isinstance(found, list) else found


def plain(value: Any) -> Any:
    """Numpy scalars and arrays as Python's own; what is not finite as None."""
    if isinstance(value, dict):
        return {key: plain(member) for key, member in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(member) for member in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value

"""What leaves the analysis: plain JSON for machines, rows for tables. A missing number is null, never NaN."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from .outcome import AcrossFamilies, Analysis, FamilyDeviation, GroupResult
from .sentences.as_json import worded

SCHEMA_VERSION = 1


def to_json(analysis: Analysis) -> dict[str, Any]:
    """An analysis as plain types, ready for `json.dumps(..., allow_nan=False)`.

    Lengths of x are fractions of the horizon, deviations are in ln l (.03 is 3 %).
    """
    return plain(
        {
            "schema_version": SCHEMA_VERSION,
            "observable": analysis.quantity.observable,
            "scale": analysis.quantity.scale,
            "groups": [_group(result) for result in analysis.groups],
            "across_families": [_across(result) for result in analysis.across_families],
            "warnings": list(analysis.warnings),
            "notes": list(analysis.notes),
        }
    )


def to_table(analysis: Analysis) -> list[dict[str, Any]]:
    """One row a group, for CSV or Parquet; every row has the same columns."""
    of = {"observable": analysis.quantity.observable, "scale": analysis.quantity.scale}
    return [plain(_row(result) | of) for result in analysis.groups]


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


_KEY = ("family", "dataset", "recipe", "recipe_label", "leg", "control")
_DESIGN = ("n_rungs", "n_seeds", "n_censored", "x_min", "x_max", "overlap")
_NUMBERS = ("p_exact", "p_trend", "p_shape", "deviation", "lower_bound", "upper_bound", "margin")
_CONTEXT = (
    "single",
    "noise_from",
    "noise_floor",
    "noise_bound",
    "unrelated_deviation",
    "verdict",
    "evidence",
    "reason",
    "sentence",
)


def _group(result: GroupResult) -> dict[str, Any]:
    return {
        **{name: getattr(result, name) for name in (*_KEY, *_DESIGN, *_NUMBERS, *_CONTEXT)},
        "rescaling": result.rescaled.scale if result.rescaled else None,
        "irreducible_loss": dataclasses.asdict(result.irreducible_loss),
        "bands": [dataclasses.asdict(band) for band in result.bands],
        "resolution": dict(result.resolution),
        "form": dataclasses.asdict(result.form) if result.form else None,
        "warnings": list(result.warnings),
    }


def _row(result: GroupResult) -> dict[str, Any]:
    return {
        **{name: getattr(result, name) for name in (*_KEY, *_DESIGN, *_NUMBERS, *_CONTEXT)},
        "rescaling": result.rescaled.scale if result.rescaled else None,
        "L0": result.irreducible_loss.value,
        "L0_source": result.irreducible_loss.source,
        "resolution": result.resolution.get("horizon_exponent_plus_20_percent"),
        "warnings": "; ".join(result.warnings),
    }


def _across(result: AcrossFamilies) -> dict[str, Any]:
    return {
        "dataset": result.dataset,
        "leg": result.leg,
        "rescaling": result.scale,
        "smallest_model": result.smallest_model,
        "per_family": [_family(row) for row in result.per_family],
    }


def _family(row: FamilyDeviation) -> dict[str, Any]:
    return worded(row)

"""Tables of a report, one row a finding, from the JSON of the analysis: what the page shows and what it gives away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Row = dict[str, Any]
_WHOSE = ("family", "dataset", "setting", "setting_label", "schedule", "control")


def tables_of(found: Mapping[str, Any]) -> dict[str, list[Row]]:
    """Tables by name, without those that have no row.

    Parameters
    ----------
    found : an inquiry's JSON (`inquiry_json`).
    """
    made = {
        "families": list(_families(found)),
        "pairs-of-families": list(_pairs(found)),
        "onsets": list(_onsets(found)),
        "sub-ladders": list(_sub_ladders(found)),
        "irreducible-losses": list(_floors(found)),
        "rescalings": list(_rescalings(found)),
    }
    return {name: rows for name, rows in made.items() if rows}


def _families(found: Mapping[str, Any]) -> Iterator[Row]:
    names = ("family", "name", "setting", "deviation", "low", "high", "verdict", "reason")
    for across in found["across_families"]:
        classes = {name: place for place, one in enumerate(across["classes"], 1) for name in one}
        for row in across["per_family"]:
            first, last = row["where"] or (None, None)
            yield {
                **{name: across[name] for name in ("dataset", "schedule", "rescaling")},
                **{name: row[name] for name in names},
                "class": classes.get(row["name"]),
                "from_x": first,
                "to_x": last,
            }


def _pairs(found: Mapping[str, Any]) -> Iterator[Row]:
    for across in found["across_families"]:
        for pair in across["pairs"]:
            yield {
                "dataset": across["dataset"],
                "schedule": across["schedule"],
                "rescaling": across["rescaling"],
                **pair,
            }


def _onsets(found: Mapping[str, Any]) -> Iterator[Row]:
    names = ("size", "model_size", "low", "high", "at_or_below_smallest", "margin", "status", "sentence")
    for group in found["groups"]:
        onset = (group["onset"] or {}).get("onset")
        if onset:
            yield {**_whose(group), **{name: onset[name] for name in names}}


def _sub_ladders(found: Mapping[str, Any]) -> Iterator[Row]:
    names = ("model_size", "size", "n_sizes", "deviation", "lower_bound", "upper_bound", "p_exact", "within_margin")
    for group in found["groups"]:
        for row in ((group["onset"] or {}).get("onset") or {}).get("sub_ladders") or ():
            yield {**_whose(group), **{name: row[name] for name in names}}


def _floors(found: Mapping[str, Any]) -> Iterator[Row]:
    for group in found["groups"]:
        balance = (group["laws"] or {}).get("balance")
        if balance:
            end = balance["end_point"] or {}
            yield {
                **_whose(group),
                "implied_by_collapse": balance["floor"],
                "low": balance["low"],
                "high": balance["high"],
                "of_last_losses": end.get("floor"),
                "conclusion": balance["conclusion"],
                "status": balance["status"],
            }


def _rescalings(found: Mapping[str, Any]) -> Iterator[Row]:
    names = ("name", "n_parameters", "error", "score", "behind", "behind_se", "says", "status")
    for group in found["groups"]:
        for row in ((group["laws"] or {}).get("rescalings") or {}).get("rescalings") or ():
            yield {**_whose(group), **{name: row[name] for name in names}}


def _whose(group: Mapping[str, Any]) -> Row:
    return {name: group[name] for name in _WHOSE}

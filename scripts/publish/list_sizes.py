"""Fill `results/reference/families.json`: ``python -m onecurve.scripts.publish.list_sizes --checks CHECKS``.

`onecurve list families` reads the file, so that listing builds no network. Checks are those of `zoo_table`; without
``--checks`` the ones in the file are kept.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

SIZES = resources.files("onecurve.results.reference").joinpath("families.json")
_TASKS = ("fourier", "glyphs", "pysource", "power-law-regression")  # where a family is measured: the first that it fits


def read_sizes() -> dict[str, dict[str, Any]]:
    """What is known of each family by name; empty where nothing was shipped."""
    return json.loads(SIZES.read_text()) if SIZES.is_file() else {}


def sizes_of(name: str) -> dict[str, Any]:
    """Parameters and training FLOPs an example of a family's smallest and largest rung, on the first task it fits.

    ``params_per_doubling`` is the factor of the parameters for each doubling of the ladder's first knob.
    """
    from ...architectures.family import FAMILIES
    from ...architectures.flops import count
    from ...datasets.dataset import DATASETS

    family = FAMILIES.make(name)
    for dataset in _TASKS:
        task = DATASETS.make(dataset).task
        if family.misfit(task) is not None:
            continue
        rungs = family.ladder[0], family.ladder[-1]
        low, high = (count(family, rung, task) for rung in rungs)
        knob = next(iter(rungs[0]))
        doublings = math.log2(rungs[1][knob] / rungs[0][knob])
        growth = (high.n_params / low.n_params) ** (1 / doublings) if doublings else None
        return {
            "measured_on": str(task),
            "n_params": [low.n_params, high.n_params],
            "flops": [low.training, high.training],
            "params_per_doubling": None if growth is None else round(growth, 2),
        }
    return {}


def check_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """What is listed of a family's coordinate check, from its row of `zoo_table`.

    ``status`` is that of its worst layer, and ``unclear`` where the control is not seen to fail; ``slope`` and
    ``standard`` are the mean slopes of the hidden layers under both parametrisations, None where nothing is checked.
    """
    if row["reason"] is not None:
        return {"status": None, "reason": row["reason"], "slope": None, "standard": None}
    mine, control = row["coordinates"]["mup"], row["coordinates"]["standard"]
    found = {layer["slope"]["status"] for layer in mine["layers"]} - {"none"}
    status = "fail" if "fail" in found else "pass" if found == {"pass"} and row["control_seen"] else "unclear"
    slopes = {"slope": mine["hidden"]["value"], "standard": control["hidden"]["value"]}
    return {"status": status, "reason": None} | {k: None if v is None else round(v, 3) for k, v in slopes.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every family of the catalogue, take over the checks and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checks", help="checks.json of `zoo_table`")
    given = parser.parse_args(arguments)
    from ...architectures.family import FAMILIES

    rows = json.loads(Path(given.checks).read_text())["families"] if given.checks else []
    checks = {row["family"]: {"coordinate_check": check_of(row)} for row in rows}
    known = read_sizes()
    found = {name: known.get(name, {}) | sizes_of(name) | checks.get(name, {}) for name in FAMILIES.names()}
    Path(str(SIZES)).write_text(json.dumps(found, indent=1) + "\n")
    print(f"wrote {SIZES}: {len(found)} families")


if __name__ == "__main__":
    main()

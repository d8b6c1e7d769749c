"""Fill `results/reference/families.json` with sizes: ``python -m onecurve.scripts.list_sizes``.

`onecurve list families` reads the file, so that listing builds no network. Other keys of a family, such as its
``coordinate_check``, are kept.
"""

from __future__ import annotations

import json
import math
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
    from ..architectures.family import FAMILIES
    from ..architectures.flops import count
    from ..datasets.dataset import DATASETS

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


def main() -> None:
    """Measure every family of the catalogue and write the file."""
    from ..architectures.family import FAMILIES

    known = read_sizes()
    found = {name: known.get(name, {}) | sizes_of(name) for name in FAMILIES.names()}
    Path(str(SIZES)).write_text(json.dumps(found, indent=1) + "\n")
    print(f"wrote {SIZES}: {len(found)} families")


if __name__ == "__main__":
    main()

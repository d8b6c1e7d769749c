"""A report of curves whose names are markup, paths and quotes."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

FAMILIES = {"<img src=x onerror=alert(1)>": 0.5, "../..\\a\"b'&c": 0.7, "</script><b>": 0.5}
DATASETS = ("<i>set</i>", "plain $x$")


def write_curves(path: Path) -> Path:
    """Ladders of four sizes and three seeds; one run of each ladder of the first data set diverges."""
    rng = np.random.default_rng(0)
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["family", "dataset", "size", "seed", "x", "loss", "irreducible_loss", "status"])
        for family, mu in FAMILIES.items():
            for dataset in DATASETS:
                for size in (1000, 2000, 4000, 8000):
                    for seed in range(3):
                        early = (size, seed, dataset) == (2000, 1, DATASETS[0])
                        level = size**-0.3 * np.exp(0.02 * rng.standard_normal())
                        for x in np.geomspace(0.05, 1, 25):
                            if x > 0.4 and early:
                                break
                            loss = 0.1 + level * x**-mu * np.exp(0.01 * rng.standard_normal())
                            table.writerow([family, dataset, size, seed, x, loss, 0.1, "diverged" if early else "ok"])
    return path


def write_report(folder: Path) -> tuple[Path, dict[str, Any]]:
    """The page, and the JSON of the same analysis."""
    from onecurve.collapse.inquiry_contract import inquiry_json
    from onecurve.results.layout import Layout
    from onecurve.scripts.asked_curves import asked
    from onecurve.scripts.page.page import page_of

    path = write_curves(folder / "curves.csv")
    found = asked([str(path)], ["across", "onset", "laws"], layout=Layout())
    page = folder / "report.html"
    page.write_text(page_of([found], [str(path)], "onecurve report '<curves>.csv'"))
    return page, inquiry_json(found[1])

"""A report of curves whose names are markup, paths and quotes."""

from __future__ import annotations

import csv
import json
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


#: Families and what a claim finds of each: value, half an interval, p of "within the margin", p of "beyond it".
FOUND = {
    "<img src=x onerror=alert(1)>": (0.52, 0.02, 0.8, 1e-4),
    "../..\\a\"b'&c": (0.9, 0.05, 1e-5, 0.9),
    "far": (40.0, 1.0, 1e-6, 0.9),
    "unsure": (0.6, 0.5, 0.4, 0.4),
    "none": None,
}


def write_claims(folder: Path) -> Path:
    """A folder of two claims: one that judged five families, and one that does not hold where it is true."""
    from onecurve.collapse.claims.estimators.estimator import Estimated
    from onecurve.collapse.claims.judging import Finding, Judged, Trusted
    from onecurve.collapse.claims.record import FILE, Record

    def finding(claim, family, found, reason=""):
        about = {"claim": claim, "family": family, "dataset": DATASETS[0], "predicted": 0.5, "margin": 0.1}
        if found is None:
            return Finding(**about, reason="no seed <b>ended</b> well")
        value, half, differs, agrees = found
        one = Estimated(
            value=value, low=value - half, high=value + half, p_differs=differs, p_agrees=agrees, facts={"seeds": 3.0}
        )
        return Finding(**about, estimate=one, reason=reason)

    for name, passed in (("half-power", True), ("never", False)):
        truth = Judged(finding=finding(name, "truth", (0.5, 0.01, 0.9, 1e-3)), verdict="holds" if passed else "fails")
        counter = Judged(finding=finding(name, "truth", (1.0, 0.01, 1e-3, 0.9)), verdict="fails")
        said = {"name": name, "statement": "It grows <i>like</i> a root.", "citation": "A & B 2025",
                "evidence": "limit",
                "observable": "loss", "predicts": 0.5, "margin": 0.1, "fails_if": "it does not", "digest": "d" * 64,
                "regime": "small rates"}  # fmt: skip
        record = Record(
            claim=said, stated_digest=("d" if passed else "e") * 64, stated_on="2026-11-01T00:00:00", trusted=Trusted(
                truth=truth, counter=counter, seconds=0.1), judged_on="2026-11-02T00:00:00",
            findings=[finding(name, family, found) for family, found in FOUND.items()] if passed else [],
        )  # fmt: skip
        (folder / name).mkdir(parents=True)
        (folder / name / FILE).write_text(json.dumps(record.to_dict()))
    return folder

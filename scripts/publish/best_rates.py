"""Does every family learn, and does size help? ``python -m onecurve.scripts.publish.best_rates`` prints a table.

Each family trains at its smallest and its largest rung with three peak rates, one pass, on one data set that it fits:
letters for images, source code for tokens, a power-law spectrum for vectors. What counts is the best of the three.
Beside it stands a linear model of the same inputs: for letters one that is trained alike, for tokens the frequencies of
pairs in as much text; `linear` is one itself. Resumes in ``--out``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import torch

from ...architectures.family import FAMILIES
from ...benchmark.sweep import Sweep
from ...datasets.dataset import DATASETS, Dataset
from ...results.store import Store

RATES = (0.003, 0.01, 0.03)
BATCH = 16
HOMES: tuple[tuple[dict[str, Any], int], ...] = (  # data set and updates, the first that fits
    ({"name": "glyphs", "classes": 10, "test_size": 200}, 300),
    ({"name": "pysource", "test_size": 100}, 300),
    ({"name": "power-law-regression"}, 2000),
)
LINEAR = "deeplinear"  # any number of linear layers is a linear model
_PRIOR = 0.1  # of a count, for each pair of tokens


def home(name: str) -> tuple[dict[str, Any], int]:
    """The data set on which a family is tried, and for how many updates."""
    family = FAMILIES.make(name)
    for data, steps in HOMES:
        if family.misfit(_made(data).task) is None:
            return data, steps
    raise LookupError(name)


def _made(data: dict[str, Any]) -> Dataset:
    return DATASETS.make(data["name"], {key: value for key, value in data.items() if key != "name"})


def pairs_loss(dataset: Dataset, steps: int) -> float:
    """Test loss of the best guess from the current token alone, which is linear in it, after ``steps`` batches."""
    task = dataset.task
    assert task.vocabulary is not None
    counts = torch.full((task.vocabulary * task.outputs,), _PRIOR, dtype=torch.float64)
    stream = dataset.stream(0)
    for step in range(steps):
        inputs, targets = stream.batch(step, BATCH)
        counts += torch.bincount((inputs * task.outputs + targets).flatten(), minlength=len(counts))
    table = counts.view(task.vocabulary, task.outputs)
    chances = table / table.sum(1, keepdim=True)
    test = dataset.test_set()
    return -chances[test.inputs, test.targets].log().mean().item()


def sweep(names: list[str], seeds: int, updates: int | None = None) -> Sweep:
    """All trials as one sweep, each family for as many updates as its home has, or as are given."""
    return Sweep.model_validate({"name": "best-rates", "groups": list(_groups(names, seeds, updates))})


def _groups(names: list[str], seeds: int, updates: int | None) -> Iterator[dict[str, Any]]:
    for name in names:
        data, steps = home(name)
        ladder = FAMILIES.make(name).ladder
        plain = {"optimizer": "sgd", "parametrization": "standard"} if name == "linear" else {}
        for rate in RATES:
            yield {
                "families": [name],
                "datasets": [data],
                "rungs": [dict(ladder[0]), dict(ladder[-1])],
                "seeds": seeds,
                "peak_lr": rate,
                "batch_size": BATCH,
                "horizon": {"rule": "steps", "steps": updates or steps},
                **plain,
            }


def table(store: Store, updates: int | None = None) -> list[str]:
    """Rows of Markdown: family, data set, best loss of the smallest and the largest rung, the linear model's."""
    rows = store.table(["family", "dataset", "n_params", "peak_lr", "seed", "status", "test_loss"]).to_pylist()
    linear = _ends([row for row in rows if row["family"] == LINEAR])
    bars = {"glyphs": min((end[0] for end in linear if end), default=None)}
    bars |= {
        data["name"]: pairs_loss(_made(data), updates or usual) for data, usual in HOMES if _made(data).task.vocabulary
    }
    lines = ["| family | data set | smallest: best loss (rate) | largest | a linear model | in order |"]
    lines.append("|---|---|---|---|---|---|")
    for name in sorted({row["family"] for row in rows}):
        mine = [row for row in rows if row["family"] == name]
        small, large = _ends(mine)
        bar = bars.get(mine[0]["dataset"]) if name != LINEAR else None
        good = bool(small and large and large[0] < small[0] and (bar is None or large[0] < bar))
        cells = [name, mine[0]["dataset"], _said(small), _said(large), "-" if bar is None else f"{bar:.3f}"]
        lines.append(f"| {' | '.join(cells)} | {'yes' if good else 'no'} |")
    return lines


def _ends(rows: list[dict[str, Any]]) -> list[tuple[float, float] | None]:
    """The best of the smallest and of the largest size."""
    sizes = sorted({row["n_params"] for row in rows})
    return [_best([row for row in rows if row["n_params"] == size]) for size in (*sizes[:1], *sizes[-1:])]


def _best(rows: list[dict[str, Any]]) -> tuple[float, float] | None:
    """Smallest mean final loss over the rates, and that rate; a rate at which a seed did not end well is left out."""
    found = []
    for rate in sorted({row["peak_lr"] for row in rows}):
        at = [row for row in rows if row["peak_lr"] == rate]
        if all(row["status"] == "ok" for row in at):
            found.append((sum(row["test_loss"][-1] for row in at) / len(at), rate))
    return min(found, default=None)


def _said(best: tuple[float, float] | None) -> str:
    return "none ended well" if best is None else f"{best[0]:.3f} ({best[1]:g})"


def main() -> None:
    """Train what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="FAMILY", help="families; by default all")
    parser.add_argument("--out", default="runs/best-rates")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--updates", type=int, help="more for families that start slowly; name them, and another --out")
    given = parser.parse_args()
    from ..progress import follow, workers

    with workers("local") as executor:
        follow(sweep(given.names or FAMILIES.names(), given.seeds, given.updates), Store(given.out), executor)
    print("\n".join(table(Store(given.out), given.updates)))


if __name__ == "__main__":
    main()

"""Train small networks on each data set with a known floor, and hold their losses against it.

    python -m onecurve.scripts.bench.floors_reached

Prints a row a data set: the floor on the test set and over the population with the z between them, the smallest excess
loss that any network had at any time, what sampling the test set leaves of it, and the mean excess at the end of each
rung. Minutes on one core.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from ...benchmark.lane import TrainedTrial
from ...benchmark.resolve import trial
from ...benchmark.sweep import Sweep, expand
from ...benchmark.train import train
from ...datasets.dataset import DATASETS, Dataset
from ...datasets.floor import KnownFloor

SEEDS = 2
WAVES = {"inputs": 2, "modes": 512, "pool": 200_000}
VECTORS = {"families": ["mlp"], "rungs": [24, 96], "peak_lr": 0.01, "batch_size": 128}
TEXT = {"families": ["decoder"], "rungs": [16, 36], "peak_lr": 0.01, "batch_size": 32}
LINEAR = {
    "families": ["linear"],
    "rungs": [16, 64],
    "peak_lr": 0.1,
    "batch_size": 128,
    "optimizer": "sgd",
    "parametrization": "standard",
}
RUNS: list[tuple[dict[str, Any], dict[str, Any], int]] = [
    (LINEAR, {"name": "power-law-regression"}, 1000),
    (VECTORS, {"name": "fourier", **WAVES}, 1200),
    (VECTORS, {"name": "noisy-fourier", **WAVES}, 1200),
    *[(VECTORS, {"name": "manifold-teacher", "dimension": d, "pool": 200_000}, 1200) for d in (2, 8)],
    (VECTORS, {"name": "noisy-teacher"}, 1200),
    (VECTORS, {"name": "gaussian-mixture"}, 1200),
    (TEXT, {"name": "markov-text", "order": 1}, 300),
    (TEXT, {"name": "markov-text"}, 500),
    (TEXT, {"name": "hidden-markov-text"}, 300),
    (VECTORS, {"name": "random-hierarchy", "levels": 2, "test_size": 512}, 1200),
    (VECTORS, {"name": "sparse-parity"}, 600),
    (VECTORS, {"name": "modular-addition"}, 600),
]


def trained(group: dict[str, Any], dataset: dict[str, Any], steps: int) -> list[list[TrainedTrial]]:
    """The trials of each rung."""
    horizon = {"rule": "steps", "steps": steps}
    sweep = Sweep.model_validate({"name": "floors", "groups": [{**group, "datasets": [dataset], "horizon": horizon}]})
    return [
        train([trial(cell, s, batch_size=group["batch_size"], horizon_steps=steps, packed=True) for s in range(SEEDS)])
        for cell in expand(sweep)
    ]


def row(dataset: Dataset, rungs: list[list[TrainedTrial]], seconds: float) -> str:
    """One line of the table."""
    assert isinstance(dataset, KnownFloor)
    floor = dataset.floor()
    least, error = min(
        (min(each.test_loss) - floor.test, each.test_loss_se) for trials in rungs for each in trials if each.test_loss
    )
    ends = [sum(each.test_loss[-1] - floor.test for each in trials) / len(trials) for trials in rungs]
    shown = ", ".join(f"{end:.3g}" for end in ends)
    z = "-" if floor.z is None else f"{floor.z:.1f}"
    population = f"{floor.population:.4f}" + (f" +- {floor.population_se:.4f}" if floor.population_se else "")
    return f"| {floor.test:.4f} | {population} | {z} | {least:.3g} ({error:.2g}) | {shown} | {seconds:.0f} |"


def main() -> None:
    """Print the table, a row as soon as it is there."""
    chosen = set(sys.argv[1:])
    print("| data set | floor on test | population | z | least excess (se) | excess at the end, by rung | CPU s |")
    print("|---|---|---|---|---|---|---|")
    for group, given, steps in RUNS:
        if chosen and given["name"] not in chosen:
            continue
        began = time.process_time()
        rungs = trained(group, given, steps)
        dataset = DATASETS.make(given["name"], {k: v for k, v in given.items() if k != "name"})
        parameters = ", ".join(f"{k} {v}" for k, v in given.items() if k != "name")
        name = f"| {given['name']}{f' ({parameters})' if parameters else ''} "
        print(name + row(dataset, rungs, time.process_time() - began), flush=True)


if __name__ == "__main__":
    main()

"""How much faster do many seeds train as one batched model? ``python -m onecurve.scripts.bench.packing_gain``.

Prints a Markdown table, of all families or of those that are named: processor time of one update (forward, backward,
Adam) a network, at the smallest and the largest rung, of 32 seeds packed and of the same 32 one after the other, on one
thread; the median of five rounds that take turns. Above 1 packing pays. A family that does not pack has the time of its
loop.
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...architectures.family import FAMILIES, Family, Rung
from ...architectures.flops import count
from ...architectures.parametrization import initialise
from ...benchmark.checks.tasks import fitting, home, images
from ...benchmark.optimisers.optimiser import optimiser_from
from ...benchmark.replicas import Replicas, Single, Stacked, random_batch
from ...benchmark.update import Repeated, Update, update_of
from ...errors import InputError
from ...results.trials import rung_label
from ...task import Task

SEEDS, BATCH, ROUNDS = 32, 32, 5
_ALONE = 4  # networks of a family that does not pack: enough for the time of a loop
_RATE, _UPDATES = 1e-3, 1000  # more than are made


@dataclass(frozen=True)
class Speed:
    """Processor seconds of one update of one network; ``packed`` is None for a family that does not pack."""

    looped: float
    packed: float | None


def measure(
    family: Family, rung: Rung, task: Task, *, seeds: int = SEEDS, batch: int = BATCH, rounds: int = ROUNDS
) -> Speed:
    """Time a rung. A first round, not counted, warms up; threads are the caller's."""
    nets = [initialise(family, rung, task, seed=s, parametrization="mup", optimizer="adam") for s in range(seeds)]
    loop = [_updater(family, rung, Single(net, task), batch) for net in nets]
    pack = [_updater(family, rung, Stacked(nets, task), batch)] if family.packable else []
    times: list[tuple[float, float]] = []
    for _ in range(rounds + 1):
        times.append((_seconds(loop) / seeds, _seconds(pack) / seeds))
    looped, packed = (statistics.median(each) for each in zip(*times[1:], strict=True))
    return Speed(looped, packed if family.packable else None)


def _updater(family: Family, rung: Rung, replicas: Replicas, batch: int) -> Update:
    inputs, targets = (_for_each(value, replicas.count) for value in random_batch(replicas.task, batch))
    return update_of(
        family,
        rung,
        replicas,
        Repeated(inputs, targets),
        optimiser=optimiser_from("adam"),
        rates=np.full((_UPDATES, replicas.count), _RATE),
        parametrization="mup",
    )


def _for_each(value: Tensor, n: int) -> Tensor:
    return value.expand(n, *value.shape).contiguous()


def _seconds(updates: Sequence[Callable[[], None]]) -> float:
    start = time.process_time()
    for update in updates:
        update()
    return time.process_time() - start


def task_of(family: Family) -> Task:
    """Images of 16 x 16 pixels where the family's cheapest task is an image, else that task."""
    task = home(family)
    return images(1, 16) if task.kind == "image" and images(1, 16) in fitting(family) else task


def row(name: str, family: Family, rung: Rung, task: Task, speed: Speed) -> str:
    """One line of the table."""
    looped = f"{1e3 * speed.looped:.2f}"
    packed = "-" if speed.packed is None else f"{1e3 * speed.packed:.2f}"
    gain = "does not pack" if speed.packed is None else f"{speed.looped / speed.packed:.1f}"
    parameters = f"{count(family, rung, task).n_params:,}"
    return (
        f"| {name} | {str(task).split(' ->')[0]} | {rung_label(rung)} | {parameters} | {looped} | {packed} | {gain} |"
    )


def lines(names: Sequence[str]) -> Iterator[str]:
    """The report, line by line as it is measured."""
    yield (
        f"{SEEDS} seeds, batch {BATCH}, one thread; {platform.machine()}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f} at the start, Python {platform.python_version()}, torch {torch.__version__}"
    )
    yield ""
    yield "| family | input | rung | parameters | looped, ms | packed, ms | times faster |"
    yield "|---|---|---|---|---|---|---|"
    for name in names:
        family = FAMILIES.make(name)
        task = task_of(family)
        for rung in (family.ladder[0], family.ladder[-1]):
            speed = measure(family, rung, task, seeds=SEEDS if family.packable else _ALONE)
            yield row(name, family, rung, task, speed)


if __name__ == "__main__":
    torch.set_num_threads(1)
    try:
        for line in lines(sys.argv[1:] or FAMILIES.names()):
            print(line, flush=True)
    except InputError as error:
        sys.exit(str(error))

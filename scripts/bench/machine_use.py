"""How much of the machine does training use? ``python -m onecurve.scripts.bench.machine_use [FAMILY ...]``.

Prints a Markdown table: each family at its middle rung, on a data set that it fits, packed where a sweep would pack it.
The share of the rate at which this machine multiplies square float32 matrices is the counted FLOPs of an update, over
its time, over that rate. Then where an update's time goes; how much of it is inside matrix products and convolutions
(by torch's profiler, which slows all of it); and what evaluations cost beside training with the horizon of
`best_rates`. One thread, processor time.
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ...architectures.family import FAMILIES
from ...architectures.flops import count
from ...architectures.parametrization import initialise
from ...benchmark.devices import torch_settings
from ...benchmark.evaluation import EVAL_GRID, Recorder, eval_steps
from ...benchmark.optimisers.optimiser import optimiser_from
from ...benchmark.replicas import Single, Stacked, packing_gain
from ...benchmark.update import FromFeed, Update, update_of
from ...datasets.dataset import DATASETS
from ...datasets.feed import Feed
from ...errors import InputError
from ...results.trials import rung_label
from ..publish.best_rates import home

SEEDS, BATCH, SIZE = 16, 32, 1024
_SECONDS = 1.0  # of updates that are timed for a family
_GAIN = 1.1  # from which a sweep packs
_RATE, _UPDATES = 1e-3, 100_000  # more than are made
_PARTS = ("data", "forward", "backward", "optimizer")
_PRODUCTS = ("mm", "addmm", "bmm", "baddbmm", "convolution", "conv2d", "lstm", "flash_attention", "dot", "mv")


@dataclass(frozen=True)
class TimedUpdates:
    """One family's updates.

    Attributes
    ----------
    flops : of an update of all seeds.
    seconds : of each part of an update.
    products : share of forward, backward and optimizer inside matrix products and convolutions.
    operations : torch operations of an update.
    evaluation : seconds of one evaluation.
    evaluations, steps : of a trial.
    """

    rung: str
    dataset: str
    seeds: int
    flops: float
    seconds: dict[str, float]
    products: float
    operations: int
    evaluation: float
    evaluations: int
    steps: int

    @property
    def update(self) -> float:
        """Seconds of an update."""
        return sum(self.seconds.values())


class _Updates:
    """The trainer's update, each part callable on its own."""

    def __init__(self, update: Update) -> None:
        self.update = update

    def data(self) -> None:
        """Take the next batches."""
        self._inputs, self._targets = self.update.batch()

    def forward(self) -> None:
        """Losses."""
        self._loss = self.update.replicas.losses(self._inputs, self._targets).sum()

    def backward(self) -> None:
        """Gradients."""
        self._loss.backward()

    def optimizer(self) -> None:
        """A step of Adam."""
        self.update.step()
        self.update.clear()
        self.update.clock.tick()


def product_rate(size: int = SIZE, rounds: int = 7) -> float:
    """FLOPs a second of a product of two square float32 matrices: the best of some rounds, on the caller's threads."""
    left, right = torch.randn((2, size, size), generator=torch.Generator().manual_seed(0))
    return 2 * size**3 / min(_seconds(lambda: torch.mm(left, right)) for _ in range(rounds))


def measure(name: str, seconds: float = _SECONDS) -> TimedUpdates:
    """Train a family at its middle rung for a while. Torch's settings are the caller's."""
    family, (data, steps) = FAMILIES.make(name), home(name)
    dataset = DATASETS.make(data["name"], {key: value for key, value in data.items() if key != "name"})
    dataset.prepare()
    rung, task = family.ladder[len(family.ladder) // 2], dataset.task
    draw = {"parametrization": "mup", "optimizer": "adam"}
    nets = [initialise(family, rung, task, seed=seed, **draw) for seed in range(SEEDS if family.packable else 1)]
    packed = family.packable and packing_gain(nets, task, BATCH, seconds=seconds / 5)[0] >= _GAIN
    seeds, replicas = (SEEDS, Stacked(nets, task)) if packed else (1, Single(nets[0], task))
    feed = Feed(dataset, [dataset.stream(seed) for seed in range(seeds)], BATCH, _UPDATES)
    update = update_of(
        family,
        rung,
        replicas,
        FromFeed(feed),
        optimiser=optimiser_from("adam"),
        rates=np.full((_UPDATES, seeds), _RATE),
        parametrization="mup",
    )
    updates, recorder = _Updates(update), Recorder((), update, family, dataset, dataset.test_set())
    parts = _timed(updates, seconds)
    products, operations = _profiled(updates)
    return TimedUpdates(
        rung=rung_label(rung),
        dataset=dataset.name,
        seeds=seeds,
        flops=float(count(family, rung, task).training * BATCH * seeds),
        seconds=parts,
        products=products,
        operations=operations,
        evaluation=min(_seconds(lambda: recorder.measure(())) for _ in range(2)),
        evaluations=len(eval_steps(EVAL_GRID, steps, 0.0)),
        steps=steps,
    )


def _timed(updates: _Updates, seconds: float) -> dict[str, float]:
    """Median seconds of each part; the first update warms up."""
    rounds: list[list[float]] = []
    while len(rounds) < 4 or sum(map(sum, rounds)) < seconds:
        rounds.append([_seconds(getattr(updates, part)) for part in _PARTS])
    return dict(zip(_PARTS, map(statistics.median, zip(*rounds[1:], strict=True)), strict=True))


def _profiled(updates: _Updates) -> tuple[float, int]:
    """Share of an update inside matrix products, and its number of operations that torch runs."""
    from torch.profiler import ProfilerActivity, profile

    updates.data()
    with profile(activities=[ProfilerActivity.CPU]) as recorded:
        before = time.perf_counter()
        updates.forward()
        updates.backward()
        updates.optimizer()
        whole = time.perf_counter() - before
    events = [event for event in recorded.key_averages() if event.key.startswith("aten::")]
    inside = sum(event.self_cpu_time_total for event in events if any(word in event.key for word in _PRODUCTS))
    return min(1.0, inside / 1e6 / whole), sum(event.count for event in events)


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return max(time.process_time() - start, 1e-9)


def row(name: str, one: TimedUpdates, rate: float) -> str:
    """One line of the table."""
    reached = one.flops / one.update / rate
    shares = " | ".join(f"{100 * one.seconds[part] / one.update:.0f}" for part in _PARTS)
    evaluation = one.evaluation * one.evaluations / (one.update * one.steps)
    cells = [name, one.dataset, one.rung, str(one.seeds), f"{1e3 * one.update:.2f}", f"{100 * reached:.1f}"]
    rest = [f"{100 * one.products:.0f}", f"{one.operations}", f"{100 * evaluation:.1f}", rests(one, rate)]
    return f"| {' | '.join(cells)} | {shares} | {' | '.join(rest)} |"


def rests(one: TimedUpdates, rate: float) -> str:
    """What costs most of the rest, in words: small operations, data, the optimizer, or products that are themselves
    slow."""
    shares = {part: one.seconds[part] / one.update for part in _PARTS}
    if shares["data"] > 0.4:
        return "drawing data"
    if shares["optimizer"] > 0.4:
        return "the optimizer, which multiplies no matrices"
    if one.products > 0.5:
        within = one.flops / rate / (one.products * (one.update - one.seconds["data"]))
        return f"small products: they reach {100 * min(within, 1):.0f} % of the rate"
    return f"{1e6 * (one.update - one.seconds['data']) / one.operations:.0f} us an operation, most not a product"


def bookkeeping(rounds: int = 5) -> float:
    """Milliseconds of a worker's own bookkeeping for a pack: a shard of failed rows in a folder of this machine."""
    from ...results.schema import SCHEMA
    from ...results.store import Store

    rows = [dict.fromkeys(SCHEMA.names) | {"trial_id": f"{i:016x}"} for i in range(SEEDS)]
    curve = [float(i) for i in range(33)]
    rows = [{**each, "x": curve, "test_loss": curve, "lr": curve} for each in rows]
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        return 1e3 * min(_seconds(lambda: store.write_rows(rows, "0" * 16)) for _ in range(rounds))


def lines(names: Sequence[str]) -> Iterator[str]:
    """The report, line by line as it is measured."""
    rate = product_rate()
    yield (
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start, torch "
        f"{torch.__version__}; one thread multiplies matrices of {SIZE} at {rate / 1e9:.1f} GFLOP/s"
    )
    yield f"batch {BATCH}; writing a pack's rows takes {bookkeeping():.1f} ms of processor time"
    yield ""
    heads = "family | data set | rung | seeds | update, ms | share of the rate, % | data, % | forward, % | backward, %"
    yield f"| {heads} | optimizer, % | in products, % | operations | evaluations, % of training | the rest is |"
    yield "|" + "---|" * 14
    for name in names:
        yield row(name, measure(name), rate)


if __name__ == "__main__":
    try:
        with torch_settings():
            for line in lines(sys.argv[1:] or FAMILIES.names()):
                print(line, flush=True)
    except InputError as error:
        sys.exit(str(error))

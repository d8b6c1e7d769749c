"""What does the driver cost on a large cluster? ``python -m onecurve.scripts.bench.driver [TRIALS] [SLOTS]``.

A sweep of a million trials (by default) runs on a thousand slots that are simulated: packs take 10 to 60 seconds of a
clock of their own, and their results are statuses, no rows. What is left is the driver's work: trials, packs, the lock,
the scheduler's own lines. Printed: seconds from the command to the first pack, the driver's processor time a pack, what
share of one core that is at the rate at which the slots finish packs, and the driver's peak memory. What Ray adds to a
pack is measured by `bench.pack_overhead`, what the store adds by `bench.opening_tables`.
"""

from __future__ import annotations

import argparse
import heapq
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ...benchmark import runner
from ...benchmark.backlog import Backlog, Needs, backlog_of
from ...benchmark.executors import InProcess, Outcome, Where
from ...benchmark.lock import Resolved
from ...benchmark.preparation import prepare_one
from ...benchmark.sweep import Sweep, load_sweep
from ...benchmark.worker import Ended, work
from ...results.store import Store

TRIALS, SLOTS, SEEDS = 1_000_000, 1_000, 1_000
_SHORT, _LONG = 10.0, 60.0  # seconds of a pack
_HOSTS = 125  # nodes of eight slots


class Simulated(InProcess):
    """Slots on a clock of its own, on which nothing is trained."""

    elsewhere = True

    def __init__(self, slots: int) -> None:
        super().__init__()
        self.slots, self.packs, self.clock, self.first = slots, 0, 0.0, 0.0
        self.processor = 0.0

    def slots_of(self, needs: Needs) -> int:
        return self.slots

    def map(
        self,
        function: Callable[[Any], Any],
        items: Iterable[Any] | Backlog,
        needs: Callable[[Any], Needs] | None = None,
    ) -> Iterator[Outcome]:
        if function is prepare_one:
            yield from (Outcome(item, _prepared(item)) for item in items)  # pyright: ignore[reportGeneralTypeIssues]
            return
        if function is not work:
            raise ValueError(f"simulates packs alone, not {function}")
        self.first, began = time.perf_counter(), time.process_time()
        backlog, flying = backlog_of(items, needs), list[tuple[float, int, Any]]()
        while len(backlog) or flying:
            while len(flying) < self.slots and (taken := backlog.take()):
                self.packs += 1
                seconds = _SHORT + (_LONG - _SHORT) * (self.packs * 0.618 % 1)
                heapq.heappush(flying, (self.clock + seconds, self.packs, taken[0]))
            self.clock, number, job = heapq.heappop(flying)
            where = Where(f"node{number % _HOSTS}", f"host{number % _HOSTS}", number % self.slots)
            yield Outcome(job, Ended(trials=[("ok", None)] * len(job.pack.specs)), where=where)
        self.processor = time.process_time() - began


def _prepared(job: tuple[str, str, Any, str]) -> Any:
    """What a worker would have measured."""
    kind, key, cell, _ = job
    if kind != "resolve":
        return (key, "the same") if kind == "probe" else None
    known = {"library": "torch", "n_params": 1000, "flops_per_example": 6000, "batch_size": 64, "horizon_steps": 1000}
    place = {"family": cell.family[0], "dataset": cell.dataset[0], "rung": str(dict(cell.rung)), "recipe_label": ""}
    return Resolved(**known, **place, packed=True, step_seconds=2e-3)


def sweep_of(trials: int) -> Sweep:
    """Cells of a thousand seeds each."""
    rungs = max(1, trials // SEEDS // 20)
    group = {
        "families": ["mlp", "resmlp"],
        "datasets": {"name": "fourier", "inputs": 2, "modes": 64, "pool": 20000, "test_size": 256},
        "rungs": list(range(8, 8 + rungs)),
        "seeds": SEEDS,
        "horizon": {"rule": "steps", "steps": 1000},
    }
    groups = [{**group, "peak_lr": 0.001 * (1 + i)} for i in range(10)]
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        import yaml

        yaml.safe_dump({"name": "large", "groups": groups}, file)
        file.flush()
        return load_sweep(file.name)


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trials", nargs="?", type=int, default=TRIALS)
    parser.add_argument("slots", nargs="?", type=int, default=SLOTS)
    given = parser.parse_args()
    sweep, executor = sweep_of(given.trials), Simulated(given.slots)
    with tempfile.TemporaryDirectory() as folder:
        began, processor = time.perf_counter(), time.process_time()
        summary = runner.run(sweep, Store(folder), executor)
        whole = time.process_time() - processor
    rate = executor.packs / executor.clock
    a_pack = executor.processor / executor.packs
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1024**2
    print(f"{summary.asked} trials in {executor.packs} packs on {given.slots} slots: {dict(summary.statuses)}")
    print(f"{executor.first - began:.1f} s before the first pack, {whole:.1f} s of processor time in all")
    print(f"{1e3 * a_pack:.2f} ms a pack, {100 * a_pack * rate:.2f} % of a core at {rate:.1f} packs a second")
    print(f"peak memory {peak:.0f} MiB; the sweep itself takes {executor.clock / 3600:.2f} h")


if __name__ == "__main__":
    main()

"""What does a pack cost beside its training? ``python -m onecurve.scripts.bench.pack_overhead [N]``.

N empty packs (100,000 by default) go through the Ray executor on this machine, then as many of Ray's own tasks as a
tenth of them: milliseconds a pack, by the clock and of the driver's own processor time; the driver's peak memory, and
how much it grew between the first and the last tenth.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ...benchmark.executors import Executor, Needs

PACKS = 100_000
_MIB = 1024**2
_LOOKS = 200  # at the driver's memory


@dataclass(frozen=True)
class Load:
    """What items cost: milliseconds an item by the clock and of the driver's processor time, and the driver's memory in
    MiB: its mean in the first and in the last tenth, and its peak."""

    clock: float
    processor: float
    first: float
    last: float
    peak: float


def empty(item: int) -> int:
    """A pack with nothing to train."""
    return item


def measure(work: Callable[[int], Iterable[object]], n: int) -> Load:
    """Run n items and look at this process meanwhile. The workers are warm."""
    every, memory = max(1, n // _LOOKS), list[float]()
    clock, processor = time.perf_counter(), time.process_time()
    for i, _ in enumerate(work(n)):
        if i % every == 0:
            memory.append(resident())
    spent = time.perf_counter() - clock, time.process_time() - processor
    tenth = max(1, len(memory) // 10)
    first, last = (sum(part) / tenth for part in (memory[:tenth], memory[-tenth:]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / _MIB
    return Load(1e3 * spent[0] / n, 1e3 * spent[1] / n, first, last, peak)


def resident() -> float:
    """MiB of this process in memory; of Linux, elsewhere its peak so far."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MIB
    return pages * os.sysconf("SC_PAGE_SIZE") / _MIB


def through(executor: Executor) -> Callable[[int], Iterable[object]]:
    """Items as the runner hands them over: each with needs of its own, every outcome looked at."""

    def work(n: int) -> Iterable[object]:
        for i, outcome in enumerate(executor.map(empty, range(n), lambda _: Needs(seconds=600.0))):
            if outcome.status != "ok":
                raise RuntimeError(f"item {i}: {outcome.reason}")
            yield outcome

    return work


def main() -> None:
    """Measure both and print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packs", nargs="?", type=int, default=PACKS)
    n = max(parser.parse_args().packs, 10)
    from ...benchmark.ray_executor import RayExecutor, bare

    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start", flush=True)
    executor = RayExecutor()
    ours, rays = through(executor), lambda n: bare(empty, range(n))
    try:
        for work in (ours, rays):
            list(work(20 * executor.slots))
        load, least = measure(ours, n), measure(rays, max(10, n // 10))
    finally:
        executor.close()
    print(
        f"{n} empty packs: {load.clock:.2f} ms each (target 2), {load.processor:.2f} ms of the driver's processor time"
    )
    print(f"bare Ray tasks: {least.clock:.2f} ms each, {least.processor:.2f} ms; ratio {load.clock / least.clock:.1f}")
    print(f"driver: peak {load.peak:.0f} MiB (target 1024), {load.first:.0f} MiB in the first tenth,")
    print(f"{load.last:.0f} MiB in the last: {1024 * (load.last - load.first) / n:+.3f} KiB a pack")


if __name__ == "__main__":
    main()

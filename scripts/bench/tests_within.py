"""How fast are the tests within a family? ``python -m onecurve.scripts.bench.tests_within`` prints times and memory.

The straightforward loop that they are held against is the slow reference of the tests, so this needs a checkout.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import resource
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType

import numpy as np

from ...collapse.calibration.simulation import Batch, Scenario, simulate
from ...collapse.irreducible.profile import null_losses, profile_floor
from ...collapse.within.battery import assess
from ...collapse.within.bootstrap import draw_signs

PROCESSES, EXACT_RESAMPLES, PROFILE_RESAMPLES = 2, 999, 199
_FLOORS_TRIED = 35  # candidate floors of one minimisation: 21 on the first grid, 7 in each of two rounds


def known(groups: int, seed: int) -> int:
    """T1 and T5 with the floor known, on simulated groups; how many were done."""
    rng = np.random.default_rng(seed)
    batch = simulate(Scenario(), groups, rng)
    for z in batch.z:
        _, bounds = assess(list(z), batch.x[:-1], batch.sizes, rng=rng, resamples=EXACT_RESAMPLES)
        bounds.upper()
        bounds.lower()
    return groups


def profiled(groups: int, seed: int) -> int:
    """T2 on simulated groups; how many were done."""
    rng = np.random.default_rng(seed)
    batch = simulate(Scenario(), groups, rng)
    for loss in batch.loss:
        profile_floor(list(loss), batch.x[:-1], batch.sizes, rng=rng, resamples=PROFILE_RESAMPLES)
    return groups


def in_parallel(task: Callable[[int, int], int], groups: int, pool: ProcessPoolExecutor) -> float:
    """Seconds of wall time for the groups, shared evenly; the processes are up already."""
    start = time.perf_counter()
    list(pool.map(task, [groups // PROCESSES] * PROCESSES, range(PROCESSES)))
    return time.perf_counter() - start


def on_one_core(task: Callable[[int, int], int], groups: int) -> float:
    """Seconds of processor time for one group, on one core."""
    start = time.process_time()
    task(groups, 0)
    return (time.process_time() - start) / groups


def slow_known(reference: ModuleType, batch: Batch, resamples: int) -> float:
    """Seconds that the loop needs for T1 and T5 of one group at `EXACT_RESAMPLES`, from a run of fewer."""
    values = list(batch.z[0])
    signs = draw_signs([len(rows) for rows in values], resamples, np.random.default_rng(0))
    start = time.process_time()
    reference.slow_battery(values, batch.sizes, signs)
    return (time.process_time() - start) / resamples * EXACT_RESAMPLES


def slow_profiled(reference: ModuleType, batch: Batch, resamples: int) -> float:
    """Seconds that the loop needs for T2 of one group at `PROFILE_RESAMPLES`, from fewer; every floor on its own."""
    losses, x = list(batch.loss[0]), batch.x[:-1]
    signs = draw_signs([len(rows) for rows in losses], resamples, np.random.default_rng(0))
    drawn = null_losses(losses, 1.0, x, batch.sizes, signs)
    start = time.process_time()
    for b in range(resamples):
        for floor in np.linspace(0.5, 1.0, _FLOORS_TRIED):
            logs = [np.log(rows[..., b] - floor) for rows in drawn]
            reference.slow_exactness([rows[:, :-1] - rows[:, -1:] for rows in logs], batch.sizes)
    return (time.process_time() - start) / resamples * PROFILE_RESAMPLES


def memory() -> float:
    """Largest resident memory, in GiB, of this process and `PROCESSES` children, each counted as the largest was."""
    own, child = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return (own + PROCESSES * child) / 2**20


def slow_reference() -> ModuleType:
    """The slow, obvious version that the tests compare with."""
    path = Path(__file__).resolve().parents[2] / "tests" / "test_collapse_within.py"
    spec = importlib.util.spec_from_file_location("slow_reference", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def machine() -> str:
    """Processor, cores, load and versions."""
    load = os.getloadavg()[0]
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f} at the start, "
        f"Python {platform.python_version()}, numpy {np.__version__}"
    )


def lines(groups: int = 1000) -> Iterator[str]:
    """The report, line by line as it is measured."""
    yield machine()
    reference, batch = slow_reference(), simulate(Scenario(), 1, np.random.default_rng(0))
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        list(pool.map(known, [4] * PROCESSES, range(PROCESSES)))
        for name, task, slow, target in (
            ("T1 and T5, B = 999", known, slow_known(reference, batch, 40), 2.0),
            ("T2, B = 199", profiled, slow_profiled(reference, batch, 1), 60.0),
        ):
            wall, core = in_parallel(task, groups, pool), on_one_core(task, max(20, groups // 20))
            yield (
                f"{name}: {groups} groups in {wall:.2f} s on {PROCESSES} processes (target {target:g} s); "
                f"{1e3 * core:.2f} ms a group on one core, {slow / core:,.0f} times faster than the loop ({slow:.2f} s)"
            )
    yield f"memory at most {memory():.2f} GiB"


if __name__ == "__main__":
    for line in lines():
        print(line, flush=True)

"""What each data set costs: time to make it, examples a second, memory beyond torch, each in a process of its own.

    python -m onecurve.scripts.bench.data_cost [NAME...]

prints a Markdown table and keeps nothing. Seconds are CPU time of one process with one torch thread. A data set is made
in an empty cache; what `onecurve data fetch` brought, and the data root, are used where they are.

    python -m onecurve.scripts.bench.data_cost --feed [NAME...]

prints what a batch of many seeds costs: microseconds a replica and update, streams one by one against `Feed`. Both are
measured in turn in one process, from the first batch on and with what they draw, but with pools made and orders
shuffled; the shuffles have a column of their own. Pools come from the user's cache.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

BATCH = 64
EXAMPLES = 2**15
SECONDS = 3.0
REPLICAS = (16, 64)
UPDATES = 128
ROUNDS = 3
FED: dict[str, tuple[str, dict[str, Any]]] = {
    "fourier": ("fourier", {}),
    "fourier, unlimited": ("fourier", {"pool": "unlimited"}),
    "glyphs": ("glyphs", {}),
    "glyphs, a pool of 50,000": ("glyphs", {"pool": 50_000}),
    "mnist": ("mnist", {}),
    "pysource": ("pysource", {}),
    "power-law-regression": ("power-law-regression", {}),
}
MEBIBYTE = 1024  # of ru_maxrss, which counts KiB on Linux


def main() -> None:
    """Measure the data sets that are named, or all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--feed", action="store_true", help="what batches of many seeds cost")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(_measure(given.names[0])))
        return
    if given.feed:
        _fed(given.names or list(FED))
        return
    from ...datasets.dataset import DATASETS

    print(
        "| data set | make, CPU s | again, CPU s | examples/s | MiB to make | MiB to use | pool | test | class shares |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name in given.names or DATASETS.names():
        print(_row(name), flush=True)


def _row(name: str) -> str:
    with tempfile.TemporaryDirectory() as cache:
        _lend(Path(cache))
        made, used = (_child(name, cache) for _ in range(2))  # the second finds what the first made
    if "reason" in used:
        return f"| {name} | - | - | - | - | - | - | - | {used['reason']} |"
    cells = [
        f"{made['prepare']:.2f}",
        f"{used['prepare']:.2f}",
        f"{used['rate']:,.0f}",
        f"{made['memory']:.0f}",
        f"{used['memory']:.0f}",
        "unlimited" if used["pool"] is None else f"{used['pool']:,}",
        f"{used['test']:,}",
        used["shares"],
    ]
    return f"| {name} | {' | '.join(cells)} |"


def _fed(names: list[str]) -> None:
    """Print what batches of many seeds cost."""
    import torch

    from ...datasets.dataset import DATASETS

    torch.set_num_threads(1)
    print("| data set | R | one by one, us | feed, us | ratio | to shuffle, ms a seed |")
    print("|---|---|---|---|---|---|")
    for name in names:
        data = DATASETS.make(*FED.get(name, (name, {})))
        data.prepare()
        for replicas in REPLICAS:
            rounds = [_compared(data, replicas) for _ in range(ROUNDS)]
            alone, fed, shuffled = (min(each) for each in zip(*rounds, strict=True))
            row = f"| {name} | {replicas} | {alone:.1f} | {fed:.1f} | {alone / fed:.1f} | {shuffled:.1f} |"
            print(row, flush=True)


def _compared(data: Any, replicas: int) -> tuple[float, float, float]:
    """Microseconds a replica and update of streams one by one and of a feed, and milliseconds to shuffle an order."""
    import torch

    from ...datasets.feed import Feed
    from ...datasets.pool import PoolStream

    first, second = ([data.stream(seed) for seed in range(replicas)] for _ in range(2))
    start = time.perf_counter()
    for stream in (*first, *second):
        if isinstance(stream, PoolStream):
            stream.places(0, BATCH)
    shuffled = time.perf_counter()
    for step in range(UPDATES):
        batches = [stream.batch(step, BATCH) for stream in first]
        torch.stack([inputs for inputs, _ in batches])
        torch.stack([targets for _, targets in batches])
    alone = time.perf_counter()
    feed = Feed(data, second, BATCH, UPDATES)
    for step in range(UPDATES):
        feed.batch(step)
    fed = time.perf_counter()
    scale = 1e6 / UPDATES / replicas
    return (alone - shuffled) * scale, (fed - alone) * scale, (shuffled - start) * 1e3 / (2 * replicas)


def _lend(cache: Path) -> None:
    """Let a cache have what was fetched, which is not made."""
    from ...datasets.pool import cache_directory

    fetched = cache_directory() / "fetched"
    if fetched.is_dir():
        (cache / "fetched").symlink_to(fetched.resolve())


def _child(name: str, cache: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "onecurve.scripts.bench.data_cost", "--child", name]
    done = subprocess.run(
        command, env=os.environ | {"ONECURVE_CACHE": cache}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        return {"reason": (done.stderr.strip().splitlines() or ["no reason given"])[-1]}
    return json.loads(done.stdout.splitlines()[-1])


def _measure(name: str) -> dict[str, Any]:
    """Make a data set and use it, in this process."""
    import torch
    from torch import nn

    from ...datasets.dataset import DATASETS
    from ...errors import InputError

    torch.set_num_threads(1)
    nn.Linear(4, 4)(torch.zeros(2, 4)).sum().backward()  # what every worker has loaded
    before, start = _peak(), time.process_time()
    data = DATASETS.make(name)
    try:
        data.prepare()
        test = data.test_set()
        stream = data.stream(0)
        stream.batch(0, BATCH)
        prepared = time.process_time() - start
        rate = _rate(stream)
        shares = _shares(data.task, test)
    except InputError as error:
        return {"reason": str(error)}
    return {
        "prepare": prepared,
        "rate": rate,
        "memory": (_peak() - before) / MEBIBYTE,
        "pool": data.pool_size,
        "test": test.size,
        "shares": shares,
    }


def _rate(stream: Any) -> float:
    """Examples a CPU second in batches of `BATCH`."""
    start, step = time.process_time(), 1
    while step * BATCH < EXAMPLES and time.process_time() - start < SECONDS:
        stream.batch(step, BATCH)
        step += 1
    return (step - 1) * BATCH / (time.process_time() - start)


def _shares(task: Any, test: Any) -> str:
    """The smallest and the largest share of a class in the test set."""
    import torch

    if task.loss != "cross_entropy" or task.kind == "tokens":
        return "-"
    targets = test.targets
    counts = targets.sum(0) if targets.is_floating_point() else torch.bincount(targets, minlength=task.outputs)
    shares = counts.double() / counts.sum()
    return f"{float(shares.min()):.3g} to {float(shares.max()):.3g}"


def _peak() -> float:
    """Most memory that this process held, in KiB; files that are mapped count while they are in memory."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()

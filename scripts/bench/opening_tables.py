"""How fast does a large results folder open? ``python -m onecurve.scripts.bench.opening_tables [N]``.

Makes a folder of N trials (100,000 by default) in packs of eight, each a Parquet shard as a worker writes it, with real
rows but for their numbers, and a lock that names them; the loose ones are gathered every so often, as a run does. Then,
in fresh processes: seconds until the table of all trials with their curves is there, and until ``onecurve status`` has
answered. The same without what was gathered, shard by shard, and with all of it in one part. The files have just been
written, so the machine's cache holds them.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from ...benchmark.dispatch import COMPACT, gather
from ...benchmark.lock import Lock, read_lock
from ...results.store import Store

TRIALS, PACK, SEEDS = 100_000, 8, 32
SWEEP = {
    "name": "one",
    "groups": [
        {
            "families": "mlp",
            "datasets": {"name": "fourier", "inputs": 2, "modes": 64, "pool": 8192, "test_size": 256},
            "rungs": [8],
            "seeds": 1,
            "batch_size": 16,
            "horizon": {"rule": "steps", "steps": 1000},
        }
    ],
}
_OPEN = """
import sys, time
start = time.perf_counter()
from onecurve.results.store import Store
table = Store(sys.argv[1]).table()
print(table.num_rows, time.perf_counter() - start)
"""
_STATUS = """
import json, sys, time
start = time.perf_counter()
sys.argv = ["onecurve", "status", sys.argv[1], "--json"]
from onecurve.scripts.cli import main
try:
    main()
finally:
    print(json.dumps([time.perf_counter() - start, "torch" in sys.modules]), file=sys.stderr)
"""


def one_row(folder: Path) -> tuple[dict[str, Any], Lock]:
    """The row of a trial that was trained, and its lock."""
    path = folder / "one.yaml"
    path.write_text(yaml.safe_dump(SWEEP))
    command = [sys.executable, "-m", "onecurve.scripts.cli", "run", str(path), "--out", str(folder / "one")]
    subprocess.run([*command, "--address", "in-process"], check=True, capture_output=True)
    store = Store(folder / "one")
    lock = read_lock(store, "one.lock.json")
    assert lock is not None
    return store.table().to_pylist()[0], lock


def fill(store: Store, row: dict[str, Any], lock: Lock, n: int) -> None:
    """Write n trials in packs of eight, and their lock: each rung has 32 seeds, and curves of its own."""
    rng, (known,) = np.random.default_rng(0), lock.cells.values()
    ids = [hashlib.sha256(str(i).encode()).hexdigest()[:16] for i in range(n)]
    for first in range(0, n, PACK):
        rows = []
        for i in range(first, min(first + PACK, n)):
            loss = np.array(row["test_loss"]) * np.exp(0.1 * rng.standard_normal(len(row["test_loss"])))
            rung = {"rung": f"width {i // SEEDS}", "n_params": 100 + i // SEEDS}
            rows.append({**row, **rung, "trial_id": ids[i], "seed": i % SEEDS, "test_loss": loss.tolist()})
        store.write_rows(rows, f"{ids[first]}x{len(rows)}")
        if (first // PACK + 1) % COMPACT == 0:
            gather(store)
    cells = {}
    for first in range(0, n, SEEDS):
        trials = {str(seed): trial for seed, trial in enumerate(ids[first : first + SEEDS])}
        cells[f"{first:064x}"] = dataclasses.replace(known, rung=f"width {first // SEEDS}", trials=trials)
    Lock(sweep="many", margin=0.03, cells=cells).merge(store)


def opened(store: Store, n: int) -> str:
    """From the import to the table with all curves, in a process of its own."""
    done, spent = _apart(_OPEN, store)
    found, seconds = done.stdout.split()
    if int(found) != n:
        raise RuntimeError(f"the table has {found} of {n} trials")
    return f"{float(seconds):.1f} s ({spent:.1f} s of processor time)"


def answered(store: Store, n: int) -> str:
    """The whole of ``onecurve status``, imports and all, in a process of its own that must not load torch."""
    done, spent = _apart(_STATUS, store)
    seconds, torch = json.loads(done.stderr.splitlines()[-1])
    report = json.loads(done.stdout)
    if torch or (report["n_trials"], report["ok"]) != (n, n):
        raise RuntimeError(f"status loaded torch: {torch}; it counts {report['ok']} of {report['n_trials']} trials")
    return f"{seconds:.1f} s ({spent:.1f} s)"


def _apart(code: str, store: Store) -> tuple[subprocess.CompletedProcess[str], float]:
    """What a fresh process said, and the processor time that it took."""
    before = os.times()
    done = subprocess.run([sys.executable, "-c", code, store.root], check=True, capture_output=True, text=True)
    after = os.times()
    return done, sum(after[2:4]) - sum(before[2:4])


def size(store: Store, pattern: str) -> str:
    """Number and size of the table's files that match."""
    sizes = [path.stat().st_size for path in Path(store.root, "trials").glob(pattern)]
    return f"{len(sizes)} files, {sum(sizes) / 1e6:.0f} MB"


def tell(store: Store, n: int, how: str) -> None:
    """Measure a folder and print a line."""
    print(f"{how}: opens in {opened(store, n)}, status answers in {answered(store, n)}", flush=True)


def main() -> None:
    """Make the folder, measure it as a run leaves it, then without parts, then as one part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trials", nargs="?", type=int, default=TRIALS)
    n = max(parser.parse_args().trials, 2 * PACK)
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start", flush=True)
    with tempfile.TemporaryDirectory() as name:
        store = Store(Path(name) / "many")
        row, lock = one_row(Path(name))
        start = time.perf_counter()
        fill(store, row, lock, n)
        each = 1e3 * (time.perf_counter() - start) / (n / PACK)
        print(f"{n} trials written and gathered, {each:.1f} ms a pack; shards: {size(store, '[!p]*')}", flush=True)
        print("targets: opens in 5 s, status answers in 2 s")
        tell(store, n, f"as a run leaves it ({size(store, 'part-*')} more)")
        for part in store.parts():
            Path(part).unlink()
        tell(store, n, "without parts")
        store.compact()
        tell(store, n, f"in one part ({size(store, 'part-*')} more)")


if __name__ == "__main__":
    main()

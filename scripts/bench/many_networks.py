"""How fast is a sweep of many small networks? ``python -m onecurve.scripts.bench.many_networks`` prints the ratios.

480 trials of a small perceptron (widths 16, 32, 64; 160 seeds; 500 updates of batch 32), evaluated as a sweep evaluates
them, four ways on the same machine, one after the other: this project; a plain torch loop in two processes; Ray Tune
with reused actors; Ray Tune with its defaults, on a share of the trials.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path

import yaml

WIDTHS, SEEDS, STEPS, BATCH, PROCESSES = (16, 32, 64), 160, 500, 32, 2
DATA = {"name": "fourier", "inputs": 4, "modes": 256, "pool": 160_000, "test_size": 512}
SWEEP = {
    "name": "bench",
    "groups": [
        {
            "families": "mlp",
            "datasets": DATA,
            "rungs": list(WIDTHS),
            "seeds": SEEDS,
            "peak_lr": 0.01,
            "batch_size": BATCH,
            "horizon": {"rule": "steps", "steps": STEPS},
        }
    ],
}


def plain(trials: list[tuple[int, int]]) -> None:
    """What a script of one page does: a loop over trials, a loop over updates, the same data and evaluations."""
    import torch
    from torch import nn

    from ...benchmark.evaluation import eval_steps
    from ...datasets.dataset import DATASETS

    torch.set_num_threads(1)
    data = DATASETS.make("fourier", {k: v for k, v in DATA.items() if k != "name"})
    test, due = data.test_set(), set(eval_steps("v1", STEPS, 0.01))
    for width, seed in trials:
        torch.manual_seed(seed)
        layers: list[nn.Module] = [nn.Linear(data.task.n_inputs, width), nn.ReLU()]
        for _ in range(3):
            layers += [nn.Linear(width, width), nn.ReLU()]
        net = nn.Sequential(*layers, nn.Linear(width, 1))
        optimizer, stream = torch.optim.Adam(net.parameters(), lr=0.01), data.stream(seed)
        for step in range(STEPS):
            if step in due:
                with torch.no_grad():
                    (net(test.inputs) - test.targets).square().mean().item()
            inputs, targets = stream.batch(step, BATCH)
            optimizer.param_groups[0]["lr"] = 0.01 * (1 - step / STEPS)
            optimizer.zero_grad()
            (net(inputs) - targets).square().mean().backward()
            optimizer.step()


def trials() -> list[tuple[int, int]]:
    """All ``(width, seed)``, the widths taking turns."""
    return [(width, seed) for seed in range(SEEDS) for width in WIDTHS]


def looped() -> float:
    """Seconds of the plain loop in two fresh processes, from their start to their end."""
    start, context = time.perf_counter(), get_context("spawn")
    workers = [context.Process(target=plain, args=(trials()[i::PROCESSES],)) for i in range(PROCESSES)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return time.perf_counter() - start


def swept(folder: Path) -> tuple[float, float]:
    """Seconds of the whole ``onecurve run``, and from the first pack's start to the table's last row."""
    path = folder / "bench.yaml"
    path.write_text(yaml.safe_dump(SWEEP))
    command = [sys.executable, "-m", "onecurve.scripts.cli", "run", str(path), "--out", str(folder / "run")]
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    whole = time.perf_counter() - start
    from ...results.store import Store

    store = Store(folder / "run")
    began = min(store.table(["started_utc"])["started_utc"].to_pylist())
    ended = max(Path(path).stat().st_mtime for path in store.shards())
    return whole, ended - datetime.fromisoformat(began).timestamp()


def tuned(share: int, *, reuse: bool) -> float:
    """Seconds of Ray Tune for all trials, extrapolated from every ``share``-th; its own start is counted once."""
    os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_AIR_NEW_OUTPUT="0")
    import ray
    from ray import tune

    start = time.perf_counter()
    ray.init(num_cpus=PROCESSES, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)

    class Trial(tune.Trainable):
        def setup(self, config: dict) -> None:
            self.trial = (config["trial"][0], config["trial"][1])

        def step(self) -> dict:
            plain([self.trial])
            return {"done": True}

        def reset_config(self, new_config: dict) -> bool:
            self.setup(new_config)
            return True

    chosen = trials()[::share]
    ready = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        keep = tune.CheckpointConfig(checkpoint_at_end=False)  # or it asks each trial for a checkpoint, and fails
        run = tune.RunConfig(storage_path=folder, verbose=0, checkpoint_config=keep)
        settings = tune.TuneConfig(reuse_actors=reuse)
        tuner = tune.Tuner(Trial, param_space={"trial": tune.grid_search(chosen)}, run_config=run, tune_config=settings)
        results = tuner.fit()
        assert len(results) == len(chosen) and not results.errors
    ended = time.perf_counter()
    ray.shutdown()
    return ready - start + share * (ended - ready)


def first_step(folder: Path) -> tuple[float, float]:
    """Seconds from ``onecurve run`` to the first update of a pack, and of ``ray.init`` with torch in one worker."""
    path = folder / "one.yaml"
    one = {**SWEEP["groups"][0], "rungs": [16], "seeds": 1, "horizon": {"rule": "steps", "steps": 1}, "pack": False}
    path.write_text(yaml.safe_dump({"name": "one", "groups": [one]}))
    start = time.time()
    command = [sys.executable, "-m", "onecurve.scripts.cli", "run", str(path), "--out", str(folder / "one")]
    subprocess.run(command, check=True, capture_output=True)
    from ...results.store import Store

    began = Store(folder / "one").table(["started_utc"])["started_utc"].to_pylist()[0]
    bare = (
        "import time, ray\n"
        "ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)\n"
        "ray.get(ray.remote(lambda: __import__('torch').ones(1).sum().item()).remote())"
    )
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", bare], check=True, capture_output=True)
    return datetime.fromisoformat(began).timestamp() - start, time.perf_counter() - begin


def timed(name: str, measure: Callable[[], float]) -> float:
    """Run one way, and say how long it took."""
    seconds = measure()
    print(f"{name:52s} {seconds:8.1f} s", flush=True)
    return seconds


def main() -> None:
    """Measure all ways and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=int, default=20, help="Ray Tune's defaults run every N-th trial (1: all)")
    share = parser.parse_args().share
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start")
    print(f"{len(trials())} trials, widths {WIDTHS}, {STEPS} updates of batch {BATCH}")
    with tempfile.TemporaryDirectory() as name:
        from ...datasets.dataset import DATASETS

        DATASETS.make("fourier", {k: v for k, v in DATA.items() if k != "name"}).prepare()  # for all ways alike
        whole, steady = swept(Path(name))
        begun, bare = first_step(Path(name))
    print(f"{'onecurve run, whole process':52s} {whole:8.1f} s")
    print(f"{'onecurve run, from the first pack to the last row':52s} {steady:8.1f} s")
    loop = timed("plain torch loop in two processes", looped)
    reused = timed("Ray Tune, reused actors", lambda: tuned(1, reuse=True))
    default = timed(f"Ray Tune, defaults (every {share}. trial, scaled)", lambda: tuned(share, reuse=False))
    print(f"steady rate: {loop / steady:.1f} times the plain loop (target 4)")
    print(
        f"whole process: {loop / whole:.1f} times the plain loop (target 2.5), {reused / whole:.1f} times Ray Tune with"
    )
    print(f"reused actors (target 5), {default / whole:.0f} times Ray Tune with its defaults")
    print(f"from the command to the first update {begun:.1f} s; ray.init with torch in a worker {bare:.1f} s")


if __name__ == "__main__":
    main()

"""What a device costs beside arithmetic: the feeding of examples, memory, the start of a process."""

from __future__ import annotations

import subprocess
import sys

import torch

from ...architectures.family import FAMILIES
from ...architectures.parametrization import initialise
from ...benchmark.checks.tasks import home
from ...benchmark.devices import Device, memory_error, torch_settings
from ...benchmark.replicas import update_bytes
from ...benchmark.train import train
from ...datasets.dataset import DATASETS
from ...datasets.feed import Feed
from .correctness import WAVES, curves, trials, tried
from .measured_trials import BATCH, seconds_of, update_of
from .report import Report


def data(device: Device, quick: bool, report: Report) -> None:
    """Milliseconds of a step of `Feed`, gathers on the device included."""
    dataset = DATASETS.make("fourier", {**WAVES, "pool": 8192 if quick else 160_000})
    dataset.prepare()
    for size in (4,) if quick else (64, 512):
        horizon = 512 if quick else 2000
        feed = Feed(dataset, [dataset.stream(seed) for seed in range(size)], BATCH, horizon, device.place)
        clock, step = torch.zeros(1, dtype=torch.long, device=device.place), [0]

        def work(
            feed: Feed = feed, clock: torch.Tensor = clock, step: list[int] = step, horizon: int = horizon
        ) -> None:
            step[0] = (step[0] + 1) % horizon
            feed.load(step[0])
            feed.at(clock.fill_(step[0]))

        took = 1e3 * seconds_of(work, device, 0.1 if quick else 1.0)
        report.say(f"a step of data, R = {size}", f"{took:.3f} ms", "0.5 ms", took <= 0.5, milliseconds=took)


def memory(device: Device, quick: bool, report: Report) -> None:
    """Bytes of a network, memory that is exhausted, and the seconds of a context."""
    tried(report, "bytes of a network", lambda: _bytes(device, quick, report))
    tried(report, "memory exhausted", lambda: _exhausted(device, report))
    tried(report, "context", lambda: _context(device, report))


def _bytes(device: Device, quick: bool, report: Report) -> None:
    if device.kind == "cpu":
        report.say("peak bytes of a network beside `update_bytes`", "the host's memory is not measured")
        return
    for name in ("mlp", "decoder"):
        family, size = FAMILIES.make(name), 8 if quick else 64
        rung = family.ladder[-1]
        net = initialise(family, rung, home(family), seed=0, parametrization="mup", optimizer="adam")
        told = update_bytes(net, home(family), BATCH)
        with torch_settings():
            device.release()
            torch.cuda.reset_peak_memory_stats(device.place)
            before = torch.cuda.memory_allocated(device.place)
            update = update_of(family, rung, size, device)
            update()
            device.synchronise()
        peak = (torch.cuda.max_memory_allocated(device.place) - before) / size
        ratio = peak / told
        measured = f"{peak / 1e6:.1f} MB, foretold {told / 1e6:.1f} MB: {ratio:.2f} x"
        report.say(
            f"{name}: peak bytes of a network beside `update_bytes`", measured, "below 2 x", ratio < 2, ratio=ratio
        )


def _exhausted(device: Device, report: Report) -> None:
    pack = trials("mlp", True)[:2]
    before = curves(train(pack, device=device))
    try:
        torch.empty(1 << 50, dtype=torch.uint8, device=device.place)
        report.say("more memory than there is", "no error", "an error that is known", False)
    except RuntimeError as error:
        known = memory_error(error) is not None
        report.say("more memory than there is", type(error).__name__, "an error that is known", known)
    device.release()
    same = bool((curves(train(pack, device=device)) == before).all())
    report.say("training after memory was exhausted", "equal bits" if same else "other bits", "equal", same)


def _context(device: Device, report: Report) -> None:
    code = (
        "import time, torch; began = time.perf_counter(); "
        f"torch.ones(1, device='{device.place}').sum().item(); print(time.perf_counter() - began)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    report.say("first use of the device in a process", f"{float(done.stdout):.2f} s")

"""A scan of learning rates as one pack, beside a pack for each rate and a loop over all trials, in one run.

python -m onecurve.scripts.bench.rate_scan
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

from ...benchmark import resolve as resolving
from ...benchmark.devices import device_of, replicas_on_a_gpu
from ...benchmark.sweep import Group, Sweep, expand
from ...benchmark.train import train
from ...results.trials import TrialSpec

_WAVES = {"name": "fourier", "inputs": 4, "modes": 512, "pool": 100000}


def scan(family: str, width: int, rates: int, seeds: int, steps: int, packed: bool) -> list[list[TrialSpec]]:
    """The trials of a scan, one list a rate."""
    group = Group(
        families=[family],
        datasets=[_WAVES],
        rungs=[width],
        seeds=seeds,
        peak_lr=[0.001 * 1.6**k for k in range(rates)],
        batch_size=64,
        horizon={"rule": "steps", "steps": steps},  # pyright: ignore[reportArgumentType]
    )
    how = {"batch_size": 64, "horizon_steps": steps, "packed": packed}
    cells = expand(Sweep(name="scan", groups=[group]))
    return [[resolving.trial(cell, seed, **how) for seed in cell.settings.seed_list] for cell in cells]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print seconds and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--family", default="mlp")
    parser.add_argument("--width", type=int, default=24)
    parser.add_argument("--rates", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args(arguments)
    device = device_of(given.device)
    packs = scan(given.family, given.width, given.rates, given.seeds, given.steps, packed=True)
    looped = scan(given.family, given.width, 1, 2, given.steps, packed=False)[0]
    size = replicas_on_a_gpu(0) if device.kind == "cuda" else 0
    train(packs[0][:2], device=device, replicas=size)  # warms up: imports, the pool
    one = _seconds([[spec for pack in packs for spec in pack]], device, size)
    each = _seconds(packs, device, size)
    loop = _seconds([looped], device, 0) / len(looped) * given.rates * given.seeds
    print(f"{given.family} width {given.width}, {given.rates} rates x {given.seeds} seeds, {given.steps} updates")
    print(f"one pack of {given.rates * given.seeds}: {one:.1f} s")
    print(f"{given.rates} packs of {given.seeds}: {each:.1f} s, {each / one:.1f} times as long")
    print(f"one trial after the other (from {len(looped)} of them): {loop:.1f} s, {loop / one:.1f} times as long")


def _seconds(packs: Sequence[Sequence[TrialSpec]], device, size: int) -> float:
    start = time.perf_counter()
    for pack in packs:
        train(pack, device=device, replicas=size)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()

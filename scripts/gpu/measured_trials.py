"""Trials and updates to measure, and the clocks that measure them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ...architectures.family import FAMILIES, Family, Rung
from ...architectures.parametrization import initialise, multipliers, width_roles
from ...benchmark.checks.tasks import home
from ...benchmark.devices import Device
from ...benchmark.evaluation import EVAL_GRID
from ...benchmark.optimisers.optimiser import optimiser_from
from ...benchmark.replicas import Single, Stacked, random_batch
from ...benchmark.train import PROTOCOL
from ...benchmark.update import Repeated, Update
from ...benchmark.update_clock import UpdateClock
from ...datasets.dataset import DATASETS
from ...results.trials import TrialSpec, rung_label
from ...task import Ref

BATCH = 64
_DISTINCT = 8  # networks that are drawn for a speed: drawing hundreds takes longer than timing them
_LONG = 50_000  # updates for which a clock goes on


def spec(family: str, rung: Rung, dataset: str, params: dict[str, Any], **changes: Any) -> TrialSpec:
    """A trial, as a sweep with these settings would name it."""
    made = FAMILIES.make(family)
    base: dict[str, Any] = {
        "family": made.ref,
        "rung": rung,
        "dataset": DATASETS.make(dataset, params).ref,
        "optimizer": optimiser_from("adam").ref,
        "peak_lr": 0.01,
        "schedule": "linear",
        "warmup_fraction": 0.01,
        "batch_size": BATCH,
        "parametrization": Ref(name="mup", params={"base": rung_label(made.ladder[0])}),
        "horizon_rule": "",
        "horizon_steps": 400,
        "eval_grid": EVAL_GRID,
        "precision": "float32",
        "packed": made.packable,
        "seed": 0,
        "protocol": PROTOCOL,
    }
    return TrialSpec(**{**base, **changes})


def update_of(family: Family, rung: Rung, count: int, device: Device, *, packed: bool = True) -> Update:
    """An update of so many networks on one batch each, that lies on the device: the arithmetic alone."""
    task, adam = home(family), optimiser_from("adam")
    how = {"parametrization": "mup", "optimizer": adam.exponents}
    drawn = [initialise(family, rung, task, seed=seed, **how) for seed in range(min(count, _DISTINCT))]
    nets = [drawn[i % len(drawn)] for i in range(count)]
    replicas = Stacked(nets, task, device.place) if packed else Single(nets[0], task, device.place)
    batch = [part.to(device.place).expand(count, *part.shape).contiguous() for part in random_batch(task, BATCH)]
    return Update(
        replicas,
        adam,
        UpdateClock(np.full((_LONG, count), 1e-4), adam.tables(_LONG), device.place),
        Repeated(batch[0], batch[1]),
        multipliers=multipliers(family, rung, task, **how),
        roles=width_roles(family, rung, task),
    )


def seconds_of(work: Callable[[], object], device: Device, least: float) -> float:
    """Seconds of one call: many of them, with the device waited for at both ends, after a warm-up."""
    for _ in range(2):
        work()
    device.synchronise()
    calls, step, began = 0, 1, time.perf_counter()
    while (spent := time.perf_counter() - began) < least and calls < _LONG // 4:
        for _ in range(step):
            work()
        calls += step
        device.synchronise()
        step = min(100, 2 * step)
    return (time.perf_counter() - began) / calls if spent else 0.0

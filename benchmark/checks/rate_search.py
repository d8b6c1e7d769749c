"""The best learning rate of a rung, searched on a grid of powers of two."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from torch import nn

from ...architectures.family import Family, Rung
from ...architectures.parametrization import initialise, width_growth
from ...datasets.dataset import Dataset, TestSet, derived_seed
from ...datasets.feed import Feed
from ...errors import InputError
from ...results.trials import rung_label
from ..devices import CPU, torch_settings
from ..evaluation import Recorder
from ..optimisers.optimiser import optimiser_from
from ..replicas import Single, Stacked
from ..schedules.schedule import schedule_of
from ..update import FromFeed, update_of

LIMITS = {"adam": (-16, 0), "sgd": (-10, 6)}  # powers of two; the search goes no further
BESIDE = 2  # rates on either side of the best, so that another draw of seeds finds its best inside
_START = {"adam": -8, "sgd": -3}
_WARMUP = 0.05


@dataclasses.dataclass(frozen=True, kw_only=True)
class RateCurve:
    """Final loss of a rung against the learning rate.

    Attributes
    ----------
    growth : width over that of the base rung.
    log2_rates : the rates that were tried, powers of two, ascending.
    losses : test loss after the last update, a row a rate and a column a seed; the loss at the start where a run ended
        above it or diverged.
    """

    rung: str
    growth: float
    log2_rates: tuple[int, ...]
    losses: tuple[tuple[float, ...], ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Training:
    """How each run of the search trains: linear decay to 0 after a short warmup."""

    parametrization: Literal["mup", "standard"] = "mup"
    optimizer: str = "adam"
    steps: int = 150
    batch_size: int = 32
    n_seeds: int = 4


def rate_curve(family: Family, dataset: Dataset, rung: Rung, how: Training) -> RateCurve:
    """Train a rung at rates a factor of 2 apart until the best has two neighbours on either side.

    Seeds are packed where the family can be.

    Raises
    ------
    InputError
        A family that does not fit the data set, a rung that it refuses, fewer than two seeds.
    """
    reason = family.misfit(dataset.task)
    if reason or how.n_seeds < 2:
        raise InputError(f"family {family.name!r} on {dataset.name!r}: {reason or 'needs at least 2 seeds'}")
    growth = width_growth(family, rung, dataset.task)
    if growth is None:
        raise InputError(f"family {family.name!r} has no hidden layer that grows: no rate to transfer")
    test = dataset.test_set()
    with torch_settings():
        lowest, highest = LIMITS[how.optimizer]
        found = search(
            lambda k: _final(family, dataset, rung, test, 2.0**k, how), _START[how.optimizer], lowest, highest
        )
    powers = sorted(found)
    losses = tuple(tuple(map(float, found[power])) for power in powers)
    return RateCurve(rung=rung_label(rung), growth=growth, log2_rates=tuple(powers), losses=losses)


def search(losses: Callable[[int], np.ndarray], start: int, lowest: int, highest: int) -> dict[int, np.ndarray]:
    """Losses of the seeds at whole powers from ``start``, until the best mean has two neighbours on either side."""
    found = {power: losses(power) for power in range(start - 1, start + 2)}
    while True:
        best = min(found, key=lambda power: (found[power].mean(), power))
        around = range(max(lowest, best - BESIDE), min(highest, best + BESIDE) + 1)
        missing = [power for power in around if power not in found]
        if not missing:
            return found
        nearest = min(missing, key=lambda power: abs(power - best))
        found[nearest] = losses(nearest)


def _final(family: Family, dataset: Dataset, rung: Rung, test: TestSet, peak_lr: float, how: Training) -> np.ndarray:
    """Test loss of each seed after the last update; at most that at the start."""
    factors = {"parametrization": how.parametrization, "optimizer": how.optimizer}
    seeds = list(range(how.n_seeds))
    nets = [initialise(family, rung, dataset.task, seed=derived_seed("rate transfer", s), **factors) for s in seeds]
    packs = [(nets, seeds)] if family.packable else [([net], [s]) for net, s in zip(nets, seeds, strict=True)]
    return np.concatenate([_ends(*pack, family, dataset, rung, test, peak_lr, how) for pack in packs])


def _ends(
    nets: Sequence[nn.Module],
    seeds: Sequence[int],
    family: Family,
    dataset: Dataset,
    rung: Rung,
    test: TestSet,
    peak_lr: float,
    how: Training,
) -> np.ndarray:
    replicas = Stacked(nets, dataset.task) if family.packable else Single(nets[0], dataset.task)
    rates = schedule_of("linear").relative(how.steps, _WARMUP)[:-1] * peak_lr
    feed = Feed(dataset, [dataset.stream(s) for s in seeds], how.batch_size, how.steps, CPU.place)
    update = update_of(
        family,
        rung,
        replicas,
        FromFeed(feed),
        optimiser=optimiser_from(how.optimizer),
        rates=np.repeat(rates[:, None], len(seeds), axis=1),
        parametrization=how.parametrization,
        seed=seeds[0],
    )
    recorder = Recorder((), update, family, dataset, test)
    before = recorder.measure(()).loss
    for _ in range(how.steps):
        update()
    after = recorder.measure(()).loss
    return np.where(np.isfinite(after) & (after < before), after, before)

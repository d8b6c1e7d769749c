"""Learning-rate transfer at equal steps: by which power of the width the best learning rate changes.

Under maximal update the best rate of a small network is that of a large one (Yang et al. 2022, Tensor Programs V): the
slope of log best rate against log width is 0. Under the standard parametrisation with Adam it tends to -1, the power
that hidden layers ask for: slopes inside +-1/2, half of it, pass. Every rung trains for as many updates here; at
horizons that grow with the rung the best rate falls with the horizon, and that is another number.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import torch

from ..architectures.family import Family, Rung
from ..architectures.parametrization import initialise, multipliers, width_growth
from ..datasets.dataset import Dataset, TestSet, derived_seed
from ..errors import InputError
from ..results.trials import rung_label
from .evaluation import evaluate
from .optim import OPTIMIZERS, make_optimizer, schedule, set_rate
from .replicas import Replicas, Single, Stacked
from .slopes import Slope, judged
from .train import torch_settings

LIMITS = {"adam": (-16, 0), "sgd": (-10, 6)}  # powers of two; the search goes no further
TRANSFER_BOUND = 0.5
_START = {"adam": -8, "sgd": -3}
_WARMUP = 0.05
_BESIDE = 2  # rates on either side of the best, so that another draw of seeds finds its best inside
_RESAMPLES = 400


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
class BestRate:
    """The best rate of a rung.

    Attributes
    ----------
    log2_rate : vertex of a parabola in log mean loss around the best rate on the grid, see `vertex`; None where
        ``status`` is not ``ok``.
    status : ``edge`` where the best rate is the last one that may be tried, ``flat`` where no rate lowered the loss.
    """

    rung: str
    growth: float
    log2_rate: float | None
    loss: float
    status: Literal["ok", "edge", "flat"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class RateTransfer:
    """Whether the best rate moves with the width.

    Attributes
    ----------
    slope : of log best rate against log width; none where a rung has no best rate. Its interval is Student's, with the
        standard error of a bootstrap over seeds, widened by sqrt(n / (n - 1)) as a bootstrap of n is too narrow.
    """

    family: str
    parametrization: str
    optimizer: str
    steps: int
    batch_size: int
    n_seeds: int
    curves: tuple[RateCurve, ...]
    best: tuple[BestRate, ...]
    slope: Slope


@dataclasses.dataclass(frozen=True, kw_only=True)
class Training:
    """How each run of the search trains: linear decay to 0 after a short warmup."""

    parametrization: Literal["mup", "standard"] = "mup"
    optimizer: str = "adam"
    steps: int = 150
    batch_size: int = 32
    n_seeds: int = 4


def rate_transfer(family: Family, dataset: Dataset, rungs: Sequence[Rung], how: Training) -> RateTransfer:
    """Search the best rate of every rung and fit its slope; see `rate_curve` and `transfer_of`."""
    return transfer_of(family.name, [rate_curve(family, dataset, rung, how) for rung in rungs], how)


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
        around = range(max(lowest, best - _BESIDE), min(highest, best + _BESIDE) + 1)
        missing = [power for power in around if power not in found]
        if not missing:
            return found
        nearest = min(missing, key=lambda power: abs(power - best))
        found[nearest] = losses(nearest)


def transfer_of(family: str, curves: Sequence[RateCurve], how: Training) -> RateTransfer:
    """The slope of log best rate against log width over the rungs."""
    curves = tuple(sorted(curves, key=lambda curve: curve.growth))
    best = tuple(_best(curve, how.optimizer) for curve in curves)
    return RateTransfer(
        family=family,
        parametrization=how.parametrization,
        optimizer=how.optimizer,
        steps=how.steps,
        batch_size=how.batch_size,
        n_seeds=how.n_seeds,
        curves=curves,
        best=best,
        slope=_slope(curves, best),
    )


def _slope(curves: Sequence[RateCurve], best: Sequence[BestRate]) -> Slope:
    lost = [each for each in best if each.status != "ok"]
    if lost:
        return Slope(reason="; ".join(f"{each.rung}: {_WHY[each.status]}" for each in lost))
    x = np.log([curve.growth for curve in curves])
    if len(set(x)) < 2:
        return Slope(reason="needs two widths")
    tables = [(np.array(curve.log2_rates, dtype=float), np.array(curve.losses)) for curve in curves]
    n = tables[0][1].shape[1]
    value = _fit(x, tables, np.arange(n))
    rng = np.random.default_rng(0)
    draws = [_fit(x, tables, rng.integers(n, size=n)) for _ in range(_RESAMPLES)]
    from scipy.stats import t

    reach = float(t.ppf(0.975, n - 1) * np.std(draws, ddof=1) * math.sqrt(n / (n - 1)))
    return judged(value, value - reach, value + reach, bound=TRANSFER_BOUND)


_WHY = {"edge": "the best rate lies on the edge of the grid", "flat": "no rate lowers the loss"}


def _fit(x: np.ndarray, tables: Sequence[tuple[np.ndarray, np.ndarray]], seeds: np.ndarray) -> float:
    y = np.array([vertex(powers, np.log(losses[:, seeds].mean(1))) for powers, losses in tables]) * math.log(2)
    return float((x - x.mean()) @ y / np.square(x - x.mean()).sum())


def vertex(powers: np.ndarray, values: np.ndarray) -> float:
    """Where the least-squares parabola through the smallest value and the two on either side has its vertex.

    The end where the smallest value lies there, and at most one step from the smallest: five points of a noisy and flat
    curve say more than three, and no more is asked of them.
    """
    i = int(np.argmin(values))
    if i in (0, len(values) - 1):
        return float(powers[i])
    near = slice(max(0, i - _BESIDE), i + _BESIDE + 1)
    x = powers[near] - powers[i]
    bend, tilt, _ = np.polyfit(x, values[near], 2)
    return float(powers[i] + (np.clip(-tilt / (2 * bend), -1, 1) if bend > 0 else 0.0))


def _best(curve: RateCurve, optimizer: str) -> BestRate:
    means = np.array(curve.losses).mean(1)
    power = curve.log2_rates[int(means.argmin())]
    status = "flat" if np.ptp(means) == 0 else "edge" if power in LIMITS[optimizer] else "ok"
    found = vertex(np.array(curve.log2_rates, dtype=float), np.log(means)) if status == "ok" else None
    return BestRate(rung=curve.rung, growth=curve.growth, log2_rate=found, loss=float(means.min()), status=status)


def _final(family: Family, dataset: Dataset, rung: Rung, test: TestSet, peak_lr: float, how: Training) -> np.ndarray:
    """Test loss of each seed after the last update; at most that at the start."""
    task, factors = dataset.task, {"parametrization": how.parametrization, "optimizer": how.optimizer}
    seeds = range(how.n_seeds)
    nets = [initialise(family, rung, task, seed=derived_seed("rate transfer", s), **factors) for s in seeds]
    if family.packable:
        return _train([Stacked(nets, task)], [list(seeds)], family, dataset, rung, test, peak_lr, how)
    return _train([Single(net, task) for net in nets], [[s] for s in seeds], family, dataset, rung, test, peak_lr, how)


def _train(
    packs: Sequence[Replicas],
    seeds: Sequence[Sequence[int]],
    family: Family,
    dataset: Dataset,
    rung: Rung,
    test: TestSet,
    peak_lr: float,
    how: Training,
) -> np.ndarray:
    table = multipliers(family, rung, dataset.task, parametrization=how.parametrization, optimizer=how.optimizer)
    rates = schedule("linear", how.steps, _WARMUP) * peak_lr
    ends = []
    for replicas, numbers in zip(packs, seeds, strict=True):
        streams = [dataset.stream(s) for s in numbers]
        before = evaluate(replicas.predict, dataset.task, test).loss
        parameters = replicas.named_parameters()
        optimizer = make_optimizer(
            OPTIMIZERS[how.optimizer], parameters, {n: m.lr for n, m in table.items()}, packed=len(numbers) > 1
        )
        for step in range(how.steps):
            batches = [stream.batch(step, how.batch_size) for stream in streams]
            set_rate(optimizer, float(rates[step]))
            optimizer.zero_grad()
            inputs, targets = (torch.stack(part) for part in zip(*batches, strict=True))
            replicas.losses(inputs, targets).sum().backward()
            optimizer.step()
        after = evaluate(replicas.predict, dataset.task, test).loss
        ends.append(np.where(np.isfinite(after) & (after < before), after, before))
    return np.concatenate(ends)

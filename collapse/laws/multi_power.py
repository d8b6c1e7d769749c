"""The multi-power law: one loss curve under any schedule, fitted to a few schedules and forecast for others.

::

    L(t) = L0 + A (S1(t) + SW)^-alpha - B sum_k (eta_{k-1} - eta_k) [1 - (1 + C eta_k^-gamma S_k(t))^-beta]

with ``S1(t) = sum_{tau <= t} eta_tau`` after the warmup, whose own sum is SW, and ``S_k(t)`` the same from step k on
(Luo et al. 2025, arXiv 2503.12811). The sum over k starts with the linear warmup, whose rises count as negative falls:
without them the published parameters miss every curve by .11 to .16, with them they give the published errors.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.optimize import least_squares
from scipy.stats import t as student

from ...errors import InputError
from .comparison import Estimate

_JUMP = 0.2  # relative fall of the rate between two rows above which it fell at once, at the second
_HUBER = 1e-3  # of the logarithm of the loss
_RISES = 60  # pieces of the warmup
_BLOCKS = 10
_MOST = 400
_NAMES = ("L0", "A", "alpha", "B", "C", "beta", "gamma")
_LOW, _HIGH = np.array([0.02, -4.0, 0.05, 0.0]), np.array([2.0, 6.0, 3.0, 2.0])


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class ScheduledCurve:
    """A loss curve with its learning rate, from the end of the warmup on.

    Attributes
    ----------
    step : ``(m,)`` increasing; the first row is where the sum S1 starts.
    lr : ``(m,)`` learning rate.
    loss : ``(m,)``.
    """

    step: np.ndarray
    lr: np.ndarray
    loss: np.ndarray

    def __post_init__(self) -> None:
        if not len(self.step) == len(self.lr) == len(self.loss) > 1 or np.any(np.diff(self.step) <= 0):
            raise InputError("a curve needs step, lr and loss of one length, at least 2, and increasing steps")
        if np.any(np.asarray(self.lr) <= 0) or np.any(np.asarray(self.loss) <= 0):
            raise InputError("learning rates and losses must be above 0")

    def sums(self, warmup_sum: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """S1 at each row ``(m,)``; for each of the q changes of the rate its fall (a rise is negative), the rate after
        it, and S1 where it happened, each ``(q,)``. The warmup is cut into equal rises before S1 = 0."""
        steps, fall = np.diff(self.step), -np.diff(self.lr)
        at_once = fall > _JUMP * self.lr[:-1]
        held = np.where(at_once, self.lr[:-1], (self.lr[:-1] + self.lr[1:]) / 2)
        total = np.append(0.0, np.cumsum(held * steps))
        moved = np.abs(fall) > 1e-12
        after = np.where(at_once, self.lr[1:], held)
        place = np.where(at_once, total[1:], (total[1:] + total[:-1]) / 2)
        risen = (np.arange(_RISES) + 0.5) / _RISES
        return (
            total,
            np.append(np.full(_RISES, -self.lr[0] / _RISES), fall[moved]),
            np.append(self.lr[0] * risen, after[moved]),
            np.append(-warmup_sum * (1 - risen**2), place[moved]),
        )


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class MultiPowerLaw:
    """A fit. Intervals (95 %) come from a jackknife over ten stretches of the curves, as noise is correlated in time.

    ``starts`` is the share of starts that reached the best fit; ``status`` is ``ok`` or which parameter lies at an
    edge of the search.
    """

    parameters: dict[str, Estimate]
    warmup_sum: float
    starts: float
    status: str

    def predict(self, curve: ScheduledCurve) -> np.ndarray:
        """``(m,)`` losses under a curve's schedule; its own losses are not used."""
        values = np.array([self.parameters[name].value for name in _NAMES])
        return _predict(values, curve, self.warmup_sum)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Errors:
    """How far predictions lie from a curve: R2, mean absolute and root mean square error, mean and worst relative
    error."""

    r2: float
    mae: float
    rmse: float
    pred_e: float
    worst_e: float


def fit_multi_power_law(curves: Sequence[ScheduledCurve], *, warmup_sum: float) -> MultiPowerLaw:
    """Fit one network's curves under several schedules.

    For given (alpha, C, beta, gamma) the law is linear in L0, A and B: those four alone are searched, from eight
    starts, by least squares of the relative error; the best is refined with Huber's loss on the logarithm, all seven
    free.

    Parameters
    ----------
    curves : at least two, one of them with a rate that falls.
    warmup_sum : SW, the sum of learning rates over the warmup.

    Raises
    ------
    InputError : no curve's rate falls.
    """
    if not any(np.any(np.diff(curve.lr) < 0) for curve in curves):
        raise InputError("the multi-power law needs a curve whose learning rate falls")
    rows = [np.ones(len(curve.step)) for curve in curves]
    found = [
        least_squares(_projected, start, bounds=(_LOW, _HIGH), args=(curves, rows, warmup_sum), x_scale=0.1)
        for start in itertools.product([0.4], [0.0, 2.0], [0.4, 0.8], [0.3, 0.8])
    ]
    costs = np.array([one.cost for one in found])
    inner = found[int(costs.argmin())].x
    best = _refined(inner, curves, rows, warmup_sum)
    left = np.stack([_refined(inner, curves, kept, warmup_sum) for kept in _stretches(curves)])
    sd = np.sqrt((_BLOCKS - 1) * np.mean((left - left.mean(axis=0)) ** 2, axis=0))
    half = student.ppf(0.975, _BLOCKS - 1) * sd
    edge = np.minimum(inner - _LOW, _HIGH - inner) < 1e-3
    names = [name for name, at in zip(("alpha", "C", "beta", "gamma"), edge, strict=True) if at]
    return MultiPowerLaw(
        parameters={
            name: Estimate(value=float(value), low=float(value - h), high=float(value + h))
            for name, value, h in zip(_NAMES, best, half, strict=True)
        },
        warmup_sum=warmup_sum,
        starts=float(np.mean(costs < 1.01 * costs.min())),
        status=f"{', '.join(names)} at the edge" if names else "ok",
    )


def errors_of(predicted: np.ndarray, loss: np.ndarray) -> Errors:
    """Errors of a prediction ``(m,)`` of a curve ``(m,)``."""
    miss = predicted - loss
    relative = np.abs(miss) / loss
    return Errors(
        r2=float(1 - (miss**2).sum() / ((loss - loss.mean()) ** 2).sum()),
        mae=float(np.abs(miss).mean()),
        rmse=float(np.sqrt((miss**2).mean())),
        pred_e=float(relative.mean()),
        worst_e=float(relative.max()),
    )


def forecast_schedules(law: MultiPowerLaw, curves: Mapping[str, ScheduledCurve]) -> tuple[dict[str, Errors], Errors]:
    """Errors on schedules that were not fitted, each and their mean."""
    each = {name: errors_of(law.predict(curve), curve.loss) for name, curve in curves.items()}
    names = [field.name for field in dataclasses.fields(Errors)]
    return each, Errors(**{name: float(np.mean([getattr(one, name) for one in each.values()])) for name in names})


def _columns(inner: np.ndarray, curve: ScheduledCurve, warmup_sum: float) -> tuple[np.ndarray, np.ndarray]:
    """The power of S1 and the annealing sum, each ``(m,)``."""
    alpha, log_c, beta, gamma = inner
    total, fall, after, place = curve.sums(warmup_sum)
    since = np.maximum(total[:, None] - place, 0.0)
    reduced = 1 - (1 + np.exp(log_c) * after**-gamma * since) ** -beta
    return (total + warmup_sum) ** -alpha, reduced @ fall


def _predict(values: np.ndarray, curve: ScheduledCurve, warmup_sum: float) -> np.ndarray:
    floor, a, alpha, b, c, beta, gamma = values
    power, annealed = _columns(np.array([alpha, np.log(c), beta, gamma]), curve, warmup_sum)
    return floor + a * power - b * annealed


def _solve(
    inner: np.ndarray, curves: Sequence[ScheduledCurve], rows: Sequence[np.ndarray], warmup_sum: float
) -> tuple[np.ndarray, np.ndarray]:
    """Linear parameters (L0, A, B) and weighted relative residuals for given inner ones."""
    loss, weight = np.concatenate([curve.loss for curve in curves]), np.concatenate(rows)
    parts = [np.concatenate(part) for part in zip(*(_columns(inner, c, warmup_sum) for c in curves), strict=True)]
    design = np.stack([np.ones(len(loss)), parts[0], -parts[1]], axis=1) / loss[:, None] * weight[:, None]
    linear = np.linalg.lstsq(design, weight, rcond=None)[0]
    return linear, design @ linear - weight


def _projected(
    inner: np.ndarray, curves: Sequence[ScheduledCurve], rows: Sequence[np.ndarray], warmup_sum: float
) -> np.ndarray:
    return _solve(inner, curves, rows, warmup_sum)[1]


def _refined(
    inner: np.ndarray, curves: Sequence[ScheduledCurve], rows: Sequence[np.ndarray], warmup_sum: float
) -> np.ndarray:
    """All seven parameters by Huber's loss on the logarithm; amplitudes and C move in their logarithm."""
    floor, a, b = _solve(inner, curves, rows, warmup_sum)[0]
    start = np.array([floor, np.log(max(a, 1e-6)), inner[0], np.log(max(b, 1e-6)), inner[1], inner[2], inner[3]])
    logs, weight = np.concatenate([np.log(curve.loss) for curve in curves]), np.concatenate(rows)

    def natural(theta: np.ndarray) -> np.ndarray:
        return np.where([False, True, False, True, True, False, False], np.exp(np.clip(theta, -30, 30)), theta)

    def residual(theta: np.ndarray) -> np.ndarray:
        predicted = np.concatenate([_predict(natural(theta), curve, warmup_sum) for curve in curves])
        return weight * (np.log(np.maximum(predicted, 1e-9)) - logs)

    found = least_squares(residual, start, loss="huber", f_scale=_HUBER, x_scale=0.1, max_nfev=_MOST)
    return natural(found.x)


def _stretches(curves: Sequence[ScheduledCurve]) -> list[list[np.ndarray]]:
    """Row weights with one tenth of every curve left out at a time, a stretch each."""
    places = [np.arange(len(curve.step)) * _BLOCKS // len(curve.step) for curve in curves]
    return [[(place != block).astype(float) for place in places] for block in range(_BLOCKS)]

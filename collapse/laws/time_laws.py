"""Time laws: ln l against the phase of the schedule, before annealing, for many parameters at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from ..forms import schedule_of
from ..outcome import RescaledGroup

_MPL_BETA, _MPL_GAMMA = 0.6, 0.64  # exponents of the annealing term: nearly the same at all published sizes
_SMOOTHNESS = 0.3  # width of a broken power law's bend, in ln y


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Clock:
    """What a form sees of the schedule: x, phase and rate on the grid ``(m,)``, and the rate at the end."""

    x: np.ndarray
    phase: np.ndarray
    rate: np.ndarray
    end_rate: float

    @classmethod
    def of(cls, group: RescaledGroup) -> Clock:
        """A group's clock; that of a constant rate where its schedule is not known."""
        return cls(group.x, *schedule_of(group))

    @property
    def varying(self) -> bool:
        """Whether the rate changes."""
        return bool(np.ptp(np.append(self.rate, self.end_rate)) > 1e-9)


TimeLaw = Callable[[np.ndarray, Clock], np.ndarray]


def _columns(theta: np.ndarray) -> list[np.ndarray]:
    return [theta[:, i : i + 1] for i in range(theta.shape[1])]


def sum_with_size(theta: np.ndarray, clock: Clock) -> np.ndarray:
    mu, share = _columns(theta)
    return np.log1p(share * (clock.phase ** -np.exp(mu) - 1))


def offset(theta: np.ndarray, clock: Clock) -> np.ndarray:
    mu, share = _columns(theta)
    return np.log1p(share * (clock.x ** -np.exp(mu) - 1))


def two_powers(theta: np.ndarray, clock: Clock) -> np.ndarray:
    fast, slow, share = _columns(theta)
    return np.log(share * clock.phase ** -np.exp(fast) + (1 - share) * clock.phase ** -np.exp(slow))


def stretched(theta: np.ndarray, clock: Clock) -> np.ndarray:
    depth, beta = (np.exp(column) for column in _columns(theta))
    return depth * (1 - clock.phase**beta)


def logarithmic(theta: np.ndarray, clock: Clock) -> np.ndarray:
    slope, shift = (np.exp(column) for column in _columns(theta))
    return np.log1p(-slope * np.log((clock.phase + shift) / (1 + shift)))


def logistic(theta: np.ndarray, clock: Clock) -> np.ndarray:
    rate, middle = _columns(theta)
    rate = np.exp(rate)
    return np.logaddexp(0, rate * (1 - middle)) - np.logaddexp(0, rate * (clock.phase - middle))


def broken(theta: np.ndarray, clock: Clock) -> np.ndarray:
    mu, change, place = _columns(theta)
    bend = np.logaddexp(0, (np.log(clock.phase) - place) / _SMOOTHNESS) - np.logaddexp(0, -place / _SMOOTHNESS)
    return -np.exp(mu) * np.log(clock.phase) - change * _SMOOTHNESS * bend


def multi_power(theta: np.ndarray, clock: Clock) -> np.ndarray:
    """The annealing term is summed over the steps of the rate between grid points; the rate before the grid is 1."""
    mu, share, drop, speed = _columns(theta)
    phase = np.concatenate([[0.0], clock.phase, [1.0]])
    rate = np.concatenate([[1.0], clock.rate, [clock.end_rate]])
    fall, after = -np.diff(rate), np.maximum((rate[1:] + rate[:-1]) / 2, 1e-3)
    since = np.maximum(phase[1:, None] - (phase[:-1] + phase[1:]) / 2, 0.0)
    reduced = 1 - (1 + np.exp(speed)[..., None] * after**-_MPL_GAMMA * since) ** -_MPL_BETA
    lowered = drop * (reduced @ fall)
    gap = share * (clock.phase ** -np.exp(mu) - 1) - (lowered[:, :-1] - lowered[:, -1:])
    return np.log(np.maximum(1 + gap, 1e-6))

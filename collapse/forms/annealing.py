"""The annealing factor: what a falling learning rate does to a curve beyond the time that it has had."""

from __future__ import annotations

import numpy as np

from .clock import Clock
from .form import Form, Parameter

GAIN = Parameter(name="gain", low=0.0, high=0.95, starts=(0.0, 0.15, 0.5), scale="share", prior=(-1.75, 1.5))


def annealed(log_curve: np.ndarray, gain: np.ndarray | float, clock: Clock) -> np.ndarray:
    """``ln l + ln (1 - G eta(1)/eta_0) - ln (1 - G eta(x)/eta_0)``, ``(..., m)``.

    The excess loss is ``F(y)/(1 - G eta/eta_0)``: with the annealing gain G, a rate that falls to zero takes off the
    share G of it. At constant rate the factor is 1.
    """
    return log_curve + log_denominator(gain, clock.end_rate) - log_denominator(gain, clock.rate)


def factor(gain: np.ndarray | float, clock: Clock) -> np.ndarray:
    """The factor itself, ``(1 - G eta(1)/eta_0)/(1 - G eta(x)/eta_0)``, ``(..., m)``."""
    return (1 - gain * clock.end_rate) / (1 - gain * clock.rate)


def log_denominator(gain: np.ndarray | float, rate: np.ndarray | float) -> np.ndarray:
    """``ln (1 - G eta/eta_0)`` at a rate over its peak: what an excess loss that is not normalised is divided by."""
    return np.log1p(-gain * rate)


def parameters_of(form: Form, clock: Clock) -> tuple[Parameter, ...]:
    """A form's parameters, and the annealing gain where it has one that shows."""
    return (*form.parameters, GAIN) if form.annealed and clock.varying else form.parameters

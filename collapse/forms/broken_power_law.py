"""A power law whose exponent changes once."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from .clock import Clock
from .form import FORMS, Form, Parameter
from .sum_of_power_laws import MU

_WIDTH = 0.3  # of the bend, in ln y


@FORMS.register
@dataclasses.dataclass(frozen=True)
class BrokenPowerLaw(Form):
    """An exponent ``mu`` before ``ln y = place`` and ``mu + change`` after it."""

    name = "broken power law"
    formula = "ln l = -mu ln y - change w [ln(1 + (y/e^place)^(1/w)) - the same at y = 1], w = .3"
    citation = "Caballero et al. 2023, arXiv 2210.14891"
    parameters = (
        MU,
        Parameter(name="change", low=-3.0, high=3.0, starts=(-0.3, 0.3)),
        Parameter(
            name="place", low=float(np.log(0.03)), high=float(np.log(2.0)), starts=tuple(np.log([0.15, 0.5]).tolist())
        ),
    )

    def log_curve(self, parameters: Sequence[np.ndarray | float], clock: Clock) -> np.ndarray:
        mu, change, place = parameters
        bend = np.logaddexp(0, (np.log(clock.phase) - place) / _WIDTH) - np.logaddexp(0, -place / _WIDTH)
        return -mu * np.log(clock.phase) - change * _WIDTH * bend

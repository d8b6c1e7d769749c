"""Two power laws of time, a fast and a slow one."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from .clock import Clock
from .form import FORMS, Form, Parameter
from .sum_of_power_laws import MU, SHARE


@FORMS.register
@dataclasses.dataclass(frozen=True)
class TwoPowerLaws(Form):
    """Two mechanisms that lower the loss side by side."""

    name = "two power laws"
    formula = "l = share y^-mu + (1 - share) y^-slow"
    citation = "Paquette et al. 2024, arXiv 2405.15074"
    parameters = (
        MU,
        Parameter(name="slow", low=1e-3, high=1.0, starts=(0.02, 0.2), scale="logarithm"),
        SHARE,
    )

    def log_curve(self, parameters: Sequence[np.ndarray | float], clock: Clock) -> np.ndarray:
        mu, slow, share = parameters
        return np.log(share * clock.phase**-mu + (1 - share) * clock.phase**-slow)

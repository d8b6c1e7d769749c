"""A logarithm of the learning-rate integral."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from .clock import Clock
from .form import FORMS, Form, Parameter


@FORMS.register
@dataclasses.dataclass(frozen=True)
class Logarithmic(Form):
    """Slow relaxation over rates that are spread evenly in their logarithm."""

    name = "logarithmic"
    formula = "l = 1 - slope ln[(y + shift)/(1 + shift)]"
    citation = "Amir, Oreg and Imry 2012, PNAS 109, 1850"
    parameters = (
        Parameter(name="slope", low=1e-3, high=100.0, starts=(0.1, 0.5, 2.0), scale="logarithm", prior=(0.0, 1.5)),
        Parameter(name="shift", low=1e-5, high=3.0, starts=(1e-3, 0.05, 0.5), scale="logarithm", prior=(-2.0, 2.0)),
    )

    def log_curve(self, parameters: Sequence[np.ndarray | float], clock: Clock) -> np.ndarray:
        slope, shift = parameters
        return np.log1p(-slope * np.log((clock.phase + shift) / (1 + shift)))

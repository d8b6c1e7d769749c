"""A logistic fall of the loss."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from .clock import Clock
from .form import FORMS, Form, Parameter


@FORMS.register
@dataclasses.dataclass(frozen=True)
class Logistic(Form):
    """A plateau, and a fall about ``middle``: grokking, and tasks that are learned at once."""

    name = "logistic"
    formula = "l = [1 + e^(k (1 - middle))]/[1 + e^(k (y - middle))]"
    citation = "Verhulst 1838, Corr. Math. Phys. 10, 113"
    parameters = (
        Parameter(name="k", low=1e-2, high=100.0, starts=(0.5, 2.0, 8.0), scale="logarithm"),
        Parameter(name="middle", low=-3.0, high=1.5, starts=(-0.5, 0.2, 0.7)),
    )

    def log_curve(self, parameters: Sequence[np.ndarray | float], clock: Clock) -> np.ndarray:
        k, middle = parameters
        return np.logaddexp(0, k * (1 - middle)) - np.logaddexp(0, k * (clock.phase - middle))

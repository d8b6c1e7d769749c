"""A stretched exponential of the learning-rate integral."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from .clock import Clock
from .form import FORMS, Form, Parameter


@FORMS.register
@dataclasses.dataclass(frozen=True)
class StretchedExponential(Form):
    """Relaxation with a spread of rates."""

    name = "stretched exponential"
    formula = "ln l = depth (1 - y^beta)"
    citation = "Williams and Watts 1970, Trans. Faraday Soc. 66, 80"
    parameters = (
        Parameter(name="depth", low=1e-3, high=300.0, starts=(0.3, 1.0, 5.0), scale="logarithm", prior=(0.5, 1.5)),
        Parameter(name="beta", low=1e-2, high=4.0, starts=(0.1, 0.5, 1.0), scale="logarithm", prior=(-0.7, 1.0)),
    )

    def log_curve(self, parameters: Sequence[np.ndarray | float], clock: Clock) -> np.ndarray:
        depth, beta = parameters
        return depth * (1 - clock.phase**beta)

"""The multi-power law: a power law of the learning-rate integral less what every fall of the rate gains."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from .clock import Clock
from .form import FORMS, Form, Parameter
from .sum_of_power_laws import MU, SumOfPowerLaws

_BETA, _GAMMA = 0.6, 0.64  # nearly the same at all published sizes


@FORMS.register
@dataclasses.dataclass(frozen=True)
class MultiPowerLaw(Form):
    """The law for one schedule, with the published exponents of its annealing term."""

    name = "multi-power law"
    formula = "l = share y^-mu + 1 - share - drop sum_k d eta_k [1 - (1 + speed eta_k^-.64 S_k)^-.6] + the same at 1"
    citation = "Luo et al. 2025, arXiv 2503.12811"
    parameters = (
        MU,
        Parameter(name="share", low=0.0, high=3.0, starts=(0.3, 0.7)),
        Parameter(name="drop", low=0.0, high=5.0, starts=(0.1, 0.5)),
        Parameter(name="speed", low=0.05, high=1e4, starts=(2.0, 50.0), scale="logarithm"),
    )
    annealed = False
    same_at_constant_rate = SumOfPowerLaws.name

    def log_curve(self, parameters: Sequence[np.ndarray | float], clock: Clock) -> np.ndarray:
        """The annealing term is summed over the steps of the rate between grid points; the rate before the grid is
        1."""
        mu, share, drop, speed = parameters
        phase = np.concatenate([[0.0], clock.phase, [1.0]])
        rate = np.concatenate([[1.0], clock.rate, [clock.end_rate]])
        fall, after = -np.diff(rate), np.maximum((rate[1:] + rate[:-1]) / 2, 1e-3)
        since = phase[1:, None] - (phase[:-1] + phase[1:]) / 2
        at, step = np.nonzero((since > 0) & (fall != 0))  # only a fall that has been lowers the loss
        reduced = 1 - (1 + np.asarray(speed) * (after[step] ** -_GAMMA * since[at, step])) ** -_BETA
        lowered = drop * (reduced @ (fall[step, None] * (at[:, None] == np.arange(len(since)))))
        gap = share * (clock.phase**-mu - 1) - (lowered[..., :-1] - lowered[..., -1:])
        return np.log(np.maximum(1 + gap, 1e-6))

"""The form of compute-optimal ladders: a power law in time and one in size; and the same in steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from .annealing import annealed
from .clock import Clock
from .form import FORMS, Form, Parameter

MU = Parameter(
    name="mu", low=0.02, high=3.0, starts=(0.1, 0.3, 0.6, 1.2), scale="logarithm", prior=(-0.7, 1.0)
)  # the time exponent
SHARE = Parameter(name="share", low=0.0, high=1.0, starts=(0.2, 0.5, 0.8), scale="share", prior=(0.0, 2.0))


@FORMS.register
@dataclasses.dataclass(frozen=True)
class SumOfPowerLaws(Form):
    """``L = L0 + A t^-mu + B p^-nu`` at a compute-optimal horizon; ``share`` is the part of the end excess that time
    still lowers. A share of 1 is a pure power law."""

    name = "sum of power laws"
    formula = "l = (r y^-mu + 1)/(1 + r), share = r/(1 + r)"
    citation = "Hoffmann et al. 2022, arXiv 2203.15556; Qiu et al. 2025, arXiv 2507.02119"
    parameters = (MU, SHARE)

    def log_curve(self, parameters: Sequence[np.ndarray | float], clock: Clock) -> np.ndarray:
        mu, share = parameters
        return np.log1p(share * (clock.phase**-mu - 1))


@FORMS.register
@dataclasses.dataclass(frozen=True)
class PowerLawWithOffset(Form):
    """The same function of steps in place of the learning-rate integral."""

    name = "power law with offset"
    formula = "l = share x^-mu + 1 - share, in steps, blind to the schedule"
    citation = "Hestness et al. 2017, arXiv 1712.00409"
    parameters = (MU, SHARE)
    annealed = False
    same_at_constant_rate = SumOfPowerLaws.name

    def log_curve(self, parameters: Sequence[np.ndarray | float], clock: Clock) -> np.ndarray:
        mu, share = parameters
        return np.log1p(share * (clock.x**-mu - 1))


#: The form of the verdict's resolution, of unrelated curves, of the nested models M2' and M2 and of plans.
SUM = SumOfPowerLaws()


def log_sum(mu: np.ndarray | float, share: np.ndarray | float, gain: np.ndarray | float, clock: Clock) -> np.ndarray:
    """``ln l`` of the sum of power laws with its annealing factor, ``(..., m)``; parameters broadcast against x."""
    return annealed(SUM.log_curve((mu, share), clock), gain, clock)

"""No decay."""

from __future__ import annotations

import dataclasses

import numpy as np

from .schedule import SCHEDULES, Schedule


@SCHEDULES.register
@dataclasses.dataclass(frozen=True)
class Constant(Schedule):
    """The peak, from the warmup on."""

    name = "constant"
    summary = "stays at the peak"
    leg = "constant"

    def after_warmup(self, steps: np.ndarray, warmup: int, horizon: int) -> np.ndarray:
        return np.ones(len(steps))

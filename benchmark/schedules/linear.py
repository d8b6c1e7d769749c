"""Linear decay."""

from __future__ import annotations

import dataclasses

import numpy as np

from .schedule import SCHEDULES, Schedule, check_end, phase


@SCHEDULES.register
@dataclasses.dataclass(frozen=True)
class Linear(Schedule):
    """With u = (i - w)/(T - w): ``1 - u``, or from 1 to the fraction ``to`` of the peak."""

    name = "linear"
    summary = "straight down to 0, or to a fraction of the peak"
    to: float = 0.0

    def check(self) -> None:
        check_end(self, self.to)

    def after_warmup(self, steps: np.ndarray, warmup: int, horizon: int) -> np.ndarray:
        return self.to + (1.0 - self.to) * (1.0 - phase(steps, warmup, horizon))

"""Half a cosine down."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from .schedule import SCHEDULES, Schedule, check_end, phase


@SCHEDULES.register
@dataclasses.dataclass(frozen=True)
class Cosine(Schedule):
    """With u = (i - w)/(T - w): ``(1 + cos(pi u))/2``, or from 1 to the fraction ``to`` of the peak.

    Loshchilov and Hutter 2017, `arXiv 1608.03983`, without restarts.
    """

    name = "cosine"
    summary = "half a cosine down to 0, or to a fraction of the peak"
    to: float = 0.0

    def check(self) -> None:
        check_end(self, self.to)

    def after_warmup(self, steps: np.ndarray, warmup: int, horizon: int) -> np.ndarray:
        return self.to + (1.0 - self.to) * (0.5 * (1.0 + np.cos(math.pi * phase(steps, warmup, horizon))))

"""Inverse square root."""

from __future__ import annotations

import dataclasses

import numpy as np

from .schedule import SCHEDULES, Schedule


@SCHEDULES.register
@dataclasses.dataclass(frozen=True)
class InverseSquareRoot(Schedule):
    """``(1 + (i - w)/(s T)) ** -1/2`` with the ``timescale`` s, a share of the horizon.

    With s equal to the warmup fraction that is ``sqrt(w / i)``, the schedule of Vaswani et al. 2017,
    `arXiv 1706.03762`; a timescale of its own is that of Zhai et al. 2022, `arXiv 2106.04560`. It never reaches 0: at
    the default the rate ends near a tenth of the peak.
    """

    name = "inverse-sqrt"
    summary = "falls as one over the root of the updates"
    timescale: float = 0.01

    def check(self) -> None:
        if self.timescale <= 0.0:
            raise self.refuse("timescale", "a share of the horizon above 0")

    def after_warmup(self, steps: np.ndarray, warmup: int, horizon: int) -> np.ndarray:
        passed = np.maximum(0, steps - warmup) / (self.timescale * max(1, horizon))
        return 1.0 / np.sqrt(1.0 + passed)

"""Warmup, stable, decay."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from ...errors import unknown
from .schedule import SCHEDULES, Schedule, check_end, phase

_SHAPES = {
    "linear": lambda v: 1.0 - v,
    "cosine": lambda v: 0.5 * (1.0 + np.cos(math.pi * v)),
    "sqrt": lambda v: 1.0 - np.sqrt(v),
}


@SCHEDULES.register
@dataclasses.dataclass(frozen=True)
class WarmupStableDecay(Schedule):
    """At the peak until the last ``d = round(decay_fraction T)`` updates, in which it decays to ``to`` of the peak.

    With v = (i - (T - d))/d the ``shape`` of the decay is ``linear`` 1 - v, ``cosine`` (1 + cos(pi v))/2, or ``sqrt``
    1 - sqrt(v). Hu et al. 2024, `arXiv 2404.06395`; for the shapes Hägele et al. 2024, `arXiv 2405.18392`. Where warmup
    and decay overlap, the warmup comes first.
    """

    name = "wsd"
    summary = "stays at the peak and decays in the last part of the horizon"
    decay_fraction: float = 0.1
    shape: str = "linear"
    to: float = 0.0

    def check(self) -> None:
        check_end(self, self.to)
        if not 0.0 < self.decay_fraction <= 1.0:
            raise self.refuse("decay_fraction", "a share of the horizon, above 0 and at most 1")
        if self.shape not in _SHAPES:
            raise unknown("`shape` of the schedule 'wsd':", self.shape, _SHAPES)

    def after_warmup(self, steps: np.ndarray, warmup: int, horizon: int) -> np.ndarray:
        start = max(warmup, horizon - max(1, round(self.decay_fraction * horizon)))
        return self.to + (1.0 - self.to) * _SHAPES[self.shape](phase(steps, start, horizon))

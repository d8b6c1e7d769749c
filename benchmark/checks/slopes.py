"""A slope with its interval, and whether it is equivalent to 0."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from ...results.levels import UPPER

BOUND = 0.25


@dataclasses.dataclass(frozen=True, kw_only=True)
class Slope:
    """A slope against log width.

    Attributes
    ----------
    value, low, high : the slope and its 95 % interval, None where there is none.
    status : ``pass`` where the interval lies inside the bound (+-`BOUND` if no other is named), ``fail`` where it lies
        outside, ``unclear`` where it reaches across, ``none`` where there is no slope, for the ``reason``.
    seeds : the slope of each seed, empty where seeds have none.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    status: Literal["pass", "fail", "unclear", "none"] = "none"
    reason: str | None = None
    seeds: tuple[float, ...] = ()


def slope_of_seeds(slopes: Sequence[float] | np.ndarray) -> Slope:
    """Mean of the seeds' slopes with Student's 95 % interval; ``none`` for fewer than two seeds."""
    slopes = np.asarray(slopes, dtype=float)
    if len(slopes) < 2:
        return Slope(reason="nothing to measure")
    from scipy.stats import t

    reach = float(t.ppf(UPPER, len(slopes) - 1) * slopes.std(ddof=1) / math.sqrt(len(slopes)))
    return judged(float(slopes.mean()), float(slopes.mean()) - reach, float(slopes.mean()) + reach, slopes)


def judged(
    value: float, low: float, high: float, seeds: Sequence[float] | np.ndarray = (), *, bound: float = BOUND
) -> Slope:
    """A slope with its status: a test of equivalence to 0 at 2.5 %, and one of difference."""
    inside, outside = -bound < low and high < bound, low > bound or high < -bound
    status = "pass" if inside else "fail" if outside else "unclear"
    return Slope(value=value, low=low, high=high, status=status, seeds=tuple(map(float, seeds)))

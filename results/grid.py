"""The grid on which curves are compared, its measure d mu = d ln x, and its bands."""

from __future__ import annotations

import functools
from collections.abc import Iterable

import numpy as np

from .levels import LATEST, WARMUPS, X_MIN

X_MAX, POINTS = 0.98, 24
_EDGES = (0.3, 0.7)


def common_grid(x_min: float = X_MIN) -> np.ndarray:
    """``(24,)`` points, log-spaced from ``x_min`` to .98. The end itself is left out: there all curves agree."""
    return np.geomspace(x_min, X_MAX, POINTS)


def start_after(warmups: Iterable[float], x_min: float = X_MIN) -> float:
    """Where curves are compared from: ``x_min``, or ten lengths of the longest warmup, and .9 at the latest.

    Parameters
    ----------
    warmups : lengths of the curves' warmups, shares of the horizon.
    x_min : where to start at the earliest, a fraction of the horizon.
    """
    return min(LATEST, max([x_min, *(WARMUPS * warmup for warmup in warmups)]))


def latest_start(grids: Iterable[np.ndarray]) -> float:
    """The first point that several grids ``(m,)`` share; `X_MIN` where there are none."""
    return max((float(x[0]) for x in grids), default=X_MIN)


def log_weights(x: np.ndarray) -> np.ndarray:
    """Trapezoid weights ``(m,)`` of an integral over ``d ln x``, not to be written to."""
    return _log_weights(np.asarray(x, dtype=float).tobytes())


@functools.lru_cache(maxsize=256)  # tests ask for those of one grid tens of thousands of times
def _log_weights(x: bytes) -> np.ndarray:
    steps = np.diff(np.log(np.frombuffer(x)))
    weights = 0.5 * (np.append(steps, 0.0) + np.append(0.0, steps))
    weights.flags.writeable = False
    return weights


def mean_over(values: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Mean over the grid in d ln x, along the last axis."""
    weights = log_weights(x)
    return values @ weights / weights.sum()


def bands(x: np.ndarray) -> list[tuple[tuple[float, float], np.ndarray]]:
    """Early, middle and late: the edges of each band and the mask ``(m,)`` of its grid points.

    Curves that are divided by their own end agree near the end by construction, so one number over all x would hide
    where they differ. A band before the first grid point has an empty mask.
    """
    low, high = _EDGES
    first = round(float(min(x[0], low)), 6)
    return [
        ((first, low), x < low),
        ((low, high), (x >= low) & (x < high)),
        ((high, X_MAX), x >= high),
    ]

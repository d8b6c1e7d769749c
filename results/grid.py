"""The grid on which curves are compared, its measure d mu = d ln x, and its bands."""

from __future__ import annotations

import numpy as np

X_MIN, X_MAX, POINTS = 0.1, 0.98, 24
_EDGES = (0.3, 0.7)


def common_grid(x_min: float = X_MIN) -> np.ndarray:
    """``(24,)`` points, log-spaced from ``x_min`` to .98. The end itself is left out: there all curves agree."""
    return np.geomspace(x_min, X_MAX, POINTS)


def log_weights(x: np.ndarray) -> np.ndarray:
    """Trapezoid weights ``(m,)`` of an integral over ``d ln x``."""
    steps = np.diff(np.log(x))
    return 0.5 * (np.append(steps, 0.0) + np.append(0.0, steps))


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

"""Raw losses of a ladder on one grid, ends included."""

from __future__ import annotations

import numpy as np

from ...results.curves import LearningCurve
from ...results.grid import X_MIN, common_grid, start_after
from .ladder import Ladder


def grid_of(ladder: Ladder, x_min: float = X_MIN) -> np.ndarray:
    """``(m,)`` the common grid, from `start_after` the warmups or from where all curves have data."""
    return common_grid(max(ladder.first_x(), start_after((curve.warmup_fraction for curve in ladder.curves), x_min)))


def losses_on(ladder: Ladder, x: np.ndarray) -> list[np.ndarray]:
    """K arrays ``(n_k, m + 1)``: losses on the grid and, last, at x = 1; linear in (ln x, L) between evaluations."""
    return [np.stack([loss_on(curve, x) for curve in rung]) for rung in ladder.rungs]


def loss_on(curve: LearningCurve, x: np.ndarray) -> np.ndarray:
    """``(m + 1,)`` the loss of one curve on the grid and at its end."""
    seen = curve.x > 0
    return np.append(np.interp(np.log(x), np.log(curve.x[seen]), curve.loss[seen]), curve.loss[-1])

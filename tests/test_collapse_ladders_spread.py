"""Descriptions of the spread in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from onecurve.collapse.ladders.spread import describe, noise_floor
from onecurve.collapse.outcome import RescaledGroup
from onecurve.results.grid import common_grid

X = common_grid()


def group(scale="end-point") -> RescaledGroup:
    """Two rungs, two seeds each. z = (0, ln 3) and (ln 2, ln 4) at all x, ends (1, 1) and (2, 1)."""
    levels = [np.array([0.0, np.log(3)]), np.array([np.log(2), np.log(4)])]
    if scale == "shape":
        levels = [np.exp(rows) for rows in levels]
    return RescaledGroup(
        scale=scale,
        x=X,
        sizes=np.array([1.0, np.e**2]),
        rungs=("width 1", "width 2"),
        values=tuple(np.repeat(rows[:, None], 24, axis=1) for rows in levels),
        seeds=((0, 1), (0, 1)),
        phase=None,
        rate=None,
        units=(np.array([1.0, 1.0]), np.array([2.0, 1.0])),
    )


def test_collapse_deviation_and_noise_of_end_point_curves():
    spread = describe(group())
    l = np.array([1.0, 3.0, 2.0, 4.0])
    assert spread.collapse_deviation == pytest.approx(np.full(24, l.std(ddof=1) / 2.5))
    # Noise is that of the excess itself: (1, 3) and (2 * 2, 4 * 1), whose spread vanishes.
    assert spread.noise[0] == pytest.approx(np.full(24, np.sqrt(2) / 2))
    assert spread.noise[1] == pytest.approx(np.zeros(24), abs=1e-15)
    assert noise_floor(spread, X) == pytest.approx(np.sqrt(2) / 4)


def test_variances_and_trend():
    spread = describe(group())
    within = (np.log(3) ** 2 / 2 + np.log(2) ** 2 / 2) / 2
    means = np.array([np.log(3) / 2, 1.5 * np.log(2)])
    assert spread.within == pytest.approx(np.full(24, within))
    assert spread.between == pytest.approx(np.full(24, max(0.0, means.var(ddof=1) - within / 2)))
    assert spread.slope == pytest.approx(np.full(24, (means[1] - means[0]) / 2))
    assert spread.slope_se == pytest.approx(np.full(24, np.sqrt(within) / 2))
    a, b = np.log(3) ** 2, np.log(2) ** 2
    assert spread.slope_df == pytest.approx(np.full(24, (a + b) ** 2 / (a**2 + b**2)))


def test_shape_scale():
    spread = describe(group("shape"))
    assert spread.collapse_deviation == pytest.approx(np.full(24, np.array([1.0, 3.0, 2.0, 4.0]).std(ddof=1)))
    assert spread.noise[0] == pytest.approx(np.full(24, np.sqrt(2)))
    assert spread.noise[1] == pytest.approx(np.zeros(24), abs=1e-15)

"""The upper bound on deviations of several shapes, under noise of several kinds."""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np

from ...results.levels import MARGIN
from ..within.bootstrap import moments
from ..within.equivalence import assess_deviations
from ..within.sharper import sharpened
from .simulation import autoregression

Shape = Literal["none", "trend", "odd size", "stretch", "spike", "dip"]
Noise = Literal["normal", "skewed", "heavy", "own course"]
_POINTS, _SD = 24, 0.01
_SKEW = 0.5  # sd of the logarithm: skewness 1.75


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class BoundCell:
    """A simulated ladder with a deviation of one shape.

    Attributes
    ----------
    rungs, seeds : K and n.
    shape : a ``trend`` with size that fades towards the end, one ``odd size`` that does so alone, or the largest size
        off at five neighbouring points (``stretch``) or at one, upwards (``spike``) or downwards (``dip``).
    size : the largest true deviation, in ln l.
    noise : ``normal`` and correlated along x; the same log-normal (``skewed``) or over the root of a chi-square with
        three degrees of freedom for each curve (``heavy``); or of a course along x that differs from size to size by up
        to four times from end to end (``own course``).
    noise_ratio : sd of the largest size over that of the smallest.
    """

    rungs: int = 6
    seeds: int = 5
    shape: Shape = "none"
    size: float = 0.0
    noise: Noise = "normal"
    noise_ratio: float = 1.0


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class BoundRates:
    """Mean bounds, and the shares of groups that they cover; ``reference`` is the one without calibration."""

    upper: float
    covered: float
    certified: float
    reference_upper: float
    reference_covered: float
    reference_certified: float


def bound_rates(cell: BoundCell, groups: int, rng: np.random.Generator, *, margin: float = MARGIN) -> BoundRates:
    """Bound simulated groups and count."""
    truth, rows = truth_of(cell), []
    for noise in noise_of(cell, groups, rng):
        values = list(noise + truth[:, None])
        found = sharpened(assess_deviations(moments(values), np.empty((0, 0))), values, rng=rng)
        for bound in (found.upper(), found.reference()):
            rows.append([bound, bound >= cell.size, bound < margin])
    return BoundRates(
        **dict(
            zip(
                [field.name for field in dataclasses.fields(BoundRates)],
                np.array(rows, dtype=float).reshape(groups, 6).mean(axis=0).tolist(),
                strict=True,
            )
        )
    )


def truth_of(cell: BoundCell) -> np.ndarray:
    """``(K, m)`` mean curves, whose largest deviation from their mean is the cell's size."""
    curves, fading = np.zeros((cell.rungs, _POINTS)), np.linspace(1.0, 0.0, _POINTS)
    if cell.shape == "none":
        return curves
    if cell.shape == "trend":
        curves += np.linspace(-1, 1, cell.rungs)[:, None] * fading
    elif cell.shape == "odd size":
        curves[-1] = fading
    elif cell.shape == "stretch":
        curves[-1, 8:13] = 1.0
    else:
        curves[-1, 10] = 1.0 if cell.shape == "spike" else -1.0
    return curves * cell.size / np.abs(curves - curves.mean(axis=0)).max()


def noise_of(cell: BoundCell, groups: int, rng: np.random.Generator) -> np.ndarray:
    """``(groups, K, n, m)`` of sd 1 % in the mean over sizes and mean 0, where normal less its value at x = 1."""
    series = autoregression((groups, cell.rungs, cell.seeds), _POINTS + 1, rng)
    if cell.noise == "skewed":
        moved = np.exp(_SKEW * series) - np.exp(_SKEW**2 / 2)
        noise = moved[..., :-1] / np.sqrt((np.exp(_SKEW**2) - 1) * np.exp(_SKEW**2))
    else:
        noise = (series[..., :-1] - series[..., -1:]) / np.sqrt(2)
    if cell.noise == "heavy":
        noise /= np.sqrt(rng.chisquare(3, size=(*noise.shape[:3], 1)))
    if cell.noise == "own course":
        noise *= np.exp(0.7 * np.outer(np.linspace(-1, 1, cell.rungs), np.linspace(-1, 1, _POINTS)))[:, None]
    return _SD * cell.noise_ratio ** np.linspace(-0.5, 0.5, cell.rungs)[:, None, None] * noise

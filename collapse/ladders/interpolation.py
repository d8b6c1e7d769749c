"""Curves between their evaluations, and what is not known there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...results.curves import LearningCurve
from ..outcome import RescaledGroup
from ..reasons import Reason, because

FEW = 8  # evaluations on the grid: with fewer most of a curve is interpolated
_DENSE = 0.15  # gaps in ln x over which linear interpolation is wrong by .1 to .2 % at most, under a cosine too
_SAME = 0.03  # of a gap in ln x: evaluations that differ by less are shared, as those at rounded steps are
_AT = 0.01  # relative: what lies this little after a point lies at it


def straight(curves: Sequence[LearningCurve], start: float) -> bool:
    """Whether lines between the evaluations will do: all curves share those beside wide gaps, or none has such gaps.

    At shared evaluations the curves are compared as they are: between them every curve is the same mean of the same
    two, so that no difference is made by interpolation. Else each curve would have kinks of its own.
    """
    seen = [_from(curve, start) for curve in curves]
    first = seen[0]
    shared = all(len(x) == len(first) and _alike(np.log(x), np.log(first)) for x in seen)
    return shared or max(float(np.diff(np.log(x)).max(initial=0.0)) for x in seen) <= _DENSE


def _alike(u: np.ndarray, first: np.ndarray) -> bool:
    """Whether two rows of ln x differ, beside their wide gaps, by little of these."""
    gaps = np.append(np.diff(first), 0.0)
    beside = np.maximum(gaps, np.append(0.0, gaps[:-1]))
    return bool(np.all((beside <= _DENSE) | (np.abs(u - first) <= _SAME * beside)))


def interpolate(at: np.ndarray, x: np.ndarray, values: np.ndarray, *, lines: bool) -> tuple[np.ndarray, np.ndarray]:
    """Values at ``(m,)`` points between evaluations, and the error that interpolation may have made there.

    Without ``lines`` the interpolant is the monotone cubic of Fritsch and Carlson (1980) in ln x. Its error is taken
    as its distance from the line in the middle of the gap or of its neighbours, whichever is largest, signed: on sums
    of power laws the true error is far smaller, since the cubic is an order better than the line; under decaying rates,
    which bend a curve within one gap, it is of that size, at powers of two under a cosine up to twice. Model sizes
    share most of it, and what their differences keep is held.

    Parameters
    ----------
    at : where.
    x : ``(e,)`` evaluations, above 0 and ascending, which enclose ``at``.
    values : ``(e,)`` values there.
    lines : whether to go in straight lines in ln x; then the error is 0.
    """
    u, points = np.log(x), np.log(at)
    if lines or len(x) < 3:
        return np.interp(points, u, values), np.zeros(len(at))
    from scipy.interpolate import PchipInterpolator

    cubic = PchipInterpolator(u, values)
    bends = _largest_near(cubic((u[1:] + u[:-1]) / 2) - (values[1:] + values[:-1]) / 2)
    gap = np.clip(np.searchsorted(u, points, side="right") - 1, 0, len(bends) - 1)
    return cubic(points), bends[gap]


def _largest_near(values: np.ndarray) -> np.ndarray:
    """Of each value ``(g,)`` and its neighbours the one with the largest modulus."""
    near = np.stack([np.append(values[0], values[:-1]), values, np.append(values[1:], values[-1])])
    return np.take_along_axis(near, np.abs(near).argmax(axis=0)[None], axis=0)[0]


def untold(group: RescaledGroup, se: np.ndarray) -> Reason | None:
    """Why interpolated curves carry no test of equal curves, None where they do: eight evaluations of each at least,
    and errors of interpolation that are on the whole no larger than the standard errors.

    Parameters
    ----------
    group : rescaled curves.
    se : ``(K, m)`` standard errors of the deviations.
    """
    if group.error is None:
        return None
    if group.evaluations >= FEW and float(np.mean(group.error**2)) <= float(np.mean(se**2)):
        return None
    return because("points-too-rare", evaluations=group.evaluations, error=float(group.error.max()))


def evaluations(curves: Sequence[LearningCurve], start: float) -> int:
    """The fewest evaluations that a curve has from ``start`` on."""
    return min(int(np.sum(curve.x >= start * (1 - 1e-9))) for curve in curves)


def _from(curve: LearningCurve, start: float) -> np.ndarray:
    """The evaluations from the last one at or before ``start``."""
    x = curve.x[curve.x > 0]
    return x[max(0, int(np.searchsorted(x, start * (1 + _AT), side="right")) - 1) :]

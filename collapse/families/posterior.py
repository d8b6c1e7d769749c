"""A curve fitted under a prior, with everything that a prediction needs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from scipy.optimize import least_squares


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A fitted curve. ``theta`` ``(p,)``, its covariance, the curve ``(m,)`` and its Jacobian ``(m, p)``."""

    theta: np.ndarray
    covariance: np.ndarray
    curve: np.ndarray
    jacobian: np.ndarray

    @property
    def uncertainty(self) -> np.ndarray:
        """``(m, m)`` covariance of the fitted curve."""
        return self.jacobian @ self.covariance @ self.jacobian.T


def fit_prior(
    curve: Callable[[np.ndarray], np.ndarray],
    target: np.ndarray,
    whitener: np.ndarray,
    prior: tuple[np.ndarray, np.ndarray],
    starts: Sequence[np.ndarray] = (),
) -> Fit:
    """Posterior mode and curvature: ``min |W (curve - target)|^2 + |(theta - centre)/width|^2``.

    The prior keeps parameters that the data do not settle from running away; it is wide where nothing is known and
    narrow where other families have said something.

    Parameters
    ----------
    curve : parameters ``(p,)`` to a curve ``(m,)``.
    target : ``(m,)``.
    whitener : ``(q, m)`` with ``W Sigma W' = 1``.
    prior : centre and width, ``(p,)`` each.
    starts : where to start besides the centre; the best end counts.
    """
    centre, width = prior

    def residual(theta: np.ndarray) -> np.ndarray:
        return np.concatenate([whitener @ (curve(theta) - target), (theta - centre) / width])

    found = [
        least_squares(residual, start, bounds=(centre - 6 * width, centre + 6 * width)) for start in (centre, *starts)
    ]
    best = min(found, key=lambda one: one.cost)
    return Fit(best.x, np.linalg.inv(best.jac.T @ best.jac), curve(best.x), jacobian(curve, best.x))


def jacobian(curve: Callable[[np.ndarray], np.ndarray], theta: np.ndarray, step: float = 1e-4) -> np.ndarray:
    """``(m, p)`` by central differences."""
    moves = step * np.eye(len(theta))
    return np.stack([(curve(theta + move) - curve(theta - move)) / (2 * step) for move in moves], axis=1)


def whiten(covariance: np.ndarray, blocks: np.ndarray) -> np.ndarray:
    """``(q, m)`` block averages, scaled so that noise of this covariance becomes white."""
    return np.linalg.solve(np.linalg.cholesky(blocks @ covariance @ blocks.T), blocks)

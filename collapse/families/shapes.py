"""Closed forms that a family's curve may have, and their fit with everything a prediction needs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from scipy.optimize import least_squares

from ..forms import log_form, schedule_of
from ..ladders.rescaling import to_shape
from ..outcome import RescaledGroup

_GAIN = (-1.75, 1.5)  # logit of .15


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """A decay in the phase y with two parameters of its own, each unbounded, with a wide normal prior.

    ``decay(a, b, y)`` is ln l without annealing; ``centre`` and ``width`` are the prior's.
    """

    name: str
    decay: Callable[[float, float, np.ndarray], np.ndarray]
    centre: tuple[float, float]
    width: tuple[float, float]


def _power_sum(a: float, b: float, y: np.ndarray) -> np.ndarray:
    return log_form(np.exp(a), 1 / (1 + np.exp(-b)), 0.0, y, np.ones_like(y), 1.0)


def _stretched(a: float, b: float, y: np.ndarray) -> np.ndarray:
    return np.exp(a) * (1 - y ** np.exp(b))


def _logarithmic(a: float, b: float, y: np.ndarray) -> np.ndarray:
    return np.log1p(np.exp(a) * np.log((1 + np.exp(b)) / (y + np.exp(b))))


#: ``l = (r y^-mu + 1)/(1 + r)``: ln mu and logit of the share r/(1 + r).
POWER_SUM = Shape("sum of power laws", _power_sum, (-0.7, 0.0), (1.0, 2.0))
#: Rivals with as many parameters: ``l = exp[k (1 - y^b)]`` and ``l = 1 + a ln[(1 + b)/(y + b)]``, all in logarithms.
RIVALS = (
    Shape("stretched exponential", _stretched, (0.5, -0.7), (1.5, 1.0)),
    Shape("logarithmic", _logarithmic, (0.0, -2.0), (1.5, 2.0)),
)


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


def varies(group: RescaledGroup) -> bool:
    """Whether the learning rate falls, so that an annealing gain shows."""
    _, rate, end_rate = schedule_of(group)
    return bool(np.ptp(np.append(rate, end_rate)) > 1e-9)


def curve_of(shape: Shape, group: RescaledGroup) -> Callable[[np.ndarray], np.ndarray]:
    """The map from parameters to the curve on a group's grid, schedule and scale.

    ``ln l = decay(y) + ln (1 - G eta(1)/eta_0) - ln (1 - G eta(x)/eta_0)``; the third parameter is the logit of G,
    used where the rate varies.
    """
    phase, rate, end_rate = schedule_of(group)

    def curve(theta: np.ndarray) -> np.ndarray:
        z = shape.decay(theta[0], theta[1], phase)
        if len(theta) > 2:
            gain = 1 / (1 + np.exp(-theta[2]))
            z = z + np.log1p(-gain * end_rate) - np.log1p(-gain * rate)
        return z if group.scale == "end-point" else to_shape(z, group.x)

    return curve


def prior_of(shape: Shape, group: RescaledGroup) -> tuple[np.ndarray, np.ndarray]:
    """Centre and width of the wide prior, for the annealing gain too where the rate varies."""
    third = varies(group)
    return np.array([*shape.centre, *_GAIN[:1] * third]), np.array([*shape.width, *_GAIN[1:] * third])


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

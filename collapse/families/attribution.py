"""Why does a family's curve differ? Its difference from the others split into delta, mu, G and what the form misses."""

from __future__ import annotations

import dataclasses

import numpy as np

from ...results.grid import log_weights
from ..forms.posed import Posed
from ..forms.sum_of_power_laws import SUM
from ..outcome import RescaledGroup
from .covariance import Noise, counts_of
from .posterior import fit_prior, jacobian, whiten

_STEPS = 16


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Cause:
    """One cause of a difference.

    ``name`` is ``delta`` (end slope at constant rate), ``mu`` (time exponent), ``G`` (annealing gain) or ``rest``;
    ``own`` and ``others`` its value for the family and for the master curve of the others, ``se`` the standard error of
    their difference (both fits taken to be as noisy as the family's), None for the rest; ``curve`` ``(m,)`` what it
    adds; ``share`` its part of the squared difference, in all 1, each of either sign.
    """

    name: str
    own: float | None
    others: float | None
    se: float | None
    curve: np.ndarray
    share: float


def attribute(group: RescaledGroup, own: np.ndarray, master: np.ndarray, noise: Noise, i: int) -> tuple[Cause, ...]:
    """Split ``own - master`` into the effects of delta, mu and G in the fitted form, and the rest.

    The form is fitted to both curves, and its parameters are led from the others' to the family's own along a straight
    line; what the curve changes by through each is integrated on the way (Aumann and Shapley), so that the parts add
    up to the difference of the two fits whatever their order. With a difference D and parts c_j, the share of a part is
    ``int c_j D d mu / int D^2 d mu``.

    Parameters
    ----------
    group : the family's group: grid, schedule and scale.
    own, master : ``(m,)`` its mean curve and that of the others.
    noise, i : noise pooled over groups, and the group's place among them.
    """
    posed = Posed.of(SUM, group)
    curve, prior = posed.under_prior, posed.prior
    whitener = whiten(noise.of_mean(i, counts_of(group)), noise.blocks)
    fits = [fit_prior(curve, target, whitener, prior) for target in (master, own)]
    ends = [_natural(fit.theta) for fit in fits]
    slopes = [jacobian(_natural, fit.theta) for fit in fits]
    variance = sum(np.diag(j @ fit.covariance @ j.T) for j, fit in zip(slopes, fits, strict=True))

    def natural(values: np.ndarray) -> np.ndarray:
        return curve(_unbounded(values))

    step = (ends[1] - ends[0]) / _STEPS
    points = [ends[0] + (j + 0.5) * step for j in range(_STEPS)]
    parts = np.sum([jacobian(natural, point, 1e-5) * step for point in points], axis=0).T
    difference = own - master
    names = ("delta", "mu", "G") if posed.clock.varying else ("delta", "mu")
    known = zip(names, ends[1], ends[0], np.sqrt(variance), parts, strict=True)
    rows = [*known, ("rest", None, None, None, difference - parts.sum(axis=0))]
    weights = log_weights(group.x)
    square = max(float(difference**2 @ weights), np.finfo(float).tiny)
    return tuple(
        Cause(
            name=name,
            own=None if mine is None else float(mine),
            others=None if theirs is None else float(theirs),
            se=None if se is None else float(se),
            curve=part,
            share=float(part * difference @ weights) / square,
        )
        for name, mine, theirs, se, part in rows
    )


def _natural(theta: np.ndarray) -> np.ndarray:
    """(delta, mu, G) from (ln mu, logit share, logit G)."""
    mu, rest = np.exp(theta[0]), 1 / (1 + np.exp(-theta[1:]))
    return np.array([mu * rest[0], mu, *rest[1:]])


def _unbounded(values: np.ndarray) -> np.ndarray:
    share = np.clip(values[0] / values[1], 1e-9, 1 - 1e-9)
    gain = np.clip(values[2:], 1e-9, 1 - 1e-9)
    return np.array([np.log(values[1]), np.log(share / (1 - share)), *np.log(gain / (1 - gain))])

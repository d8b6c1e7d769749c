"""The sum of power laws fitted to a group's master curve."""

from __future__ import annotations

import numpy as np
from scipy.optimize import least_squares

from ..composing import OK
from ..ladders.rescaling import master_curve, to_shape
from ..outcome import FittedForm, RescaledGroup
from ..reasons import Reason, because
from .annealing import GAIN, factor
from .clock import Clock
from .sum_of_power_laws import SUM, log_sum

_MU, _SHARE = SUM.parameters


def fit_form(group: RescaledGroup) -> FittedForm:
    """Fit the sum of power laws, annealed, to a group's master curve by least squares in d ln x.

    For given mu and G the curve l is linear in the share, so a grid over the two with the best share each is searched
    first and the best of it refined: no start to choose, no local minimum to fall into. At constant rate G cancels and
    is 0. On the shape scale the share all but cancels too and is held at one half; only mu and G are fitted.
    """
    if group.phase is None:
        return FittedForm(mu=None, share=None, gain=None, error=None, status=because("law-needs-schedule"))
    target, clock = master_curve(group), Clock.of(group)
    start = _search(group, target, clock)
    free = np.array([True, group.scale == "end-point", clock.varying])
    low, high = np.array([one.bounds for one in (_MU, _SHARE, GAIN)]).T

    def residual(theta: np.ndarray) -> np.ndarray:
        full = start.copy()
        full[free] = theta
        return _curve(full, group, clock) - target

    inside = np.clip(start, low + 1e-6, high - 1e-6)
    found = least_squares(residual, inside[free], bounds=(low[free], high[free]), xtol=1e-12, ftol=1e-12)
    best = start.copy()
    best[free] = found.x
    return FittedForm(
        mu=float(np.exp(best[0])),
        share=float(best[1]),
        gain=float(best[2]),
        error=float(np.max(np.abs(found.fun))),
        status=_status(best, free, bool(found.success)),
    )


def _curve(theta: np.ndarray, group: RescaledGroup, clock: Clock) -> np.ndarray:
    z = log_sum(np.exp(theta[0]), theta[1], theta[2], clock)
    return z if group.scale == "end-point" else to_shape(z, group.x)


def _search(group: RescaledGroup, target: np.ndarray, clock: Clock) -> np.ndarray:
    """Best (ln mu, share, G) on a grid, with the best share in closed form."""
    mu = np.geomspace(_MU.low, _MU.high, 60)[:, None, None]
    gain = (np.linspace(0, 0.9, 31) if clock.varying else np.zeros(1))[:, None]
    if group.scale == "shape":
        share = np.full((len(mu), len(gain), 1), 0.5)
        misfit = to_shape(log_sum(mu, share, gain, clock), group.x) - target
    else:
        fallen = factor(gain, clock)
        slope, offset = fallen * (clock.phase**-mu - 1) / np.exp(target), fallen / np.exp(target) - 1
        share = -(slope * offset).sum(-1, keepdims=True) / (slope**2).sum(-1, keepdims=True)
        share = np.clip(share, _SHARE.low, _SHARE.high)
        misfit = share * slope + offset
    i, j = np.unravel_index(np.argmin((misfit**2).sum(-1)), misfit.shape[:2])
    return np.array([np.log(mu[i, 0, 0]), share[i, j, 0], gain[j, 0]])


def _status(best: np.ndarray, free: np.ndarray, success: bool) -> Reason:
    if not success:
        return because("fit-did-not-converge")
    low, high = _MU.bounds
    if not low + 0.01 < best[0] < high - 0.01:
        return because("time-exponent-at-the-edge")
    if free[1] and not 0.01 < best[1] < 0.99:
        return because("time-share-at-the-edge")
    return OK

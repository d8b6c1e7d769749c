"""One closed form of a learning curve under any schedule, its fit, and what it says a ladder can resolve."""

from __future__ import annotations

import numpy as np
from scipy.optimize import least_squares

from ..results.grid import mean_over
from .outcome import Form, RescaledGroup

_MU = (0.02, 3.0)
_GAIN = (0.0, 0.95)
_SHARE = (0.0, 1.0)


def log_form(
    mu: np.ndarray | float,
    share: np.ndarray | float,
    gain: np.ndarray | float,
    phase: np.ndarray,
    rate: np.ndarray,
    end_rate: float,
) -> np.ndarray:
    """``ln l`` of a sum of power laws with an annealing gain.

    ::

        l = [(r y^-mu + 1)/(1 + r)] (1 - G eta(1)/eta_0) / (1 - G eta(x)/eta_0)

    with the phase ``y = int_0^x eta / int_0^1 eta``, the time exponent mu, ``r = share/(1 - share)`` and the annealing
    gain G. A share of 1 is a pure power law. Parameters broadcast against ``phase``.
    """
    decay = np.log1p(share * (phase**-mu - 1))
    return decay + np.log1p(-gain * end_rate) - np.log1p(-gain * rate)


def schedule_of(group: RescaledGroup) -> tuple[np.ndarray, np.ndarray, float]:
    """Phase, rate and end rate of a group; those of a constant rate where its schedule is not known."""
    if group.phase is None or group.rate is None or group.end_rate is None:
        return group.x, np.ones_like(group.x), 1.0
    return group.phase, group.rate, group.end_rate


def master_curve(group: RescaledGroup) -> np.ndarray:
    """Mean over rungs of the mean over seeds, ``(m,)``."""
    return np.mean([rows.mean(axis=0) for rows in group.values], axis=0)


def fit_form(group: RescaledGroup) -> Form:
    """Fit `log_form` to a group's master curve by least squares in d ln x.

    For given mu and G the curve l is linear in the share, so a grid over the two with the best share each is searched
    first and the best of it refined: no start to choose, no local minimum to fall into. At constant rate G cancels and
    is 0. On the shape scale the share all but cancels too and is held at one half; only mu and G are fitted.
    """
    if group.phase is None:
        return Form(mu=None, share=None, gain=None, error=None, status="the schedule is not known")
    target = master_curve(group)
    varying = bool(np.ptp(np.append(schedule_of(group)[1], schedule_of(group)[2])) > 1e-9)
    start = _search(group, target, varying)
    free = np.array([True, group.scale == "end-point", varying])
    low, high = np.array([np.log(_MU[0]), _SHARE[0], _GAIN[0]]), np.array([np.log(_MU[1]), _SHARE[1], _GAIN[1]])

    def residual(theta: np.ndarray) -> np.ndarray:
        full = start.copy()
        full[free] = theta
        return _curve(full, group) - target

    inside = np.clip(start, low + 1e-6, high - 1e-6)
    found = least_squares(residual, inside[free], bounds=(low[free], high[free]), xtol=1e-12, ftol=1e-12)
    best = start.copy()
    best[free] = found.x
    return Form(
        mu=float(np.exp(best[0])),
        share=float(best[1]),
        gain=float(best[2]),
        error=float(np.max(np.abs(found.fun))),
        status=_status(best, free, bool(found.success)),
    )


def resolution(form: Form, group: RescaledGroup, error: float = 0.2) -> float | None:
    """Largest deviation that a relative ``error`` in the horizon exponent causes on this ladder.

    To first order ln l moves, at either end of a ladder of span R (largest over smallest size), by ::

        (1/2) ln R * gamma * error * mu * r (Y - 1) / [(r Y + 1)(1 + r)],     Y = y(x_min)^-mu

    Assumes sizes spread evenly in ln p about their geometric mean, one (mu, r) for all rungs, as fitted to the master
    curve, and a horizon exponent gamma of about 1, as compute-optimal ladders have. None where there is no interior fit
    or on the shape scale, where a wrong exponent does not show at constant rate.
    """
    if form.status != "ok" or group.scale != "end-point" or form.mu is None or form.share is None:
        return None
    y = float(schedule_of(group)[0][0]) ** -form.mu
    span = float(group.sizes[-1] / group.sizes[0])
    bend = form.share * (1 - form.share) * (y - 1) / (form.share * y + 1 - form.share)
    return float(0.5 * np.log(span) * error * form.mu * bend)


def _curve(theta: np.ndarray, group: RescaledGroup) -> np.ndarray:
    z = log_form(np.exp(theta[0]), theta[1], theta[2], *schedule_of(group))
    if group.scale == "end-point":
        return z
    gap = np.expm1(z)
    return gap / mean_over(gap, group.x)


def _search(group: RescaledGroup, target: np.ndarray, varying: bool) -> np.ndarray:
    """Best (ln mu, share, G) on a grid, with the best share in closed form."""
    phase, rate, end_rate = schedule_of(group)
    mu = np.geomspace(*_MU, 60)[:, None, None]
    gain = (np.linspace(0, 0.9, 31) if varying else np.zeros(1))[:, None]
    if group.scale == "shape":
        share = np.full((len(mu), len(gain), 1), 0.5)
        gap = np.expm1(log_form(mu, share, gain, phase, rate, end_rate))
        misfit = gap / mean_over(gap, group.x)[..., None] - target
    else:
        annealed = (1 - gain * end_rate) / (1 - gain * rate)
        slope, offset = annealed * (phase**-mu - 1) / np.exp(target), annealed / np.exp(target) - 1
        share = np.clip(-(slope * offset).sum(-1, keepdims=True) / (slope**2).sum(-1, keepdims=True), *_SHARE)
        misfit = share * slope + offset
    i, j = np.unravel_index(np.argmin((misfit**2).sum(-1)), misfit.shape[:2])
    return np.array([np.log(mu[i, 0, 0]), share[i, j, 0], gain[j, 0]])


def _status(best: np.ndarray, free: np.ndarray, success: bool) -> str:
    if not success:
        return "the fit did not converge"
    if not np.log(_MU[0]) + 0.01 < best[0] < np.log(_MU[1]) - 0.01:
        return "time exponent at the edge"
    if free[1] and not 0.01 < best[1] < 0.99:
        return "time share at the edge"
    return "ok"

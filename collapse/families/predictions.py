"""What each nested model predicts for a family, from the others and, where it may, from some of its own seeds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from scipy.interpolate import PchipInterpolator

from ..forms.form import Form
from ..forms.posed import Posed
from ..forms.sum_of_power_laws import SUM
from ..ladders.rescaling import master_curve
from ..outcome import RescaledGroup
from .covariance import Noise, counts_of
from .posterior import Fit, fit_prior, whiten

_BENT = 8  # points at an end that its continuation is fitted to


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """A curve ``(m,)``, its covariance ``(m, m)``, and the part of it that does not come from the family's own data.

    ``response`` ``(q, q)`` is how the prediction's block means move with those of the family's own curve; the rest of
    the way they move with the others' master curve where it ``follows_master``.
    """

    curve: np.ndarray
    covariance: np.ndarray
    shared: np.ndarray
    response: np.ndarray
    follows_master: bool = False


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """All families' groups on one data set, and one of them (``left_out``) to be predicted.

    ``weights`` ``(G,)`` are the others' in their master curve: each family counts once. ``horizon_sd`` is the prior sd
    of the logarithm of a factor on time.
    """

    groups: tuple[RescaledGroup, ...]
    noise: Noise
    left_out: int
    weights: np.ndarray
    horizon_sd: float

    @property
    def master(self) -> Prediction:
        """Mean curve of the others with its seed noise."""
        chosen = [(i, w) for i, w in enumerate(self.weights) if w]
        curve = np.asarray(sum(w * master_curve(self.groups[i]) for i, w in chosen))
        covariance = np.asarray(sum(w**2 * self.noise.of_mean(i, counts_of(self.groups[i])) for i, w in chosen))
        still = np.zeros((len(self.noise.blocks),) * 2)
        return Prediction(curve, covariance, covariance, still, follows_master=True)

    def whitener(self, i: int, group: RescaledGroup) -> np.ndarray:
        """``(q, m)`` map of group i's mean curve, from the seeds in ``group``, to white blocks."""
        return whiten(self.noise.of_mean(i, counts_of(group)), self.noise.blocks)

    def response(self, fit: Fit, whitener: np.ndarray) -> np.ndarray:
        """``(q, q)`` change of a fitted curve's block means with those of its target, to first order."""
        blocks = self.noise.blocks
        return blocks @ fit.uncertainty @ whitener.T @ whitener @ np.linalg.pinv(blocks)


def identical(setting: Setting, own: RescaledGroup) -> Prediction:
    """M0: the others' master curve; nothing is the family's own."""
    return setting.master


def horizon_factor(setting: Setting, own: RescaledGroup) -> Prediction:
    """M1: the master curve with time multiplied by a factor of the family's own, ``z_a(x) = g(c x) - g(c)``.

    Beyond its ends the master curve goes on along parabolas through its last points. The prior on ln c is the pilot's
    interval.
    """
    master = setting.master

    def curve(theta: np.ndarray) -> np.ndarray:
        return stretch(master.curve, own, float(theta[0]))

    prior = (np.zeros(1), np.array([setting.horizon_sd]))
    target = master_curve(own)
    blurred = setting.noise.of_mean(setting.left_out, counts_of(own)) + master.covariance
    whitener = whiten(blurred, setting.noise.blocks)
    fit = fit_prior(curve, target, whitener, prior)
    response = setting.response(fit, whitener)
    return Prediction(fit.curve, fit.uncertainty + master.covariance, master.covariance, response, follows_master=True)


def stretch(master: np.ndarray, group: RescaledGroup, log_factor: float) -> np.ndarray:
    """A curve ``(m,)`` with time multiplied by ``exp(log_factor)``, on the scale of its group."""
    times, values = np.append(np.log(group.x), 0.0), np.append(master, 0.0)
    where = times + log_factor
    ends = [np.polynomial.Polynomial.fit(times[part], values[part], 2) for part in (slice(_BENT), slice(-_BENT, None))]
    moved = PchipInterpolator(times, values)(where.clip(times[0], times[-1]))
    for outside, edge, bend in zip((where < times[0], where > times[-1]), (0, -1), ends, strict=True):
        moved += np.where(outside, bend(where) - bend(times[edge]), 0.0)
    moved = moved[:-1] - moved[-1]
    if group.scale == "end-point":
        return moved
    weights = np.gradient(times[:-1])
    return moved * weights.sum() / (moved @ weights)


def own_exponents(form: Form = SUM) -> Callable[[Setting, RescaledGroup], Prediction]:
    """M2: one form, all parameters the family's own; with another form, a rival of M2."""

    def predict(setting: Setting, own: RescaledGroup) -> Prediction:
        posed = Posed.of(form, own)
        fit = _fit_own(setting, own, posed, posed.prior)
        return Prediction(fit.curve, fit.uncertainty, np.zeros_like(fit.uncertainty), _own_response(setting, own, fit))

    return predict


def equal_exponents(setting: Setting, own: RescaledGroup) -> Prediction:
    """M2': the time exponent is the others', balance and annealing gain are the family's own."""
    posed = Posed.of(SUM, own)
    centre, width = posed.prior
    centre[0], width[0] = _shared_exponent(setting)
    fit = _fit_own(setting, own, posed, (centre, width))
    direction = fit.jacobian[:, :1] * width[0]
    return Prediction(fit.curve, fit.uncertainty, direction @ direction.T, _own_response(setting, own, fit))


def own_curve(setting: Setting, own: RescaledGroup) -> Prediction:
    """M3: the family's own curve, linear between a node in each block; the noise is that of the data it came from."""
    covariance = setting.noise.of_mean(setting.left_out, counts_of(own))
    return Prediction(master_curve(own), covariance, np.zeros_like(covariance), np.eye(len(setting.noise.blocks)))


def _fit_own(setting: Setting, own: RescaledGroup, posed: Posed, prior: tuple[np.ndarray, np.ndarray]) -> Fit:
    whitener = setting.whitener(setting.left_out, own)
    start = posed.prior[0]
    start[0] = prior[0][0]
    return fit_prior(posed.under_prior, master_curve(own), whitener, prior, [start])


def _own_response(setting: Setting, own: RescaledGroup, fit: Fit) -> np.ndarray:
    return setting.response(fit, setting.whitener(setting.left_out, own))


def _shared_exponent(setting: Setting) -> tuple[float, float]:
    """ln mu of the others, fitted jointly with each its own balance and gain, and its standard error."""
    chosen = [i for i, w in enumerate(setting.weights) if w]
    groups = [setting.groups[i] for i in chosen]
    curves = [Posed.of(SUM, group).under_prior for group in groups]
    whiteners = [setting.whitener(i, group) for i, group in zip(chosen, groups, strict=True)]
    centre, width = Posed.of(SUM, groups[0]).prior
    own = len(centre) - 1

    def joint(theta: np.ndarray) -> np.ndarray:
        parts = theta[1:].reshape(-1, own)
        return np.concatenate(
            [w @ c(np.append(theta[0], part)) for w, c, part in zip(whiteners, curves, parts, strict=True)]
        )

    target = np.concatenate([w @ master_curve(group) for w, group in zip(whiteners, groups, strict=True)])
    prior = (
        np.append(centre[0], np.tile(centre[1:], len(groups))),
        np.append(width[0], np.tile(width[1:], len(groups))),
    )
    fit = fit_prior(joint, target, np.eye(len(target)), prior)
    return float(fit.theta[0]), float(np.sqrt(fit.covariance[0, 0]))

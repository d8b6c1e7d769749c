"""Ladders that do not collapse, with a known largest deviation: what a plan wants to detect."""

from __future__ import annotations

import numpy as np

from ...errors import InputError
from ..composing import OK
from ..forms.sum_of_power_laws import log_sum
from ..ladders.rescaling import to_shape
from ..reasons import Reason, because
from .pilot import Pilot

_STEP = 1e-4
_USUAL = 0.5, 0.5, 0.0  # time exponent, share and gain where none could be fitted


def trend(pilot: Pilot, sizes: np.ndarray, deviation: float) -> np.ndarray:
    """``(K, m)`` deviations that grow evenly with ln p and reach ``deviation`` at the ends of the ladder.

    In x they follow what a small change of r (on shapes: of mu) does to the fitted form, or to a usual one.
    """
    u = np.log(sizes) - np.log(sizes).mean()
    return deviation * (u / np.abs(u).max())[:, None] * _profile(pilot)


def odd_rung(pilot: Pilot, sizes: np.ndarray, deviation: float) -> np.ndarray:
    """``(K, m)`` deviations of which one rung, the largest, has ``deviation`` and the others share the rest."""
    k = len(sizes)
    shares = np.full(k, -1.0 / (k - 1))
    shares[-1] = 1.0
    return deviation * shares[:, None] * _profile(pilot)


def wrong_horizon(pilot: Pilot, sizes: np.ndarray, error: float, gamma: float = 1.0) -> np.ndarray:
    """``(K, m)`` deviations that a relative ``error`` in the horizon exponent causes.

    ``r_k = r (p_k/p_gm)^(-mu gamma error)`` in the fitted form, less the mean over rungs.

    Raises
    ------
    InputError : there is no fitted form, or the curves are on the shape scale, where at constant rate a wrong horizon
        does not show.
    """
    form = pilot.form
    if not _fitted(pilot) or form.mu is None or form.share is None or form.gain is None:
        raise InputError(f"the effect of a wrong horizon needs the form of the curve: {form.status}")
    if pilot.scale == "shape":
        raise InputError(
            pilot.quantity.say("a wrong horizon does not show in shapes; it needs a known irreducible loss")
        )
    steps = np.log(sizes) - np.log(sizes).mean()
    r = form.share / (1 - form.share) * np.exp(-form.mu * gamma * error * steps)
    curves = log_sum(form.mu, (r / (1 + r))[:, None], form.gain, pilot.clock)
    return curves - curves.mean(axis=0)


def horizon_unseen(pilot: Pilot) -> Reason | None:
    """Why an error of the horizon exponent cannot be laid upon a pilot's curves, None where it can."""
    if not _fitted(pilot):
        return because("horizon-needs-form", why=pilot.form.status)
    return because("horizon-not-in-shapes") if pilot.scale == "shape" else None


def _fitted(pilot: Pilot) -> bool:
    form = pilot.form
    return form.status == OK and form.mu is not None and form.share is not None and form.gain is not None


def _profile(pilot: Pilot) -> np.ndarray:
    """``(m,)`` where a trend shows, 1 at its largest.

    Any form will do that ends where the curves do: noise vanishes towards the end, and a trend that did not vanish with
    it would be seen there however small it was.
    """
    form, clock = pilot.form, pilot.clock
    mu, share, gain = (form.mu, form.share, form.gain) if _fitted(pilot) else _USUAL
    assert mu is not None and share is not None and gain is not None
    if pilot.scale == "shape":
        one, other = (log_sum(value, share, gain, clock) for value in (mu, mu * (1 + _STEP)))
        change = to_shape(other, pilot.x) - to_shape(one, pilot.x)
    else:
        one, other = (log_sum(mu, value, gain, clock) for value in (share, share * (1 - _STEP)))
        change = other - one
    return change / np.abs(change).max()

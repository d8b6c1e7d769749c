"""Ladders that do not collapse, with a known largest deviation: what a plan wants to detect."""

from __future__ import annotations

import numpy as np

from ...errors import InputError
from ..forms import log_form
from ..rescaling import to_shape
from .pilot import Pilot

_STEP = 1e-4


def trend(pilot: Pilot, sizes: np.ndarray, deviation: float) -> np.ndarray:
    """``(K, m)`` deviations that grow evenly with ln p and reach ``deviation`` at the ends of the ladder.

    In x they follow what a small change of r (on shapes: of mu) does to the fitted form; without a form, ``ln x``.
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
    if form.status != "ok" or form.mu is None or form.share is None or form.gain is None:
        raise InputError(f"the effect of a wrong horizon needs the form of the curve: {form.status}")
    if pilot.scale == "shape":
        raise InputError("a wrong horizon does not show in shapes; it needs a known irreducible loss")
    steps = np.log(sizes) - np.log(sizes).mean()
    r = form.share / (1 - form.share) * np.exp(-form.mu * gamma * error * steps)
    curves = log_form(form.mu, (r / (1 + r))[:, None], form.gain, pilot.phase, pilot.rate, pilot.end_rate)
    return curves - curves.mean(axis=0)


def _profile(pilot: Pilot) -> np.ndarray:
    """``(m,)`` where a trend shows, 1 at its largest."""
    form = pilot.form
    if form.status != "ok" or form.mu is None or form.share is None or form.gain is None:
        values = np.log(pilot.x)
        values = values if pilot.scale == "end-point" else values - values.mean()
        return values / np.abs(values).max()
    schedule = pilot.phase, pilot.rate, pilot.end_rate
    if pilot.scale == "shape":
        one, other = (log_form(mu, form.share, form.gain, *schedule) for mu in (form.mu, form.mu * (1 + _STEP)))
        change = to_shape(other, pilot.x) - to_shape(one, pilot.x)
    else:
        one, other = (log_form(form.mu, s, form.gain, *schedule) for s in (form.share, form.share * (1 - _STEP)))
        change = other - one
    return change / np.abs(change).max()

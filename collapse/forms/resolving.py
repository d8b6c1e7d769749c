"""What a ladder can resolve: how far a wrong exponent of the training length would move its curves apart."""

from __future__ import annotations

import dataclasses

import numpy as np

from ..ladders.rescaling import master_curve
from ..outcome import FittedForm, RescaledGroup
from .annealing import factor
from .clock import Clock
from .fitted import fit_form

ERROR = 0.2  # of the exponent of the training length, relative
_FLOORS = 60
_EDGE = "time-share-at-the-edge"
_DEPTH = 3.0  # how many ranges of the losses below the smallest a floor that is not known may lie
_FITS = 0.02  # misfit of the form, in ln l, under a schedule that is possible
_LAST = 6  # points of the last slope
_SCHEDULES = ("constant", "linear", "cosine")


def resolution(
    form: FittedForm, group: RescaledGroup, error: float = ERROR, *, floors: tuple[float, float] | None = None
) -> float | None:
    """Largest deviation that a relative ``error`` in the exponent of the training length causes on this ladder.

    The curve of size k is the fitted sum of power laws with a balance r_k of its own, gamma being the exponent, about
    1 as compute-optimal ladders have it::

        l_k(x) = (r_k y^-mu + 1)/(r_k + 1) * annealing,     r_k = r (p_k/p_gm)^(-mu error)

    Where the irreducible loss is not known, the analysis chooses one under which curves lie together, so what is left
    is the smallest over the floors that it may choose: with ``E_k`` the end excess of size k and L0 moved by c::

        min over c of max_{k,x} |d_k(x)|,     l_k(x; c) = (E_k l_k(x) - c)/(E_k - c)

    With c = 0 and to first order this is ``(1/2) ln R * error * mu * r (Y - 1)/[(r Y + 1)(1 + r)]``, Y = y(x_min)^-mu.

    Parameters
    ----------
    form : fitted to the group's master curve.
    group : on the end-point scale, its units the end excesses at the floor in use.
    error : relative error of the exponent.
    floors : ends between which L0 may lie, relative to the one in use; None where it is known.

    Returns
    -------
    0 where the share of time is at the edge of its range: a pure power law collapses under every training length. None
    where there is no fit, and on the shape scale.
    """
    if group.scale != "end-point":
        return None
    if form.status.code == _EDGE:
        return 0.0
    if form.status.code != "ok" or form.mu is None or form.share is None:
        return None
    clock = Clock.of(group)
    balance = form.share / (1 - form.share)
    place = np.log(group.sizes) - np.log(group.sizes).mean()
    r = balance * np.exp(-form.mu * error * place)[:, None]
    curves = (r * clock.phase**-form.mu + 1) / (r + 1) * factor(form.gain or 0.0, clock)
    if floors is None or not group.units:
        return _spread(curves)
    ends = np.array([unit.mean() for unit in group.units])[:, None]
    losses = ends * curves
    smallest, fallen = float(losses.min()), float(losses.max() - losses.min())
    moved = np.concatenate(
        [-np.geomspace(1e-3 * smallest, _DEPTH * fallen, _FLOORS), [0.0], np.geomspace(1e-3, 0.99, _FLOORS) * smallest]
    )
    moved = np.unique(np.clip(moved, floors[0], min(floors[1], 0.99 * smallest)))
    for _ in range(2):
        found = [_spread((losses - c) / (ends - c)) for c in moved]
        best = int(np.argmin(found))
        moved = np.linspace(moved[max(best - 1, 0)], moved[min(best + 1, len(moved) - 1)], 9)
    return min(found)


def _spread(curves: np.ndarray) -> float:
    z = np.log(curves)
    return float(np.abs(z - z.mean(axis=0)).max())


def resolution_of_any_schedule(group: RescaledGroup, *, floors: tuple[float, float] | None = None) -> float | None:
    """The resolution where the schedule is not known: the smallest that may be.

    Of the usual schedules those are possible under which the form fits within 2 %, and each has its own resolution.
    Beside them stands what needs no form: a length of the training that is off by s stretches time, and at a constant
    rate ``z_k(x) = z(s_k x) - z(s_k)`` for any curve z; beyond x = 1 it goes on along its last slope. So a table that
    does not say its schedule is not believed more than the same table that does. None on the shape scale.
    """
    if group.scale != "end-point":
        return None
    found: list[float | None] = [_stretched(group)]
    for clocked in (_under(group, name) for name in _SCHEDULES):
        form = fit_form(clocked)
        if form.error is not None and form.error < _FITS:
            found.append(resolution(form, clocked, floors=floors))
    known = [one for one in found if one is not None]
    return min(known) if len(known) == len(found) else 0.0


def _stretched(group: RescaledGroup) -> float:
    time, z = np.log(np.append(group.x, 1.0)), np.append(master_curve(group), 0.0)
    slope = np.polyfit(time[-_LAST:], z[-_LAST:], 1)[0]
    shift = ERROR * (np.log(group.sizes) - np.log(group.sizes).mean())[:, None]

    def at(u: np.ndarray) -> np.ndarray:
        inside = np.interp(u, time, z)
        before = z[0] + (u - time[0]) * (z[1] - z[0]) / (time[1] - time[0])
        return np.where(u > 0, slope * u, np.where(u < time[0], before, inside))

    curves = at(time[:-1] + shift) - at(shift)
    return float(np.abs(curves - curves.mean(axis=0)).max())


def _under(group: RescaledGroup, schedule: str) -> RescaledGroup:
    """The group as if it had been trained under a schedule that ends at 0, or at constant rate."""
    x = group.x
    phase, rate = {
        "constant": (x, np.ones_like(x)),
        "linear": (1 - (1 - x) ** 2, 1 - x),
        "cosine": (x + np.sin(np.pi * x) / np.pi, (1 + np.cos(np.pi * x)) / 2),
    }[schedule]
    return dataclasses.replace(group, phase=phase, rate=rate, end_rate=1.0 if schedule == "constant" else 0.0)

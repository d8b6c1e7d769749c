"""From raw curves to one grid on which they should coincide."""

from __future__ import annotations

import dataclasses

import numpy as np

from ...results.curves import LearningCurve
from ...results.grid import X_MAX, X_MIN, common_grid, mean_over
from ..outcome import RescaledGroup, Scale
from ..reasons import Reason, Refusal, because
from .interpolation import evaluations, interpolate, straight
from .ladder import Ladder, name_of


def overlap(ladder: Ladder, x_min: float = X_MIN) -> float:
    """Share of the grid's length in ln x on which every rung has data."""
    start = max(x_min, ladder.first_x())
    return float(max(0.0, np.log(X_MAX / start) / np.log(X_MAX / x_min)))


def rescale(
    ladder: Ladder, *, scale: Scale, irreducible_loss: float | None = None, x_min: float = X_MIN
) -> RescaledGroup:
    """Put all curves of a ladder on the common grid and on one scale.

    ``end-point``: ``z(x) = ln[E(x)/E(1)]`` with ``E = L - L0``, by the same seed's own end; between evaluations ln E is
    interpolated in ln x.
    ``shape``: ``q(x) = [L(x) - L(1)] / M`` with M the mean over the grid in d ln x of the numerator, so that L0 cancels
    and the mean of q is 1; L is interpolated in ln x.

    Evaluations that are dense or shared by all curves are joined by lines, others by monotone cubics whose error goes
    with the group (see `interpolation`).

    The grid starts at ``x_min`` or where the last rung's data start, whichever is later; nothing is extrapolated.
    Curves that are not complete are left out (see `Ladder`).

    Parameters
    ----------
    ladder : the curves of one group.
    scale : which of the two.
    irreducible_loss : L0, for ``end-point``.
    x_min : first grid point, a fraction of the horizon.

    Raises
    ------
    Refusal : no curve is complete; the data start after x = .98; L0 is missing or not below every loss; a curve has
        no improvement whose shape could be asked for, or some rise and others fall.
    """
    if not ladder.rungs:
        raise Refusal(because("no-size-with-two-curves"))
    start = max(x_min, ladder.first_x())
    if start >= X_MAX:
        raise Refusal(because("curves-start-too-late", end=X_MAX, start=start))
    x = common_grid(start)
    on_grid = _shape if scale == "shape" else _end_point
    lines = straight(ladder.curves, start)
    rows = [[on_grid(curve, x, irreducible_loss, lines) for curve in rung] for rung in ladder.rungs]
    if scale == "shape" and len({unit > 0 for rung in rows for _, unit, _ in rung}) > 1:
        raise Refusal(because("some-rise", noun=ladder.quantity.noun))
    phase, rate, end_rate = schedule(ladder, x)
    return RescaledGroup(
        scale=scale,
        x=x,
        sizes=ladder.sizes,
        rungs=ladder.names,
        values=tuple(np.stack([values for values, _, _ in rung]) for rung in rows),
        seeds=tuple(tuple(curve.seed for curve in rung) for rung in ladder.rungs),
        phase=phase,
        rate=rate,
        end_rate=end_rate,
        units=tuple(np.array([unit for _, unit, _ in rung]) for rung in rows),
        quantity=ladder.quantity,
        error=None if lines else np.stack([np.abs(np.mean([error for _, _, error in rung], axis=0)) for rung in rows]),
        evaluations=evaluations(ladder.curves, start),
    )


def try_rescale(
    ladder: Ladder, scale: Scale, floor: float | None, x_min: float
) -> tuple[RescaledGroup | None, Reason | None]:
    """`rescale`, with its refusal as a reason: the group or None, and why there is none."""
    try:
        return rescale(ladder, scale=scale, irreducible_loss=floor, x_min=x_min), None
    except Refusal as refusal:
        return None, refusal.reason


def _end_point(
    curve: LearningCurve, x: np.ndarray, floor: float | None, lines: bool
) -> tuple[np.ndarray, float, np.ndarray]:
    """z on the grid, the end excess that it was divided by, and the error of interpolation."""
    if floor is None:
        raise Refusal(because("end-point-scale-needs-floor", quantity=curve.quantity))
    seen = curve.x > 0
    excess = curve.loss[seen] - floor
    if np.any(excess <= 0):
        first = float(curve.x[seen][excess <= 0][0])
        who = {"size": name_of(curve), "seed": curve.seed, "x": first}
        raise Refusal(because("floor-not-below", quantity=curve.quantity, floor=floor, **who))
    z, error = interpolate(x, curve.x[seen], np.log(excess / excess[-1]), lines=lines)
    return z, float(excess[-1]), error


def _shape(curve: LearningCurve, x: np.ndarray, _: float | None, lines: bool) -> tuple[np.ndarray, float, np.ndarray]:
    """q on the grid, the mean improvement that it was divided by, and the error of interpolation."""
    seen = curve.x > 0
    gap, error = interpolate(x, curve.x[seen], curve.loss[seen] - curve.loss[-1], lines=lines)
    unit = mean_over(gap, x)
    rises = curve.quantity.known_floor is not None and unit < 0
    if unit <= 0 and not rises:
        who = {"size": name_of(curve), "seed": curve.seed}
        raise Refusal(because("curve-does-not-improve", **who, x=float(x[0])))
    return gap / unit, float(unit), (error - gap * mean_over(error, x) / unit) / unit


def falling(group: RescaledGroup) -> RescaledGroup:
    """A group whose curves ln l rise as one whose curves fall: 1 / l, whose deviations are as large."""
    if group.scale == "shape" or float(master_curve(group)[0]) >= 0:
        return group
    return dataclasses.replace(group, values=tuple(-rows for rows in group.values))


def to_shape(z: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Curves ``z = ln l``, ``(..., m)``, on the shape scale: ``(l - 1) / mean(l - 1)``."""
    gap = np.expm1(z)
    return gap / mean_over(gap, x)[..., None]


def master_curve(group: RescaledGroup) -> np.ndarray:
    """Mean over rungs of the mean over seeds, ``(m,)``."""
    return np.mean([rows.mean(axis=0) for rows in group.values], axis=0)


def schedule(ladder: Ladder, x: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None, float | None]:
    """Phase ``y(x) = int_0^x eta / int_0^1 eta`` and rate ``eta(x)/peak`` on the grid, and the rate at the end.

    From the first curve with a learning rate; a leg at constant rate needs none. None where it is not known.
    """
    for curve in ladder.curves:
        if curve.lr is not None and np.max(curve.lr) > 0:
            return _schedule_of(curve, x)
    if ladder.curves and ladder.curves[0].leg == "constant":
        return x, np.ones_like(x), 1.0
    return None, None, None


def _schedule_of(curve: LearningCurve, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    assert curve.lr is not None
    seen = curve.x > 0
    top = float(np.max(curve.lr))
    # Rates come over their peak, which may lie between two evaluations; raw ones are told by their size.
    times, rates = curve.x[seen], curve.lr[seen] / (1.0 if 0.5 < top <= 1.0 else top)
    # A warmup shorter than the first evaluation cannot be seen: from there back to 0 the rate goes on as it came, or
    # the trapezoid to the cold start at step 0 would take half of the first stretch away.
    slope = (rates[1] - rates[0]) / (times[1] - times[0]) if len(times) > 1 else 0.0
    times = np.append(0.0, times)
    rates = np.append(max(0.0, rates[0] - slope * times[1]), rates)
    integral = np.append(0.0, np.cumsum(np.diff(times) * (rates[1:] + rates[:-1]) / 2))
    rate = np.interp(x, times, rates)
    before = np.searchsorted(times, x, side="right") - 1
    phase = integral[before] + (x - times[before]) * (rates[before] + rate) / 2
    return phase / integral[-1], rate, float(rates[-1])

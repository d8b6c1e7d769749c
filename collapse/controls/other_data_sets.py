"""Controls from elsewhere: curves of other data sets (N2), those of equal end slope, and curves of one number (N3)."""

from __future__ import annotations

import dataclasses

import numpy as np

from ...results.grid import bands
from ..composing import OK, Missing
from ..families.crossing import Crossing
from ..forms.clock import Clock
from ..ladders.rescaling import master_curve, to_shape
from ..outcome import RescaledGroup
from ..reasons import Reason, because

NEAR = 0.02  # end slopes that differ by less are matched
_LATE = 0.5  # the end slope is measured from here on


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Foreign:
    """How far as many curves as a group has rungs lie apart, drawn from one source.

    ``control`` says which (`CONTROLS`); ``n_curves`` how many there were to draw from; ``deviation`` the mean over
    draws of the largest |d| over rungs and x; ``bands`` the same in each band, None where the band is empty.
    """

    control: str
    n_curves: int
    deviation: float
    bands: tuple[float | None, ...]
    status: Reason = OK


CONTROLS = ("other data sets", "other data sets, end slope matched", "one number")


def foreign_controls(
    crossing: Crossing, family: str, dataset: str, *, rng: np.random.Generator, draws: int = 200
) -> tuple[Foreign | Missing, ...]:
    """N2, matched N2 and N3 for one group, on its grid, in its bands, with its number of rungs and its noise.

    N2 draws mean curves of the leg's groups on other data sets; matched N2 those whose slope at x = 1 differs from the
    group's by less than .02, for curves that leave the end alike are closer for that reason alone. N3 draws
    ``z = -delta ln y`` with the delta of each group of the leg (least squares of z on ln y), through the schedule: all
    that is left of a family or a data set is one number. Curves are drawn without replacement where there are as many
    as rungs. Noise of the group's own seeds is added, or the group would be held against curves that have none.

    Parameters
    ----------
    crossing : the leg's groups.
    family, dataset : which group.
    rng : chance.
    draws : how often the K curves are drawn.
    """
    group = crossing.cells[family, dataset]
    elsewhere = [other for (_, d), other in crossing.cells.items() if d != dataset]
    pool = np.array([master_curve(other) for other in elsewhere]).reshape(-1, len(group.x))
    own = end_slope(master_curve(group), group.x)
    near = np.array([abs(end_slope(curve, group.x) - own) < NEAR for curve in pool], dtype=bool)
    numbers = np.array([one_number(other) for other in crossing.cells.values() if other.phase is not None])
    single = np.array([one_number_curve(delta, group) for delta in numbers]).reshape(-1, len(group.x))
    missing = because("control-needs-schedule") if group.phase is None else because("fewer-than-two-curves")
    return tuple(
        _drawn(name, curves, group, draws, rng, why)
        for name, curves, why in zip(
            CONTROLS,
            (pool, pool[near], single if group.phase is not None else single[:0]),
            (because("fewer-than-two-other-groups"), because("fewer-than-two-of-this-end-slope"), missing),
            strict=True,
        )
    )


def end_slope(curve: np.ndarray, x: np.ndarray) -> float:
    """``d z/d ln x`` at x = 1 of a curve ``(m,)`` that is 0 there: least squares of ``s ln x + c (ln x)^2``, x > .5."""
    late = x >= _LATE
    u = np.log(x[late])
    return float(np.linalg.lstsq(np.stack([u, u**2], axis=1), curve[late], rcond=None)[0][0])


def one_number(group: RescaledGroup) -> float:
    """The delta of ``z = -delta ln y`` nearest to a group's mean curve; on the shape scale of its mean slope.

    Least squares over the grid. On the shape scale the curve says nothing of delta but by its bend, so delta is found
    on a grid of values.
    """
    curve = master_curve(group)
    if group.scale == "end-point":
        u = -np.log(Clock.of(group).phase)
        return float(curve @ u / (u @ u))
    tried = np.geomspace(0.01, 3.0, 300)
    misfit = [np.sum((one_number_curve(delta, group) - curve) ** 2) for delta in tried]
    return float(tried[int(np.argmin(misfit))])


def one_number_curve(delta: float, group: RescaledGroup) -> np.ndarray:
    """``z = -delta ln y`` on a group's grid, schedule and scale, ``(m,)``."""
    z = -delta * np.log(Clock.of(group).phase)
    return z if group.scale == "end-point" else to_shape(z, group.x)


def _drawn(
    name: str, curves: np.ndarray, group: RescaledGroup, draws: int, rng: np.random.Generator, why: Reason
) -> Foreign | Missing:
    if len(curves) < 2:
        return Missing(Foreign, why, {"control": name, "n_curves": len(curves)})
    k = len(group.values)
    scarce = len(curves) < k
    chosen = np.stack([rng.choice(len(curves), size=k, replace=scarce) for _ in range(draws)])
    values = curves[chosen] + _noise(group, draws, rng)
    d = np.abs(values - values.mean(axis=1, keepdims=True))
    in_band = [float(d[..., mask].max(axis=(1, 2)).mean()) if mask.any() else None for _, mask in bands(group.x)]
    return Foreign(
        control=name,
        n_curves=len(curves),
        deviation=float(d.max(axis=(1, 2)).mean()),
        bands=tuple(in_band),
    )


def _noise(group: RescaledGroup, draws: int, rng: np.random.Generator) -> np.ndarray:
    """``(draws, K, m)`` noise of the rungs' means: each rung's residuals with random signs."""
    parts = []
    for rows in group.values:
        n = len(rows)
        signs = 2.0 * rng.integers(0, 2, size=(draws, n)) - 1.0
        parts.append(signs @ (rows - rows.mean(axis=0)) / np.sqrt(n * (n - 1)))
    return np.stack(parts, axis=1)

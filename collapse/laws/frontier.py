"""Three estimates of the frontier exponent delta, which must agree where the ladder is compute-optimal.

For ``L = L0 + A t^-mu + B p^-nu`` and FLOPs an example ``p^theta``, the optimal horizon grows as ``p^(nu/mu)``, the
frontier falls as ``C^-delta`` with ``delta = mu nu/(theta mu + nu)``, and at constant rate every normalised curve ends
with the slope ``d ln l/d ln x = -delta`` (Qiu et al. 2025, arXiv 2507.02119).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy.stats import t as student

from ...errors import InputError
from ...results.levels import LOWER, UPPER
from ..composing import OK, Estimate
from ..forms.posed import Posed
from ..forms.sum_of_power_laws import SUM
from ..outcome import RescaledGroup
from ..reasons import Reason, because
from .comparison import reach
from .search import fit_from_many, fit_many

_LATE = 0.3  # from where the end slope is read
_DEGREE = 3


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Exponent:
    """An exponent with its 95 % interval from a bootstrap over seeds.

    ``status`` is ``ok``, or says what the number rests on or why there is none; then ``estimate`` is None.
    """

    name: str
    estimate: Estimate | None
    status: Reason = OK


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Deltas:
    """The three estimates of delta and what they are made of.

    Attributes
    ----------
    frontier : minus the slope of ln end excess on ln compute.
    composed : ``mu nu/(theta mu + nu)``, mu from the curves' time law, nu from the end excesses' fall with size.
    end_slope : minus ``d ln l/d ln x`` at x = 1, from a cubic through the end over x above .3; constant rate only.
    mu, nu, gamma : time exponent, size exponent, and their ratio ``nu/mu``, the horizon exponent that they imply.
    largest_gap : largest difference between two of the estimates, with its interval from the same resamples at 95 % for
        all pairs together.
    agree : whether no two of them differ beyond that; None where there are fewer than two.
    proxy : ``size`` where compute was not given and is taken as ``p^(theta + horizon exponent)``.
    """

    frontier: Exponent
    composed: Exponent
    end_slope: Exponent
    mu: Exponent
    nu: Exponent
    gamma: Exponent
    largest_gap: Estimate | None
    agree: bool | None
    proxy: Literal["size", "compute"]


def estimate_deltas(
    group: RescaledGroup,
    *,
    rng: np.random.Generator,
    theta: float = 1.0,
    horizon_exponent: float = 1.0,
    compute: Sequence[float] | None = None,
    resamples: int = 199,
) -> Deltas:
    """Estimate delta in three ways from one group on the end-point scale, floor known.

    All three are computed in the same resamples of the seeds, so intervals of their differences hold though the
    frontier and the composed estimate share the end points. That the floor is taken as exact is the caller's to judge.

    Parameters
    ----------
    group : on the end-point scale; its ``units`` are the end excesses.
    rng : chance.
    theta : growth of FLOPs an example with size, ``d ln FLOPs/d ln p``.
    horizon_exponent : growth of the horizon with size; used where compute is not given.
    compute : ``(K,)`` training FLOPs at the horizon of each rung.
    resamples : bootstrap resamples.

    Raises
    ------
    InputError : theta is not above zero, or compute does not fit the rungs.
    """
    if theta <= 0:
        raise InputError(f"theta must be above 0, got {theta:g}; it is 1 where FLOPs are proportional to parameters")
    if compute is not None and (len(compute) != len(group.sizes) or min(compute) <= 0):
        raise InputError(f"compute must be {len(group.sizes)} positive numbers, one a rung")
    proxy: Literal["size", "compute"] = "size" if compute is None else "compute"
    if group.scale != "end-point":
        return _nothing(because("exponent-needs-a-floor"), proxy)
    if len(group.sizes) < 3:
        return _nothing(because("exponents-need-three-sizes", sizes=len(group.sizes)), proxy)
    z, ends = _resampled(group, rng, resamples)
    log_sizes = np.log(group.sizes)
    log_compute = (theta + horizon_exponent) * log_sizes if compute is None else np.log(np.asarray(compute))
    frontier, nu = -_slope(ends, log_compute), -_slope(ends, log_sizes)
    mu, mu_status = _time_exponents(group, z)
    composed = mu * nu / (theta * mu + nu)
    slope, slope_status = _end_slopes(group, z)
    seeds = min(len(rows) for rows in group.values)
    gap, agree = _agreement([frontier, composed, slope], seeds)
    return Deltas(
        frontier=_exponent("frontier slope", frontier, seeds, OK if compute is not None else because("size-as-proxy")),
        composed=_exponent("mu nu/(theta mu + nu)", composed, seeds, mu_status),
        end_slope=_exponent("end slope at constant rate", slope, seeds, slope_status),
        mu=_exponent("mu", mu, seeds, mu_status),
        nu=_exponent("nu", nu, seeds, OK),
        gamma=_exponent("gamma = nu/mu", nu / mu, seeds, mu_status),
        largest_gap=gap,
        agree=agree,
        proxy=proxy,
    )


def _resampled(group: RescaledGroup, rng: np.random.Generator, resamples: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean curves ``(B + 1, m)`` over all rungs, and mean ln end excesses ``(B + 1, K)``: the data, then resamples in
    which a seed keeps its curve and its end together."""
    curves, ends = [], []
    for rows, units in zip(group.values, group.units, strict=True):
        n = len(rows)
        picks = np.concatenate([np.arange(n)[None], rng.integers(0, n, (resamples, n))])
        curves.append(rows[picks].mean(axis=1))
        ends.append(np.log(units)[picks].mean(axis=1))
    return np.mean(curves, axis=0), np.stack(ends, axis=1)


def _slope(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Least-squares slopes ``(B,)`` of ``(B, K)`` on ``(K,)``."""
    u = at - at.mean()
    return values @ u / (u @ u)


def _time_exponents(group: RescaledGroup, z: np.ndarray) -> tuple[np.ndarray, Reason]:
    """mu of the sum of power laws, through the group's schedule."""
    if group.phase is None:
        return np.full(len(z), np.nan), because("law-needs-schedule")
    posed = Posed.of(SUM, group)
    weights = np.gradient(np.log(group.x))
    start, _ = fit_from_many(posed.curve, posed.starts, z[0], weights, posed.low, posed.high)
    theta, _ = fit_many(posed.curve, np.tile(start, (len(z), 1)), z, weights, posed.low, posed.high)
    reach_ = posed.high - posed.low
    if np.any(np.minimum(theta[0] - posed.low, posed.high - theta[0])[:2] < 1e-3 * reach_[:2]):
        return np.full(len(z), np.nan), because("time-law-at-edge")
    status = OK if len(posed.names) == 2 else because("gain-fitted-beside-mu")
    return np.exp(theta[:, 0]), status


def _end_slopes(group: RescaledGroup, z: np.ndarray) -> tuple[np.ndarray, Reason]:
    if group.rate is None or group.end_rate is None:
        return np.full(len(z), np.nan), because("law-needs-schedule")
    if np.ptp(np.append(group.rate, group.end_rate)) > 1e-9:
        return np.full(len(z), np.nan), because("end-slope-needs-constant-rate")
    late = group.x >= _LATE
    if late.sum() < 2 * _DEGREE:
        return np.full(len(z), np.nan), because("too-few-late-points", x=_LATE)
    u = np.log(group.x[late])
    design = np.stack([u**power for power in range(1, _DEGREE + 1)], axis=1)
    return -(np.linalg.pinv(design)[0] @ z[:, late].T), OK


def _exponent(name: str, values: np.ndarray, seeds: int, status: Reason) -> Exponent:
    if not np.all(np.isfinite(values)):
        return Exponent(name=name, estimate=None, status=status if status != OK else because("not-finite"))
    half = float(reach(values[1:], seeds))
    value = float(values[0])
    return Exponent(name=name, estimate=Estimate(value=value, low=value - half, high=value + half), status=status)


def _agreement(estimates: Sequence[np.ndarray], seeds: int) -> tuple[Estimate | None, bool | None]:
    """Largest difference of two estimates, and whether none differs from 0 at 95 % for all pairs (Bonferroni)."""
    found = [one for one in estimates if np.all(np.isfinite(one))]
    pairs = [a - b for a, b in itertools.combinations(found, 2)]
    if not pairs:
        return None, None
    df = 2 * (seeds - 1)
    wider = student.ppf(1 - LOWER / len(pairs), df) / student.ppf(UPPER, df)
    halves = [float(reach(pair[1:], seeds) * wider) for pair in pairs]
    largest = int(np.argmax([abs(pair[0]) for pair in pairs]))
    value, half = float(pairs[largest][0]), halves[largest]
    agree = all(abs(pair[0]) <= width for pair, width in zip(pairs, halves, strict=True))
    return Estimate(value=value, low=value - half, high=value + half), agree


def _nothing(status: Reason, proxy: Literal["size", "compute"]) -> Deltas:
    names = ("frontier", "composed", "end_slope", "mu", "nu", "gamma")
    none = {name: Exponent(name=name, estimate=None, status=status) for name in names}
    return Deltas(**none, largest_gap=None, agree=None, proxy=proxy)

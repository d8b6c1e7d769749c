"""Corrections to scaling for whole curves: how fast a ladder approaches the curve of infinite size."""

from __future__ import annotations

import dataclasses

import numpy as np

from ...results.levels import ALPHA, COVERAGE, LOWER, UPPER
from ..composing import OK, Missing
from ..outcome import RescaledGroup
from ..reasons import Reason, because
from ..within.bootstrap import draw_signs, moments, quantile, resample
from ..within.equivalence import separable

FEWEST = 4
OMEGA = np.geomspace(0.1, 4.0, 120)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Corrections:
    """``z_p(x) = z_inf(x) + c(x) p^-omega``, one omega for all x.

    Attributes
    ----------
    omega, low, high : the exponent with its 95 % interval; where it is not identified ``omega`` is None and an end is
        None that lies beyond the range searched, .1 to 4. The interval is widened to that of a fit with the next
        correction, of order ``p^-2omega``, at each end that such a fit bounds: what the next correction does to a fit
        without it no seeds can shrink. With four sizes it rests on the leading correction alone.
    status : ``ok``, or why it is not identified.
    p_fit : of the hypothesis that one leading correction describes the sizes fitted.
    from_size, n_sizes : the smallest size fitted: smaller ones are left out one by one while ``p_fit`` < .05.
    x : ``(m,)`` grid.
    limit, limit_half_width : ``(m,)`` z_inf and half of its simultaneous 95 % band, omega unknown; None without omega.
    correction : ``(m,)`` c(x) p^-omega at the smallest size fitted.
    crossing, crossing_low, crossing_high : size from which on ``max_x |c(x)| p^-omega`` < margin, with its 95 %
        interval; may lie outside of the sizes measured.
    """

    omega: float | None
    low: float | None
    high: float | None
    status: Reason
    p_fit: float
    from_size: float
    n_sizes: int
    x: np.ndarray
    limit: np.ndarray | None = None
    limit_half_width: np.ndarray | None = None
    correction: np.ndarray | None = None
    crossing: float | None = None
    crossing_low: float | None = None
    crossing_high: float | None = None


def fit_corrections(
    group: RescaledGroup, *, margin: float, rng: np.random.Generator, resamples: int = 199
) -> Corrections | Missing:
    """Fit one leading correction to the mean curves of all sizes at once.

    For a given omega the model is linear at each x, so omega alone is searched, on a grid. Weights are
    ``n_k/(a_k h(x))`` with separable variances. The interval inverts a test: omega_0 is in it where the profile
    ``Q(omega_0) - min Q`` is among the smallest 95 % of those of wild resamples about the fit at omega_0. A profile's
    chi-square would take points of a curve for independent. Next-to-leading corrections bias a fit to small sizes:
    these are left out while the fit is rejected, and a fit with the next correction widens the interval.

    Parameters
    ----------
    group : at least four sizes, two seeds each.
    margin : in ln l.
    rng : chance.
    resamples : wild resamples.
    """
    k = len(group.sizes)
    if k < FEWEST:
        return Missing(Corrections, because("omega-needs-four-sizes", sizes=k))
    signs = draw_signs([len(rows) for rows in group.values], resamples, rng)
    for j in range(k - FEWEST + 1):
        fit = _Profile.of(group, signs, j)
        if fit.p_fit >= ALPHA:
            further = _Profile.of(group, signs, j, terms=2) if k - j > FEWEST else None
            return _concluded(group, fit, further, margin)
    return Corrections(
        omega=None,
        low=None,
        high=None,
        status=because("omega-does-not-fit", p=fit.p_fit),
        p_fit=fit.p_fit,
        from_size=float(group.sizes[j]),
        n_sizes=k - j,
        x=group.x,
    )


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class _Profile:
    """Mean curves in units of their noise, ``(K, m)``, their resampled noise ``(K, m, B)``, and costs along omega."""

    scaled: np.ndarray
    noise: np.ndarray
    unit: np.ndarray
    centre: np.ndarray
    bases: np.ndarray
    projections: np.ndarray
    costs: np.ndarray

    @classmethod
    def of(cls, group: RescaledGroup, signs: list[np.ndarray], j: int, terms: int = 1) -> _Profile:
        values, sizes = group.values[j:], group.sizes[j:]
        data = moments(values)
        a, h = separable(data.variances)
        roots, unit = np.sqrt(data.counts / a[:, 0]), np.sqrt(h[:, 0] * len(group.x))
        means = data.means[..., 0]
        centre = roots**2 @ means / (roots**2).sum()
        into = roots[:, None] / unit
        powers = (sizes / sizes[0])[None, :] ** -OMEGA[:, None]
        bases = np.stack([powers**term for term in range(terms + 1)], axis=2) * roots[None, :, None]
        across = np.linalg.qr(bases)[0]
        projections = across @ across.swapaxes(1, 2)
        scaled = (means - centre) * into
        noise = resample(values, signs[j:]).means * into[..., None]
        return cls(scaled, noise, unit, centre, bases, projections, _costs(projections, scaled[..., None])[:, 0])

    @property
    def best(self) -> int:
        """Index of the best omega."""
        return int(self.costs.argmin())

    def about(self, i: int) -> np.ndarray:
        """``(K, m, B)`` resamples about the fit at an omega."""
        return (self.projections[i] @ self.scaled)[..., None] + self.noise

    def resampled(self, i: int) -> np.ndarray:
        """``(W, B)`` costs of these resamples along omega."""
        return _costs(self.projections, self.about(i))

    @property
    def p_fit(self) -> float:
        """Share of resamples about the best fit that are fitted no better than the data."""
        return _share(_least(self.resampled(self.best)), float(_least(self.costs[:, None])[0]))

    def interval(self) -> np.ndarray:
        """Which omegas of the grid are not rejected."""
        profile, kept = self.costs - _least(self.costs[:, None]), np.zeros(len(OMEGA), bool)
        for i in range(len(OMEGA)):
            costs = self.resampled(i)
            kept[i] = _share(costs[i] - _least(costs), profile[i]) >= ALPHA
        return kept

    def refined(self) -> float:
        """The best omega between grid points, by a parabola in ln omega."""
        i = self.best
        if not 0 < i < len(OMEGA) - 1:
            return float(OMEGA[i])
        left, middle, right = self.costs[i - 1 : i + 2]
        bend = left - 2 * middle + right
        shift = 0.5 * (left - right) / bend if bend > 0 else 0.0
        return float(OMEGA[i] * (OMEGA[1] / OMEGA[0]) ** shift)

    def curves(self, curves: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Limit and correction at the smallest size, ``(m, B)``, of curves ``(K, m, B)`` at each one's own omega."""
        inverse = np.linalg.pinv(self.bases)[at]
        limit, correction = np.moveaxis(np.einsum("bik,kmb->ibm", inverse, curves) * self.unit, 2, 1)
        return self.centre[:, None] + limit, correction


def _costs(projections: np.ndarray, curves: np.ndarray) -> np.ndarray:
    """Weighted residual sums of squares ``(W, B)`` of curves ``(K, m, B)`` for each omega: traces of K x K products."""
    rows = np.ascontiguousarray(np.moveaxis(curves, 2, 0))
    outer = rows @ rows.swapaxes(1, 2)
    total = np.einsum("bkk->b", outer)
    k = outer.shape[1]
    return np.maximum(total - projections.reshape(-1, k * k) @ outer.reshape(-1, k * k).T, 0.0)


def _least(costs: np.ndarray) -> np.ndarray:
    """Smallest cost along omega, ``(B,)`` of ``(W, B)``, between grid points by a parabola: with little noise the step
    of the grid would count as a misfit."""
    at = np.clip(costs.argmin(axis=0), 1, len(costs) - 2)
    left, middle, right = (costs[at + shift, np.arange(costs.shape[1])] for shift in (-1, 0, 1))
    bend = left - 2 * middle + right
    inside = (bend > 0) & (middle <= np.minimum(left, right))
    fall = np.divide((left - right) ** 2, 8 * bend, out=np.zeros_like(bend), where=inside)
    return np.maximum(np.minimum(np.minimum(left, right), middle) - fall, 0.0)


def _share(resampled: np.ndarray, observed: float) -> float:
    return float((1 + np.sum(resampled >= observed * (1 - 1e-9))) / (len(resampled) + 1))


def _concluded(group: RescaledGroup, fit: _Profile, further: _Profile | None, margin: float) -> Corrections:
    low, high = _ends(fit)
    if further is not None:
        # An end that the next correction leaves open bounds nothing; the leading one alone then has to be believed.
        lower, upper = _ends(further)
        low = min(low, lower) if lower > 0 else low
        high = max(high, upper) if upper < len(OMEGA) - 1 else high
    ends = (None if low == 0 else float(OMEGA[low]), None if high == len(OMEGA) - 1 else float(OMEGA[high]))
    k = len(fit.scaled)
    first = float(group.sizes[-k])
    base = {"low": ends[0], "high": ends[1], "p_fit": fit.p_fit, "from_size": first, "n_sizes": k, "x": group.x}
    status = _identified(*ends)
    if status is not OK:
        return Corrections(omega=None, status=status, **base)
    limit, half, correction, corrections, at = _limit(fit, low, high)
    omega, drawn = fit.refined(), _crossings(first, corrections, margin, at)
    # With little noise all resamples have the same omega of the grid: the interval is never finer than its steps.
    beside = np.clip([fit.best - 1, fit.best + 1], 0, len(OMEGA) - 1)
    near = _crossings(first, fit.curves(np.repeat(fit.scaled[..., None], 2, axis=2), beside)[1], margin, beside)
    return Corrections(
        omega=omega,
        status=OK,
        limit=limit,
        limit_half_width=half,
        correction=correction,
        crossing=float(first * (np.abs(correction).max() / margin) ** (1 / omega)),
        crossing_low=float(min(np.quantile(drawn, LOWER), near.min())),
        crossing_high=float(max(np.quantile(drawn, UPPER), near.max())),
        **base,
    )


def _crossings(first: float, corrections: np.ndarray, margin: float, at: np.ndarray) -> np.ndarray:
    """``(B,)`` sizes from which corrections ``(m, B)``, at the smallest size and each one's omega, are below the
    margin."""
    return first * (np.abs(corrections).max(axis=0) / margin) ** (1 / OMEGA[at])


def _ends(fit: _Profile) -> tuple[int, int]:
    """The last grid points that are rejected on either side, so that the interval is never finer than the grid."""
    inside = np.append(np.flatnonzero(fit.interval()), fit.best)
    return max(int(inside.min()) - 1, 0), min(int(inside.max()) + 1, len(OMEGA) - 1)


def _limit(fit: _Profile, low: int, high: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The limit, half its band and the correction ``(m,)``; resampled corrections ``(m, B)`` and their omegas."""
    drawn = fit.about(fit.best)
    at = np.clip(_costs(fit.projections, drawn).argmin(axis=0), low, high)
    limits, corrections = fit.curves(drawn, at)
    limit, correction = (one[:, 0] for one in fit.curves(fit.scaled[..., None], np.array([fit.best])))
    sd = limits.std(axis=1, ddof=1)
    away = np.abs(limits - limits.mean(axis=1, keepdims=True))
    half = quantile((away / np.maximum(sd, 1e-300)[:, None]).max(axis=0), COVERAGE) * sd
    return limit, half, correction, corrections, at


def _identified(low: float | None, high: float | None) -> Reason:
    """``ok`` where both ends of the interval lie inside of the range searched."""
    edges = {"least": float(OMEGA[0]), "most": float(OMEGA[-1])}
    if low is None and high is None:
        return because("omega-not-seen", **edges)
    if low is None:
        return because("omega-open-below", high=high, **edges)
    if high is None:
        return because("omega-open-above", low=low, **edges)
    return OK

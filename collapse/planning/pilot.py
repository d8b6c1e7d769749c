"""What a plan starts from: the seeds' noise and the form of the curve, from a pilot or from a plain noise level."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.special import polygamma
from scipy.stats import chi2

from ...errors import InputError
from ...results.curves import CurveSet
from ...results.grid import common_grid, start_after
from ...results.levels import LOWER, UPPER
from ...results.quantity import LOSS, Quantity
from ..composing import OK
from ..forms.clock import Clock
from ..forms.fitted import fit_form
from ..irreducible.choice import known_floor
from ..ladders.ladder import Ladder
from ..ladders.rescaling import rescale
from ..ladders.soundness import noisy, rising
from ..outcome import FittedForm, RescaledGroup, Scale
from ..reasons import Reason, Refusal, because
from ..within.bootstrap import moments
from ..within.equivalence import separable

CORRELATION = 0.9  # between neighbouring grid points, where only a level of noise is known
_MU = _SHARE = 0.5
_UNEQUAL = 1.5  # times the spread that chance explains
Source = CurveSet | RescaledGroup | float


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Pilot:
    """Noise and form from which ladders can be simulated.

    Attributes
    ----------
    x : ``(m,)`` grid.
    factor : ``(r, m)``; ``g @ factor`` with r normal numbers is the noise of one curve.
    trend : exponent of the noise's sd in size; 0 unless the pilot shows one by two standard errors.
    scales : ``(K,)`` sd of each of the pilot's rungs over the common one; empty where there is no pilot.
    df : degrees of freedom of the noise, infinite where its level was given.
    form : the curve's form.
    clock : its schedule on the grid.
    sizes : ``(K,)`` the pilot's sizes; empty where there is no pilot.
    scale : of the curves.
    quantity : what they are of.
    warnings : what the plan rests on without having measured it.
    """

    x: np.ndarray
    factor: np.ndarray
    trend: float
    scales: np.ndarray
    df: float
    form: FittedForm
    clock: Clock
    sizes: np.ndarray
    scale: Scale
    warnings: tuple[Reason, ...]
    quantity: Quantity = LOSS

    @property
    def covariance(self) -> np.ndarray:
        """``(m, m)`` covariance of one curve over x."""
        return self.factor.T @ self.factor

    @property
    def level(self) -> tuple[float, float, float]:
        """Largest sd of a curve over the grid, with its 95 % chi-square interval. The points of a curve are correlated,
        so each seed counts once."""
        sd = float(np.sqrt(np.diag(self.covariance).max()))
        if not np.isfinite(self.df):
            return sd, sd, sd
        low, high = np.sqrt(self.df / chi2.ppf([UPPER, LOWER], self.df))
        return sd, float(sd * low), float(sd * high)

    def spread(self, sizes: np.ndarray) -> np.ndarray:
        """``(K,)`` sd of each rung's noise over the common one, on a planned ladder."""
        logs = np.log(sizes)
        return np.exp(self.trend * (logs - logs.mean()))


def pilot_of(source: Source) -> Pilot:
    """Read a pilot: curves of one group, a rescaled group, or the sd over seeds of the relative excess loss.

    Raises
    ------
    InputError : several groups at once, no rung with two complete seeds, seeds that do not differ, a level that is not
        a small positive number.
    """
    if isinstance(source, RescaledGroup):
        return _from_group(source)
    if isinstance(source, CurveSet):
        return _from_group(_rescaled(source))
    return _from_level(float(source))


def _rescaled(curves: CurveSet) -> RescaledGroup:
    groups = curves.groups()
    if len(groups) > 1:
        names = ", ".join(f"{family} on {dataset} ({leg})" for family, dataset, _, leg in list(groups)[:4])
        raise InputError(f"a plan starts from one group of curves, got {len(groups)}: {names}")
    ladder = Ladder.of(curves)
    floor = known_floor(ladder)[0].value
    x_min = start_after(curve.warmup_fraction for curve in curves)
    climbs = rising(ladder, x_min)
    if climbs is not None:
        raise Refusal(climbs)
    scale: Scale = "shape" if floor is None else "end-point"
    return rescale(ladder, scale=scale, irreducible_loss=floor, x_min=x_min)


def _from_level(level: float) -> Pilot:
    """Noise as in the calibration: half of the variance is one number a seed, which the curve's own end divides out,
    half an autoregression over the grid and the end."""
    if not 0 < level < 0.5:
        raise InputError(f"the noise level is the sd of the relative excess loss, between 0 and .5; got {level:g}")
    x = common_grid()
    steps = np.arange(len(x) + 1)
    root = np.linalg.cholesky(CORRELATION ** np.abs(steps[:, None] - steps))
    form = FittedForm(mu=_MU, share=_SHARE, gain=0.0, error=None, status=OK)
    return Pilot(
        x=x,
        factor=level / np.sqrt(2) * (root[:-1] - root[-1]).T,
        trend=0.0,
        scales=np.empty(0),
        df=np.inf,
        form=form,
        clock=Clock.constant(x),
        sizes=np.empty(0),
        scale="end-point",
        warnings=(because("no-pilot", correlation=CORRELATION),),
    )


def _from_group(group: RescaledGroup) -> Pilot:
    """Pooled covariance of the seeds' curves about their rung's mean, each rung on its own scale."""
    seeds = np.array([len(rows) for rows in group.values])
    if not len(seeds) or seeds.min() < 2:
        raise InputError("a pilot needs two seeds in each of its rungs")
    if not noisy(group):
        raise InputError("the pilot's seeds do not differ: there is no noise to plan with")
    own = separable(moments(group.values).variances)[0][:, 0]
    shrunk = _scales(own, seeds)
    df = int((seeds - 1).sum())
    residuals = [(rows - rows.mean(axis=0)) / s for rows, s in zip(group.values, shrunk, strict=True)]
    stacked = np.concatenate(residuals) / np.sqrt(df)
    factor = np.asarray(np.linalg.qr(stacked, mode="r")) if len(stacked) > len(group.x) else stacked
    form = fit_form(group)
    warnings = () if form.status == OK else (because("form-not-fitted", why=form.status),)
    return Pilot(
        x=group.x,
        factor=factor,
        trend=_noise_trend(own, seeds, group.sizes),
        scales=shrunk,
        df=float(df),
        form=form,
        clock=Clock.of(group),
        sizes=group.sizes,
        scale=group.scale,
        warnings=warnings,
        quantity=group.quantity,
    )


def _scales(own: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Sd of each rung's noise over the common one, squares with a mean of 1.

    Few seeds tell a rung's own variance badly, so the levels are all one unless they differ by more than one and a half
    times what chance explains, ``var(ln s^2) = trigamma(n - 1)`` for curves worth two points. Drawing them half-way to
    the mean, as the tests' weights do, promises ladders of unequal noise twice what they deliver: the largest level
    makes the bound.
    """
    logs = np.log(own)
    chance = float(polygamma(1, seeds - 1.0).mean())
    if len(own) < 2 or logs.var(ddof=1) <= _UNEQUAL * chance:
        return np.ones(len(own))
    return np.sqrt(own / own.mean())


def _noise_trend(own: np.ndarray, seeds: np.ndarray, sizes: np.ndarray) -> float:
    """Slope of ln sd on ln p where it exceeds two standard errors: ``var(ln s^2) = 2/(n-1)``, one df a seed."""
    if len(sizes) < 3:
        return 0.0
    u = np.log(sizes) - np.log(sizes).mean()
    u = u / (u**2).sum()
    slope = float(u @ np.log(own) / 2)
    error = float(np.sqrt((u**2 * 0.5 / (seeds - 1)).sum()))
    return slope if abs(slope) > 2 * error else 0.0

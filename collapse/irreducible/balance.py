"""Do the floor of the collapse and the floor of the end points agree? (T4)

Under collapse ``L_k(x) - L_k(1) = (l(x) - 1) (L_k(1) - L0)``: straight lines in the end loss with one common intercept,
the floor that the whole curves imply. A wrong horizon exponent moves it; the end points alone do not see one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.stats import f as fisher
from scipy.stats import t as student

from ...results.grid import X_MIN
from ..composing import OK
from ..ladders.ladder import Ladder
from ..ladders.raw_losses import grid_of, losses_on
from ..reasons import Reason, because
from ..within.bootstrap import draw_signs
from .difference import Comparison, compared
from .end_points import EndPointFit, fit_end_points, fit_means
from .profile import cost_at, least_cost, null_losses

_CLOSE = 0.005  # of the smallest end excess: between the points through which the parabola goes


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Balance:
    """The collapse-implied floor beside the end-point one and, where there is one, the known one.

    Attributes
    ----------
    floor, low, high : L0 at which the curves collapse best, with a 95 % interval.
    end_point : the end-point fit with its own interval and lack of fit.
    p_lack_of_fit : p-value of that lack of fit, ``chi2 / (K-3)`` against F. Where it is small the comparison below says
        that end losses are no exact power law, not that the curves do not collapse.
    against_end_point, against_known : the two comparisons.
    conclusion : ``floor-above-known`` where a known floor is rejected from above, ``floor-below-known`` from below,
        ``ends-off`` where only the end-point floor is rejected, ``floors-agree``, or None where nothing could be
        compared.
    status : ``ok`` or why there is no collapse-implied floor.
    """

    floor: float | None = None
    low: float | None = None
    high: float | None = None
    end_point: EndPointFit = EndPointFit(status=because("not-fitted"))
    p_lack_of_fit: float | None = None
    against_end_point: Comparison
    against_known: Comparison
    conclusion: Reason | None = None
    status: Reason = OK

    @classmethod
    def without(cls, why: Reason) -> Balance:
        """No collapse-implied floor, so nothing to compare."""
        nothing = Comparison(status=why)
        return cls(against_end_point=nothing, against_known=nothing, status=why)


def balance_of(
    ladder: Ladder,
    *,
    rng: np.random.Generator,
    known: float | None = None,
    known_se: float = 0.0,
    resamples: int = 199,
    x_min: float = X_MIN,
) -> Balance:
    """`balance` of a ladder's curves on their common grid."""
    if len(ladder.rungs) < 3 or ladder.fewest_seeds < 3:
        return Balance.without(because("implied-floor-needs-seeds"))
    if ladder.first_x() >= 0.9:
        return Balance.without(because("no-common-x"))
    x = grid_of(ladder, x_min)
    losses = losses_on(ladder, x)
    found = balance(losses, x, ladder.sizes, rng=rng, known=known, known_se=known_se, resamples=resamples)
    against = dataclasses.replace(found.against_known, status=found.against_known.status.of(ladder.quantity))
    return dataclasses.replace(found, against_known=against)


def balance(
    losses: Sequence[np.ndarray],
    x: np.ndarray,
    sizes: np.ndarray,
    *,
    rng: np.random.Generator,
    known: float | None = None,
    known_se: float = 0.0,
    resamples: int = 199,
) -> Balance:
    """Compare the floor at which the curves collapse best with the end points' floor and with a known one.

    Both estimates are made anew in each wild resample of whole curves, under one common curve and ends on the fitted
    power law; the sd is that of their difference, so what both share cancels. The quantile is t's with ``2 (n-1)``
    degrees of freedom, n the seeds of the poorest rung: 1.96 rejects too often.

    Parameters
    ----------
    losses : K arrays ``(n_k, m + 1)``: raw losses on the grid and, last, at x = 1; at least three seeds a rung.
    x : ``(m,)`` grid.
    sizes : ``(K,)`` parameters.
    rng : chance.
    known, known_se : a floor known beforehand, and its standard error.
    resamples : wild resamples.
    """
    (floor,), (inner,) = _implied([rows[..., None] for rows in losses], x, sizes)
    if not inner:
        return Balance.without(because("floor-not-identified"))
    floor = float(floor)
    ends = [rows[:, -1] for rows in losses]
    fit = fit_end_points(ends, sizes, rng=rng, resamples=resamples)
    drawn, free = _resampled(losses, floor, fit, x, sizes, rng, resamples)
    df = 2 * (min(len(rows) for rows in losses) - 1)
    reach = float(student.ppf(0.975, df) * drawn.std(ddof=1))
    own = compared(
        floor, fit.floor, float(np.std(drawn - free, ddof=1)), df, because("no-end-point-floor", why=fit.status)
    )
    sd = float(np.hypot(drawn.std(ddof=1), known_se))
    known_one = compared(floor, known, sd, df, because("floor-unknown"))
    return Balance(
        floor=floor,
        low=floor - reach,
        high=floor + reach,
        end_point=fit,
        p_lack_of_fit=_lack_of_fit(fit, sum(len(rows) - 1 for rows in losses)),
        against_end_point=own,
        against_known=known_one,
        conclusion=_conclusion(own, known_one),
    )


def _implied(losses: Sequence[np.ndarray], x: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Floors ``(B,)`` at which T1 is least, and whether they lie inside the domain.

    A test needs the minimum's height, which is flat; an estimate needs its place, so a parabola through five points
    close to it follows.
    """
    _, floors, inner = least_cost(losses, x, sizes)
    steps = np.arange(-2.0, 3.0)
    spacing = _CLOSE * (np.min([rows[:, -1].min(axis=0) for rows in losses], axis=0) - floors)
    costs = cost_at(losses, floors[:, None] + spacing[:, None] * steps, x, sizes)
    slope, bend = costs @ steps / 10, (costs @ (steps**2 - 2)) / 14
    with np.errstate(divide="ignore", invalid="ignore"):
        vertex = np.where(bend > 0, -slope / (2 * bend), 2.0 * np.sign(-slope))
    floors = floors + spacing * np.clip(vertex, -2, 2)
    return floors, inner


def _resampled(
    losses: Sequence[np.ndarray],
    floor: float,
    fit: EndPointFit,
    x: np.ndarray,
    sizes: np.ndarray,
    rng: np.random.Generator,
    resamples: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Collapse-implied and end-point floors ``(B,)`` of the same resamples; zeros where there is no end-point fit."""
    drawn = null_losses(losses, floor, x, sizes, draw_signs([len(rows) for rows in losses], resamples, rng))
    if fit.floor is not None and fit.amplitude is not None and fit.exponent is not None:
        expected = fit.floor + fit.amplitude * sizes**-fit.exponent - floor
        if np.all(expected > 0):
            means = [np.exp(np.log(rows[:, -1] - floor).mean()) for rows in losses]
            drawn = [
                floor + (rows - floor) * (on / mean) for rows, on, mean in zip(drawn, expected, means, strict=True)
            ]
    found = _implied(drawn, x, sizes)[0]
    if fit.floor is None:
        return found, np.zeros(resamples)
    means = np.stack([rows[:, -1].mean(axis=0) for rows in drawn], axis=1)
    relative = np.stack([rows[:, -1].var(axis=0, ddof=1) for rows in drawn], axis=1) / means**2
    counts = np.array([len(rows) for rows in drawn])
    weights = counts / ((relative + relative.mean(axis=1, keepdims=True)) / 2 * means**2)
    return found, fit_means(means, weights, sizes).floor


def _lack_of_fit(fit: EndPointFit, df: int) -> float | None:
    if fit.chi2 is None or not fit.df:
        return None
    return float(fisher.sf(fit.chi2 / fit.df, fit.df, df))


def _conclusion(own: Comparison, known: Comparison) -> Reason | None:
    if known.rejected and known.difference is not None:
        return because("floor-above-known") if known.difference > 0 else because("floor-below-known")
    if own.rejected:
        return because("ends-off")
    return None if own.rejected is None and known.rejected is None else because("floors-agree")

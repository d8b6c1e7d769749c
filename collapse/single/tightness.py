"""Ladders of one run a rung: a bound from reruns, and why the floor that makes curves tightest is not the floor."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.stats import f as fisher
from scipy.stats import t as student

from ...errors import InputError
from ...results.curves import LearningCurve
from ...results.grid import log_weights
from ..composing import OK
from ..ladders.raw_losses import loss_on
from ..reasons import Reason, because
from ..within.equivalence import contrast


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SingleBound:
    """Largest deviation of single runs from their mean curve, with its one-sided 95 % bound.

    ``noise`` is the root mean square sd of one normalised run, from reruns; ``df`` their degrees of freedom. Each is
    None where there is no rerun, and so is the bound: one run a rung says nothing of its noise.
    """

    deviation: float
    upper_bound: float | None = None
    noise: float | None = None
    df: int | None = None
    status: Reason = OK


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Tightness:
    """Spread of normalised curves against the floor that is taken off.

    Attributes
    ----------
    floors : ``(F,)`` candidates.
    spread : ``(F,)`` root mean square over d ln x of the coefficient of variation over rungs.
    tightest : the candidate with the smallest spread.
    by_band : the tightest candidate for the first, middle and last third of the grid: they must agree if a floor is
        what makes curves coincide.
    low, high : lowest and highest candidate whose spread is no larger than noise explains (F test at 5 %); None where
        no noise is known or no candidate passes.
    status : what shows that no floor is identified, else ``tightest-throughout``; even that makes no irreducible loss:
        it is the floor chosen for the very agreement that is to be tested.
    """

    floors: np.ndarray
    spread: np.ndarray
    tightest: float
    by_band: tuple[float, float, float]
    low: float | None
    high: float | None
    status: Reason


def variation(losses: np.ndarray, floor: float) -> np.ndarray:
    """``(m,)`` coefficient of variation over rungs of ``(L - L0)/(L(1) - L0)``, losses ``(K, m + 1)``, ends last."""
    curves = (losses[:, :-1] - floor) / (losses[:, -1:] - floor)
    return curves.std(axis=0, ddof=1) / curves.mean(axis=0)


def bound_single_runs(
    curves: Sequence[LearningCurve],
    reruns: Sequence[tuple[LearningCurve, LearningCurve]],
    x: np.ndarray,
    *,
    irreducible_loss: float,
) -> SingleBound:
    """Bound the deviation of rungs of one run each, with noise from pairs of reruns.

    ::

        U95 = max_{k,x} [|d_k| + t_{.95; R} s(x) sqrt(1 - 1/K)],   s^2(x) = mean over R pairs of (z - z')^2/2

    The reruns may be of other rungs or horizons than the curves; their noise is then taken to be the same at equal x.

    Parameters
    ----------
    curves : one complete run for each rung.
    reruns : pairs of runs of one configuration.
    x : ``(m,)`` grid.
    irreducible_loss : L0.
    """
    z = _normalised(curves, x, irreducible_loss)
    d = z - z.mean(axis=0)
    deviation = float(np.abs(d).max())
    if not reruns:
        return SingleBound(deviation=deviation, status=because("no-reruns"))
    gaps = np.stack([np.diff(_normalised(pair, x, irreducible_loss), axis=0)[0] for pair in reruns])
    variance = (gaps**2).mean(axis=0) / 2
    se = np.sqrt(contrast(np.tile(variance, (len(curves), 1))))
    df = len(reruns)
    return SingleBound(
        deviation=deviation,
        upper_bound=float((np.abs(d) + student.ppf(0.95, df) * se).max()),
        noise=float(np.sqrt(variance.mean())),
        df=df,
    )


def assess_tightness(
    curves: Sequence[LearningCurve],
    x: np.ndarray,
    floors: np.ndarray,
    *,
    reruns: Sequence[tuple[LearningCurve, LearningCurve]] = (),
) -> Tightness:
    """Which floor makes curves tightest, and does that identify one?

    Far below all losses every normalised curve is 1 and all spreads vanish: tightness rewards a floor for erasing the
    curves. So it identifies none where the tightest floor lies at an edge of the candidates, differs between stretches
    of x, or where a wide range of floors is as tight as noise allows.

    Parameters
    ----------
    curves : one complete run for each rung, at least three.
    x : ``(m,)`` grid, at least three points.
    floors : ``(F,)`` ascending candidates, all below every loss.
    reruns : pairs of runs of one configuration, for the noise.
    """
    losses = np.stack([loss_on(curve, x) for curve in curves])
    if np.max(floors) >= losses.min():
        raise InputError(f"the floors must lie below the smallest loss, {losses.min():g}; got {np.max(floors):g}")
    squares = np.stack([variation(losses, floor) ** 2 for floor in floors])
    weights = log_weights(x) / log_weights(x).sum()
    spread = np.sqrt(squares @ weights)
    best = int(spread.argmin())
    parts = [part.mean(axis=1).argmin() for part in np.array_split(squares, 3, axis=1)]
    low, high = _within_noise(reruns, x, floors, spread, len(curves), weights)
    return Tightness(
        floors=floors,
        spread=spread,
        tightest=float(floors[best]),
        by_band=tuple(float(floors[part]) for part in parts),  # type: ignore[arg-type]
        low=low,
        high=high,
        status=_status(best, parts, floors, low, high),
    )


def _normalised(curves: Sequence[LearningCurve], x: np.ndarray, floor: float) -> np.ndarray:
    losses = np.stack([loss_on(curve, x) for curve in curves])
    if floor >= losses.min():
        raise InputError(f"the irreducible loss {floor:g} is not below the smallest loss, {losses.min():g}")
    return np.log((losses[:, :-1] - floor) / (losses[:, -1:] - floor))


def _within_noise(
    reruns: Sequence[tuple[LearningCurve, LearningCurve]],
    x: np.ndarray,
    floors: np.ndarray,
    spread: np.ndarray,
    rungs: int,
    weights: np.ndarray,
) -> tuple[float | None, float | None]:
    if not reruns:
        return None, None
    noise = []
    for floor in floors:
        gaps = np.stack([np.diff(_normalised(pair, x, float(floor)), axis=0)[0] for pair in reruns])
        noise.append((gaps**2).mean(axis=0) @ weights / 2)
    inside = floors[spread**2 <= fisher.ppf(0.95, rungs - 1, len(reruns)) * np.array(noise)]
    return (float(inside.min()), float(inside.max())) if len(inside) else (None, None)


def _status(best: int, parts: Sequence[np.intp], floors: np.ndarray, low: float | None, high: float | None) -> Reason:
    if best in (0, len(floors) - 1):
        return because("tightest-at-the-edge")
    if low is not None and high is not None and high - low > 0.1 * np.ptp(floors):
        return because("tight-over-a-range", low=low, high=high)
    if max(parts) - min(parts) > 0.1 * len(floors):
        return because("tightest-differs-along-x")
    return because("tightest-throughout")

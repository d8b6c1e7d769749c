"""Does one ladder deviate more than another? The difference of their mean squared deviations, with its bounds."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit as student_quantile

from ...results.levels import COVERAGE
from ..composing import Missing
from ..ladders.soundness import noisy
from ..outcome import RescaledGroup
from ..reasons import because
from .equivalence import contrast

_FEWEST = 3  # seeds of a size


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Rise:
    """How much farther the sizes of one ladder lie apart than those of another.

    Attributes
    ----------
    rms, rms_of_other : root mean squares of the deviations of the one and of the other over sizes and x, in ln l, less
        what noise adds.
    rise : their difference.
    low, high : 95 % bounds on it, one-sided each.
    paired : whether both ladders have the same seeds at all sizes, which are then drawn together.
    """

    rms: float
    rms_of_other: float
    rise: float
    low: float
    high: float
    paired: bool

    @property
    def worse(self) -> bool | None:
        """Whether the one is told to deviate more; None where the bounds lie on both sides of 0."""
        return True if self.low > 0 else False if self.high < 0 else None


def rise(one: RescaledGroup, other: RescaledGroup, *, rng: np.random.Generator, resamples: int = 999) -> Rise | Missing:
    """Hold the deviations of one ladder against those of another.

    ::

        S    = mean over k and d ln x of [d_k^2 - var(d_k)],   var(d_k) = (1-1/K)^2 V_k + K^-2 sum_{j != k} V_j
        Rise = sqrt(S_one) - sqrt(S_other)
        bounds = Rise +- t_{.95; n-1} se(S_one - S_other) / [sqrt(S_one) + sqrt(S_other)]

    ``V_k = s2_k/n_k``. S is unbiased whatever the noise is. The largest deviation is not: it grows with the noise, so
    that a ladder which is merely noisier would be told to be worse. The standard error is ``sqrt(n/(n-1))`` times that
    over seeds drawn with replacement, together at all sizes of both ladders where these have the same ones, n being the
    fewest.

    Parameters
    ----------
    one, other : on one grid and one scale; their sizes may differ.
    rng : chance.
    resamples : draws of the seeds.
    """
    fewest = min((len(rows) for group in (one, other) for rows in group.values), default=0)
    if fewest < _FEWEST or not (noisy(one) and noisy(other)):
        return Missing(Rise, because("rise-needs-three-seeds"))
    seeds = {own for group in (one, other) for own in group.seeds}
    squares, se = rise_of_squares(one.values, other.values, paired=len(seeds) == 1, rng=rng, resamples=resamples)
    roots = np.sqrt(np.maximum(squares, 0.0))
    if not roots.sum() > 0:
        return Missing(Rise, because("rise-needs-a-deviation"))
    found, reach = (squares[0] - squares[1]) / roots.sum(), se / roots.sum()
    t = float(student_quantile(fewest - 1, COVERAGE))
    return Rise(
        rms=float(roots[0]),
        rms_of_other=float(roots[1]),
        rise=float(found),
        low=float(found - t * reach),
        high=float(found + t * reach),
        paired=len(seeds) == 1,
    )


def rise_of_squares(
    one: Sequence[np.ndarray], other: Sequence[np.ndarray], *, paired: bool, rng: np.random.Generator, resamples: int
) -> tuple[np.ndarray, float]:
    """Mean squared deviations ``(2,)`` of two ladders without what noise adds, and the standard error of their
    difference.

    Parameters
    ----------
    one, other : for each size ``(n_k, m)``, one row a seed.
    paired : whether row i of all sizes of both is one seed.
    """
    fewest = min(len(rows) for rows in (*one, *other))
    together = _draws(fewest, resamples, rng) if paired else None
    drawn = []
    for values in (one, other):
        shares = [_draws(len(rows), resamples, rng) if together is None else together for rows in values]
        drawn.append(_squares(np.stack([w @ rows for w, rows in zip(shares, values, strict=True)])))
    se = float(np.std(drawn[0] - drawn[1], ddof=1)) * np.sqrt(fewest / (fewest - 1))
    return np.array([_unbiased(one), _unbiased(other)]), se


def _draws(n: int, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """``(B, n)`` shares of the seeds in each resample."""
    return rng.multinomial(n, np.full(n, 1.0 / n), size=resamples) / n


def _squares(means: np.ndarray) -> np.ndarray:
    """Mean over sizes and x of d^2, from means ``(K, ..., m)``; the grid is even in ln x."""
    return np.square(means - means.mean(axis=0)).mean(axis=(0, -1))


def _unbiased(values: Sequence[np.ndarray]) -> float:
    means = np.stack([rows.mean(axis=0) for rows in values])
    of_means = np.stack([rows.var(axis=0, ddof=1) / len(rows) for rows in values])
    return float(_squares(means) - contrast(of_means).mean())

"""Means over pairs of trials of different seeds, with intervals by a bootstrap over seeds."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit

from ..reasons import Reason, because

LEVEL = 0.95
FEWEST_SEEDS = 3
_DRAWS = 400


@dataclasses.dataclass(frozen=True, kw_only=True)
class OverSeeds:
    """A number with its 95 % interval; ``low`` and ``high`` are None, and ``reason`` says why, with too few seeds."""

    value: float
    low: float | None = None
    high: float | None = None
    reason: Reason | None = None

    @property
    def side(self) -> int:
        """1 where it lies above zero, -1 where it lies below, 0 where that cannot be told."""
        if self.low is None or self.high is None:
            return 0
        return int(self.low > 0) - int(self.high < 0)


@dataclasses.dataclass(frozen=True, eq=False)
class PairMeans:
    """Means of one or several sets of pairs, as functions of how often each seed is drawn.

    Attributes
    ----------
    seeds : the different ones.
    sets : of each set of pairs the places of both seeds and the values, ``(3, m)``; pairs of one seed share their data
        and are none.
    """

    seeds: Sequence[int]
    sets: Sequence[np.ndarray]

    def means(self, counts: np.ndarray) -> np.ndarray:
        """``(D, sets)`` means for counts ``(D, n)``, each pair as often as the product of its seeds' counts.

        NaN where no pair is left.
        """
        return np.stack([self._mean(each, counts) for each in self.sets], axis=1)

    @staticmethod
    def _mean(pairs: np.ndarray, counts: np.ndarray) -> np.ndarray:
        weights = counts[:, pairs[0].astype(int)] * counts[:, pairs[1].astype(int)]
        total = weights.sum(axis=1)
        return np.where(total > 0, weights @ pairs[2] / np.maximum(total, 1), np.nan)


def interval(pairs: PairMeans, weights: np.ndarray, rng: np.random.Generator) -> OverSeeds:
    """A weighted sum of the sets' means, with Student's t around it.

    The standard error is that of bootstrap draws of the n seeds, the same for all families and sizes, times
    ``sqrt(n/(n-1))``; pairs of a seed with itself are left out of every draw. With n - 1 degrees of freedom.
    """
    n = len(pairs.seeds)
    value = float((pairs.means(np.ones((1, n))) @ weights).item())
    if n < FEWEST_SEEDS:
        return OverSeeds(value=value, reason=because("pairs-of-too-few-seeds", n=n, needed=FEWEST_SEEDS))
    draws = rng.multinomial(n, np.full(n, 1 / n), size=_DRAWS)
    found = pairs.means(draws) @ weights
    found = found[np.isfinite(found)]
    if len(found) < _DRAWS // 2:
        return OverSeeds(value=value, reason=because("pairs-left-out"))
    half = float(stdtrit(n - 1, 0.5 + LEVEL / 2)) * float(found.std(ddof=1)) * np.sqrt(n / (n - 1))
    return OverSeeds(value=value, low=value - half, high=value + half)

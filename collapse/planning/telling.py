"""How often a ladder is told from one that deviates more, and from how much more on."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit as student_quantile

from ...results.levels import COVERAGE
from ..outcome import RescaledGroup
from ..within.rise import rise_of_squares
from .detectable import POWER, smallest
from .pilot import pilot_of
from .power import SimulatedShare

_RESAMPLES = 99
_LARGEST = 16.0  # times a ladder's own deviations; what is not told then is told by nothing
_STEPS = 8


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class MeansAndNoise:
    """What a ladder's runs are drawn from: mean curves ``(K, m)``, and noise ``(r, m)`` of one curve for each size."""

    means: np.ndarray
    factors: Sequence[np.ndarray]

    @classmethod
    def of(cls, group: RescaledGroup) -> MeansAndNoise:
        """Means and noise of a group's own seeds."""
        pilot = pilot_of(group)
        means = np.stack([rows.mean(axis=0) for rows in group.values])
        return cls(means, [scale * pilot.factor for scale in pilot.scales])

    def drawn(self, counts: Sequence[int], rng: np.random.Generator) -> list[np.ndarray]:
        """A ladder of so many seeds a size."""
        rows = zip(self.means, self.factors, counts, strict=True)
        return [mean + rng.normal(size=(n, len(factor))) @ factor for mean, factor, n in rows]


def chance_to_tell(
    one: RescaledGroup, other: RescaledGroup, counts: Sequence[int], *, rng: np.random.Generator, groups: int = 200
) -> SimulatedShare:
    """How often ladders like the one are told to deviate more than ladders like the other, by `rise`.

    Parameters
    ----------
    one, other : of the same sizes, with two seeds each.
    counts : seeds of each size in both ladders, three at least. Noise is drawn for each by itself, as if runs of equal
        seed had nothing in common.
    rng : chance.
    groups : simulated pairs of ladders.
    """
    return SimulatedShare.of(_told(MeansAndNoise.of(one), MeansAndNoise.of(other), counts, groups, rng))


def least_told(
    group: RescaledGroup,
    counts: Sequence[int],
    *,
    rng: np.random.Generator,
    power: float = POWER,
    groups: int = 100,
) -> float | None:
    """The root mean square from which on a ladder that is as noisy as this one, with its deviations grown all alike, is
    told to deviate more; None where not even 16 times the deviations are.

    Parameters
    ----------
    group : with two seeds a size.
    counts : seeds of each size in both ladders, three at least.
    rng : chance.
    power : chance with which it is told.
    groups : simulated pairs of ladders.
    """
    runs = MeansAndNoise.of(group)
    d = runs.means - runs.means.mean(axis=0)
    (seed,) = rng.integers(2**63, size=1)

    def shown(factor: float) -> np.ndarray:
        return _told(MeansAndNoise(factor * d, runs.factors), runs, counts, groups, np.random.default_rng(seed))

    found = smallest(shown, power, low=1.0, high=_LARGEST, steps=_STEPS)
    return None if found is None else found * float(np.sqrt(np.square(d).mean()))


def _told(
    one: MeansAndNoise, other: MeansAndNoise, counts: Sequence[int], groups: int, rng: np.random.Generator
) -> np.ndarray:
    """``(groups,)`` where the one is told to deviate more."""
    t = float(student_quantile(min(counts) - 1, COVERAGE))
    found = []
    for _ in range(groups):
        mine, theirs = one.drawn(counts, rng), other.drawn(counts, rng)
        squares, se = rise_of_squares(mine, theirs, paired=True, rng=rng, resamples=_RESAMPLES)
        found.append(squares[0] - squares[1] > t * se)
    return np.array(found)

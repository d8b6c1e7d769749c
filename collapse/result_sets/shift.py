"""Did curves change beyond the noise of their seeds? A test of two sets of runs of the same model sizes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from scipy.special import stdtr as student_tail
from scipy.special import stdtrit as student_quantile

from ...results.grid import log_weights
from ...results.levels import ALPHA, COVERAGE
from ..outcome import RescaledGroup
from ..reasons import Reason, because
from ..within.bootstrap import blocks, draw_signs, moments, quantile
from ..within.exactness import p_value
from .unequal import band_of, largest, p_exchanged, p_normal

_FEWEST = 3  # seeds: with two, half of the resamples have no variance
_PAIRS = 5  # seeds: differences of fewer have too few signs for the level of the test


SeededRun = tuple[np.ndarray, Sequence[int | str]]  # runs ``(n, m)`` of one size, and their seeds
SeededRuns = Mapping[float, SeededRun]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Shift:
    """How far the runs of one set lie from those of another, over the model sizes that both have.

    Attributes
    ----------
    p : p-value of no difference at any size.
    difference : the largest difference of two sizes' means, with its sign.
    low, high : 95 % bounds on its modulus.
    size, x : where it is; x is None for the last value.
    paired : whether runs of equal seed were held against each other.
    reason : why there is no p-value, None where there is one.
    """

    p: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    size: float | None = None
    x: float | None = None
    paired: bool = False
    reason: Reason | None = None


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Runs of the model sizes that two sets share, ``(n_k, m)`` for each size: of the one and of the other, or, paired
    by their seeds, the differences alone."""

    sizes: np.ndarray
    mine: tuple[np.ndarray, ...]
    published: tuple[np.ndarray, ...] | None

    @property
    def fewest(self) -> int:
        """Runs of the size and set that has fewest."""
        return min(len(rows) for rows in (*self.mine, *(self.published or ())))

    @property
    def differences(self) -> np.ndarray:
        """``(K, m)`` mean of mine less mean of the published."""
        means = np.stack([rows.mean(axis=0) for rows in self.mine])
        return means if self.published is None else means - np.stack([rows.mean(axis=0) for rows in self.published])


def curve_shift(mine: RescaledGroup, published: RescaledGroup, rng: np.random.Generator, resamples: int = 999) -> Shift:
    """Test whether rescaled curves of equal size have equal means in both sets.

    With ``D_k`` the difference of the mean curves of size k and ``se~_k`` its standard error on separable variances::

        T = max_k int (D_k / se~_k)^2 d ln x

    held against wild resamples of whole curves about their own means, which leaves each set and size its own noise.
    Signs of three residuals have too few values where the other set has many runs, so that sets of unequal numbers are
    held against two more distributions, and the largest p counts (`unequal.py`).
    Where all sizes share five seeds or more, runs of equal seed are subtracted first, so that what a seed decides in
    both sets cancels. The maximum over sizes, not the sum, keeps the level where a seed moves all sizes together. The
    bounds are those of T5: ``high`` is pointwise, ``low`` from the simultaneous band, and 0 where p is not below .05.

    Parameters
    ----------
    mine, published : on one grid and one scale.
    rng : chance.
    resamples : wild resamples.
    """
    values = [_by_size(one) for one in (mine, published)]
    runs = shared_runs(values[0], values[1])
    if isinstance(runs, Reason):
        return Shift(reason=runs)
    found = _located(runs, mine.x)
    if found.reason is not None:
        return found
    parts = [_Part.of(rows, rng, resamples) for rows in (runs.mine, runs.published) if rows is not None]
    d = runs.differences
    band = sum(part.band for part in parts)
    weights = log_weights(mine.x)
    observed = float(((d**2 / band) @ weights).max())
    statistic, peaks = (np.concatenate(rows) for rows in zip(*_resampled(parts, weights), strict=True))
    p = p_value(observed, statistic)
    if runs.published is not None and any(len(a) != len(b) for a, b in zip(runs.mine, runs.published, strict=True)):
        p = max(p, p_exchanged(runs.mine, runs.published, weights, rng, resamples))
        p = max(p, p_normal(runs.mine, runs.published, weights, rng, resamples))
    squared, quartic = (sum(getattr(part, name) for part in parts) for name in ("squared", "quartic"))
    reach = student_quantile(squared**2 / quartic, COVERAGE) * np.sqrt(squared)
    return dataclasses.replace(
        found,
        p=p,
        low=_gated(p, np.abs(d) - quantile(peaks) * np.sqrt(band)),
        high=float((np.abs(d) + reach).max()),
    )


def _by_size(group: RescaledGroup) -> SeededRuns:
    rows = zip(group.values, group.seeds, strict=True)
    return dict(zip(group.sizes.tolist(), rows, strict=True))


def last_shift(runs: Runs | Reason) -> Shift:
    """Test whether the last values ``(n_k, 1)`` of equal size have equal means, by t-tests corrected for their number.

    With ``t_k = D_k / se_k``, where ``se_k`` takes each set's own variance, p is the smallest p-value of the K sizes
    times K. The degrees of freedom are those of the set with fewer runs: Welch's reject .11 in place of .05 with 3
    runs against 16.
    """
    if isinstance(runs, Reason):
        return Shift(reason=runs)
    found = _located(runs, None)
    if found.reason is not None:
        return found
    d, k = np.abs(runs.differences[:, 0]), len(runs.sizes)
    sets = [moments(rows) for rows in (runs.mine, runs.published) if rows is not None]
    se = np.sqrt(sum(one.variances[:, 0, 0] / one.counts for one in sets))
    df = np.minimum.reduce([one.counts for one in sets]) - 1.0
    p = min(1.0, k * float(2 * student_tail(df, -d / se).min()))
    return dataclasses.replace(
        found,
        p=p,
        low=_gated(p, d - student_quantile(df, 1 - (1 - COVERAGE) / (2 * k)) * se),
        high=float((d + student_quantile(df, COVERAGE) * se).max()),
    )


def _gated(p: float, bounds: np.ndarray) -> float:
    """The largest lower bound; 0 unless the test says that there is a difference."""
    return max(0.0, float(bounds.max())) if p < ALPHA else 0.0


def shared_runs(mine: SeededRuns, published: SeededRuns) -> Runs | Reason:
    """The runs of the sizes that both sets have and that are not the same, paired where these share five seeds or more.

    Parameters
    ----------
    mine, published : for each size the runs ``(n, m)`` and their seeds.
    """
    sizes = sorted(set(mine) & set(published))
    if not sizes:
        return because("set-no-common-size")
    # Sizes whose runs are the same number for number have no noise and no change.
    other = [size for size in sizes if not _equal(mine[size], published[size])]
    if not other:
        return because("set-runs-equal")
    seeds = [[seed for seed in mine[size][1] if seed in published[size][1]] for size in other]
    if min(map(len, seeds)) >= _PAIRS:
        rows = [_of_seeds(mine[s], own) - _of_seeds(published[s], own) for s, own in zip(other, seeds, strict=True)]
        return Runs(np.array(other), tuple(rows), None)
    runs = Runs(np.array(other), tuple(mine[s][0] for s in other), tuple(published[s][0] for s in other))
    return runs if runs.fewest >= _FEWEST else because("set-needs-three-seeds", seeds=runs.fewest)


def _equal(mine: SeededRun, published: SeededRun) -> bool:
    """Whether two sets have the same runs of a size, number for number."""
    same = set(mine[1]) == set(published[1]) and len(mine[1]) == len(published[1])
    return same and np.array_equal(mine[0], _of_seeds(published, mine[1]))


def _of_seeds(runs: SeededRun, seeds: Sequence[int | str]) -> np.ndarray:
    return np.stack([runs[0][list(runs[1]).index(seed)] for seed in seeds])


def _located(runs: Runs, x: np.ndarray | None) -> Shift:
    """The largest difference and where it is; with a reason where there is no noise to hold it against."""
    d = runs.differences
    k, place = np.unravel_index(int(np.argmax(np.abs(d))), d.shape)
    at = None if x is None else float(x[place])
    found = Shift(difference=float(d[k, place]), size=float(runs.sizes[k]), x=at, paired=runs.published is None)
    groups = [runs.mine] if runs.published is None else [runs.mine, runs.published]
    spread = [np.stack([np.ptp(rows, axis=0).max() for rows in rows_of]) for rows_of in groups]
    if any((one == 0).any() for one in spread):
        return dataclasses.replace(found, reason=because("set-runs-without-noise"))
    return found


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """One set's share in the differences: variances ``(K, m)`` of its means, plain with the denominators of their
    degrees of freedom, and separable; its rows and their signs."""

    squared: np.ndarray
    quartic: np.ndarray
    band: np.ndarray
    rows: tuple[np.ndarray, ...]
    signs: list[np.ndarray]

    @classmethod
    def of(cls, rows: tuple[np.ndarray, ...], rng: np.random.Generator, resamples: int) -> _Part:
        data = moments(rows)
        counts = data.counts[:, None]
        squared = data.variances[..., 0] / counts
        signs = draw_signs(data.counts, resamples, rng)
        return cls(squared, squared**2 / (counts - 1), band_of(data)[..., 0], rows, signs)


def _resampled(parts: Sequence[_Part], weights: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """T and the largest ``|D*|/se~*`` of each resample, in blocks."""
    for samples in zip(*(blocks(part.rows, part.signs) for part in parts), strict=True):
        yield largest(samples, weights)

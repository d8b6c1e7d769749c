"""Power by simulation: noise is drawn and tested once, then any deviation is laid upon it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ...results.levels import ALPHA, NORMAL
from ..within.bootstrap import Moments, blocks, draw_signs, moments, quantile
from ..within.equivalence import peaks, standard_errors, upper_bounds
from ..within.exactness import statistics
from ..within.sharper import ENOUGH, Pointwise, calibrated, not_refuted
from .pilot import Pilot

_RESAMPLES = 199  # for a calibrated bound


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SimulatedShare:
    """A share of simulated groups with its 95 % Monte Carlo interval (Wilson)."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, hits: np.ndarray) -> SimulatedShare:
        """From a mask ``(groups,)``."""
        n, p = len(hits), float(np.mean(hits))
        centre = (p + NORMAL**2 / (2 * n)) / (1 + NORMAL**2 / n)
        reach = NORMAL / (1 + NORMAL**2 / n) * float(np.sqrt(p * (1 - p) / n + NORMAL**2 / (4 * n**2)))
        return cls(value=p, low=max(0.0, centre - reach), high=min(1.0, centre + reach))


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Trials:
    """Simulated groups of pure noise, with the critical values of their own bootstraps.

    A wild bootstrap sees residuals only, and the weights of T1 variances only, so a deviation added to the means
    changes neither: one bootstrap serves all deviations.

    Attributes
    ----------
    x, sizes : grid and sizes.
    noise : moments ``(K, m, groups)`` of the simulated noise.
    critical : ``(groups,)``; T1 rejects at 5 % where its statistic exceeds it.
    reach : ``(groups,)`` quantile of the simultaneous band; None where it was not asked for.
    bounds : the calibrated upper bounds of the first groups, and how far each level serves; empty where they were not
        asked for, and where a size has two seeds, which leave the reference.
    """

    x: np.ndarray
    sizes: np.ndarray
    noise: Moments
    critical: np.ndarray
    reach: np.ndarray | None
    bounds: Sequence[tuple[Pointwise, np.ndarray]] = ()

    def rejects(self, truth: np.ndarray) -> np.ndarray:
        """``(groups,)`` where T1 has p < .05 if the rungs deviate by ``truth`` ``(K, m)``."""
        return statistics(self._shifted(truth), self.x, self.sizes)[0] > self.critical

    def upper(self, truth: np.ndarray) -> np.ndarray:
        """Upper bounds U95 of all groups, or where they are calibrated of the first ones."""
        shifted = self._shifted(truth)
        if not self.bounds:
            return upper_bounds(shifted)
        d = np.moveaxis(shifted.means - shifted.means.mean(axis=0), -1, 0)
        return np.array(
            [not_refuted(one.bounds(each), limits) for each, (one, limits) in zip(d, self.bounds, strict=False)]
        )

    def lower(self, truth: np.ndarray) -> np.ndarray:
        """``(groups,)`` lower bounds L95."""
        assert self.reach is not None
        means = self._shifted(truth).means
        deviations, band_se = np.abs(means - means.mean(axis=0)), standard_errors(self.noise)[2]
        return np.maximum(0.0, (deviations - self.reach * band_se).max(axis=(0, 1)))

    def _shifted(self, truth: np.ndarray) -> Moments:
        return Moments(self.noise.counts, self.noise.means + truth[..., None], self.noise.variances)


def simulate_noise(
    pilot: Pilot,
    sizes: np.ndarray,
    counts: Sequence[int],
    *,
    scales: np.ndarray,
    groups: int,
    resamples: int,
    rng: np.random.Generator,
    band: bool = False,
    certify: int = 0,
) -> Trials:
    """Draw groups of noise and bootstrap each.

    Parameters
    ----------
    pilot : noise of one curve.
    sizes : ``(K,)`` sizes of the rungs.
    counts : seeds of each rung, at least three.
    scales : ``(K,)`` sd of each rung's noise over the pilot's.
    groups : how many.
    resamples : wild resamples of each, at least 39.
    rng : chance.
    band : whether lower bounds are wanted; it doubles the time.
    certify : of how many of the groups upper bounds are wanted, calibrated where there are three seeds.
    """
    drawn, critical, reach, bounds = [], [], [], []
    (chance,) = rng.spawn(1)
    for _ in range(groups):
        values = [
            s * rng.normal(size=(n, len(pilot.factor))) @ pilot.factor for s, n in zip(scales, counts, strict=True)
        ]
        spreads, tops = [], []
        for block in blocks(values, draw_signs(counts, resamples, rng)):
            spreads.append(statistics(block, pilot.x, sizes)[0])
            if band:
                tops.append(peaks(block).max(axis=0))
        drawn.append(moments(values))
        critical.append(_critical(np.concatenate(spreads)))
        if band:
            reach.append(quantile(np.concatenate(tops)))
        if len(bounds) < certify and min(counts) >= ENOUGH:
            found = calibrated(values, rng=chance, resamples=_RESAMPLES)
            bounds.append((found.pointwise, found.limits()))
    noise = Moments(
        np.array(counts),
        np.concatenate([one.means for one in drawn], axis=-1),
        np.concatenate([one.variances for one in drawn], axis=-1),
    )
    return Trials(
        x=pilot.x,
        sizes=sizes,
        noise=noise,
        critical=np.array(critical),
        reach=np.array(reach) if band else None,
        bounds=bounds,
    )


def _critical(resampled: np.ndarray) -> float:
    """The value that a statistic must exceed for ``(1 + #{T* >= T})/(B + 1) < .05``."""
    allowed = int(np.ceil(ALPHA * (len(resampled) + 1))) - 2
    ordered = np.sort(np.where(np.isnan(resampled), np.inf, resampled))
    return float(ordered[-1 - allowed])

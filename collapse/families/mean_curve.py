"""The mean curve of a family's model sizes, and weighted sums of such curves, with what bounds them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit as student_quantile

from ...results.levels import COVERAGE
from ..outcome import RescaledGroup
from ..within.bootstrap import blocks, draw_signs, moments, quantile
from ..within.equivalence import separable


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A family's ladder under one recipe, on the grid and the scale that all members share, with what it is called."""

    family: str
    recipe: str
    name: str
    group: RescaledGroup


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class MeanCurve:
    """A member's mean curve over rungs ``(m,)``, the variance of it and the denominators of its degrees of freedom, its
    separable variance, and mean curves and separable variances of B resamples ``(m, B)``."""

    mean: np.ndarray
    variance: np.ndarray
    quartic: np.ndarray
    band_variance: np.ndarray
    resampled: np.ndarray
    resampled_variance: np.ndarray


def mean_curves(members: Sequence[Member], rng: np.random.Generator, resamples: int) -> list[MeanCurve]:
    """Every member's mean curve with its wild resamples; each has chance of its own."""
    return [
        _curve(member.group, child, resamples) for member, child in zip(members, rng.spawn(len(members)), strict=True)
    ]


def _curve(group: RescaledGroup, rng: np.random.Generator, resamples: int) -> MeanCurve:
    data = moments(group.values)
    k = len(group.values)
    parts = data.variances[..., 0] / data.counts[:, None] / k**2
    means, variances = [], []
    for block in blocks(group.values, draw_signs(data.counts, resamples, rng)):
        means.append(block.means.mean(axis=0))
        variances.append(_separable_variance(block.variances, data.counts))
    return MeanCurve(
        mean=data.means[..., 0].mean(axis=0),
        variance=parts.sum(axis=0),
        quartic=(parts**2 / (data.counts[:, None] - 1)).sum(axis=0),
        band_variance=_separable_variance(data.variances, data.counts)[:, 0],
        resampled=np.concatenate(means, axis=1),
        resampled_variance=np.concatenate(variances, axis=1),
    )


def _separable_variance(variances: np.ndarray, counts: np.ndarray) -> np.ndarray:
    a, h = separable(variances)
    return (a / counts[:, None]).sum(axis=0) / len(counts) ** 2 * h


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Contrast:
    """A weighted sum of members' mean curves: ``difference`` ``(m,)`` with its plain ``variance`` and ``df``, its
    separable ``band_variance``, and the studentised difference of B resamples ``(m, B)``."""

    difference: np.ndarray
    variance: np.ndarray
    df: np.ndarray
    band_variance: np.ndarray
    resampled: np.ndarray

    @classmethod
    def of(cls, weights: np.ndarray, curves: Sequence[MeanCurve]) -> Contrast:
        """Weights ``(G,)`` of the members."""

        def total(name: str, power: int) -> np.ndarray:
            return sum(w**power * getattr(c, name) for w, c in zip(weights, curves, strict=True) if w)  # type: ignore[return-value]

        variance = total("variance", 2)
        return cls(
            difference=total("mean", 1),
            variance=variance,
            df=variance**2 / total("quartic", 4),
            band_variance=total("band_variance", 2),
            resampled=total("resampled", 1) / np.sqrt(total("resampled_variance", 2)),
        )

    @property
    def peaks(self) -> np.ndarray:
        """``(B,)`` largest studentised difference over x of each resample."""
        return np.abs(self.resampled).max(axis=0)

    @property
    def upper(self) -> np.ndarray:
        """``(m,)`` one-sided, pointwise upper bounds on the modulus."""
        return np.abs(self.difference) + student_quantile(self.df, COVERAGE) * np.sqrt(self.variance)

    @property
    def lower(self) -> np.ndarray:
        """``(m,)`` lower bounds on the modulus from the simultaneous band; below 0 where there is none."""
        return np.abs(self.difference) - quantile(self.peaks) * np.sqrt(self.band_variance)

    def beyond(self, margin: float) -> float:
        """p-value of ``max_x (|D| - margin)/se~`` among the resamples of ``max_x |D*|/se~*``: at most .05 exactly where
        the largest lower bound reaches the margin."""
        highest = float(((np.abs(self.difference) - margin) / np.sqrt(self.band_variance)).max())
        return float((1 + np.sum(self.peaks >= highest)) / (len(self.peaks) + 1))

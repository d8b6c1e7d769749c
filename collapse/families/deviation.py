"""Do families share one curve on a data set? Each family's mean curve against the master curve of the others."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit as student_quantile

from ...results.levels import COVERAGE
from ..outcome import AcrossFamilies, FamilyDeviation, RescaledGroup, Scale, Verdict
from ..reasons import Reason, because
from ..within.bootstrap import blocks, draw_signs, moments, quantile
from ..within.envelope import runs
from ..within.equivalence import separable
from .margins import Margin


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A family's ladder under one recipe, on the grid and the scale that all members share."""

    family: str
    recipe: str
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


def compare_families(
    dataset: str,
    leg: str,
    members: Sequence[Member],
    *,
    margin: float,
    rng: np.random.Generator,
    resamples: int = 999,
    local: Margin | None = None,
) -> AcrossFamilies:
    """Deviation of each family's mean curve from the master curve of the other families.

    With ``g_a = mean_k zbar_ak`` the mean curve of family a over its own rungs (taken as fixed), and the master curve
    of the others ``mean_{b != a} g_b``, computed anew in each resample::

        D_a(x) = g_a - mean_{b != a} g_b
        high   = max_x [|D_a| + t_{.95; nu} se]           one-sided and pointwise, as within a family
        low    = max(0, max_x [|D_a| - c se~])            from the simultaneous band of the wild bootstrap

    ``where`` is the longest stretch of x on which that band excludes 0. The verdict holds high and low against the
    margin, and at every x against the one that other data sets tighten, where that bears on these curves. A family
    with several recipes is compared, recipe by recipe, with the other families, each of which counts once.

    Parameters
    ----------
    dataset, leg : what the members have in common.
    members : at least two families, all on one scale and one grid.
    margin : largest difference that still counts as one curve.
    rng : chance.
    resamples : wild resamples.
    local : the margin along x; None leaves it flat.
    """
    curves = mean_curves(members, rng, resamples)
    scale: Scale = members[0].group.scale
    bearing = local if local is not None and local.bears_on(members[0].group) else None
    rows = [_deviation(i, members, curves, margin, bearing) for i in range(len(members))]
    return AcrossFamilies(dataset=dataset, leg=leg, scale=scale, smallest_model=None, per_family=tuple(rows))


def left_out(family: str, recipe: str) -> FamilyDeviation:
    """The row of a family that cannot stand beside the others; its own row says what is wrong with its curves."""
    return FamilyDeviation(
        family=family, recipe=recipe, verdict="cannot-tell", reason=because("not-on-the-others-grid")
    )


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


def shares_of(families: Sequence[str], left_out: int) -> np.ndarray:
    """Weights of all members in the master curve of the others of ``left_out``: each other family counts once."""
    others = set(families) - {families[left_out]}
    return np.array([1.0 / families.count(f) / len(others) if f in others else 0.0 for f in families])


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


def against_others(families: Sequence[str], i: int, curves: Sequence[MeanCurve]) -> Contrast:
    """Member i less the master curve of the other families."""
    weights = -shares_of(families, i)
    weights[i] = 1.0
    return Contrast.of(weights, curves)


def _deviation(
    i: int, members: Sequence[Member], curves: Sequence[MeanCurve], margin: float, local: Margin | None
) -> FamilyDeviation:
    found = against_others([member.family for member in members], i, curves)
    difference = found.difference
    upper = np.abs(difference) + student_quantile(found.df, COVERAGE) * np.sqrt(found.variance)
    lower = np.abs(difference) - quantile(found.peaks) * np.sqrt(found.band_variance)
    verdict, reason = _verdict(lower, upper, margin, local)
    return FamilyDeviation(
        family=members[i].family,
        recipe=members[i].recipe,
        deviation=float(np.abs(difference).max()),
        low=max(0.0, float(lower.max())),
        high=float(upper.max()),
        where=longest_stretch(lower > 0, members[i].group.x),
        verdict=verdict,
        reason=reason,
        x=members[i].group.x,
        difference=difference,
    )


def _verdict(
    lower: np.ndarray, upper: np.ndarray, margin: float, local: Margin | None
) -> tuple[Verdict, Reason | None]:
    below = upper.max() < margin
    if below and (local is None or local.certifies(upper)):
        return "collapse", None
    if lower.max() >= margin:
        return "no-collapse", None
    if local is not None and local.refutes(lower):
        return "no-collapse", because("beyond-other-data-sets", margin=margin)
    if below:
        return "cannot-tell", because("not-within-other-data-sets")
    return "cannot-tell", because("margin-inside-interval", margin=margin)


def longest_stretch(inside: np.ndarray, x: np.ndarray) -> tuple[float, float] | None:
    """First and last x of the longest run of True in a mask ``(m,)``, None where there is none."""
    found = runs(inside, x)
    return max(found, key=lambda run: np.sum((x >= run[0]) & (x <= run[1]))) if found else None

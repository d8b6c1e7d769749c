"""Along which family's curve does another one learn, within what, and except where?"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit as student_quantile

from ...results.levels import COVERAGE
from ..composing import HIDDEN
from ..outcome import Scale
from ..within.bootstrap import quantile
from ..within.envelope import runs
from .mean_curve import Contrast, MeanCurve, Member, mean_curves

_RESAMPLES = 999


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Along:
    """One family beside the other family whose mean curve is nearest to its own.

    Attributes
    ----------
    family, nearest : the two; nearest by the smallest largest difference.
    within : upper 95 % bound on the difference outside the stretches, ``max_x [|D| + t_{.95} se]``; None where the two
        differ at half of the x or more: all curves meet at the end, so that they agree somewhere says nothing.
    stretches : where the simultaneous 95 % band of the difference excludes zero.
    amplitude, at : the largest difference, signed, and at which x.
    resolution : the largest half-width of that band: a smaller difference might not have shown.
    scale : as for `RescaledGroup`.
    x, difference, half : ``(m,)`` the grid, the difference, and the half-width of its simultaneous band.
    """

    family: str
    nearest: str
    within: float | None
    stretches: tuple[tuple[float, float], ...]
    amplitude: float
    at: float
    resolution: float
    scale: Scale
    x: np.ndarray = dataclasses.field(metadata=HIDDEN)
    difference: np.ndarray = dataclasses.field(metadata=HIDDEN)
    half: np.ndarray = dataclasses.field(metadata=HIDDEN)

    @property
    def apart(self) -> np.ndarray:
        """``(m,)`` where the simultaneous band of the difference excludes zero."""
        return np.abs(self.difference) > self.half


def along_nearest(members: Sequence[Member], family: str, *, rng: np.random.Generator) -> Along:
    """Compare a family with the nearest of the others.

    Parameters
    ----------
    members : ladders on one grid and one scale; ``family`` and at least one other.
    family : whose curve is asked for.
    rng : chance, for the wild bootstrap of the simultaneous band.
    """
    curves = mean_curves(members, rng, _RESAMPLES)
    mine = next(i for i, member in enumerate(members) if member.family == family)
    others = [i for i, member in enumerate(members) if member.family != family]
    contrasts = {i: _pair(mine, i, curves) for i in others}
    best = min(others, key=lambda i: float(np.abs(contrasts[i].difference).max()))
    return _along(members[mine], members[best].family, contrasts[best])


def _pair(mine: int, other: int, curves: Sequence[MeanCurve]) -> Contrast:
    weights = np.zeros(len(curves))
    weights[mine], weights[other] = 1.0, -1.0
    return Contrast.of(weights, curves)


def _along(mine: Member, nearest: str, found: Contrast) -> Along:
    x, size = mine.group.x, np.abs(found.difference)
    half = quantile(found.peaks) * np.sqrt(found.band_variance)
    apart = size > half
    bound = size + student_quantile(found.df, COVERAGE) * np.sqrt(found.variance)
    peak = int(np.argmax(size))
    return Along(
        family=mine.family,
        nearest=nearest,
        within=None if 2 * apart.sum() >= len(x) else float(bound[~apart].max()),
        stretches=tuple(runs(apart, x)),
        amplitude=float(found.difference[peak]),
        at=float(x[peak]),
        resolution=float(half.max()),
        scale=mine.group.scale,
        x=x,
        difference=found.difference,
        half=half,
    )

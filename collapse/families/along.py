"""Along which family's curve does another one learn, within what, and except where?"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit as student_quantile

from ...results.levels import COVERAGE
from ..outcome import Scale
from ..sentences.numbers import percent, stretch_of
from ..within.bootstrap import quantile
from ..within.envelope import runs
from .deviation import Contrast, MeanCurve, Member, mean_curves

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
    sentence : all of it in one sentence.
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
    sentence: str
    x: np.ndarray
    difference: np.ndarray
    half: np.ndarray

    def to_dict(self) -> dict[str, object]:
        """The numbers, without the arrays, as plain types."""
        arrays = ("x", "difference", "half")
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name not in arrays}


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
    result = Along(
        family=mine.family,
        nearest=nearest,
        within=None if 2 * apart.sum() >= len(x) else float(bound[~apart].max()),
        stretches=tuple(runs(apart, x)),
        amplitude=float(found.difference[peak]),
        at=float(x[peak]),
        resolution=float(half.max()),
        scale=mine.group.scale,
        sentence="",
        x=x,
        difference=found.difference,
        half=half,
    )
    return dataclasses.replace(result, sentence=_sentence(result, apart, x))


def _sentence(found: Along, apart: np.ndarray, x: np.ndarray) -> str:
    unit = " of the mean improvement" if found.scale == "shape" else ""
    side = "above" if found.amplitude > 0 else "below"
    far = f"up to {percent(abs(found.amplitude))}{unit} {side} it at x = {found.at:.2g}"
    if found.within is None:
        where = "everywhere" if apart.all() else f"over most of the range ({_where(found, apart, x)})"
        said = f"{found.family} learns along no other curve: it leaves the nearest, of {found.nearest}, {where}, {far}"
    else:
        said = f"{found.family} learns along the {found.nearest} curve within {percent(found.within)}{unit}"
        said += f" except {_where(found, apart, x)}, where it lies {far}" if found.stretches else ""
    return f"{said}; this ladder could not have shown less than {percent(found.resolution)}"


def _where(found: Along, apart: np.ndarray, x: np.ndarray) -> str:
    if len(found.stretches) == 1:
        return stretch_of(apart, x).replace("at x <", "before x =").replace("at x >", "after x =")
    return "at " + ", ".join(f"x = {a:.2g} to {b:.2g}" if b > a else f"x = {a:.2g}" for a, b in found.stretches)

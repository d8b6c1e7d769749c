"""What may be claimed of all families together: all share one curve, some deviate, these pairs differ, and where."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np

from ...results.levels import ALPHA
from ..outcome import AcrossFamilies
from ..within.envelope import global_envelope
from .deviation import Contrast, MeanCurve, Member, against_others, mean_curves
from .multiplicity import Gate, benjamini_hochberg, gatekeep, holm

_Q = 0.1


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class FamilyClaim:
    """A family against the others: ``p`` that it lies beyond the margin, ``p_adjusted`` by Holm, ``p_place`` of the
    global envelope that says where, and whether it ``deviates``."""

    family: str
    p: float
    p_adjusted: float
    p_place: float
    deviates: bool


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class PairClaim:
    """Two families: the largest ``difference`` of their curves, ``p`` that it lies beyond the margin, ``p_adjusted`` by
    Benjamini and Hochberg, and whether the pair is ``listed``."""

    first: str
    second: str
    difference: float
    p: float
    p_adjusted: float
    listed: bool


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Claims:
    """Claims about families on one data set.

    ``all_share`` is the intersection-union claim that every family lies within the margin of the others, each bound at
    95 %; families that could not be compared forbid it. ``gate`` is what remains when questions are asked in order
    after the data-set omnibus; None where that could not be had.
    """

    all_share: bool
    families: tuple[FamilyClaim, ...]
    pairs: tuple[PairClaim, ...]
    gate: Gate | None


def claims(
    members: Sequence[Member],
    across: AcrossFamilies,
    *,
    margin: float | np.ndarray,
    dataset_p: float | None,
    rng: np.random.Generator,
    resamples: int = 999,
) -> Claims:
    """Put all claims about families on one data set under control.

    A family's p-value is that of ``max_x (|D| - margin)/se~`` among the resamples of ``max_x |D*|/se~*``, so that p is
    at most .05 exactly where the lower bound reaches the margin; a pair's the same with its own difference.

    Parameters
    ----------
    members : what `compare_families` was given.
    across : what it returned, rows of families that were left out included.
    margin : the margin in use, one number or ``(m,)`` along x.
    dataset_p : p-value of the permutation test over data sets, None where there was none.
    rng : chance.
    resamples : wild resamples.
    """
    curves = mean_curves(members, rng, resamples)
    names = labels(members)
    kinds = [member.family for member in members]
    alone = [against_others(kinds, i, curves) for i in range(len(members))]
    p = [_beyond(one, margin) for one in alone]
    places = [_place(one) for one in alone]
    asked = dict(zip(names, p, strict=True)), dict(zip(names, places, strict=True))
    gate = None if dataset_p is None else gatekeep(dataset_p, *asked, alpha=ALPHA)
    return Claims(
        all_share=all(row.verdict == "collapse" for row in across.per_family),
        families=tuple(
            FamilyClaim(family=name, p=one, p_adjusted=float(both), p_place=place, deviates=bool(both <= ALPHA))
            for name, one, both, place in zip(names, p, holm(p), places, strict=True)
        ),
        pairs=_pairs(names, kinds, curves, margin),
        gate=gate,
    )


def labels(members: Sequence[Member]) -> list[str]:
    """A name for each member: its family, with the recipe where a family has several."""
    families = [member.family for member in members]
    return [m.family if families.count(m.family) == 1 else f"{m.family} {m.recipe}" for m in members]


def _pairs(
    names: Sequence[str], families: Sequence[str], curves: Sequence[MeanCurve], margin: float | np.ndarray
) -> tuple[PairClaim, ...]:
    couples = [(i, j) for i, j in itertools.combinations(range(len(names)), 2) if families[i] != families[j]]
    unit = np.eye(len(names))
    found = [Contrast.of(unit[i] - unit[j], curves) for i, j in couples]
    p = [_beyond(one, margin) for one in found]
    return tuple(
        PairClaim(
            first=names[i],
            second=names[j],
            difference=float(np.abs(one.difference).max()),
            p=value,
            p_adjusted=float(adjusted),
            listed=bool(adjusted <= _Q),
        )
        for (i, j), one, value, adjusted in zip(couples, found, p, benjamini_hochberg(p), strict=True)
    )


def _beyond(found: Contrast, margin: float | np.ndarray) -> float:
    highest = float(((np.abs(found.difference) - margin) / np.sqrt(found.band_variance)).max())
    return float((1 + np.sum(found.peaks >= highest)) / (len(found.peaks) + 1))


def _place(found: Contrast) -> float:
    return global_envelope(found.difference / np.sqrt(found.band_variance), found.resampled).p_value

"""What may be claimed of all families together: all share one curve, some deviate, these pairs differ, and where."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ...results.levels import ALPHA
from ..outcome import AcrossFamilies
from ..within.envelope import global_envelope
from .deviation import against_others
from .mean_curve import Contrast, Member, mean_curves
from .multiplicity import Gate, gatekeep, holm
from .pairs import Pair, odd_ones


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
class Claims:
    """Claims about families on one data set.

    ``all_share`` is the intersection-union claim that every two families lie within the margin of each other, each
    bound at 95 %; families that could not be compared forbid it. ``pairs`` and ``classes`` are those of the comparison.
    ``gate`` is what remains when questions are asked in order after the data-set omnibus; None where that could not be
    had.
    """

    all_share: bool
    families: tuple[FamilyClaim, ...]
    pairs: tuple[Pair, ...]
    classes: tuple[tuple[str, ...], ...]
    gate: Gate | None


def claims(
    members: Sequence[Member],
    across: AcrossFamilies,
    *,
    margin: float,
    dataset_p: float | None,
    rng: np.random.Generator,
    resamples: int = 999,
) -> Claims:
    """Put all claims about families on one data set under control.

    A family's p-value is that of a difference beyond the margin from the master curve of the others, as for a pair.

    Parameters
    ----------
    members : what `compare_families` was given.
    across : what it returned, rows of families that were left out included.
    margin : the margin in use.
    dataset_p : p-value of the permutation test over data sets, None where there was none.
    rng : chance.
    resamples : wild resamples.
    """
    curves = mean_curves(members, rng, resamples)
    names = [member.name for member in members]
    kinds = [member.family for member in members]
    odd = odd_ones(names, across.pairs)
    without = [name in odd for name in names]
    alone = [against_others(kinds, i, curves, without=without) for i in range(len(members))]
    p = [one.beyond(margin) for one in alone]
    places = [_place(one) for one in alone]
    asked = dict(zip(names, p, strict=True)), dict(zip(names, places, strict=True))
    gate = None if dataset_p is None else gatekeep(dataset_p, *asked, alpha=ALPHA)
    return Claims(
        all_share=across.shared == "collapse" and len(across.per_family) == len(members),
        families=tuple(
            FamilyClaim(family=name, p=one, p_adjusted=float(both), p_place=place, deviates=bool(both <= ALPHA))
            for name, one, both, place in zip(names, p, holm(p), places, strict=True)
        ),
        pairs=across.pairs,
        classes=across.classes,
        gate=gate,
    )


def _place(found: Contrast) -> float:
    return global_envelope(found.difference / np.sqrt(found.band_variance), found.resampled).p_value

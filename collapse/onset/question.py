"""The onset of a group beside its corrections to scaling, and whether the two agree."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from ..composing import Missing
from ..reasons import Reason, because
from .corrections import Corrections, fit_corrections
from .sub_ladders import FEWEST, Onset, find_onset

if TYPE_CHECKING:
    from ..ladders.measurement import Measured


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class OnsetAnswer:
    """From which size on a group is universal, and how fast it approaches its limit.

    Attributes
    ----------
    onset : by sub-ladders.
    corrections : by a power of the size, for whole curves.
    agree : whether the size at which the fitted correction falls below the margin, and the onset, have intervals that
        overlap; None where there is no such size.
    notes : what to know of it.
    """

    onset: Onset
    corrections: Corrections | Missing
    agree: bool | None
    notes: tuple[Reason, ...] = ()


def ask_onset(one: Measured, *, margin: float, rng: np.random.Generator) -> OnsetAnswer | Missing:
    """Onset and corrections of one group with seeds.

    Parameters
    ----------
    one : what was measured.
    margin : in use.
    rng : chance.
    """
    group = one.rescaled
    if one.problem is not None:
        return Missing(OnsetAnswer, because("onset-without-a-sound-ladder", why=one.problem))
    if group is None or not one.independent:
        return Missing(OnsetAnswer, because("nothing-to-test"))
    if len(group.sizes) < FEWEST:
        return Missing(OnsetAnswer, because("onset-needs-three-sizes", sizes=len(group.sizes)))
    onset_rng, omega_rng = rng.spawn(2)
    onset = find_onset(group, margin=margin, rng=onset_rng)
    corrections = fit_corrections(group, margin=margin, rng=omega_rng)
    notes = []
    if one.floor_problem is not None:
        notes.append(because("onset-of-shapes", why=one.floor_problem))
    elif one.floor.source in ("profile", "fit"):
        notes.append(because("onset-at-a-fitted-floor", value=one.floor.value, quantity=group.quantity))
    return OnsetAnswer(
        onset=onset,
        corrections=corrections,
        agree=None if isinstance(corrections, Missing) else agreement(onset, corrections),
        notes=tuple(notes),
    )


def agreement(onset: Onset, corrections: Corrections) -> bool | None:
    """Whether the intervals of the onset and of the size at which the correction falls below the margin overlap.

    An onset at a size says that the margin is crossed between the next smaller size and this one; one at or below the
    smallest size is open below, and no onset is one above the sizes that could be tested.
    """
    low, high = corrections.crossing_low, corrections.crossing_high
    if low is None or high is None:
        return None
    sizes = [row.size for row in onset.sub_ladders]
    if not onset.found:
        return high > sizes[-1]
    before = [size for size in sizes if onset.low is not None and size < onset.low]
    return high > max(before, default=0.0) and (onset.high is None or low <= onset.high)

"""Where along x agreement says something: where unrelated curves under the same schedule would not agree."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from ..composing import HIDDEN
from ..forms.clock import Clock
from ..outcome import RescaledGroup, Scale
from .prior import prior_curves

ENOUGH = 0.5  # of the grid: where less discriminates there is no information


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Discrimination:
    """At which x a margin could be missed.

    Attributes
    ----------
    x : ``(m,)`` grid.
    difference : ``(m,)`` median difference of two unrelated curves in ln l, through the same schedule.
    informs : ``(m,)`` where it exceeds the margin.
    share : of the grid that informs; ``up_to`` the largest x that does, None where none does.
    """

    x: np.ndarray = dataclasses.field(metadata=HIDDEN)
    difference: np.ndarray = dataclasses.field(metadata=HIDDEN)
    informs: np.ndarray = dataclasses.field(metadata=HIDDEN)
    share: float
    up_to: float | None

    @property
    def enough(self) -> bool:
        """Whether at least half of the grid informs."""
        return self.share >= ENOUGH


def discriminates(group: RescaledGroup, margin: float) -> Discrimination:
    """Hold the margin against what two curves of the prior differ by at each x, through the group's schedule.

    Curves that are divided by their own end agree there whatever they are, and a rate that decays to zero makes them
    agree from far earlier on. An x counts where the median difference of two unrelated curves exceeds the margin; at
    others agreement is no information. The control is made of nothing that is under test, so what the curves of the
    suite share cannot void it.

    Parameters
    ----------
    group : for its grid, schedule and scale; without a schedule a constant rate is assumed.
    margin : of the verdict.
    """
    clock = Clock.of(group)
    arrays = (np.ascontiguousarray(one, dtype=float).tobytes() for one in (clock.x, clock.phase, clock.rate))
    difference = _difference(*arrays, clock.end_rate, group.scale)
    informs = difference > margin
    return Discrimination(
        x=group.x,
        difference=difference,
        informs=informs,
        share=float(informs.mean()),
        up_to=float(group.x[informs].max()) if informs.any() else None,
    )


@functools.lru_cache(maxsize=64)
def _difference(x: bytes, phase: bytes, rate: bytes, end_rate: float, scale: Scale) -> np.ndarray:
    """Median difference of two curves of the prior at each x: the same for all groups of one grid and schedule, and
    for families and data sets beside each other, so it is computed once for each."""
    clock = Clock(np.frombuffer(x), np.frombuffer(phase), np.frombuffer(rate), end_rate)
    curves = prior_curves(clock, scale)
    first, second = np.triu_indices(len(curves), 1)
    difference = np.median(np.abs(curves[first] - curves[second]), axis=0)
    difference.flags.writeable = False  # shared by all who ask
    return difference

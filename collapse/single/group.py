"""One run a size on the common grid, and how far each lies from the mean of them: a description, not a test."""

from __future__ import annotations

import dataclasses

import numpy as np

from ..irreducible.choice import UNKNOWN, FloorChoice, given_floor, known_floor
from ..irreducible.end_points import fit_means
from ..ladders.ladder import Ladder
from ..ladders.rescaling import try_rescale
from ..ladders.soundness import unusable
from ..outcome import IrreducibleLoss, RescaledGroup
from ..reasons import Reason, because
from .noise_levels import NO_NOISE, NoiseLevel, own_reruns

FEWEST = 3


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SingleGroup:
    """A group of which fewer than three rungs have a second seed.

    Attributes
    ----------
    ladder : the first complete run of each size, as rungs of one seed.
    floor : what was subtracted, and ``floor_problem`` why nothing was.
    rescaled : on the end-point scale where there is a floor, else on the shape scale.
    d : ``(K, m)`` each run less the mean of the runs.
    noise : its noise level, where reruns of this group tell one or one was borrowed.
    """

    ladder: Ladder
    floor: IrreducibleLoss
    floor_problem: Reason | None
    rescaled: RescaledGroup
    d: np.ndarray
    noise: NoiseLevel = NO_NOISE

    @property
    def deviation(self) -> float:
        """Largest |d| over runs and x."""
        return float(np.abs(self.d).max())

    @property
    def upper_bound(self) -> float | None:
        """Its one-sided 95 % bound under the noise level, None where that is none or a lower limit."""
        half = self.noise.half_width(len(self.d))
        return None if half is None else float((np.abs(self.d) + half).max())


def one_run_a_size(ladder: Ladder, choice: FloorChoice, x_min: float) -> SingleGroup | None:
    """The group of single runs, None where three rungs have seeds or fewer than three sizes have a complete run."""
    firsts = sorted([*(rung[0] for rung in ladder.rungs), *ladder.alone], key=lambda curve: curve.size)
    if len(ladder.rungs) >= FEWEST or len(firsts) < FEWEST:
        return None
    alone = Ladder(tuple((curve,) for curve in firsts), ladder.censored, ())
    if unusable(alone) is not None:
        return None
    floor, problem = _floor(alone, choice)
    ends, end_problem = try_rescale(alone, "end-point", floor.value, x_min) if problem is None else (None, None)
    group = ends or try_rescale(alone, "shape", None, x_min)[0]
    if group is None:
        return None
    values = np.concatenate(group.values)
    return SingleGroup(
        ladder=alone,
        floor=floor,
        floor_problem=problem or end_problem,
        rescaled=group,
        d=values - values.mean(axis=0),
        noise=own_reruns(ladder, group, floor.value),
    )


def _floor(ladder: Ladder, choice: FloorChoice) -> tuple[IrreducibleLoss, Reason | None]:
    if choice == "known":
        return known_floor(ladder)
    if choice == "profile" or isinstance(choice, tuple):
        return UNKNOWN, because("profile-needs-seeds", quantity=ladder.quantity)
    if choice != "fit":
        return given_floor(choice), None
    if len(ladder.rungs) < 4:
        return UNKNOWN, because("no-floor-from-ends", quantity=ladder.quantity, why=because("end-points-few"))
    ends = np.array([rung[0].loss[-1] for rung in ladder.rungs])
    fit = fit_means(ends, np.ones(len(ends)), ladder.sizes) if np.ptp(ends) > 0 else None
    if fit is None or not fit.inside[0]:
        return UNKNOWN, because("no-floor-from-ends", quantity=ladder.quantity, why=because("ends-no-power-law"))
    return IrreducibleLoss(value=float(fit.floor[0]), source="fit"), None

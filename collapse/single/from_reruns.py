"""What one run a rung can say of a group: how tight its curves are against the floor, and a bound from reruns."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from ...results.curves import LearningCurve
from ...results.grid import X_MIN, common_grid
from ..composing import OK
from ..irreducible.end_points import fit_means
from ..ladders.ladder import Ladder
from ..ladders.raw_losses import loss_on
from ..ladders.soundness import rising
from ..reasons import Reason, because
from .tightness import SingleBound, Tightness, assess_tightness, bound_single_runs

Pair = tuple[LearningCurve, LearningCurve]
_DEPTHS = np.geomspace(5.0, 0.01, 101)  # of the range of losses, below the smallest


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SingleRuns:
    """Tightness and bound of a group's first run at each rung.

    Attributes
    ----------
    n_rungs : complete runs, one a rung.
    n_reruns : pairs of runs of one configuration, from which the noise is.
    borrowed : whether these pairs are of other recipes of the same family and data set.
    x_min : where the grid starts.
    irreducible_loss : the floor at which ``bound`` was taken; None where none is known, and then there is no bound.
    tightness, bound : None where fewer than three rungs are complete.
    end_point : L0 of a power law through the last losses, None where four rungs or more do not give one.
    status : ``ok`` or why there is nothing.
    """

    n_rungs: int
    n_reruns: int
    borrowed: bool
    x_min: float | None = None
    irreducible_loss: float | None = None
    tightness: Tightness | None = None
    bound: SingleBound | None = None
    end_point: float | None = None
    status: Reason = OK


def single_runs(
    ladder: Ladder,
    others: Iterable[Ladder] = (),
    *,
    irreducible_loss: float | None = None,
    x_min: float = X_MIN,
) -> SingleRuns:
    """Take the first run of each rung, and the noise from reruns of its rungs, else from those of ``others``.

    Candidate floors lie between five times the range of the losses below the smallest of them and a hundredth of it, in
    geometric steps.

    Parameters
    ----------
    ladder : the group's curves; complete ones alone count.
    others : ladders of the same family and data set under other recipes, for their reruns.
    irreducible_loss : floor for the bound, None where it is not known.
    x_min : where the grid starts at the earliest.
    """
    curves = sorted([*(rung[0] for rung in ladder.rungs), *ladder.alone], key=lambda curve: curve.size)
    own = _pairs(ladder)
    pairs = own or [pair for other in others for pair in _pairs(other)]
    found = SingleRuns(
        n_rungs=len(curves),
        n_reruns=len(pairs),
        borrowed=bool(pairs) and not own,
        irreducible_loss=irreducible_loss,
        end_point=_end_point(curves),
    )
    if len(curves) < 3:
        return dataclasses.replace(found, status=because("fewer-than-three-runs"))
    climbs = rising(ladder, x_min)
    if climbs is not None:
        return dataclasses.replace(found, status=climbs)
    used = [*curves, *(curve for pair in pairs for curve in pair)]
    start = max([x_min, *(float(c.x[c.x > 0][0]) for c in used), *(10 * c.warmup_fraction for c in used)])
    if start >= 0.9:
        return dataclasses.replace(found, status=because("no-common-x"))
    x = common_grid(start)
    losses = np.stack([loss_on(curve, x) for curve in used])
    smallest, reach = losses.min(), np.ptp(losses)
    if not reach > 1e-9 * np.abs(losses).max():
        return dataclasses.replace(found, status=because("values-do-not-change", quantity=ladder.quantity))
    floors = smallest - reach * _DEPTHS
    below = irreducible_loss is not None and irreducible_loss < smallest
    return dataclasses.replace(
        found,
        x_min=start,
        tightness=assess_tightness(curves, x, floors, reruns=pairs),
        bound=bound_single_runs(curves, pairs, x, irreducible_loss=irreducible_loss) if below else None,  # type: ignore[arg-type]
    )


def _end_point(curves: Sequence[LearningCurve]) -> float | None:
    if len(curves) < 4:
        return None
    ends, sizes = np.array([(curve.loss[-1], curve.size) for curve in curves]).T
    if not np.ptp(ends) > 0:
        return None
    fit = fit_means(ends, np.ones(len(ends)), sizes)
    return float(fit.floor[0]) if fit.inside[0] else None


def _pairs(ladder: Ladder) -> list[Pair]:
    """Disjoint pairs of runs of each rung that are no copies."""
    return [
        (first, second)
        for rung in ladder.rungs
        for first, second in zip(rung[::2], rung[1::2], strict=False)
        if not _equal(first, second)
    ]


def _equal(first: LearningCurve, second: LearningCurve) -> bool:
    return np.array_equal(first.x, second.x) and np.array_equal(first.loss, second.loss)

"""One floor for whole curves and for their ends: exact collapse with the floor unknown, and end points on a power law.

Alone, the floor at which curves collapse best hides a wrong horizon exponent, because it moves with it (T2). The ends
do not move with it, so holding both to one floor restores much of the power, at the price of a claim about the ends.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ...results.grid import X_MIN
from ..composing import OK
from ..ladders.ladder import Ladder
from ..ladders.raw_losses import grid_of, losses_on
from ..reasons import Reason, because
from ..within.bootstrap import draw_signs
from ..within.exactness import p_value
from .profile import cost_at, least_cost, null_losses

_SHARE = 0.3  # of the ends' residual sum of squares beside T1


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Joint:
    """The floor that suits curves and ends best, and the p-value of both claims together.

    ``status`` is ``ok`` or why there is none; then the numbers are None.
    """

    floor: float | None = None
    p: float | None = None
    status: Reason = OK


def joint_of(ladder: Ladder, *, rng: np.random.Generator, resamples: int = 199, x_min: float = X_MIN) -> Joint:
    """`joint` of a ladder's curves on their common grid."""
    if len(ladder.rungs) < 4 or ladder.fewest_seeds < 3:
        return Joint(status=because("joint-floor-needs-seeds"))
    if ladder.first_x() >= 0.9:
        return Joint(status=because("no-common-x"))
    x = grid_of(ladder, x_min)
    return joint(losses_on(ladder, x), x, ladder.sizes, rng=rng, resamples=resamples)


def joint(
    losses: Sequence[np.ndarray], x: np.ndarray, sizes: np.ndarray, *, rng: np.random.Generator, resamples: int = 199
) -> Joint:
    """Minimise ``T1(L0) + .3 R(L0)`` over L0 in the data and in every resample.

    R is the residual sum of squares of the rungs' mean ``ln E(1)`` on ``ln p``, each over the variance of the mean
    (shrunken like T1's). Resamples have one common curve and ends on the fitted line.

    Parameters
    ----------
    losses : K arrays ``(n_k, m + 1)``: raw losses on the grid and, last, at x = 1; four rungs of three seeds or more.
    x : ``(m,)`` grid.
    sizes : ``(K,)`` parameters.
    rng : chance.
    resamples : wild resamples.
    """

    def cost(some: Sequence[np.ndarray], floors: np.ndarray, x: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        return cost_at(some, floors, x, sizes) + _SHARE * _line(some, floors, sizes)[0]

    cubes = [rows[..., None] for rows in losses]
    (statistic,), (floor,), (inner,) = least_cost(cubes, x, sizes, cost=cost)
    if not inner:
        return Joint(status=because("floor-not-identified"))
    on = np.exp(_line(cubes, np.array([[floor]]), sizes)[1][:, 0, 0])
    drawn = null_losses(losses, float(floor), x, sizes, draw_signs([len(rows) for rows in losses], resamples, rng))
    means = [np.exp(np.log(rows[:, -1] - floor).mean()) for rows in losses]
    drawn = [floor + (rows - floor) * (end / mean) for rows, end, mean in zip(drawn, on, means, strict=True)]
    resampled = least_cost(drawn, x, sizes, cost=cost)[0]
    return Joint(floor=float(floor), p=p_value(float(statistic), resampled))


def _line(losses: Sequence[np.ndarray], floors: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Residual sum of squares ``(B, c)`` and fitted values ``(K, B, c)`` of the mean log ends on the log size."""
    logs = [np.log(rows[:, -1, :, None] - floors) for rows in losses]
    means = np.stack([rows.mean(axis=0) for rows in logs])
    variances = np.stack([rows.var(axis=0, ddof=1) for rows in logs])
    counts, u = np.array([len(rows) for rows in logs])[:, None, None], np.log(sizes)[:, None, None]
    weights = 2 * counts / (variances + variances.mean(axis=0))
    total = weights.sum(axis=0)
    u = u - (weights * u).sum(axis=0) / total
    middle = (weights * means).sum(axis=0) / total
    slope = (weights * u * means).sum(axis=0) / (weights * u**2).sum(axis=0)
    fitted = middle + slope * u
    return (weights * (means - fitted) ** 2).sum(axis=0), fitted

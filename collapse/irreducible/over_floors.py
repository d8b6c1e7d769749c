"""Bounds on the deviation where the irreducible loss is not known: the smallest over all that it may be."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ..outcome import IrreducibleLoss, RescaledGroup
from ..within.battery import assess_with
from ..within.bootstrap import draw_signs
from .profile import candidates

_ZOOM = 7
_RESAMPLES = 399


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class OverFloors:
    """The smallest lower and upper bound (L95, U95) over the floors of the domain, and the ``deviation`` where the
    upper one is.

    A lower bound of at least the margin then says: at every irreducible loss that is possible the curves deviate. An
    upper bound below it says: there is one at which they do not.
    """

    lower: float
    upper: float
    deviation: float


def bounds_over_floors(group: RescaledGroup, floor: IrreducibleLoss, *, rng: np.random.Generator) -> OverFloors:
    """Minimise L95 and U95 over L0, each on its own, with the same resamples at every floor.

    At the floor that minimises T1 alone a `no-collapse` would be wrong wherever another floor brings the deviation just
    below the margin.

    Parameters
    ----------
    group : on the end-point scale at ``floor``, its units the end excesses; three seeds a size or more.
    floor : profiled, with the domain in which it was free.
    rng : chance.
    """
    assert floor.value is not None
    losses = [
        floor.value + unit[:, None] * np.exp(np.append(z, np.zeros((len(z), 1)), axis=1))
        for z, unit in zip(group.values, group.units, strict=True)
    ]
    signs = draw_signs([len(rows) for rows in losses], _RESAMPLES, rng)
    domain = floor.domain if floor.domain is not None and np.all(np.isfinite(floor.domain)) else None
    tried = np.sort(np.append(candidates([rows[..., None] for rows in losses], domain)[0], floor.value))
    found = [_bounds(losses, c, group, signs) for c in tried]
    lower, upper = (_refined(losses, tried, found, i, group, signs) for i in (0, 1))
    return OverFloors(lower=lower[0], upper=upper[1], deviation=upper[2])


_Found = tuple[float, float, float]


def _bounds(losses: Sequence[np.ndarray], floor: float, group: RescaledGroup, signs: Sequence[np.ndarray]) -> _Found:
    """L95, U95 and the largest |d| at one floor."""
    logs = [np.log(rows - floor) for rows in losses]
    _, found = assess_with([z[:, :-1] - z[:, -1:] for z in logs], group.x, group.sizes, signs)
    return found.lower(), found.upper(), float(np.abs(found.d).max())


def _refined(
    losses: Sequence[np.ndarray],
    tried: np.ndarray,
    found: Sequence[_Found],
    which: int,
    group: RescaledGroup,
    signs: Sequence[np.ndarray],
) -> _Found:
    """Where one bound is least, looked for again between the neighbours of the best floor."""
    best = min(range(len(found)), key=lambda i: found[i][which])
    low, high = tried[max(best - 1, 0)], tried[min(best + 1, len(tried) - 1)]
    again = [_bounds(losses, c, group, signs) for c in np.linspace(low, high, _ZOOM)]
    return min(found[best], *again, key=lambda one: one[which])

"""Whether sizes that trained on different kinds of device may stand in one ladder: only where one size shows it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from ...results.curves import LearningCurve
from ..reasons import Reason, because
from .ladder import Ladder, name_of

_FEWEST = 3  # seeds of one size on each device: fewer do not tell what their noise is
_LEVEL = 0.05


def mixed_devices(ladder: Ladder) -> Reason | None:
    """Why a ladder that trained on several kinds of device gets no verdict; None where it may.

    It may where at least one size has three seeds or more on each device, and at no such size the mean logarithms of
    the curves differ at any x: Welch's t test at each of the evaluations that both have, at the 5 % level divided by
    their number (Bonferroni). Rounding differs between devices, so their curves do, as those of two seeds do; a
    difference of means would be a fault of one of them, and would pass for a deviation of the ladder.
    """
    kinds = sorted({curve.device for curve in ladder.curves if curve.device})
    if len(kinds) < 2:
        return None
    compared, differ = 0, []
    for rung in ladder.rungs:
        by_kind = [[curve for curve in rung if curve.device == kind] for kind in kinds]
        there = [curves for curves in by_kind if len(curves) >= _FEWEST]
        for other in there[1:]:
            compared += 1
            if least_p(there[0], other) < _LEVEL:
                differ.append(name_of(rung[0]))
    if differ:
        return because("devices-differ", devices=tuple(kinds), sizes=tuple(dict.fromkeys(differ)))
    return None if compared else because("devices-not-compared", devices=tuple(kinds), seeds=_FEWEST)


def least_p(one: Sequence[LearningCurve], other: Sequence[LearningCurve]) -> float:
    """Smallest p of Welch's t test between two groups of curves, times the number of evaluations; at most 1.

    Parameters
    ----------
    one, other : curves of one size; at least two each. Compared where all of them were evaluated and are positive.
    """
    shared = sorted(set.intersection(*({round(float(x), 9) for x in curve.x} for curve in (*one, *other))))
    values = [np.stack([np.interp(shared, curve.x, curve.loss) for curve in curves]) for curves in (one, other)]
    usable = np.all(np.concatenate(values) > 0, axis=0)
    usable &= np.array([np.ptp(np.concatenate(values)[:, i]) > 0 for i in range(len(shared))], dtype=bool)
    if not usable.any():
        return 1.0
    p = np.asarray(stats.ttest_ind(np.log(values[0][:, usable]), np.log(values[1][:, usable]), equal_var=False)[1])
    return float(min(1.0, np.nanmin(p) * usable.sum()))

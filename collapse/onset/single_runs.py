"""From which size on single runs lie within the margin: a description, or a bound where a noise level is known."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from ..composing import OK
from ..reasons import Reason, because
from .sub_ladders import FEWEST, SubLadder, onset_index

if TYPE_CHECKING:
    from ..single.group import SingleGroup


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SingleOnset:
    """The smallest size from which on single runs lie within the margin.

    ``bounded`` says whether their upper bounds do, under a noise level from reruns or from other groups; else the
    deviations themselves do, which is a description. There is no interval: one run cannot be resampled.
    """

    size: float | None
    model_size: str | None
    at_or_below_smallest: bool
    bounded: bool
    margin: float
    status: Reason
    sub_ladders: tuple[SubLadder, ...]


def single_onset(single: SingleGroup, *, margin: float) -> SingleOnset:
    """Walk down from the three largest runs, as `find_onset` does.

    Parameters
    ----------
    single : three runs or more.
    margin : in ln l.
    """
    group, count = single.rescaled, len(single.d) - FEWEST + 1
    values = np.concatenate(group.values)
    rows = []
    for j in range(count):
        size = np.abs(values[j:] - values[j:].mean(axis=0))
        half = single.noise.half_width(len(size))
        deviation, upper = float(size.max()), None if half is None else float((size + half).max())
        rows.append(
            SubLadder(
                model_size=group.rungs[j],
                size=float(group.sizes[j]),
                n_sizes=len(size),
                deviation=deviation,
                lower_bound=None,
                upper_bound=upper,
                p_exact=None,
                within_margin=(deviation if upper is None else upper) < margin,
            )
        )
    at = onset_index(lambda j: bool(rows[j].within_margin), count)
    some = at < count
    last = rows[-1]
    return SingleOnset(
        size=rows[at].size if some else None,
        model_size=rows[at].model_size if some else None,
        at_or_below_smallest=at == 0,
        bounded=last.upper_bound is not None,
        margin=margin,
        status=OK if some else because("onset-none-of-runs", sizes=FEWEST, deviation=last.deviation, margin=margin),
        sub_ladders=tuple(rows),
    )

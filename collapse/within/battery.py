"""All within-family tests of one group from one set of resamples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .bootstrap import blocks, draw_signs, moments
from .equivalence import Deviations, assess_deviations, peaks
from .exactness import Exactness, assess_exactness, statistics


def assess(
    values: Sequence[np.ndarray],
    x: np.ndarray,
    sizes: np.ndarray,
    *,
    rng: np.random.Generator,
    resamples: int = 999,
) -> tuple[Exactness, Deviations]:
    """Exactness (T1, T1d; on shapes T3) and bounds on the deviation (T5).

    About 2 ms for six rungs of five seeds, 24 points and 999 resamples on one core.

    Parameters
    ----------
    values : K arrays ``(n_k, m)``, one row a seed, on one scale; at least two seeds a rung, which must differ.
    x : ``(m,)`` grid.
    sizes : ``(K,)`` parameters of the rungs.
    rng : chance.
    resamples : wild resamples B.
    """
    signs = draw_signs([len(rows) for rows in values], resamples, rng)
    return assess_with(values, x, sizes, signs)


def assess_with(
    values: Sequence[np.ndarray], x: np.ndarray, sizes: np.ndarray, signs: Sequence[np.ndarray]
) -> tuple[Exactness, Deviations]:
    """The same with given signs, K arrays ``(n_k, B)``."""
    data = moments(values)
    spreads, directions, tops = [], [], []
    for block in blocks(values, signs):
        spread, directed = statistics(block, x, sizes)
        spreads.append(spread)
        directions.append(directed)
        tops.append(peaks(block))
    resampled = np.concatenate(spreads), np.concatenate(directions)
    return assess_exactness(data, resampled, x, sizes), assess_deviations(data, np.concatenate(tops, axis=1))

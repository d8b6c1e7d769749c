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
    shift: np.ndarray | None = None,
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
    shift : ``(K, m)`` what one standard error of an error that all curves share does to each rung's mean, such as that
        of the irreducible loss. It is drawn in every resample and widens bounds and band: no number of seeds helps
        against it.
    """
    signs = draw_signs([len(rows) for rows in values], resamples, rng)
    draws = None if shift is None else rng.normal(size=resamples)
    return assess_with(values, x, sizes, signs, shift=shift, draws=draws)


def assess_exactly(
    values: Sequence[np.ndarray], x: np.ndarray, sizes: np.ndarray, *, rng: np.random.Generator, resamples: int
) -> Exactness:
    """T1 and T1d alone, with the numbers that `assess` gives from the same generator, in two thirds of its time."""
    found = [
        statistics(block, x, sizes)
        for block in blocks(values, draw_signs([len(rows) for rows in values], resamples, rng))
    ]
    spreads, directions = (np.concatenate(rows) for rows in zip(*found, strict=True))
    return assess_exactness(moments(values), (spreads, directions), x, sizes)


def assess_with(
    values: Sequence[np.ndarray],
    x: np.ndarray,
    sizes: np.ndarray,
    signs: Sequence[np.ndarray],
    *,
    shift: np.ndarray | None = None,
    draws: np.ndarray | None = None,
) -> tuple[Exactness, Deviations]:
    """The same with given signs, K arrays ``(n_k, B)``, and ``draws`` ``(B,)`` of the shared error."""
    # One error moves all rungs at once, so its part in d_k is the shift less its mean.
    common = None if shift is None else (shift - shift.mean(axis=0)) ** 2
    done = 0
    data = moments(values)
    spreads, directions, tops = [], [], []
    for block in blocks(values, signs):
        if shift is not None and draws is not None:
            block.means[...] += shift[..., None] * draws[done : done + block.means.shape[-1]]
            done += block.means.shape[-1]
        spread, directed = statistics(block, x, sizes)
        spreads.append(spread)
        directions.append(directed)
        tops.append(peaks(block, common))
    resampled = np.concatenate(spreads), np.concatenate(directions)
    return assess_exactness(data, resampled, x, sizes), assess_deviations(data, np.concatenate(tops, axis=1), common)

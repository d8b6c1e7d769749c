"""Seed noise of families' mean curves: one shape of covariance along x, a level for each family."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ...results.grid import log_weights
from ..outcome import RescaledGroup

_MOST_BLOCKS = 8
_CONDITION = 1e6  # of the blocks' correlations; beyond, two of them are one


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Noise:
    """Covariance of seed noise, ``level * shape``, pooled over groups.

    Attributes
    ----------
    shape : ``(m, m)`` covariance along x of one seed's curve, for a rung of level 1.
    levels : for each group, ``(K,)`` the level of each of its rungs.
    df : degrees of freedom of the pooled residuals.
    blocks : ``(q, m)`` averages over neighbouring grid points, q at most 8 and at most a third of ``df``: the numbers
        of a curve on which a density can be had, because neighbouring points of one seed's curve hardly differ. Fewer
        where curves were evaluated so rarely that blocks between two evaluations say the same; on the shape scale the
        last block is left out, which the others fix because the mean of a shape is 1.
    """

    shape: np.ndarray
    levels: tuple[np.ndarray, ...]
    df: int
    blocks: np.ndarray

    def of_mean(self, i: int, counts: np.ndarray) -> np.ndarray:
        """``(m, m)`` covariance of group i's mean over rungs, with ``counts`` ``(K,)`` seeds each."""
        return self.shape * float((self.levels[i] / counts).sum()) / len(counts) ** 2


def pool_noise(groups: Sequence[RescaledGroup]) -> Noise:
    """Estimate the noise from the residuals of all seeds about their rungs' means.

    A rung's level ``a_k`` is its mean variance over the grid; the shape is the covariance of the residuals over
    ``sqrt(a_k)``. A few seeds cannot estimate a covariance each; that its shape is common is an assumption.

    Parameters
    ----------
    groups : on one grid; at least two seeds a rung, which differ.
    """
    scaled, levels, df = [], [], 0
    for group in groups:
        of_group = []
        for rows in group.values:
            residuals = rows - rows.mean(axis=0)
            level = float((residuals**2).sum(axis=0).mean() / (len(rows) - 1))
            scaled.append(residuals / np.sqrt(level))
            of_group.append(level)
            df += len(rows) - 1
        levels.append(np.array(of_group))
    stacked = np.concatenate(scaled)
    shape = stacked.T @ stacked / df
    return Noise(shape=shape, levels=tuple(levels), df=df, blocks=_blocks(shape, groups[0], df))


def _blocks(shape: np.ndarray, group: RescaledGroup, df: int) -> np.ndarray:
    """As many blocks as the noise can tell apart, two at least."""
    last = -1 if group.scale == "shape" else None
    for q in range(max(2, min(_MOST_BLOCKS, df // 3)), 2, -1):
        blocks = averages(group.x, q)[:last]
        covariance = blocks @ shape @ blocks.T
        sd = np.sqrt(np.diag(covariance))
        if np.linalg.cond(covariance / sd / sd[:, None]) < _CONDITION:
            return blocks
    return averages(group.x, 2)[:last]


def averages(x: np.ndarray, q: int) -> np.ndarray:
    """``(q, m)`` weights of the mean in d ln x over each of q stretches of the grid."""
    weights = log_weights(x)
    owner = np.minimum(np.arange(len(x)) * q // len(x), q - 1)
    table = (owner == np.arange(q)[:, None]) * weights
    return table / table.sum(axis=1, keepdims=True)


def halves(group: RescaledGroup) -> tuple[RescaledGroup, RescaledGroup]:
    """A group's seeds in two halves, every second seed of each rung; of two seeds one each."""
    parts = [tuple(rows[start::2] for rows in group.values) for start in (0, 1)]
    return dataclasses.replace(group, values=parts[0]), dataclasses.replace(group, values=parts[1])


def counts_of(group: RescaledGroup) -> np.ndarray:
    """``(K,)`` seeds of each rung."""
    return np.array([len(rows) for rows in group.values])

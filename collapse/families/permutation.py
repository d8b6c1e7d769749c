"""Do families on one data set lie nearer to each other than curves of different data sets do? By permutation."""

from __future__ import annotations

import dataclasses

import numpy as np

from ...results.grid import log_weights
from ..composing import OK, Missing
from ..reasons import Reason, because
from ..within.exactness import p_value
from .crossing import Crossing


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class DatasetTest:
    """Omnibus test of the data set. ``statistic`` is S, ``expected`` its mean under permuted labels: a ratio near 0
    says that data sets decide the curve, near 1 that they do not. Small ``p``: families on a data set lie together."""

    statistic: float
    expected: float
    p: float
    n_families: int
    n_datasets: int
    status: Reason = OK


def permute_datasets(crossing: Crossing, *, rng: np.random.Generator, permutations: int = 999) -> DatasetTest | Missing:
    """Test that which data set a curve is of makes no difference.

    ::

        S = sum_a sum_d int (zbar_ad - zbar_.d)^2 d mu,   p = (1 + #{S* <= S})/(B + 1)

    S* permutes the data-set labels independently within each family. What a family is by itself, the same on all data
    sets, adds the same to S and S*, so the test asks about data sets alone. A family counts where it has two of them.

    Parameters
    ----------
    crossing : families crossed with data sets; cells may be missing.
    rng : chance.
    permutations : B.
    """
    table = crossing.curves()
    has = ~np.isnan(table[..., 0])
    keep = has.sum(axis=1) > 1
    table, has = table[keep], has[keep]
    counts = has.sum(axis=0)
    n_families, n_datasets = int(keep.sum()), int((counts > 1).sum())
    if n_families < 2 or n_datasets < 2:
        known = {"n_families": n_families, "n_datasets": n_datasets}
        return Missing(DatasetTest, because("two-families-on-two-data-sets"), known)
    curves = np.where(has[..., None], table, 0.0) * np.sqrt(log_weights(crossing.x))
    total = float((curves**2).sum())
    # A small S is a large part explained by data sets, which is positive, as the tie rule of the p-value asks.
    observed = float(_explained(curves[None], counts)[0])
    drawn = _explained(_permuted(curves, has, permutations, rng), counts)
    return DatasetTest(
        statistic=total - observed,
        expected=total - float(drawn.mean()),
        p=p_value(observed, drawn),
        n_families=n_families,
        n_datasets=n_datasets,
    )


def _explained(curves: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """``(B,)`` sum over data sets of n_d times the squared mean curve, from ``(B, F, D, m)``."""
    sums = curves.sum(axis=1)
    return (sums**2).sum(axis=2) @ (1.0 / np.maximum(counts, 1))


def _permuted(curves: np.ndarray, has: np.ndarray, permutations: int, rng: np.random.Generator) -> np.ndarray:
    """``(B, F, D, m)``; each family's curves change places among the data sets that it has."""
    drawn = np.broadcast_to(curves, (permutations, *curves.shape)).copy()
    for family, own in enumerate(has):
        places = np.flatnonzero(own)
        order = rng.permuted(np.tile(places, (permutations, 1)), axis=1)
        drawn[:, family, places] = curves[family, order]
    return drawn

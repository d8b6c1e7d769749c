"""Two tests of collapse that are often made and do not hold their level, so that the certificate can show by how much.

Nothing else uses them. The first takes the points of a curve for independent and their variances for known; the second
takes a fitted floor for the true one.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import chi2

from ...results.grid import log_weights
from ..irreducible.end_points import fit_means
from ..within.exactness import p_value


def chi_square_on_points(z: np.ndarray) -> np.ndarray:
    """``(groups,)`` p-values of ``sum_{k,x} n (zbar_k - zbar_w)^2 / s2_k`` against chi-square with ``(K-1) m`` degrees.

    Parameters
    ----------
    z : ``(groups, K, n, m)`` normalised curves.
    """
    rungs, seeds, points = z.shape[1:]
    means, weights = z.mean(axis=2), seeds / z.var(axis=2, ddof=1)
    centre = (weights * means).sum(axis=1, keepdims=True) / weights.sum(axis=1, keepdims=True)
    return chi2.sf((weights * (means - centre) ** 2).sum(axis=(1, 2)), (rungs - 1) * points)


def permutation_with_fitted_floor(
    loss: np.ndarray, x: np.ndarray, sizes: np.ndarray, *, rng: np.random.Generator, resamples: int = 199
) -> np.ndarray:
    """``(groups,)`` p-values of a permutation F-test whose floor is that of the end points; NaN where they have none.

    Curves are normalised with ``L0`` of ``L0 + a p^-b`` and dealt to rungs at random. The sum of squares about the
    common mean does not change with the deal, so the spread between rungs orders the deals as F does.

    Parameters
    ----------
    loss : ``(groups, K, n, m + 1)`` raw losses, the last at x = 1.
    x : ``(m,)`` grid.
    sizes : ``(K,)`` parameters.
    rng : chance, for the deals.
    resamples : deals, the same for all groups.
    """
    rungs, seeds = loss.shape[1:3]
    ends = loss[..., -1]
    fit = fit_means(ends.mean(axis=2), seeds / ends.var(axis=2, ddof=1), sizes)
    deals = rng.permuted(np.tile(np.arange(rungs * seeds), (resamples, 1)), axis=1)
    means_of = np.eye(rungs * seeds)[np.vstack([np.arange(rungs * seeds), deals])]
    means_of = means_of.reshape(-1, seeds, rungs * seeds).mean(axis=1)
    found = np.full(len(loss), np.nan)
    for group in np.flatnonzero(fit.inside):
        logs = np.log(loss[group] - fit.floor[group])
        curves = (logs[..., :-1] - logs[..., -1:]).reshape(rungs * seeds, len(x))
        spread = ((means_of @ (curves - curves.mean(axis=0))) ** 2 @ log_weights(x)).reshape(-1, rungs).sum(axis=1)
        found[group] = p_value(spread[0], spread[1:])
    return found

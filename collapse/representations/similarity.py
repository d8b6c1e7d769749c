"""How alike two representations are, from Gram matrices on the same inputs: CKA and the Procrustes distance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...results.grams import Gram


def u_centred(matrix: np.ndarray) -> np.ndarray:
    """``(n, n)`` U-centring of a Gram matrix: what the products of the unbiased HSIC are products of.

    ``k_ij - r_i/(n-2) - r_j/(n-2) + t/((n-1)(n-2))`` off the diagonal, 0 on it, of k without its diagonal, with r its
    row sums and t their sum (Szekely and Rizzo 2014, Ann. Statist. 42, 2382).
    """
    n = len(matrix)
    k = matrix - np.diag(np.diag(matrix))
    rows = k.sum(axis=1)
    centred = k - (rows[:, None] + rows) / (n - 2) + rows.sum() / ((n - 1) * (n - 2))
    np.fill_diagonal(centred, 0.0)
    return centred


def debiased_cka(left: Sequence[np.ndarray], right: Sequence[np.ndarray]) -> np.ndarray:
    """``(a, b)`` debiased linear CKA of each matrix on the left with each on the right.

    ``HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L))`` with the unbiased estimator of HSIC (Song et al. 2012, J. Mach. Learn.
    Res. 13, 1393; Nguyen, Raghu and Kornblith 2021, arXiv 2010.15327). Without debiasing, CKA of unrelated features
    rises with their number over that of the examples (Murphy et al. 2024, arXiv 2405.01012). It may be below 0; NaN
    where features are constant.
    """
    a, b = (np.stack([_unit(u_centred(matrix)) for matrix in side]) for side in (left, right))
    return np.einsum("aij,bij->ab", a, b, optimize=True)


def linear_cka(left: Sequence[np.ndarray], right: Sequence[np.ndarray]) -> np.ndarray:
    """``(a, b)`` linear CKA, ``<K, L> / (|K| |L|)`` of centred matrices (Kornblith et al. 2019, arXiv 1905.00414)."""
    a, b = (np.stack([_unit(matrix) for matrix in side]) for side in (left, right))
    return np.einsum("aij,bij->ab", a, b, optimize=True)


def procrustes_distance(left: Sequence[Gram], right: Sequence[Gram]) -> np.ndarray:
    """``(a, b)`` squared Procrustes distance of centred features of unit norm, ``2 - 2 |A^T B|_*``, from 0 to 2.

    Ding, Denain and Steinhardt 2021 (arXiv 2108.01661). The disparity of `scipy.spatial.procrustes` is
    ``1 - (1 - d/2)^2``. Features A with ``A A^T = K`` are found from K, of at most as many dimensions as they had.
    """
    a, b = ([_features(gram) for gram in side] for side in (left, right))
    return np.array(
        [[np.nan if x is None or y is None else 2 - 2 * np.linalg.norm(x.T @ y, "nuc") for y in b] for x in a]
    )


def permuted(matrix: np.ndarray, order: np.ndarray) -> np.ndarray:
    """The Gram matrix of features whose inputs are in another order, as if they were others'."""
    return matrix[np.ix_(order, order)]


def _unit(matrix: np.ndarray) -> np.ndarray:
    norm = np.linalg.norm(matrix)
    return matrix / norm if norm > 0 else np.full_like(matrix, np.nan)


def _features(gram: Gram) -> np.ndarray | None:
    """Centred features of unit norm with that Gram matrix; None for constant ones."""
    values, basis = np.linalg.eigh(gram.matrix)
    most = min(gram.features, len(values) - 1)
    values, basis = values[-most:].clip(min=0), basis[:, -most:]
    norm = values.sum() ** 0.5
    return basis * np.sqrt(values) / norm if norm > 0 else None

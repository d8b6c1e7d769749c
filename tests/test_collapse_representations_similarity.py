"""Similarities against published implementations and formulas, and what they do to unrelated and to turned features."""

import numpy as np
import pytest
from onecurve.collapse.representations.similarity import (
    debiased_cka,
    linear_cka,
    permuted,
    procrustes_distance,
    u_centred,
)
from onecurve.results.grams import Gram, gram_from, packed_gram
from scipy.spatial import procrustes

RNG = np.random.default_rng(0)


def features(n=20, k=6):
    return RNG.normal(size=(n, k))


def centred(x):
    return x - x.mean(0)


def kernel(x):
    return centred(x) @ centred(x).T


def gram(x):
    return Gram(layer="last", step=0, features=x.shape[1], inputs="", matrix=kernel(x))


def rotation(k):
    return np.linalg.qr(RNG.normal(size=(k, k)))[0]


def test_linear_cka_is_that_of_kornblith():
    """`feature_space_linear_cka` of their notebook: ``|X^T Y|^2 / (|X^T X| |Y^T Y|)``."""
    x, y = features(), features(k=9) + 3
    a, b = centred(x), centred(y)
    wanted = np.linalg.norm(a.T @ b) ** 2 / np.linalg.norm(a.T @ a) / np.linalg.norm(b.T @ b)
    assert linear_cka([kernel(x)], [kernel(y)]).item() == pytest.approx(wanted, rel=1e-12)


def hsic(k, l):
    """Song et al. 2012, eq. 5, on matrices without their diagonals."""
    n, one = len(k), np.ones(len(k))
    k, l = k - np.diag(np.diag(k)), l - np.diag(np.diag(l))
    middle = (one @ k @ one) * (one @ l @ one) / ((n - 1) * (n - 2))
    return (np.trace(k @ l) + middle - 2 / (n - 2) * one @ k @ l @ one) / (n * (n - 3))


def test_debiased_cka_is_the_ratio_of_unbiased_estimates_of_hsic():
    x, y = features(), features(k=9)
    k, l = x @ x.T, y @ y.T  # centring changes nothing
    wanted = hsic(k, l) / np.sqrt(hsic(k, k) * hsic(l, l))
    assert debiased_cka([kernel(x)], [kernel(y)]).item() == pytest.approx(wanted, rel=1e-10)
    n = len(x)
    assert (u_centred(k) * u_centred(l)).sum() / (n * (n - 3)) == pytest.approx(hsic(k, l), rel=1e-10)


def test_debiased_cka_is_that_of_torch_cka():
    """Its minibatch CKA on one batch, as torch_cka 0.21 computes it."""
    module = pytest.importorskip("torch_cka")
    import torch
    from torch.utils.data import DataLoader

    class Given(torch.nn.Module):
        def __init__(self, weight):
            super().__init__()
            self.layer = torch.nn.Linear(*weight.shape, bias=False)
            self.layer.weight.data = torch.tensor(weight.T, dtype=torch.float32)

        def forward(self, x):
            return self.layer(x)

    x, one, other = features(40, 5), features(5, 7), features(5, 3)
    data = DataLoader([(row, 0) for row in torch.tensor(x, dtype=torch.float32)], batch_size=40)
    theirs = module.CKA(
        Given(one),
        Given(other),
        model1_layers=["layer"],
        model2_layers=["layer"],
        model1_name="a",
        model2_name="b",
        device="cpu",
    )
    theirs.compare(data, data)
    found = debiased_cka([kernel(x @ one)], [kernel(x @ other)]).item()
    assert found == pytest.approx(theirs.export()["CKA"].item(), rel=1e-4)


def test_procrustes_is_that_of_scipy():
    x, y = features(), features()
    *_, disparity = procrustes(x, y)
    distance = procrustes_distance([gram(x)], [gram(y)]).item()
    assert 1 - (1 - distance / 2) ** 2 == pytest.approx(disparity, rel=1e-9)
    a, b = (centred(each) / np.linalg.norm(centred(each)) for each in (x, y))
    u, _, v = np.linalg.svd(a.T @ b)
    assert distance == pytest.approx(np.linalg.norm(a @ (u @ v) - b) ** 2, rel=1e-9)


def test_turned_shifted_and_scaled_features_are_the_same():
    x = features()
    other = -3 * x @ rotation(6) + 5
    assert debiased_cka([kernel(x)], [kernel(other)]).item() == pytest.approx(1)
    assert procrustes_distance([gram(x)], [gram(other)]).item() == pytest.approx(0, abs=1e-7)


def test_unrelated_features_are_at_zero_though_they_are_many():
    pairs = [(kernel(features(30, 200)), kernel(features(30, 200))) for _ in range(200)]
    biased, debiased = (np.array([of([a], [b]).item() for a, b in pairs]) for of in (linear_cka, debiased_cka))
    assert biased.mean() > 0.8
    assert abs(debiased.mean()) < 4 * debiased.std() / len(debiased) ** 0.5 < 0.05


def test_another_order_of_inputs_is_another_matrix_of_the_same_spectrum():
    x, order = features(), RNG.permutation(20)
    moved = permuted(kernel(x), order)
    np.testing.assert_allclose(moved, kernel(x[order]))
    assert debiased_cka([kernel(x)], [moved]).item() < 0.6


def test_constant_features_have_no_similarity():
    assert np.isnan(debiased_cka([np.zeros((8, 8))], [kernel(features(8))])).all()
    flat = Gram(layer="last", step=0, features=4, inputs="", matrix=np.zeros((8, 8)))
    assert np.isnan(procrustes_distance([flat], [gram(features(8))])).all()


def test_what_is_kept_in_float16_gives_the_same_similarities():
    base = features(128, 24) * np.exp(-np.arange(24) / 6)
    sides = [base + level * features(128, 24) * np.exp(-np.arange(24) / 6) for level in (0.0, 0.1, 1.0)]
    whole = [gram(side) for side in sides]
    upper = np.triu_indices(128)
    kept = []
    for one in whole:
        scale = np.abs(one.matrix).max()
        about = {"layer": "last", "step": 0, "examples": 128, "features": 24, "inputs": "", "scale": scale}
        kept.append(gram_from(packed_gram({**about, "values": one.matrix[upper] / scale})))
    plain, packed = ([each.matrix for each in side] for side in (whole, kept))
    assert np.abs(debiased_cka(plain, plain) - debiased_cka(packed, packed)).max() < 2e-5
    assert np.abs(procrustes_distance(whole, whole) - procrustes_distance(kept, kept)).max() < 1e-4

"""Features against independent references: published formulas on numpy arrays, exact settings, plain loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from onecurve.benchmark.devices import CPU
from onecurve.benchmark.features import alignment, gram, layers_of
from onecurve.benchmark.observables.feature_ansatz import correlations
from onecurve.benchmark.observables.kernel_change import tangent_kernel
from onecurve.benchmark.observables.neural_collapse import collapse_of
from onecurve.benchmark.observables.observable import observable_from
from onecurve.benchmark.train import Lanes, dataset_of, family_of, train
from small_trials import GLYPHS, small_trial
from torch.func import functional_call

NAMES = ("feature-change", "effective-dimension", "kernel-change", "neural-collapse", "feature-ansatz")
RECORD = [observable_from(name) for name in NAMES]


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_alignment_of_gram_matrices_is_the_published_cka():
    """`feature_space_linear_cka` of Kornblith et al.: ``|X^T Y|^2 / (|X^T X| |Y^T Y|)`` of centred features."""
    x, y = drawn(1, 40, 7), drawn(1, 40, 11, seed=1) + 2
    a, b = (part[0].numpy() - part[0].numpy().mean(0) for part in (x, y))
    cka = np.linalg.norm(a.T @ b) ** 2 / np.linalg.norm(a.T @ a) / np.linalg.norm(b.T @ b)
    assert alignment(gram(x), gram(y)).item() == pytest.approx(cka, rel=1e-12)
    turned = 3 * x @ torch.linalg.qr(drawn(7, 7))[0] - 1
    assert alignment(gram(x), gram(turned)).item() == pytest.approx(1)


def test_collapsed_features_are_collapsed_and_others_are_as_numpy_has_them():
    simplex = torch.eye(4, dtype=torch.float64) - 1 / 4
    classes = torch.arange(80) % 4
    exact = collapse_of(simplex[classes] + 5, 2 * simplex, classes, classes)
    assert exact.tolist() == pytest.approx([0] * 5, abs=1e-7)
    features, weight, chosen = drawn(80, 6), drawn(4, 6, seed=1), (torch.arange(80) * 7) % 4
    found = collapse_of(features, weight, classes, chosen).numpy()
    h, w, y = features.numpy(), weight.numpy(), classes.numpy()
    means = np.array([h[y == c].mean(0) for c in range(4)])
    centred = means - means.mean(0)
    within = np.mean([np.outer(a - means[c], a - means[c]) for a, c in zip(h, y, strict=True)], axis=0)
    assert found[0] == pytest.approx(np.trace(within @ np.linalg.pinv(centred.T @ centred / 4, rcond=1e-10)) / 4)
    norms = np.linalg.norm(centred, axis=1)
    cosines = (centred / norms[:, None]) @ (centred / norms[:, None]).T
    assert found[1] == pytest.approx(norms.std() / norms.mean())
    assert found[2] == pytest.approx(
        np.mean([abs(cosines[i, j] + 1 / 3) for i in range(4) for j in range(4) if i != j])
    )
    assert found[3] == pytest.approx(np.linalg.norm(w / np.linalg.norm(w) - centred / np.linalg.norm(centred)))
    nearest = [np.argmin([np.linalg.norm(a - m) for m in means]) for a in h]
    assert found[4] == np.mean(np.array(nearest) != chosen.numpy())
    assert torch.isnan(collapse_of(features, weight, classes % 3, chosen)).all()


def test_correlations_are_those_of_the_whole_matrices():
    weight, root = drawn(5, 9), drawn(5, 5, seed=1)
    found = correlations(weight, root @ root.T).numpy()
    w, g = weight.numpy(), (root @ root.T).numpy()
    outer = w.T @ g @ w
    assert found[0] == pytest.approx(np.corrcoef((w.T @ w).ravel(), outer.ravel())[0, 1])
    values, basis = np.linalg.eigh(outer)
    tried = [
        np.corrcoef((w.T @ w).ravel(), (basis @ np.diag(values.clip(0) ** a) @ basis.T).ravel())[0, 1]
        for a in np.arange(1, 41) * 0.05
    ]
    assert found[2] == pytest.approx(max(tried), rel=1e-5) and found[1] == pytest.approx(0.05 * (1 + np.argmax(tried)))


def test_the_power_of_a_balanced_deep_linear_network_is_one_over_its_depth():
    """``G = W_1^T .. W_L^T W_L .. W_1 = (W_1^T W_1)^L`` where all layers are balanced."""
    left, right = (torch.linalg.qr(drawn(6, 6, seed=seed))[0] for seed in (0, 1))
    first = left @ torch.diag(torch.tensor([3.0, 2, 1, 0.5, 0.2, 0.1], dtype=torch.float64)) @ right
    for depth in (2, 4):
        after = torch.linalg.matrix_power(first @ first.T, depth - 1)  # of what follows the first layer
        _, power, best = correlations(first, after).tolist()
        assert power == pytest.approx(1 / depth) and best == pytest.approx(1)


def hidden(net, weights, x):
    net.load_state_dict(weights)
    return net[:-1](x).detach().numpy()


@pytest.mark.parametrize("packed", [True, False])
def test_features_of_a_network_are_those_of_plain_torch(packed):
    specs = [small_trial("mlp", GLYPHS, packed=packed, precision="float64", seed=seed) for seed in range(1 + packed)]
    lane = Lanes(family_of(specs[0]), dataset_of(specs[0]), RECORD, CPU)(specs)
    before = [
        {n: (p[r] if packed else p).detach().clone() for n, p in lane.update.replicas.named_parameters()}
        for r in range(len(specs))
    ]
    for _ in range(25):
        lane.load()
        lane.update()
    found = {each.name: value for each, value in lane._recorder.measure(RECORD).values.items()}
    net, x = family_of(specs[0]).build(specs[0].rung, dataset_of(specs[0]).task).double(), lane._test.inputs
    assert layers_of(lane.update.replicas, x[:2]) == ["1", "3", "5", "7", "9"]
    for row, first in enumerate(before):
        now = {n: (p[row] if packed else p).detach() for n, p in lane.update.replicas.named_parameters()}

        a, b = (h - h.mean(0) for h in (hidden(net, now, x), hidden(net, first, x)))
        cka = np.linalg.norm(a.T @ b) ** 2 / np.linalg.norm(a.T @ a) / np.linalg.norm(b.T @ b)
        assert found["feature-change"][row, 0] == pytest.approx(1 - cka, rel=1e-8)
        spread = np.linalg.eigvalsh(np.cov(a.T))
        assert found["effective-dimension"][row, 0] == pytest.approx(spread.sum() ** 2 / (spread**2).sum(), rel=1e-8)
        grads = torch.func.jacrev(lambda w, one: functional_call(net, w, (one[None],)).sum() / 2)
        rows = [torch.cat([g.reshape(-1) for g in grads(now, one).values()]) for one in x]
        kernel = tangent_kernel(lane.update.replicas, x)[row]
        whole = torch.stack(rows) @ torch.stack(rows).T
        assert torch.allclose(kernel, whole)
        old = [torch.cat([g.reshape(-1) for g in grads(first, one).values()]) for one in x]
        changed = 1 - alignment(whole[None], (torch.stack(old) @ torch.stack(old).T)[None]).item()
        assert found["kernel-change"][row, 0] == pytest.approx(changed, rel=1e-8) and changed > 1e-4
        jacobian = torch.func.vmap(torch.func.jacrev(lambda one, now=now: functional_call(net, now, (one[None],))[0]))(
            x
        )
        outer = torch.einsum("noi,noj->ij", *[jacobian.flatten(2)] * 2).numpy() / len(x)
        w = now["1.weight"].numpy()
        assert found["feature-ansatz"][row, 0] == pytest.approx(np.corrcoef((w.T @ w).ravel(), outer.ravel())[0, 1])


@pytest.mark.parametrize(("family", "packed"), [("mlp", True), ("vit", False), ("convmixer", False)])
def test_representations_change_no_curve(family, packed):
    pack = [small_trial(family, GLYPHS, packed=packed, horizon_steps=10, seed=seed) for seed in range(2)]
    record = [observable_from({"name": name, "every": 10}) for name in NAMES]
    plain, seen = train(pack), train(pack, record=record)
    assert [trial.test_loss for trial in plain] == [trial.test_loss for trial in seen]
    assert seen[1].reason is None and all(values[-1] is not None for values in seen[1].observables.values())
    assert train(pack[1:], record=record)[0].observables == seen[1].observables

"""Claims on features and on SGD's noise: estimators on numbers worked out by hand, truths against other formulas."""

import dataclasses

import numpy as np
import pytest
from onecurve.collapse.claims.estimators.estimator import CannotTell
from onecurve.collapse.claims.estimators.noise_coefficient import NoiseCoefficient
from onecurve.collapse.claims.estimators.ratio import Ratio
from onecurve.collapse.claims.estimators.seed_similarity import SeedSimilarity
from onecurve.collapse.claims.truths.known_features import BalancedLinear, RandomKernelFeatures, UnconstrainedFeatures
from onecurve.collapse.claims.truths.sgd_noise import SgdNoise
from onecurve.collapse.claims.truths.truth import made
from onecurve.collapse.representations.similarity import debiased_cka
from onecurve.results.grams import Gram

STEPS = np.array([0, 25, 50, 75, 100])


def run(seed, width, matrix, layer="last", inputs="i", step=100):
    gram = Gram(layer=layer, step=step, features=9, inputs=inputs, matrix=matrix)
    plain = made("gram", seed, STEPS, 0.0 * STEPS, {"size": width**2, "width": float(width)})
    return dataclasses.replace(plain, grams=[gram])


def drawn(seed, n=16, k=9):
    features = np.random.default_rng(seed).normal(size=(n, k))
    features -= features.mean(0)
    return features @ features.T


def test_the_similarity_of_seeds_is_the_mean_over_their_pairs():
    runs = [run(seed, width, drawn(0) + drawn(10 * width + seed) / width) for width in (4, 16) for seed in range(3)]
    found = SeedSimilarity().measure(runs, "gram")
    away = []
    for each in (runs[:3], runs[3:]):
        pairs = [(0, 1), (0, 2), (1, 2)]
        alike = [debiased_cka([each[i].grams[0].matrix], [each[j].grams[0].matrix]).item() for i, j in pairs]
        away.append(1 - np.mean(alike))
    assert found.value == pytest.approx(np.log(away[1] / away[0]) / np.log(4))
    assert found.facts["least"] == pytest.approx(1 - away[0]) and found.facts["misfit"] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("runs", "options", "why"),
    [
        (
            [run(s, w, drawn(s + w)) for w in (4, 8) for s in (0, 1)],
            {"layer": "middle"},
            "of its middle layer at the end",
        ),
        ([run(s, w, drawn(s + w)) for w in (4, 8) for s in (0, 1)], {"moment": "start"}, "last layer at the start"),
        ([run(s, 4, drawn(s)) for s in (0, 1)], {}, "width has one value"),
        ([run(s, w, drawn(s), inputs=str(s)) for w in (4, 8) for s in (0, 1)], {}, "different inputs"),
        ([run(0, w, drawn(0)) for w in (4, 8)], {}, "nothing to be compared"),
        ([run(s, w, drawn(0)) for w in (4, 8) for s in (0, 1)], {}, "are equal"),
    ],
)
def test_what_seeds_cannot_tell_says_why(runs, options, why):
    with pytest.raises(CannotTell, match=why):
        SeedSimilarity(**options).measure(runs, "gram")


def test_features_of_a_kernel_approach_it_as_one_over_their_number():
    runs = RandomKernelFeatures(seeds=40).runs("gram", np.random.default_rng(3))
    assert SeedSimilarity(moment="start").measure(runs, "gram").value == pytest.approx(-1, abs=0.12)
    held = RandomKernelFeatures(private=1.0, seeds=20).runs("gram", np.random.default_rng(3))
    assert SeedSimilarity().measure(held, "gram").value > -0.4


def at_rate(rate, loss, trace, seeds=3, batch=4.0):
    steps = STEPS / (100 * rate) * 10  # all end at the same integral of the rate
    for seed in range(seeds):
        plain = made(
            "loss", seed, steps, np.full(5, loss + 0.01 * seed), {"peak_lr": rate, "batch_size": batch, "size": 1.0}
        )
        yield dataclasses.replace(plain, observed={**plain.observed, "gradient_noise": np.full(5, trace)})


def test_the_coefficient_of_noise_is_a_difference_over_a_difference():
    runs = [*at_rate(0.1, 1.0, 8.0), *at_rate(0.2, 1.3, 10.0), *at_rate(0.4, 1.9, 12.0)]
    found = NoiseCoefficient().measure(runs, "loss")
    assert found.value == pytest.approx((1.9 - 1.0) / (0.4 * 12 / 4 - 0.1 * 8 / 4))
    assert found.facts["apart"] == pytest.approx(4)
    assert found.facts["clear"] == pytest.approx(0.9 / np.sqrt(2 * 0.01**2 / 3))


@pytest.mark.parametrize(
    ("runs", "why"),
    [
        ([*at_rate(0.1, 1.0, 8.0)], "one rate alone"),
        ([*at_rate(0.1, 1.0, 8.0), *at_rate(0.2, 1.0, 3.0)], "no more noise"),
        (
            [*at_rate(0.1, 1.0, 8.0), *[dataclasses.replace(r, tau=2 * r.tau) for r in at_rate(0.2, 1.0, 9.0)]],
            "together",
        ),
    ],
)
def test_a_coefficient_that_cannot_be_told_says_why(runs, why):
    with pytest.raises(CannotTell, match=why):
        NoiseCoefficient().measure(runs, "loss")


def test_the_recursion_is_that_of_simulated_sgd():
    """Loss and trace of the gradients' covariance, by 4,000 runs of SGD with Gaussian inputs."""
    rng = np.random.default_rng(0)
    rate, batch, variance, runs = 0.02, 4, 0.5, 4000
    scale = np.arange(1.0, 17.0) ** -0.25
    weights = rng.normal(size=(runs, 16)) * 0.1**0.5
    for _ in range(60):
        x = rng.normal(size=(runs, batch, 16)) * scale
        error = np.einsum("rbj,rj->rb", x, weights) + variance**0.5 * rng.normal(size=(runs, batch))
        weights = weights - rate * 2 * np.einsum("rb,rbj->rj", error, x) / batch
    losses, traces = SgdNoise._curves(rate, 60)
    assert (np.square(weights) @ scale**2).mean() + variance == pytest.approx(losses[60], rel=0.01)
    x = rng.normal(size=(runs, 8, 16)) * scale
    error = np.einsum("rbj,rj->rb", x, weights) + variance**0.5 * rng.normal(size=(runs, 8))
    gradients = 2 * error[..., None] * x
    assert gradients.var(axis=1, ddof=1).sum(axis=-1).mean() == pytest.approx(traces[60], rel=0.03)


def test_unconstrained_features_become_a_simplex():
    found = UnconstrainedFeatures(seeds=1).runs("nc2", np.random.default_rng(0))[0]
    assert found.of("nc2")[-1] < 1e-6 < 0.1 < found.of("nc2")[0]
    assert found.of("train_loss")[-1] < found.of("train_loss")[0]


def test_the_power_of_balanced_matrices_is_that_of_the_observable():
    """The truth's own formula against the one that networks are measured with."""
    torch = pytest.importorskip("torch")
    from onecurve.benchmark.observables.feature_ansatz import correlations

    rng = np.random.default_rng(1)
    basis, values = np.linalg.qr(rng.normal(size=(6, 6)))[0], rng.uniform(0.5, 2.0, size=6)
    first = torch.tensor((basis * values ** (1 / 8)) @ basis.T)  # W_1, with W_1^T W_1 = (M^T M)^(1/4)
    after = torch.linalg.matrix_power(first @ first.T, 3)
    assert BalancedLinear._power(basis, values, 1 / 4) == pytest.approx(correlations(first, after)[1].item()) == 0.25
    runs = BalancedLinear(share=2, seeds=1).runs("nfa_power", rng)
    assert [run.of("nfa_power")[-1] for run in runs] == pytest.approx([1.0, 0.5])
    assert [run.of("layer_balance")[-1] for run in runs] == [0, 0]


def test_what_stands_beside_a_ratio_is_the_largest_of_the_settings():
    runs = []
    for rate, loss in ((0.1, 0.5), (0.2, 0.7)):
        for seed in range(3):
            plain = made("nc2", seed, STEPS, np.ones(5), {"peak_lr": rate, "size": 1.0})
            late = np.array([9.0, 9.0, loss, loss, loss])
            runs.append(dataclasses.replace(plain, observed={**plain.observed, "train_loss": late}))
    assert Ratio(beside="train_loss").measure(runs, "nc2").facts["beside"] == pytest.approx(0.7)
    with pytest.raises(CannotTell, match="'sharpness'"):
        Ratio(beside="sharpness").measure(runs, "nc2")

"""Generated data sets against their formulas."""

import math

import numpy as np
import pytest
import torch
from onecurve.datasets.dataset import DATASETS
from onecurve.datasets.synthetic import FourierTeacher, PowerLawRegression


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ONECURVE_CACHE", str(tmp_path))


def exact_losses(data: PowerLawRegression, visible: int, rate: float, size: int, steps: int) -> list[float]:
    """Expected population loss of SGD from zero on the first ``visible`` features, by an exact recursion."""
    variances, weights = data.variances[:visible], data.coefficients[:visible]
    noise = data.hidden_variance + float((data.variances * data.coefficients**2)[visible:].sum())
    error = weights**2
    losses = []
    for _ in range(steps):
        losses.append(float(variances @ error) + noise)
        kick = variances**2 * error + variances * (variances @ error + noise)
        error = (1 - rate * variances) ** 2 * error + rate**2 / size * kick
    return losses


def test_sgd_on_the_regression_stream_follows_the_exact_recursion():
    data, visible, rate, size, steps, runs = PowerLawRegression(features=24), 16, 0.15, 4, 60, 500
    test = data.test_set()
    losses = torch.empty(runs, steps)
    for run in range(runs):
        stream, weights = data.stream(run), torch.zeros(24, 1)
        for step in range(steps):
            losses[run, step] = (test.weights * ((test.inputs @ weights - test.targets) ** 2)[:, 0]).sum() + test.offset
            inputs, targets = stream.batch(step, size)
            gradient = inputs.T @ (inputs @ weights - targets) / size
            weights[:visible] -= rate * gradient[:visible]
    expected = exact_losses(data, visible, rate, size, steps)
    for step in (0, 1, 5, 20, 59):
        error = float(losses[:, step].std() / math.sqrt(runs)) + 1e-6
        z = (float(losses[:, step].mean()) - expected[step]) / error
        assert abs(z) < 3.5, (step, z)
        assert error < 0.05 * expected[step]


@pytest.mark.parametrize("bias", [0.0, 0.7])
def test_closed_form_agrees_with_drawn_examples_for_affine_models(bias):
    data = PowerLawRegression(features=32)
    closed = data.test_set()
    weights = torch.randn(32, 1, generator=torch.Generator().manual_seed(1))
    exact = (closed.weights * ((closed.inputs @ weights + bias - closed.targets) ** 2)[:, 0]).sum() + closed.offset
    inputs, targets = data.stream(0).batch(0, 200_000)
    squares = ((inputs @ weights + bias - targets) ** 2)[:, 0]
    assert abs(float(exact - squares.mean())) < 3.5 * float(squares.std()) / math.sqrt(200_000)
    drawn = PowerLawRegression(features=32, test_size=100_000).test_set()
    squares = ((drawn.inputs @ weights + bias - drawn.targets) ** 2)[:, 0]
    assert abs(float(exact - squares.mean()) - drawn.offset) < 3.5 * float(squares.std()) / math.sqrt(100_000)
    assert closed.affine_only and not drawn.affine_only


def test_regression_without_a_model_leaves_the_sum_of_the_whole_law():
    data = PowerLawRegression()
    test = data.test_set()
    loss = float((test.weights * (test.targets**2)[:, 0]).sum()) + test.offset
    assert loss == pytest.approx(sum(j**-1.8 for j in range(1, 10**6)) + 10**-4.8 / 0.8, rel=1e-4)
    assert float(test.weights.sum()) == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize(("modes", "alpha"), [(512, 2.0), (10_000, 2.0), (10_000, 1.0)])
def test_fourier_target_matches_the_sum_of_its_waves(modes, alpha):
    data = FourierTeacher(modes=modes, alpha=alpha)
    points = np.random.default_rng(0).random((500, 8), dtype=np.float32) - np.float32(0.5)
    vectors, amplitudes = data.waves
    naive = sum(
        math.sqrt(2) * abs(c) * np.cos(2 * np.pi * points.astype(float) @ k + np.angle(c))
        for k, c in zip(vectors, amplitudes, strict=True)
    )
    assert np.abs(data.target(points) - naive).max() < 1e-4 * naive.std()


def test_merging_waves_changes_nothing():
    from onecurve.datasets import synthetic

    data = FourierTeacher(modes=300, inputs=3)
    vectors, amplitudes = data.waves
    assert len({tuple(k) for k in vectors} | {tuple(-k) for k in vectors}) == 2 * len(vectors)
    seed = synthetic.derived_seed(data.name, data.version, "waves")
    generator = np.random.default_rng(seed)  # the same draws, summed one by one
    length = (1 - generator.random(300)) ** -0.5
    direction = generator.standard_normal((300, 3))
    raw = np.rint(length[:, None] * direction / np.linalg.norm(direction, axis=1, keepdims=True))
    weights = generator.standard_normal(300)
    phases = np.where(generator.random(300) < 0.5, 0, np.pi / 2)
    points = np.random.default_rng(1).random((50, 3), dtype=np.float32) - np.float32(0.5)
    waves = weights * math.sqrt(2) * np.cos(2 * np.pi * points.astype(float) @ raw.T + phases)
    naive = waves[:, raw.any(axis=1)].sum(axis=1)
    ratio = naive / data.target(points)
    assert np.allclose(ratio, ratio[0], rtol=1e-3)


def test_fourier_pool_has_the_stated_law():
    data = FourierTeacher(pool=40_000)
    inputs, targets = data.stream(0).batch(0, 40_000)
    assert inputs.min() >= -0.5 and inputs.max() < 0.5
    assert torch.allclose(inputs.var(dim=0), torch.full((8,), 1 / 12), rtol=0.03)
    assert float(targets.var()) == pytest.approx(1, abs=0.05)
    np.testing.assert_array_equal(data.target(inputs.numpy().copy()), targets[:, 0].numpy())
    length = np.linalg.norm(data.waves[0], axis=1)
    shares = [float((np.abs(data.waves[1]) ** 2)[length > k].sum()) for k in (4, 8)]
    assert shares[0] / shares[1] == pytest.approx(4, rel=0.4)  # a share k^-2 lies above k


def test_names_are_in_the_catalogue():
    assert {"fourier", "power-law-regression"} <= set(DATASETS.names())

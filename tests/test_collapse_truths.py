"""Systems with exact scaling: the finite sums against their limits, and against a simulation or a second formula."""

from __future__ import annotations

import numpy as np
import pytest
from onecurve.collapse.truths import galton_watson, least_squares, matrices, mean_field
from onecurve.collapse.truths.correction_exponents import correction_exponent
from onecurve.collapse.truths.least_squares import Spectrum

SPECTRUM = Spectrum()


def rescaled_flow(sizes, x):
    return np.stack([n**SPECTRUM.nu * least_squares.flow_loss(SPECTRUM, n, x * n**SPECTRUM.capacity) for n in sizes])


# ---- power-law least squares


def test_flow_tends_to_its_scaling_function_as_one_over_size():
    x = np.geomspace(0.1, 1.0, 40)
    ratio = rescaled_flow(2 ** np.arange(4, 11), x) / least_squares.scaling_function(SPECTRUM, x) - 1
    worst = np.abs(ratio).max(axis=1)
    assert worst == pytest.approx([2.0e-2, 1.0e-2, 5.0e-3, 2.5e-3, 1.3e-3, 6.3e-4, 3.2e-4], rel=0.06)
    assert worst[:-1] / worst[1:] == pytest.approx(np.full(6, 2.0), rel=0.02)


def test_flow_starts_at_the_whole_and_ends_at_the_tail():
    loss = least_squares.flow_loss(SPECTRUM, 20, np.array([0.0, 1e9]))
    long = np.arange(1, 2_000_000, dtype=float) ** -1.8
    assert loss == pytest.approx([long.sum(), long[20:].sum()], rel=2e-4)


def test_sgd_recursion_is_the_mean_of_simulated_runs():
    rng, runs, size, batch, rate, label = np.random.default_rng(0), 4000, 4, 2, 0.2, 0.3
    j = np.arange(1, size + 1.0)
    eigenvalues, target = j**-1.5, j ** ((1.5 - 1.8) / 2)
    noise = np.sqrt(SPECTRUM.tail(size) + label)
    weights = np.zeros((runs, size))
    for _ in range(12):
        inputs = rng.normal(size=(runs, batch, size)) * np.sqrt(eigenvalues)
        error = np.einsum("rbj,rj->rb", inputs, weights - target) - noise * rng.normal(size=(runs, batch))
        weights -= rate / batch * np.einsum("rb,rbj->rj", error, inputs)
    excess = 0.5 * (((weights - target) ** 2) @ eigenvalues + SPECTRUM.tail(size))
    exact = least_squares.sgd_excess(SPECTRUM, size, np.full(12, rate), batch=batch, label_variance=label)
    assert abs(excess.mean() - exact[-1]) < 3.5 * excess.std() / np.sqrt(runs)
    assert exact[0] == pytest.approx(0.5 * least_squares.flow_loss(SPECTRUM, size, np.zeros(1))[0])


def test_sgd_without_noise_and_with_a_small_rate_is_the_flow():
    times = np.arange(201) * 1e-3
    exact = least_squares.sgd_excess(SPECTRUM, 16, np.full(200, 1e-3), batch=1e9)
    assert 2 * exact == pytest.approx(least_squares.flow_loss(SPECTRUM, 16, times), rel=1e-3)


def test_label_noise_breaks_a_perfect_ladder_and_a_growing_batch_mends_it():
    x = np.geomspace(0.1, 0.98, 24)

    def deviation(**changes) -> float:
        z = least_squares.sgd_ladder(
            SPECTRUM, np.array([8, 16, 32, 64]), x, rate=0.3, batch=4, steps_per_unit=2.0, **changes
        )
        return float(np.abs(z - z.mean(axis=0)).max())

    assert deviation() < 0.012
    assert deviation(label_variance=0.5) > 0.12
    assert deviation(label_variance=0.5, scale_batch=True) < 0.02


# ---- Curie-Weiss, branching


def test_mean_field_magnet_tends_to_its_scaling_function_as_a_root_of_size():
    u = np.linspace(-2.0, 2.0, 41)
    limit = mean_field.scaling_function(u)
    worst = [np.abs(mean_field.scaled_magnetisation(n, u) - limit).max() for n in (64, 256, 1024, 4096)]
    assert worst == pytest.approx([0.161, 0.084, 0.043, 0.022], rel=0.25)
    assert limit[20] == pytest.approx(12**0.25 * 1.7724538509 / 3.6256099082, rel=1e-6)  # Gamma(1/2)/Gamma(1/4)


def test_magnetisation_of_three_spins_by_hand():
    weights = np.exp(np.array([9.0, 1, 1, 1, 1, 1, 1, 9]) / (2 * 3 * 1.3))
    sizes = np.array([1, 1 / 3, 1 / 3, 1 / 3, 1 / 3, 1 / 3, 1 / 3, 1])
    assert mean_field.magnetisation(3, 1.3) == pytest.approx(weights @ sizes / weights.sum())


def test_survival_in_closed_form_is_the_iterated_generating_function():
    for mean in (0.9, 0.99, 1.0, 1.02, 1.5):
        for generations in (1, 10, 100):
            found = galton_watson.survival(mean, generations)
            assert found == pytest.approx(galton_watson.survival_by_iteration(mean, generations), rel=1e-9)


def test_survival_tends_to_its_scaling_function_as_one_over_time():
    assert galton_watson.scaled_survival(256, np.array([2.0]))[0] == pytest.approx(2.304, abs=5e-4)
    assert galton_watson.scaling_function(np.array([0.0, 2.0])) == pytest.approx([1.0, 2.313], abs=5e-4)


# ---- corrections to scaling

U = np.linspace(-2, 2, 9)
X = np.geomspace(0.1, 1.0, 12)
SYSTEMS = {
    "least squares": (2 ** np.arange(4, 11), lambda n: rescaled_flow([n], X)[0], 1.0),
    "mean-field magnet": (4 ** np.arange(3, 8), lambda n: mean_field.scaled_magnetisation(n, U), 0.5),
    "branching": (4 ** np.arange(3, 8), lambda n: galton_watson.scaled_survival(int(n), U), 1.0),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_correction_exponents_of_exact_systems_without_their_limits(name):
    sizes, system, omega = SYSTEMS[name]
    found = correction_exponent(sizes, np.stack([system(n) for n in sizes]), rng=np.random.default_rng(0))
    assert found.status == "ok"
    assert found.omega == pytest.approx(omega, abs=0.01)
    assert found.low <= omega <= found.high
    assert found.high - found.low < 0.05


def test_interval_of_a_noisy_correction_exponent_covers():
    rng, sizes = np.random.default_rng(1), 2.0 ** np.arange(5, 11)
    covered, widths = [], []
    for _ in range(40):
        scaled = sizes[:, None] / 32
        truth = 1 + np.linspace(1, 2, 6) * scaled**-0.5 + 0.3 / scaled
        se = np.full(truth.shape, 0.01)
        values = truth + se * rng.normal(size=truth.shape)
        found = correction_exponent(sizes, values, rng=rng, limit=np.ones(6), se=se, resamples=99)
        covered.append(found.status == "ok" and found.low <= 0.5 <= found.high)
        widths.append(found.high - found.low)
    assert sum(covered) >= 36
    assert np.median(widths) < 0.6


def test_omega_says_when_it_cannot_be_had():
    rng = np.random.default_rng(0)
    assert "needs 4 sizes" in correction_exponent(np.array([1.0, 2, 4]), np.ones((3, 2)), rng=rng).status
    flat = correction_exponent(2.0 ** np.arange(6), np.ones((6, 3)), rng=rng, limit=np.zeros(3), se=np.ones((6, 3)))
    assert flat.omega is None and "not seen" in flat.status


# ---- edges of random matrices


def test_edges_of_normal_and_sign_entries_are_one_class_and_heavy_ones_are_not():
    rng = np.random.default_rng(3)
    edges = {name: matrices.largest_eigenvalues(name, 100, 400, rng) for name in ("gaussian", "rademacher", "heavy")}
    assert edges["gaussian"].mean() == pytest.approx(matrices.TRACY_WIDOM_MEAN, abs=0.3)
    assert edges["gaussian"].var() == pytest.approx(matrices.TRACY_WIDOM_VARIANCE, rel=0.3)
    assert matrices.compare_edges(edges["gaussian"], edges["rademacher"], rng=rng).one_class is True
    assert matrices.compare_edges(edges["gaussian"], edges["heavy"], rng=rng).one_class is False
    few = matrices.compare_edges(edges["gaussian"][:8], edges["rademacher"][:8], rng=rng)
    assert few.one_class is None and few.low <= few.difference <= few.high

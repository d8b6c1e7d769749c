"""Tails of samples against scipy's own maximum likelihood and Kolmogorov-Smirnov distance."""

from __future__ import annotations

import numpy as np
import pytest
from onecurve.benchmark.observables.observable import observable_from
from onecurve.benchmark.power_tail import power_tail
from onecurve.benchmark.train import train
from scipy import stats
from small_trials import small_trial


def by_scipy(values):
    """Exponent, start and distance, one start after the other."""
    values, found = np.sort(values), []
    for start in values[: len(values) - 9]:
        tail = values[values >= start]
        shape, _, _ = stats.pareto.fit(tail, floc=0, fscale=start)
        found.append((stats.kstest(tail, stats.pareto(shape, scale=start).cdf).statistic, 1 + shape, start))
    distance, exponent, start = min(found)
    return exponent, start, distance


@pytest.mark.parametrize("seed", [0, 1])
def test_the_fit_is_that_of_scipy(seed):
    rng = np.random.default_rng(seed)
    values = np.concatenate([rng.uniform(0.2, 1, 40), 1 + rng.pareto(1.7, 60)])
    found = power_tail(values, 20, np.random.default_rng(0))
    assert found[:3] == pytest.approx(by_scipy(values), rel=1e-4)


def test_the_p_value_is_uniform_for_a_tail_and_small_for_none():
    rng = np.random.default_rng(0)
    true = [power_tail(1 + rng.pareto(1.5, 80), 40, rng).p for _ in range(40)]
    false = [power_tail(rng.uniform(1, 2, 400), 40, rng).p for _ in range(5)]
    assert np.mean(np.array(true) <= 0.1) < 0.25 and 0.3 < np.mean(true) < 0.7
    assert np.median(false) <= 0.1


def test_few_numbers_have_no_tail():
    assert np.isnan(power_tail(np.arange(1.0, 50.0), 20, np.random.default_rng(0))).all()


def test_of_a_network_it_is_that_of_its_squared_singular_values():
    spec = small_trial(rung={"width": 56}, horizon_steps=8)
    tail = observable_from({"name": "tail-exponent", "every": 40, "resamples": 10})
    (plain,), (seen,) = train([spec]), train([spec], record=[tail])
    assert plain.test_loss == seen.test_loss and seen.reason is None
    at_end = {name: values[-1] for name, values in seen.observables.items()}
    layers = [value for name, value in at_end.items() if name.startswith("tail_exponent ")]
    assert len(layers) == 3 and at_end["tail_exponent"] == pytest.approx(np.mean(layers))
    assert at_end["tail_p"] == min(value for name, value in at_end.items() if name.startswith("tail_p "))

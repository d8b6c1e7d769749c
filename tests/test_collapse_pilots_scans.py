"""The best learning rate from scans whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from onecurve.collapse.pilots.scans import Scan, best_rate, scans_of
from onecurve.collapse.sentences.of_pilots import rate_sentence

RATES = 0.008 * 2.0 ** np.arange(-3, 4)


def scans(*best, noise=0.0, seeds=4, rng=None):
    """Sizes 100 and 1600, with ``ln loss = (ln rate - ln best)^2 / 10`` and noise."""
    rng = rng or np.random.default_rng(0)
    found = []
    for size, top in zip((100.0, 1600.0), best, strict=True):
        z = np.log(RATES / top) ** 2 / 10 + noise * rng.standard_normal((seeds, len(RATES)))
        found.append(Scan(rung=f"size {size:g}", size=size, rates=RATES, loss=np.exp(z)))
    return found


def test_the_vertex_is_the_best_rate():
    found = best_rate(scans(0.009, 0.006, noise=1e-9), rng=np.random.default_rng(1), resamples=30)
    assert found.status.code == "ok" and found.tuned == "yes"
    assert found.rate.value == pytest.approx(0.009, rel=1e-6) and found.larger.value == pytest.approx(0.006, rel=1e-6)
    assert found.slope.value == pytest.approx(np.log(0.006 / 0.009) / np.log(16), rel=1e-6)
    assert rate_sentence(found).endswith(": tuned")


def test_a_rate_that_moves_with_size_is_mis_scaled():
    found = best_rate(scans(0.016, 0.004, noise=0.01), rng=np.random.default_rng(1))
    assert found.tuned == "mis-scaled" and found.slope.high < 0
    unsure = best_rate(scans(0.01, 0.007, noise=0.15, seeds=2), rng=np.random.default_rng(3))
    assert unsure.tuned == "unknown" and unsure.slope.low < 0 < unsure.slope.high
    # It moves, by less than a factor of two, and may by more.
    near = best_rate(scans(0.0104, 0.0061, noise=0.05), rng=np.random.default_rng(1))
    assert near.tuned == "unknown" and near.slope.high < 0 and np.exp(near.slope.low * np.log(16)) < 0.5


def test_intervals_cover():
    rng, hits = np.random.default_rng(0), []
    for _ in range(100):
        found = best_rate(scans(0.009, 0.007, noise=0.03, rng=rng), rng=rng, resamples=99)
        hits.append((found.rate.low <= 0.009 <= found.rate.high, found.larger.low <= 0.007 <= found.larger.high))
    assert np.mean(hits, axis=0).min() >= 0.9


def test_what_gives_no_rate():
    edge = best_rate(scans(0.5, 0.008), rng=np.random.default_rng(1))
    assert (edge.status.code, edge.edge, edge.rate, edge.tuned) == ("rate-at-edge", "high", None, "unknown")
    assert best_rate(scans(0.008, 1e-5), rng=np.random.default_rng(1)).edge == "low"
    small, large = scans(0.008, 0.008)
    large.loss[0] = np.inf
    lost = best_rate([small, large], rng=np.random.default_rng(1))
    assert lost.status.code == "rate-all-lost" and "size 1600" in rate_sentence(lost)


def test_a_rate_at_which_a_run_is_lost_is_never_the_best():
    def row(size, seed, rate, loss, status="ok"):
        about = {"rung": f"size {size}", "n_params": size, "seed": seed, "status": status}
        return {**about, "peak_lr": rate, "test_loss": [1.0, loss]}

    rows = [
        row(size, seed, rate, (np.log2(rate) - 1) ** 2 + 0.1, "diverged" if rate == 4 and seed == 1 else "ok")
        for size in (10, 20)
        for seed in (0, 1)
        for rate in (4, 0.5, 1, 2)
    ]
    first, second = scans_of(rows)
    assert (first.size, second.size) == (10, 20) and first.rates.tolist() == [0.5, 1, 2, 4]
    assert np.isinf(first.loss[1, 3]) and np.isfinite(first.loss[0]).all()
    found = best_rate([first, second], rng=np.random.default_rng(1), resamples=20)
    assert found.rate.value == pytest.approx(2, rel=0.6) and found.rate.value < 4

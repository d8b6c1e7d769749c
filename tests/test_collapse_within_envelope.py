"""The global envelope, and which rung leaves where."""

from __future__ import annotations

import numpy as np
import pytest
from onecurve.collapse.calibration.simulation import Scenario, autoregression, simulate
from onecurve.collapse.ladders.ladder import Ladder
from onecurve.collapse.ladders.rescaling import rescale
from onecurve.collapse.outcome import RescaledGroup
from onecurve.collapse.reasons import because
from onecurve.collapse.within.envelope import departures, global_envelope, runs
from onecurve.results.grid import common_grid

X = common_grid()


def group(means, rng, sd=0.01, seeds=5, ratio=1.0) -> RescaledGroup:
    rungs = len(means)
    level = sd * ratio ** np.linspace(-0.5, 0.5, rungs)[:, None, None]
    return RescaledGroup(
        scale="end-point",
        x=X,
        sizes=2.0 ** np.arange(rungs),
        rungs=tuple(f"width {k}" for k in range(rungs)),
        values=tuple(np.asarray(means)[:, None] - level * np.log(X) * autoregression((rungs, seeds), 24, rng)),
        seeds=(tuple(range(seeds)),) * rungs,
        phase=None,
        rate=None,
        units=(np.ones(seeds),) * rungs,
    )


def slow_order(values):
    """Two-sided ranks sorted, functions compared as tuples; the share at least as extreme as each."""
    n = values.shape[1]
    keys = []
    for j in range(n):
        below = [(np.sum(row < row[j]) + 1 + np.sum(row <= row[j])) / 2 for row in values]
        keys.append(tuple(sorted(min(r, n + 1 - r) for r in below)))
    return [sum(key <= keys[j] for key in keys) / n for j in range(n)]


def test_extreme_rank_length_against_a_loop():
    rng = np.random.default_rng(0)
    values = np.cumsum(rng.normal(size=(7, 40)), axis=0)
    values[:, 5] = values[:, 9]
    slow = slow_order(values)
    for j in (0, 5, 9, 20):
        found = global_envelope(values[:, j], np.delete(values, j, axis=1))
        assert found.p_value == pytest.approx(slow[j])


def test_the_p_value_and_the_picture_agree():
    rng = np.random.default_rng(1)
    outside, small = [], []
    for _ in range(300):
        values = np.cumsum(rng.normal(size=(12, 200)), axis=0) / np.sqrt(np.arange(1, 13))[:, None]
        found = global_envelope(values[:, 0], values[:, 1:])
        outside.append(bool(np.any((values[:, 0] < found.low) | (values[:, 0] > found.high))))
        small.append(found.p_value <= 0.05)
    assert outside == small
    assert np.mean(small) == pytest.approx(0.05, abs=0.035)


def test_a_rung_is_found_where_it_leaves():
    rng = np.random.default_rng(2)
    means = np.zeros((5, 24))
    means[3, 8:12] = -0.15
    found = departures(group(means, rng), rng=rng)
    assert found.p_value <= 0.005
    odd = max(found.rungs, key=lambda row: abs(row.peak))
    assert odd.rung == "width 3"
    assert odd.sign == "below"
    assert odd.stretches == ((pytest.approx(X[8]), pytest.approx(X[11])),)
    assert odd.at in X[8:12]
    assert odd.peak == pytest.approx(-0.12, abs=0.03)


def test_a_trend_with_size_is_seen():
    rng = np.random.default_rng(3)
    means = 0.02 * (np.arange(6.0) - 2.5)[:, None] * -np.log(X)
    found = departures(group(means, rng), rng=rng)
    assert [row.sign for row in found.rungs] == ["below"] * 3 + ["above"] * 3
    at = max(found.rungs, key=lambda row: abs(row.peak)).at
    assert found.slope_low < found.slope < found.slope_high
    assert found.slope == pytest.approx(-0.02 * np.log(at), rel=0.2)
    assert found.slope_low > 0


@pytest.mark.parametrize(("design", "ratio"), [((6, 5), 1.0), ((6, 5), 4.0), ((4, 4), 1.0)])
def test_under_exact_collapse_no_rung_leaves_in_95_of_100(design, ratio):
    rng = np.random.default_rng(4)
    rungs, seeds = design
    tries = [
        departures(group(np.zeros((rungs, 24)), rng, seeds=seeds, ratio=ratio), rng=rng, resamples=199)
        for _ in range(100)
    ]
    share = np.mean([bool(found.rungs) for found in tries])
    assert share <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 100)
    assert all(bool(found.rungs) == (found.p_value <= 0.05) for found in tries)


def test_a_wrong_horizon_exponent_leaves_at_both_ends_of_the_ladder():
    batch = simulate(Scenario(gamma_error=0.4), 1, np.random.default_rng(5))
    made = rescale(Ladder.of(batch.curves(0)), scale="end-point", irreducible_loss=1.0)
    found = departures(made, rng=np.random.default_rng(6))
    assert {row.rung for row in found.rungs} >= {made.rungs[0], made.rungs[-1]}
    assert found.rungs[0].sign != found.rungs[-1].sign


def test_two_seeds_are_too_few():
    rng = np.random.default_rng(7)
    found = departures(group(np.zeros((4, 24)), rng, seeds=2), rng=rng)
    assert found.p_value is None
    assert found.reason == because("envelope-needs-seeds")


def test_runs():
    assert runs(np.array([1, 1, 0, 1, 0, 0], dtype=bool), np.arange(6.0)) == ((0.0, 1.0), (3.0, 3.0))
    assert runs(np.zeros(3, dtype=bool), np.arange(3.0)) == ()

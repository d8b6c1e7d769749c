"""Spikes and far runs against curves in which they were put, and pooled bounds in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from onecurve.collapse.ladders.rescaling import to_shape
from onecurve.collapse.outcome import RescaledGroup
from onecurve.collapse.robust.pooling import equal_noise, pooled_bounds
from onecurve.collapse.robust.spikes import bridged, clean
from onecurve.collapse.within.battery import assess
from onecurve.results.grid import common_grid, mean_over
from scipy.stats import t as student

X = common_grid()


def group_of(values, scale="end-point"):
    return RescaledGroup(
        scale=scale,
        x=X,
        sizes=2.0 ** np.arange(len(values)),
        rungs=tuple(f"size {k}" for k in range(len(values))),
        values=tuple(values),
        seeds=tuple(tuple(range(len(rows))) for rows in values),
        phase=None,
        rate=None,
        units=tuple(np.ones(len(rows)) for rows in values),
    )


def noise(sizes=4, seeds=4, seed=0, sd=0.01):
    """Power laws with independent noise at each point."""
    rng = np.random.default_rng(seed)
    return [np.log((X**-0.5 + 1) / 2) + sd * rng.normal(size=(seeds, len(X))) for _ in range(sizes)]


def test_nothing_is_found_in_clean_curves_and_they_stay_as_they_are():
    values = noise()
    found = clean(group_of(values))
    assert not found.anything
    assert all(np.allclose(a, b, atol=1e-14) for a, b in zip(found.group.values, values, strict=True))


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("start", [0, 9, 23])
def test_a_spike_is_named_and_bridged(seeds, start):
    values = noise(seeds=seeds)
    before = values[1][0].copy()
    values[1][0, start : start + 3] += 0.3
    found = clean(group_of(values))
    (spike,) = found.spikes
    end = min(start + 2, 23)
    assert (spike.rung, spike.seed, spike.stretch) == ("size 1", 0, (X[start], X[end])) and not found.far
    assert spike.peak == pytest.approx(0.3, abs=0.06)
    assert np.abs(found.group.values[1][0] - before).max() < 0.06


def test_what_all_seeds_of_a_size_share_is_no_spike():
    values = noise()
    values[2][:, 12] += 0.3
    assert not clean(group_of(values)).anything


def test_two_runs_with_a_spike_at_one_x_are_both_found():
    values = noise(seeds=3)
    values[2][:2, 12] += 0.3
    assert [(one.rung, one.seed) for one in clean(group_of(values)).spikes] == [("size 2", 0), ("size 2", 1)]


def test_a_far_run_is_left_out_with_its_unit_and_seed():
    values = noise()
    values[0][3] -= 0.4
    found = clean(group_of(values))
    (far,) = found.far
    assert (far.rung, far.seed) == ("size 0", 3) and far.distance == pytest.approx(0.4, abs=0.06)
    assert far.stretch == (X[0], X[-1]) and not found.spikes
    assert [len(rows) for rows in found.group.values] == [3, 4, 4, 4]
    assert found.group.seeds[0] == (0, 1, 2) and len(found.group.units[0]) == 3


def test_runs_that_cannot_be_told_apart_all_stay():
    values = noise(seeds=3)
    values[0][1] -= 0.4
    values[0][2] -= 1.4
    assert [len(rows) for rows in clean(group_of(values)).group.values] == [3, 3, 3, 3]


def test_on_the_shape_scale_a_bridged_run_has_mean_one_again():
    values = [to_shape(rows, X) for rows in noise(sd=0.002)]
    values[1][0, 9] += 1.0
    values[1][0] /= mean_over(values[1][0], X)
    rows = clean(group_of(values, "shape")).group.values[1]
    assert mean_over(rows, X) == pytest.approx(np.ones(4))
    assert np.abs(rows - rows.mean(axis=0)).max() < 0.1


def test_bridges_are_straight_inside_and_level_at_the_ends():
    rows, mask = np.array([[9.0, 1.0, 9.0, 9.0, 4.0, 9.0]]), np.array([[True, False, True, True, False, True]])
    assert bridged(rows, mask, np.arange(6.0)).tolist() == [[1.0, 1.0, 2.0, 3.0, 4.0, 4.0]]
    assert bridged(rows, np.ones((1, 6), bool), np.arange(6.0)).tolist() == rows.tolist()


def test_pooled_bounds_in_closed_form():
    """Two seeds a sd apart on either side of their mean: variance 2 sd^2, pooled over sizes, with K(n-1) degrees."""
    sds, levels = np.array([0.01, 0.02, 0.01, 0.02]), np.array([0.0, 0.03, 0.01, 0.0])
    values = [np.repeat((a + np.array([[-s], [s]])), 24, axis=1) for a, s in zip(levels, sds, strict=True)]
    group = group_of(values)
    _, found = assess(group.values, X, group.sizes, rng=np.random.default_rng(0), resamples=99)
    pooled = pooled_bounds(group, found, equal=True)
    variance = np.mean(2 * sds**2)
    se = np.sqrt((1 - 1 / 4) * variance / 2)
    assert pooled.se == pytest.approx(np.full((4, 24), se)) and np.all(pooled.df == 4)
    assert pooled.upper() == pytest.approx(0.02 + student.ppf(0.95, 4) * se)
    own = pooled_bounds(group, found, equal=False)
    parts = np.maximum(2 * sds**2, variance) / 2
    expected = (1 - 1 / 4) ** 2 * parts + (parts.sum() - parts) / 16
    assert own.se[:, 0] ** 2 == pytest.approx(expected)


def test_equal_noise_is_rejected_where_noise_grows_with_size():
    rng, sizes = np.random.default_rng(0), 2.0 ** np.arange(6)
    even = noise(sizes=6, seeds=3)
    uneven = [rows * 1.5**k for k, rows in enumerate(noise(sizes=6, seeds=3))]
    assert equal_noise(even, sizes, rng=rng) > 0.05 > equal_noise(uneven, sizes, rng=rng)

"""The calibrated upper bound on the deviation: where it is sharper, what it covers, where the reference decides."""

from __future__ import annotations

import numpy as np
import pytest
from onecurve.collapse.calibration.bound_power import BoundCell, bound_rates, noise_of, truth_of
from onecurve.collapse.within.battery import assess
from onecurve.collapse.within.sharper import calibrated, not_refuted, sharpened
from onecurve.results.grid import common_grid

EXACT = BoundCell()
X, SIZES = common_grid(), 2.0 ** np.arange(6)


def bounded(values, seed=0):
    _, found = assess(values, X, SIZES[: len(values)], rng=np.random.default_rng(seed), resamples=99)
    return sharpened(found, values, rng=np.random.default_rng(seed))


def group(cell=EXACT, seed=0):
    return list(noise_of(cell, 1, np.random.default_rng(seed))[0] + truth_of(cell)[:, None])


def test_the_level_is_the_largest_that_serves():
    """Levels a serve up to their limit; what they bound above it says nothing."""
    bounds = np.array([3.0, 2.0, 1.0])
    assert not_refuted(bounds, np.array([1.5, 0.5])) == 3.0  # neither level serves for what it would refute
    assert not_refuted(bounds, np.array([4.0, 1.5])) == 1.0  # the last one serves beyond its own bound
    assert not_refuted(bounds, np.array([4.0, 0.5])) == pytest.approx(1.2)  # they cross between two levels
    assert not_refuted(bounds, np.array([2.0, 0.5])) == 3.0


def test_it_is_sharper_at_a_collapse_and_the_same_where_a_deviation_is_large():
    exact, off = bound_rates(BoundCell(), 12, np.random.default_rng(1)), BoundCell(shape="trend", size=0.06)
    assert exact.upper < 0.8 * exact.reference_upper and exact.covered == 1
    large = bound_rates(off, 12, np.random.default_rng(1))
    assert large.upper == pytest.approx(large.reference_upper, rel=0.03)
    assert truth_of(off).mean(axis=0) == pytest.approx(np.zeros(24), abs=1e-12)
    assert np.abs(truth_of(off)).max() == pytest.approx(0.06)


def test_two_seeds_leave_the_reference():
    few = bounded([rows[:2] for rows in group()])
    assert few.calibration is None and few.upper() == few.reference()


def test_a_band_is_bounded_by_its_own_points():
    found = bounded(group(BoundCell(shape="spike", size=0.1)))
    at = np.arange(24) == 10
    assert found.upper(at) > 0.1 * 0.9 > found.upper(~at)
    assert found.upper() == pytest.approx(found.upper(at), rel=0.02)


def test_errors_of_interpolation_widen_it():
    values, found = group(), bounded(group())
    wider = calibrated(values, rng=np.random.default_rng(0), error=np.full((6, 24), 0.005)).upper(found.d)
    assert wider == pytest.approx(calibrated(values, rng=np.random.default_rng(0)).upper(found.d) + 0.005, rel=0.02)


def test_an_error_that_all_curves_share_leaves_the_reference():
    """It can hide a trend of its own shape at all sizes at once, which no resample without a trend shows."""
    values, shift = group(), np.outer(np.linspace(-1, 1, 6), np.ones(24)) * 0.01
    _, found = assess(values, X, SIZES, rng=np.random.default_rng(0), resamples=99, shift=shift)
    same = sharpened(found, values, rng=np.random.default_rng(0))
    assert same.calibration is None and same.upper() == found.reference() > 0.0164


def test_skewed_seeds_reach_further_below_than_above():
    """Skewed seeds that lie low have a small variance: the studentised mean has its long tail there."""
    cell = BoundCell(noise="skewed", seeds=8)
    found = [calibrated(group(cell, seed), rng=np.random.default_rng(0)).pointwise for seed in range(6)]
    low, high = (np.mean([getattr(one, side)[0] for one in found]) for side in ("low", "high"))
    assert low > 1.15 * high


@pytest.mark.slow
@pytest.mark.parametrize("noise", ["normal", "skewed", "heavy", "own course"])
@pytest.mark.parametrize("rungs, seeds", [(6, 5), (4, 3)])
def test_it_covers_one_odd_point(noise, rungs, seeds):
    cell = BoundCell(rungs=rungs, seeds=seeds, noise=noise, shape="spike", size=0.03)
    assert bound_rates(cell, 400, np.random.default_rng(7)).covered > 0.95 - 3 * np.sqrt(0.05 * 0.95 / 400)

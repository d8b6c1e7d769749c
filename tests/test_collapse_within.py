"""The tests within a family against closed forms, and against a slow version that spells every sum out."""

from __future__ import annotations

import numpy as np
import pytest
from onecurve.collapse.calibration.simulation import autoregression
from onecurve.collapse.ladders.rescaling import to_shape
from onecurve.collapse.reasons import because
from onecurve.collapse.within.battery import assess, assess_exactly, assess_with
from onecurve.collapse.within.bootstrap import blocks, draw_signs, moments, quantile, resample
from onecurve.collapse.within.equivalence import separable
from onecurve.collapse.within.exactness import p_value, statistics
from onecurve.results.grid import common_grid
from scipy.stats import t as student

X = common_grid()
SIZES = np.array([1.0, 2.0, 4.0])
SPREAD = np.array([-1.0, 0.0, 1.0])  # three seeds: mean 0, variance 1


def ladder(levels, sds):
    """Rungs at constant levels; seeds at level - sd, level, level + sd, at all x."""
    return [np.repeat((a + sd * SPREAD)[:, None], len(X), axis=1) for a, sd in zip(levels, sds, strict=True)]


# ---- closed forms


def test_exactness_statistic_in_closed_form():
    levels, sd = np.array([0.01, 0.05, 0.02]), 0.03
    (spread,), (directed,) = statistics(moments(ladder(levels, [sd] * 3)), X, SIZES)
    length = np.log(9.8)
    assert spread == pytest.approx(3 / sd**2 * levels.var(ddof=1) * length, rel=1e-12)
    u = np.array([-1.0, 0.0, 1.0]) * np.log(2)
    assert directed == pytest.approx(3 / sd**2 * (u @ levels) ** 2 / (u @ u) * length, rel=1e-12)


def test_exactness_weights_shrink_each_variance_half_way_to_their_mean():
    levels, sds = np.array([0.0, 0.1, 0.3]), np.array([0.1, 0.2, 0.3])
    (spread,), _ = statistics(moments(ladder(levels, sds)), X, SIZES)
    w = 3 / ((sds**2 + (sds**2).mean()) / 2)
    centre = (w @ levels) / w.sum()
    assert spread == pytest.approx((w @ (levels - centre) ** 2) / 2 * np.log(9.8), rel=1e-12)


def test_bounds_in_closed_form():
    levels, sd, k, n = np.array([0.01, 0.05, 0.03]), 0.002, 3, 3
    _, bounds = assess(ladder(levels, [sd] * 3), X, SIZES, rng=np.random.default_rng(0), resamples=199)
    d = levels - 0.03
    se = sd / np.sqrt(n) * np.sqrt(1 - 1 / k)
    df = (1 - 1 / k) ** 2 * (n - 1) / ((1 - 1 / k) ** 4 + (k - 1) / k**4)
    assert bounds.d == pytest.approx(np.repeat(d[:, None], 24, axis=1))
    assert bounds.se == pytest.approx(np.full((3, 24), se))
    assert bounds.df == pytest.approx(np.full((3, 24), df))
    assert bounds.band_se == pytest.approx(np.full((3, 24), se))
    assert bounds.upper() == pytest.approx(0.02 + student.ppf(0.95, df) * se, rel=1e-12)
    assert bounds.noise_bound() == pytest.approx(student.ppf(0.95, df) * se, rel=1e-12)


def test_unequal_seeds_and_variances_in_closed_form():
    values = ladder([0.0, 0.0, 0.06], [0.01, 0.02, 0.03])
    values[1] = np.concatenate([values[1], values[1]])  # six seeds
    _, bounds = assess(values, X, SIZES, rng=np.random.default_rng(0), resamples=199)
    v = np.array([0.01**2 / 3, 0.02**2 * (4 / 5) / 6, 0.03**2 / 3])
    n = np.array([3, 6, 3])
    for k in range(3):
        others = [j for j in range(3) if j != k]
        squared = (4 / 9) * v[k] + v[others].sum() / 9
        df = squared**2 / ((16 / 81) * v[k] ** 2 / (n[k] - 1) + (v[others] ** 2 / (n[others] - 1)).sum() / 81)
        assert bounds.se[k] == pytest.approx(np.full(24, np.sqrt(squared)), rel=1e-12)
        assert bounds.df[k] == pytest.approx(np.full(24, df), rel=1e-12)


def test_separable_variances_are_reproduced():
    a, h = np.array([1.0, 4.0, 0.5]), np.linspace(1.0, 3.0, 24)
    found_a, found_h = separable((a[:, None] * h)[..., None])
    assert found_a[:, None, 0] * found_h[:, 0] == pytest.approx(a[:, None] * h, rel=1e-12)


def test_order_statistic():
    assert quantile(np.arange(1.0, 20.0)) == 19.0  # ceil(.95 * 20) of 19 values
    assert quantile(np.arange(1.0, 1000.0)) == 950.0
    assert quantile(np.arange(5.0)) == np.inf


def test_p_value_counts_ties_and_what_is_not_finite():
    assert p_value(2.0, np.array([1.0, 2.0 * (1 - 1e-14), 3.0, np.inf, np.nan])) == pytest.approx(5 / 6)
    assert p_value(4.0, np.array([1.0, 2.0, 3.0])) == pytest.approx(1 / 4)


def test_resampled_moments_are_those_of_the_flipped_curves():
    rng = np.random.default_rng(1)
    values = [rng.normal(size=(n, 24)) for n in (3, 5)]
    signs = draw_signs([3, 5], 7, rng)
    found = resample(values, signs)
    for k, (rows, flips) in enumerate(zip(values, signs, strict=True)):
        n = len(rows)
        for b in range(7):
            flipped = flips[:, b, None] * np.sqrt(n / (n - 1)) * (rows - rows.mean(axis=0))
            assert found.means[k, :, b] == pytest.approx(flipped.mean(axis=0), abs=1e-14)
            assert found.variances[k, :, b] == pytest.approx(flipped.var(axis=0, ddof=1), abs=1e-13)


def test_signs_are_fair_and_independent_between_seeds():
    (signs,) = draw_signs([4], 4000, np.random.default_rng(3))
    assert set(np.unique(signs)) == {-1.0, 1.0}
    assert np.abs(signs.mean(axis=1)).max() < 0.06
    assert np.abs(np.corrcoef(signs) - np.eye(4)).max() < 0.06


# ---- the slow, obvious version


def slow_shrunk(values, j):
    s2 = [rows[:, j].var(ddof=1) for rows in values]
    return [(s + np.mean(s2)) / 2 for s in s2]


def slow_exactness(values, sizes):
    spread, directed = [], []
    for j in range(len(X)):
        w = np.array([len(rows) / s for rows, s in zip(values, slow_shrunk(values, j), strict=True)])
        mean = np.array([rows[:, j].mean() for rows in values])
        spread.append(sum(w * (mean - (w @ mean) / w.sum()) ** 2) / (len(values) - 1))
        u = np.log(sizes) - (w @ np.log(sizes)) / w.sum()
        directed.append(sum(w * u * mean) ** 2 / sum(w * u**2))
    return np.trapezoid(spread, np.log(X)), np.trapezoid(directed, np.log(X))


def slow_band_se(values, floor):
    s2 = np.array([np.maximum(rows.var(axis=0, ddof=1), f) for rows, f in zip(values, floor, strict=True)])
    a = s2.mean(axis=1)
    for _ in range(2):
        h = np.mean([s2[k] / a[k] for k in range(len(a))], axis=0)
        a = np.array([np.mean(s2[k] / h) for k in range(len(a))])
    v = [a[k] * h / len(values[k]) for k in range(len(a))]
    n_rungs = len(a)
    total = [
        (1 - 1 / n_rungs) ** 2 * v[k] + sum(v[j] for j in range(n_rungs) if j != k) / n_rungs**2 for k in range(n_rungs)
    ]
    return np.sqrt(total)


def slow_deviation(values):
    means = np.array([rows.mean(axis=0) for rows in values])
    return means - means.mean(axis=0)


def slow_battery(values, sizes, signs):
    observed = slow_exactness(values, sizes)
    floor = [1e-6 * rows.var(axis=0, ddof=1) for rows in values]
    hits, peaks = np.zeros(2), []
    for b in range(signs[0].shape[1]):
        drawn = []
        for rows, flips in zip(values, signs, strict=True):
            n = len(rows)
            drawn.append(
                np.array([flips[s, b] * np.sqrt(n / (n - 1)) * (rows[s] - rows.mean(axis=0)) for s in range(n)])
            )
        hits += np.array(slow_exactness(drawn, sizes)) >= np.array(observed) * (1 - 1e-12)
        peaks.append((np.abs(slow_deviation(drawn)) / slow_band_se(drawn, floor)).max(axis=0))
    p, p_trend = (1 + hits) / (1 + signs[0].shape[1])
    c = np.sort(np.max(peaks, axis=1))[int(np.ceil(0.95 * (len(peaks) + 1))) - 1]
    lower = np.max(np.abs(slow_deviation(values)) - c * slow_band_se(values, floor))
    return observed[0], p, p_trend, max(0.0, lower), np.array(peaks).T


@pytest.mark.parametrize("scale", ["end-point", "shape"])
def test_fast_equals_slow_with_the_same_signs(scale):
    rng = np.random.default_rng(11)
    sizes = np.array([1.0, 3.0, 4.0, 9.0])
    noise = [0.02 * rng.normal(size=(n, 24)).cumsum(axis=1)[:, ::-1] / 5 for n in (5, 6, 5, 8)]
    values = [rows - (0.5 + 0.006 * k) * np.log(X) for k, rows in enumerate(noise)]
    if scale == "shape":
        values = [to_shape(rows, X) for rows in values]
    signs = draw_signs([5, 6, 5, 8], 199, rng)
    exact, bounds = assess_with(values, X, sizes, signs)
    statistic, p, p_trend, lower, peaks = slow_battery(values, sizes, signs)
    assert exact.statistic == pytest.approx(statistic, rel=1e-10)
    assert (exact.p, exact.p_trend) == (p, p_trend)
    assert 1 / 200 < p < 0.9  # neither end, or the comparison would say little
    assert bounds.peaks == pytest.approx(peaks, rel=1e-8)
    assert bounds.lower() == pytest.approx(lower, rel=1e-8, abs=1e-15)


def test_lower_bound_of_a_clear_deviation_equals_the_slow_one():
    rng = np.random.default_rng(2)
    values = [rng.normal(size=(5, 24)) * 0.01 + level for level in (0.0, 0.0, 0.3)]
    signs = draw_signs([5, 5, 5], 199, rng)
    _, bounds = assess_with(values, X, SIZES, signs)
    lower = slow_battery(values, SIZES, signs)[3]
    assert 0.1 < lower < 0.2
    assert bounds.lower() == pytest.approx(lower, rel=1e-10)
    assert bounds.lower() <= np.abs(bounds.d).max() <= bounds.upper()


def test_blocks_change_nothing():
    rng = np.random.default_rng(4)
    values = [rng.normal(size=(3, 24)) for _ in range(3)]
    signs = draw_signs([3] * 3, 10, rng)
    whole = resample(values, signs)
    parts = list(blocks(values, signs, size=4))
    assert [part.means.shape[-1] for part in parts] == [4, 4, 2]
    assert np.concatenate([part.variances for part in parts], axis=-1) == pytest.approx(whole.variances, abs=1e-15)


def test_bounds_in_a_band_look_at_that_band_alone():
    rng = np.random.default_rng(5)
    values = [rng.normal(size=(6, 24)) * 0.01 for _ in range(3)]
    values[0][:, :8] += 0.5
    _, bounds = assess(values, X, SIZES, rng=rng, resamples=199)
    late = X > 0.5
    assert bounds.lower(~late) > 0.2 > bounds.upper(late)
    assert bounds.lower(late) < 0.02


# ---- designs that are too small


def test_two_seeds_have_no_exactness_test():
    rng = np.random.default_rng(0)
    exact, bounds = assess([rng.normal(size=(2, 24)) for _ in range(3)], X, SIZES, rng=rng, resamples=99)
    assert exact.p is None and exact.p_trend is None
    assert exact.reason == because("exactness-needs-three-seeds")
    assert np.isfinite(bounds.upper())


@pytest.mark.parametrize("fewest, has_trend", [(4, False), (5, True)])
def test_the_trend_test_needs_five_seeds(fewest, has_trend):
    rng = np.random.default_rng(0)
    exact, _ = assess([rng.normal(size=(n, 24)) for n in (5, fewest, 6)], X, SIZES, rng=rng, resamples=99)
    assert exact.p is not None
    assert (exact.p_trend is not None) == has_trend


def test_seeds_that_do_not_differ_have_no_p():
    rng = np.random.default_rng(0)
    with np.errstate(all="ignore"):
        exact, _ = assess(ladder([0.0, 1.0, 2.0], [0.0] * 3), X, SIZES, rng=rng, resamples=99)
    assert exact.p is None and exact.reason == because("seeds-do-not-differ")


def test_results_follow_the_generator():
    values = [np.random.default_rng(9).normal(size=(5, 24)) for _ in range(3)]
    values[1] = values[1] + np.random.default_rng(8).normal(size=(5, 24))
    first, second = (assess(values, X, SIZES, rng=np.random.default_rng(1), resamples=199)[0].p for _ in range(2))
    assert first == second


def test_an_error_that_all_curves_share_is_in_p_bounds_and_band():
    """An irreducible loss that is off by one of its standard errors: rejected where the error is not given."""
    rng = np.random.default_rng(11)
    sizes, x = 2.0 ** np.arange(6), common_grid()
    ends = 0.8 * 2.0 ** (-0.5 * np.arange(6))[:, None]
    se, p, low, blind = 0.1 * ends.min(), [], [], []
    for _ in range(60):
        noise = np.exp(0.01 * autoregression((6, 5), 25, rng))
        excess = ends[:, None] * np.append(x, 1.0) ** -0.4 * noise + se * rng.normal()
        z = np.log(excess[..., :-1]) - np.log(excess[..., -1:])
        shift = se * (np.exp(-z.mean(axis=1)) - 1) / excess[..., -1].mean(axis=1)[:, None]
        exact, found = assess(list(z), x, sizes, rng=rng, resamples=199, shift=shift)
        p.append(exact.p)
        low.append(found.lower())
        blind.append(assess(list(z), x, sizes, rng=rng, resamples=199)[0].p)
    assert np.mean(np.array(p) <= 0.05) <= 0.15 and np.mean(np.array(blind) <= 0.05) > 0.4
    assert max(low) < 0.03


def test_exactness_alone_is_that_of_the_whole_battery():
    rng = np.random.default_rng(12)
    values, x, sizes = list(autoregression((4, 5), 24, rng)), common_grid(), 2.0 ** np.arange(4)
    whole, _ = assess(values, x, sizes, rng=np.random.default_rng(3), resamples=299)
    alone = assess_exactly(values, x, sizes, rng=np.random.default_rng(3), resamples=299)
    assert (alone.p, alone.p_trend, alone.statistic) == (whole.p, whole.p_trend, whole.statistic)

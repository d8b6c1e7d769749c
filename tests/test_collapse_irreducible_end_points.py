"""The end-point fit of the floor: exact recovery, honest intervals, honest failures."""

from __future__ import annotations

import numpy as np
import pytest
from onecurve.collapse.composing import OK
from onecurve.collapse.irreducible.end_points import fit_end_points, fit_means, project
from onecurve.collapse.reasons import because
from onecurve.errors import InputError
from scipy.optimize import least_squares

SIZES = 1e4 * 2.0 ** np.arange(7)


def ends(floor=1.5, a=40.0, b=0.4, noise=0.0, seeds=5, rng=None, sizes=SIZES):
    rng = rng or np.random.default_rng(0)
    return [floor + a * p**-b * np.exp(noise * rng.normal(size=seeds)) for p in sizes]


@pytest.mark.parametrize("floor, a, b", [(1.5, 40.0, 0.4), (0.183, 900.0, 0.7), (3.13, 2.0, 0.1), (0.0, 5.0, 0.25)])
def test_exact_end_points_give_the_exact_law(floor, a, b):
    fit = fit_end_points(ends(floor, a, b, noise=1e-7), SIZES, rng=np.random.default_rng(0))
    assert fit.status == OK
    assert fit.floor == pytest.approx(floor, abs=1e-4)
    assert (fit.exponent, fit.amplitude) == pytest.approx((b, a), rel=1e-3)


def test_interval_covers():
    rng = np.random.default_rng(1)
    fits = [fit_end_points(ends(noise=0.02, seeds=8, rng=rng), SIZES, rng=rng, resamples=99) for _ in range(60)]
    covered = [fit.low <= 1.5 <= fit.high for fit in fits if fit.status == OK]
    assert len(covered) > 55
    assert np.mean(covered) >= 0.88
    assert np.mean([fit.floor for fit in fits if fit.status == OK]) == pytest.approx(1.5, abs=0.02)


def test_lack_of_fit_is_seen():
    rng = np.random.default_rng(2)
    good = fit_end_points(ends(noise=0.01, seeds=10, rng=rng), SIZES, rng=rng)
    bent = [rows + 0.05 * (-1) ** k for k, rows in enumerate(ends(noise=0.01, seeds=10, rng=rng))]
    assert good.chi2 < 25
    assert fit_end_points(bent, SIZES, rng=rng).chi2 > 100


def test_failures_are_values_with_a_status():
    rng = np.random.default_rng(3)
    few = fit_end_points(ends(noise=0.01)[:3], SIZES[:3], rng=rng)
    assert few.status == because("end-points-few") and few.floor is None
    straight = [5.0 - 0.3 * k + 0.001 * rng.normal(size=5) for k in range(7)]
    assert fit_end_points(straight, SIZES, rng=rng).status == because("end-points-do-not-bend")
    assert fit_end_points([np.full(3, 2.0 - 0.1 * k) for k in range(5)], SIZES[:5], rng=rng).status == because(
        "seeds-do-not-differ"
    )


def test_projection_is_the_weighted_linear_fit():
    rng = np.random.default_rng(4)
    means, weights, u = rng.normal(size=6), rng.uniform(1, 2, 6), rng.normal(size=6)
    floor, a, cost = project(means, weights, u)
    slope, offset = np.polyfit(u, means, 1, w=np.sqrt(weights))
    assert (float(a), float(floor)) == pytest.approx((slope, offset))
    assert cost == pytest.approx(weights @ (means - offset - slope * u) ** 2)


def test_a_correction_to_scaling_is_taken_out():
    bend = 1 + 0.3 * (SIZES / SIZES[0]) ** -0.5
    exact = [1.5 + (rows - 1.5) * c for rows, c in zip(ends(noise=1e-7), bend, strict=True)]
    plain = fit_end_points(exact, SIZES, rng=np.random.default_rng(0))
    corrected = fit_end_points(exact, SIZES, rng=np.random.default_rng(0), omega=0.5)
    assert (corrected.floor, corrected.exponent) == pytest.approx((1.5, 0.4), rel=1e-3)
    assert corrected.correction == pytest.approx(0.3 * (SIZES[3] / SIZES[0]) ** -0.5, rel=0.01)
    assert abs(plain.floor - 1.5) > 0.01 and plain.chi2 > 100 * corrected.chi2
    assert (plain.df, corrected.df) == (4, 3)
    with pytest.raises(InputError, match="above 0"):
        fit_end_points(exact, SIZES, rng=np.random.default_rng(0), omega=-1)
    few = fit_end_points(exact[:4], SIZES[:4], rng=np.random.default_rng(0), omega=0.5)
    assert few.status == because("end-points-few-for-correction")


def test_many_fits_at_once_equal_a_general_search():
    rng = np.random.default_rng(5)
    means = np.array([[rows.mean() for rows in ends(noise=0.02, rng=rng)] for _ in range(5)])
    weights = rng.uniform(1, 2, (5, 7))
    together = fit_means(means, weights, SIZES)
    scaled = SIZES / np.exp(np.log(SIZES).mean())
    for i in range(5):

        def misfit(theta, i=i):
            return np.sqrt(weights[i]) * (theta[0] + theta[1] * scaled ** -np.exp(theta[2]) - means[i])

        found = least_squares(misfit, [1.4, 0.3, np.log(0.4)], xtol=1e-14, ftol=1e-14)
        assert together.floor[i] == pytest.approx(found.x[0], abs=1e-4)
        assert together.chi2[i] == pytest.approx(2 * found.cost, rel=1e-6)

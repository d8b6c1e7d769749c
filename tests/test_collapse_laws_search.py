"""The search of many fits at once, against SciPy's, where the least cost lies inside and where it lies on a bound."""

from __future__ import annotations

import numpy as np
import pytest
from onecurve.collapse.laws.search import fit_from_many, fit_many
from scipy.optimize import least_squares

X = np.linspace(0.1, 1.0, 24)
WEIGHTS = np.full(24, 1 / 24)
LOW, HIGH = np.array([0.05, 0.0, 0.0]), np.array([3.0, 1.0, 0.9])


def curve(theta):
    """A sum of power laws under a decaying rate: three parameters that pull against each other."""
    mu, share, gain = (theta[:, i : i + 1] for i in range(3))
    return np.log(share * X**-mu + 1 - share) - np.log(1 - gain * (1 - X)) + np.log(1 - 0.3 * (1 - X))


def scipys(target, start):
    def residual(theta):
        return (curve(theta[None])[0] - target) * np.sqrt(WEIGHTS)

    return 2 * least_squares(residual, start, bounds=(LOW, HIGH), xtol=1e-14, ftol=1e-14, gtol=1e-14).cost


@pytest.mark.parametrize("true", [(0.6, 0.5, 0.4), (0.4, 0.9, -0.3), (0.8, 1.2, 0.2), (0.5, 0.6, 1.1)])
def test_the_least_cost_is_found_inside_and_on_a_bound(true):
    """Truths beyond a bound leave a parameter on it; the others go on from there."""
    rng = np.random.default_rng(0)
    targets = curve(np.array([true])) + 0.01 * rng.standard_normal((20, 24))
    targets = np.where(np.isfinite(targets), targets, 0.0)
    start = np.array([0.3, 0.4, 0.5])
    found, cost = fit_many(curve, np.tile(start, (20, 1)), targets, WEIGHTS, LOW, HIGH)
    assert np.all((found >= LOW) & (found <= HIGH))
    best = [
        min(scipys(row, start), scipys(row, np.clip(at, LOW + 1e-9, HIGH - 1e-9)))
        for row, at in zip(targets, found, strict=True)
    ]
    np.testing.assert_allclose(cost, best, rtol=1e-4)
    for j in np.flatnonzero((np.array(true) < LOW) | (np.array(true) > HIGH)):
        assert np.mean((found[:, j] == LOW[j]) | (found[:, j] == HIGH[j])) > 0.5


def test_several_starts_give_the_best_of_them():
    target = curve(np.array([[0.6, 0.5, 0.3]]))[0]
    found, share = fit_from_many(curve, np.array([[0.1, 0.1, 0.1], [2.5, 0.9, 0.8]]), target, WEIGHTS, LOW, HIGH)
    np.testing.assert_allclose(curve(found[None])[0], target, atol=1e-4)
    assert share in (0.5, 1.0)

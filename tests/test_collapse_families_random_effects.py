"""Random effects over families: a worked example, coverage, and exponents read off curves."""

from __future__ import annotations

import numpy as np
import pytest
from onecurve.collapse.calibration.simulation import autoregression
from onecurve.collapse.families.mean_curve import Member
from onecurve.collapse.families.random_effects import exponent_spread, family_exponents, random_effects
from onecurve.collapse.forms.clock import Clock
from onecurve.collapse.forms.sum_of_power_laws import log_sum
from onecurve.collapse.outcome import RescaledGroup
from onecurve.errors import InputError
from onecurve.results.grid import common_grid
from scipy.stats import t as student

X = common_grid()
PHASE, RATE = 1 - (1 - X) ** 2, 1 - X


def member(family, form, rng, sd=0.003, rungs=4, seeds=5) -> Member:
    values = log_sum(*form, Clock(X, PHASE, RATE, 0.0)) - sd * np.log(X) * autoregression((rungs, seeds), 24, rng)
    group = RescaledGroup(
        scale="end-point",
        x=X,
        sizes=2.0 ** np.arange(rungs),
        rungs=tuple("abcdef"[:rungs]),
        values=tuple(values),
        seeds=(tuple(range(seeds)),) * rungs,
        phase=PHASE,
        rate=RATE,
        end_rate=0.0,
    )
    return Member(family, "r", family, group)


def test_equal_errors_in_closed_form():
    y, se = np.array([1.0, 2.0, 3.0, 6.0]), 0.5
    found = random_effects(y, [se] * 4, margin=0.1)
    variance = y.var(ddof=1)
    assert found.mean == pytest.approx(3.0)
    assert found.tau == pytest.approx(np.sqrt(variance - se**2))
    assert found.q == pytest.approx(3 * variance / se**2)
    assert found.i2 == pytest.approx(1 - se**2 / variance)
    assert found.high - found.mean == pytest.approx(student.ppf(0.975, 3) * np.sqrt(variance / 4))
    assert found.tau_upper == pytest.approx(np.sqrt(3 * variance / 0.3518463 - se**2), rel=1e-6)
    assert found.prediction is None
    assert found.observed == (1.0, 6.0)
    assert not found.equal


def test_no_spread_is_equal_only_where_the_errors_are_small():
    small = random_effects([0.5, 0.501, 0.499, 0.5, 0.5005, 0.4995], [0.001] * 6, margin=0.02)
    large = random_effects([0.5, 0.501, 0.499, 0.5, 0.5005, 0.4995], [0.1] * 6, margin=0.02)
    assert small.equal
    assert small.p > 0.05
    assert large.tau == 0
    assert large.p > 0.05
    wide = random_effects([0.4, 0.6, 0.45, 0.58, 0.5, 0.52], [0.1] * 6, margin=0.02)
    assert wide.p > 0.05  # not significant, and yet not equal
    assert not wide.equal


@pytest.mark.parametrize("tau", [0.02, 0.1])
def test_coverage(tau):
    """Mean, tau and a new family are inside their intervals in 95 of 100; errors differ fourfold."""
    rng = np.random.default_rng(0)
    se = np.geomspace(0.02, 0.08, 8)
    inside = []
    for _ in range(120):
        y = 0.5 + tau * rng.normal(size=8) + se * rng.normal(size=8)
        found = random_effects(y, se, margin=0.05)
        new = 0.5 + tau * rng.normal()
        inside.append(
            [
                found.low <= 0.5 <= found.high,
                found.tau_low <= tau <= found.tau_high,
                tau <= found.tau_upper,
                found.prediction[0] <= new <= found.prediction[1],
            ]
        )
    shares = np.mean(inside, axis=0)
    assert np.all(shares >= 0.9)
    assert shares[1] <= 0.99


def test_equality_is_claimed_wrongly_in_at_most_five_of_hundred():
    rng = np.random.default_rng(1)
    claims = [
        random_effects(0.5 + 0.05 * rng.normal(size=5) + 0.01 * rng.normal(size=5), [0.01] * 5, margin=0.05).equal
        for _ in range(600)
    ]
    assert np.mean(claims) == pytest.approx(0.05, abs=0.027)


def test_exponents_and_their_errors():
    rng = np.random.default_rng(2)
    truth = {"mu": 0.6, "delta": 0.6 * 0.45, "gain": 0.15}
    pulls = []
    for _ in range(60):
        for row in family_exponents([member(name, (0.6, 0.45, 0.15), rng) for name in "abc"]):
            pulls.append([(getattr(row, name) - value) / getattr(row, f"{name}_se") for name, value in truth.items()])
    assert np.abs(np.mean(pulls, axis=0)) == pytest.approx(np.zeros(3), abs=0.35)
    assert np.std(pulls, axis=0) == pytest.approx(np.ones(3), abs=0.3)


def test_spread_of_exponents_over_families():
    rng = np.random.default_rng(3)
    shares = (0.3, 0.4, 0.5, 0.6)
    equal = exponent_spread([member(f"f{share}", (0.6, share, 0.15), rng) for share in shares], margin=0.3)
    assert set(equal) == {"ln mu", "ln delta", "G"}
    assert equal["ln mu"].p > 0.01
    assert equal["ln delta"].p < 1e-4
    assert equal["ln delta"].tau == pytest.approx(np.std(np.log(shares), ddof=1), rel=0.3)
    assert exponent_spread([member(f, (0.6, 0.3, 0.15), rng) for f in "ab"], margin=0.3) == {}


def test_bad_input():
    with pytest.raises(InputError, match="at least 3"):
        random_effects([1.0, 2.0], [0.1, 0.1], margin=0.1)
    with pytest.raises(InputError, match="positive"):
        random_effects([1.0, 2.0, 3.0], [0.1, 0.0, 0.1], margin=0.1)

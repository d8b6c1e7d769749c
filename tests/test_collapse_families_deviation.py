"""Families against the master curve of the others."""

from __future__ import annotations

import numpy as np
import pytest
from onecurve.collapse.calibration.simulation import autoregression
from onecurve.collapse.families.deviation import compare_families, longest_stretch
from onecurve.collapse.families.mean_curve import Member
from onecurve.collapse.outcome import RescaledGroup
from onecurve.results.grid import common_grid
from scipy.stats import t as student

X = common_grid()


def member(family, mean, rungs=3, seeds=4, sd=0.01, rng=None, recipe="r") -> Member:
    """Curves about a mean; without chance the seeds lie at mean +- sd, two each."""
    if rng is None:
        noise = np.tile(sd * np.resize([-1.0, 1.0], seeds)[:, None], (rungs, 1, 24))
    else:
        noise = sd * autoregression((rungs, seeds), 24, rng)
    values = tuple(mean + noise)
    names = tuple(f"width {k}" for k in range(rungs))
    group = RescaledGroup(
        scale="end-point",
        x=X,
        sizes=2.0 ** np.arange(rungs),
        rungs=names,
        values=values,
        seeds=(tuple(range(seeds)),) * rungs,
        phase=None,
        rate=None,
    )
    return Member(family, recipe, family if recipe == "r" else f"{family} {recipe}", group)


def compared(members, margin=0.03, seed=0, resamples=199):
    found = compare_families(
        "d", "decayed", members, margin=margin, rng=np.random.default_rng(seed), resamples=resamples
    )
    return {(row.family, row.recipe): row for row in found.per_family}


def test_differences_and_their_upper_bound_in_closed_form():
    rows = compared([member("a", np.zeros(24)), member("b", 0.1 * np.ones(24)), member("c", 0.2 * np.ones(24))])
    variance = 0.01**2 * 4 / 3 / 4 / 3  # of one family's mean curve: sample variance over 4 seeds and 3 rungs
    se = np.sqrt(1.5 * variance)
    df = 1.5**2 * 3 * 3 / (1 + 2 / 16)
    for family, difference in (("a", -0.15), ("b", 0.0), ("c", 0.15)):
        row = rows[family, "r"]
        assert row.difference == pytest.approx(np.full(24, difference), abs=1e-12)
        assert row.deviation == pytest.approx(abs(difference), abs=1e-12)
        assert row.high == pytest.approx(abs(difference) + student.ppf(0.95, df) * se, rel=1e-9)


def test_a_family_counts_once_however_many_recipes_it_has():
    rows = compared([member("a", np.zeros(24)), member("b", np.ones(24)), member("b", 2 * np.ones(24), recipe="s")])
    assert rows["a", "r"].difference == pytest.approx(np.full(24, -1.5))
    assert rows["b", "s"].difference == pytest.approx(np.full(24, 2.0))


def test_a_family_of_its_own_is_found_where_it_is():
    rng = np.random.default_rng(0)
    hump = np.where((X > 0.2) & (X < 0.4), 0.2, 0.0)
    rows = compared([member("a", hump, rng=rng), member("b", 0 * X, rng=rng), member("c", 0 * X, rng=rng)])
    odd = rows["a", "r"]
    assert odd.verdict == "no-collapse"
    assert odd.low <= odd.deviation <= odd.high
    assert odd.low > 0.15
    inside = X[(X > 0.2) & (X < 0.4)]
    assert odd.where == pytest.approx((inside[0], inside[-1]))


def test_one_curve_for_all_is_certified_and_too_few_seeds_are_not():
    rng = np.random.default_rng(1)
    many = [member(name, 0 * X, seeds=12, rng=rng) for name in "abc"]
    assert {row.verdict for row in compared(many).values()} == {"collapse"}
    few = [member(name, 0 * X, rungs=2, seeds=3, sd=0.06, rng=rng) for name in "abc"]
    rows = compared(few).values()
    assert {row.verdict for row in rows} == {"cannot-tell"}
    assert {row.reason.code for row in rows} == {"margin-inside-interval"}


def test_coverage():
    """The lower bound is at most, and the upper at least, the truth in 95 of 100."""
    rng = np.random.default_rng(2)
    true = 0.02 * np.exp(-((np.log(X) + 1.5) ** 2) / 0.05)
    peak = true.max()
    low, high, band = [], [], []
    for i in range(150):
        rows = compared([member("a", true, rng=rng), member("b", 0 * X, rng=rng)], seed=i)
        row = rows["a", "r"]
        low.append(row.low <= peak)
        high.append(row.high >= peak)
        empty = compared([member("a", 0 * X, rng=rng), member("b", 0 * X, rng=rng)], seed=i)["a", "r"]
        band.append(empty.where is None)
    error = 3 * np.sqrt(0.05 * 0.95 / 150)
    assert np.mean(low) >= 0.95 - error
    assert np.mean(high) >= 0.95 - error
    assert 0.95 - error <= np.mean(band) < 1.0


def test_longest_stretch():
    x = np.arange(8.0)
    assert longest_stretch(np.array([1, 0, 1, 1, 1, 0, 1, 1], dtype=bool), x) == (2.0, 4.0)
    assert longest_stretch(np.zeros(8, dtype=bool), x) is None
    assert longest_stretch(np.ones(8, dtype=bool), x) == (0.0, 7.0)

"""Claims about all families together."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from onecurve.collapse.calibration.simulation import autoregression
from onecurve.collapse.families.claims import claims
from onecurve.collapse.families.deviation import compare_families, left_out
from onecurve.collapse.families.mean_curve import Member
from onecurve.collapse.outcome import RescaledGroup
from onecurve.results.grid import common_grid

X = common_grid()


def member(family, mean, rng, recipe="r", rungs=3, seeds=5, sd=0.01) -> Member:
    group = RescaledGroup(
        scale="end-point",
        x=X,
        sizes=2.0 ** np.arange(rungs),
        rungs=tuple("abc"),
        values=tuple(mean + sd * autoregression((rungs, seeds), 24, rng)),
        seeds=(tuple(range(seeds)),) * rungs,
        phase=None,
        rate=None,
    )
    return Member(family, recipe, family if recipe == "r" else f"{family} {recipe}", group)


def claimed(members, margin=0.03, dataset_p=0.01, seed=0, rows=()):
    rng = np.random.default_rng(seed)
    across = compare_families("d", "decayed", members, margin=margin, rng=rng, resamples=199)
    across = dataclasses.replace(across, per_family=(*across.per_family, *rows))
    return claims(members, across, margin=margin, dataset_p=dataset_p, rng=rng, resamples=999)


def test_one_odd_family_is_named_and_so_are_its_pairs():
    rng = np.random.default_rng(0)
    hump = np.where((X > 0.2) & (X < 0.4), 0.15, 0.0)
    found = claimed([member("odd", hump, rng), *(member(name, 0 * X, rng) for name in "abcde")])
    assert not found.all_share
    deviating = {row.family for row in found.families if row.deviates}
    assert deviating == {"odd"}
    assert {row.first for row in found.pairs if row.listed} == {"odd"}
    assert sum(row.listed for row in found.pairs) == 5
    assert len(found.pairs) == 15
    assert found.gate.families == ("odd",)
    assert found.gate.places == ("odd",)
    assert claimed([member(name, hump, rng) for name in "ab"], dataset_p=None).gate is None


def test_all_share_one_curve_unless_one_could_not_be_compared():
    rng = np.random.default_rng(1)
    members = [member(name, 0 * X, rng, seeds=12) for name in "abc"]
    assert claimed(members).all_share
    assert not claimed(members, rows=[left_out("d", "r", "d")]).all_share


def test_two_recipes_of_a_family_are_no_pair():
    rng = np.random.default_rng(2)
    members = [member("a", 0 * X, rng), member("b", 0 * X, rng), member("b", 0 * X, rng, recipe="s")]
    found = claimed(members)
    assert [(row.first, row.second) for row in found.pairs] == [("a", "b"), ("a", "b s")]


def test_false_claims_are_rare_with_no_margin_at_all():
    rng = np.random.default_rng(3)
    wrong, listed, placed = [], [], []
    for seed in range(40):
        found = claimed([member(name, 0 * X, rng) for name in "abcd"], margin=0.0, seed=seed)
        wrong.append(any(row.deviates for row in found.families))
        listed.append(any(row.listed for row in found.pairs))
        placed.append(np.mean([row.p_place <= 0.05 for row in found.families]))
    assert np.mean(wrong) <= 0.15
    assert np.mean(listed) <= 0.24
    assert np.mean(placed) <= 0.12


def test_the_p_value_agrees_with_the_lower_bound():
    rng = np.random.default_rng(4)
    members = [member("a", 0.045 * np.ones(24), rng), *(member(name, 0 * X, rng) for name in "bc")]
    rows = compare_families("d", "decayed", members, margin=0.03, rng=np.random.default_rng(5), resamples=999)
    found = claims(members, rows, margin=0.03, dataset_p=None, rng=np.random.default_rng(5))
    for row, claim in zip(rows.per_family, found.families, strict=True):
        assert (row.low >= 0.03) == (claim.p <= 0.05)


def test_two_classes_are_seen_where_a_mean_of_the_others_hides_half_of_them():
    """Six per cent apart at the first x: each family lies within 3.6 % of the mean of the others."""
    rng = np.random.default_rng(5)
    lift = 0.06 * np.log(X) / np.log(X[0])
    members = [member(name, lift * (name in "def"), rng, rungs=3, seeds=10) for name in "abcdef"]
    across = compare_families("d", "decayed", members, margin=0.03, rng=rng, resamples=199)
    assert across.shared == "no-collapse" and across.classes == (("a", "b", "c"), ("d", "e", "f"))
    assert {row.verdict for row in across.per_family} == {"no-collapse"}
    assert {pair.names for pair in across.pairs if pair.listed} == {frozenset((a, b)) for a in "abc" for b in "def"}


def test_the_others_are_not_blamed_for_an_odd_family():
    rng = np.random.default_rng(6)
    lift = 0.08 * np.log(X) / np.log(X[0])
    members = [member(name, lift * (name == "f"), rng, seeds=10) for name in "abcdef"]
    across = compare_families("d", "decayed", members, margin=0.03, rng=rng, resamples=199)
    assert [row.verdict for row in across.per_family] == ["collapse"] * 5 + ["no-collapse"]
    assert across.per_family[5].deviation == pytest.approx(0.08, abs=0.01)
    assert max(row.deviation for row in across.per_family[:5]) < 0.015

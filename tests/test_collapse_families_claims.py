"""Claims about all families together."""

from __future__ import annotations

import dataclasses

import numpy as np
from onecurve.collapse.calibration.simulation import autoregression
from onecurve.collapse.families.claims import claims
from onecurve.collapse.families.deviation import Member, compare_families, left_out
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
    return Member(family, recipe, group)


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
    assert not claimed(members, rows=[left_out("d", "r")]).all_share


def test_two_recipes_of_a_family_are_no_pair():
    rng = np.random.default_rng(2)
    members = [member("a", 0 * X, rng), member("b", 0 * X, rng), member("b", 0 * X, rng, recipe="s")]
    found = claimed(members)
    assert [(row.first, row.second) for row in found.pairs] == [("a", "b r"), ("a", "b s")]


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

"""The robust twin beside the plain verdict, the influential run, and pooled noise, from curves to words."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from onecurve.collapse.calibration.robust_power import pooled_rates, twin_rates
from onecurve.collapse.calibration.simulation import FLOOR, Scenario, simulate
from onecurve.collapse.composing import Missing
from onecurve.collapse.inquiry import inquire
from onecurve.collapse.inquiry_contract import inquiry_json
from onecurve.collapse.sentences.of_robustness import robust_lines
from onecurve.collapse.sentences.verdicts import sentence
from onecurve.results.curves import CurveSet
from onecurve.scripts.deviation_table import print_analysis


def curves_of(cell=None, seed=3):
    return list(simulate(cell or Scenario(), 1, np.random.default_rng(seed)).curves(0))


def times(curve, factor, where):
    """A curve whose reducible loss is larger by a factor at some evaluations."""
    loss = curve.loss.copy()
    loss[where] = FLOOR + factor * (loss[where] - FLOOR)
    return dataclasses.replace(curve, loss=loss)


def ask(curves, **more):
    return inquire(CurveSet(tuple(curves)), ["robust"], rng=np.random.default_rng(0), **more)


@pytest.fixture(scope="module")
def spiked():
    """A true collapse with one spike, of a size that has its third seed at index 12."""
    curves = curves_of()
    curves[12] = times(curves[12], 1.5, slice(10, 12))
    return ask(curves)


def test_the_robust_verdict_stands_beside_the_plain_one(spiked):
    clean, found = ask(curves_of()).analysis.groups[0], spiked.groups[0].robust
    plain = spiked.analysis.groups[0]
    assert plain.verdict == found.plain_verdict == "cannot-tell" and plain.upper_bound == found.plain_upper_bound > 0.1
    assert found.twin.verdict == clean.verdict == "collapse"
    assert found.twin.bounds.upper_bound == pytest.approx(clean.upper_bound, rel=0.05)
    (spike,) = found.twin.spikes
    assert (spike.rung, spike.seed) == ("size 40k", 2) and spike.peak == pytest.approx(np.log(1.5), rel=0.05)
    x = plain.rescaled.x
    assert spike.stretch == (pytest.approx(x[10]), pytest.approx(x[11])) and not found.twin.far_runs


def test_the_influential_run_is_the_spiked_one(spiked):
    influence = spiked.groups[0].robust.influence
    assert (influence.rung, influence.seed, influence.verdict) == ("size 40k", 2, "collapse")
    assert influence.changes and influence.n_changing == 1 and influence.n_runs == 30
    assert influence.upper_bound < 0.03 < influence.plain_upper_bound


def test_omission_is_what_an_analysis_without_the_run_says(spiked):
    curves = curves_of()
    without = ask([*curves[:12], *curves[13:]]).analysis.groups[0]
    assert spiked.groups[0].robust.influence.upper_bound == pytest.approx(without.upper_bound, rel=0.12)


def test_a_run_that_stays_on_a_plateau_is_left_out():
    curves = curves_of()
    curves[12] = dataclasses.replace(curves[12], loss=np.maximum(curves[12].loss, curves[12].loss[8]))
    found = ask(curves).groups[0].robust
    (far,) = found.twin.far_runs
    assert (far.rung, far.seed) == ("size 40k", 2) and found.twin.verdict == "collapse" != found.plain_verdict


def test_clean_curves_keep_their_verdict_and_no_single_run_carries_it():
    inquiry = ask(curves_of(Scenario(gamma_error=0.4)))
    group, found = inquiry.analysis.groups[0], inquiry.groups[0].robust
    assert found.twin.verdict == group.verdict == "no-collapse" and not found.twin.anything
    assert (found.twin.bounds.upper_bound, found.twin.p_exact) == (group.upper_bound, group.p_exact)
    assert not found.influence.changes and found.influence.n_changing == 0
    lines = list(robust_lines(found))
    assert lines[0].startswith("robust: no spike") and lines[1].startswith("influence: no single run changes")


@pytest.mark.parametrize("choice", ["profile", "fit", (0.9, 1.05)], ids=["profile", "fit", "range"])
def test_an_irreducible_loss_that_curves_choose_is_chosen_without_spikes(choice):
    """One spike at the end of the grid pulls a profiled loss away; cleaned curves give the one of clean curves."""
    curves = curves_of()
    clean = ask(curves, irreducible_loss=choice)
    curves[12] = times(curves[12], 1.5, slice(10, 12))
    inquiry = ask(curves, irreducible_loss=choice)
    twin = inquiry.groups[0].robust.twin
    assert twin.irreducible_loss.source == inquiry.analysis.groups[0].irreducible_loss.source
    assert twin.irreducible_loss.value == pytest.approx(clean.analysis.groups[0].irreducible_loss.value, abs=2e-3)
    assert twin.bounds.upper_bound == pytest.approx(clean.analysis.groups[0].upper_bound, rel=0.15)
    assert inquiry.groups[0].robust.influence.verdict is None  # bounds alone are compared
    assert "bounds alone are compared" in list(robust_lines(inquiry.groups[0].robust))[-1]


def test_with_an_error_of_the_irreducible_loss_that_all_curves_share():
    found = ask([dataclasses.replace(c, irreducible_loss_se=0.002) for c in curves_of()]).groups[0].robust
    assert found.influence.plain_upper_bound == pytest.approx(found.plain_upper_bound, rel=0.12)


def test_json_has_the_twin_with_its_sentence_and_null_where_nobody_asked(spiked):
    found = json.loads(json.dumps(inquiry_json(spiked), allow_nan=False))["groups"][0]
    assert found["verdict"] == "cannot-tell" and found["robust"]["twin"]["verdict"] == "collapse"
    assert found["robust"]["twin"]["upper_bound"] < 0.03 < found["upper_bound"]
    assert found["robust"]["twin"]["spikes"][0]["model_size"] == "size 40k"
    assert "the plain verdict is cannot-tell" in found["robust"]["sentence"]
    assert found["robust"]["influence"]["sentence"].startswith(
        "without size 40k, seed 2, the verdict would be collapse"
    )
    plain = inquire(CurveSet(tuple(curves_of())), [], rng=np.random.default_rng(0))
    assert inquiry_json(plain)["groups"][0]["robust"] is None


def test_groups_without_a_verdict_say_why():
    two = ask([c for c in curves_of() if c.size < 3e4])
    assert isinstance(two.groups[0].robust, Missing)
    assert two.groups[0].robust.status.code == "robust-without-a-sound-ladder"
    few = ask(curves_of(Scenario(seeds=2))).groups[0].robust
    assert isinstance(few.influence, Missing) and few.influence.status.code == "influence-needs-three-seeds"
    three = curves_of(Scenario(rungs=4, seeds=3))
    for i in (3, 4):
        three[i] = times(three[i], 3.0 + i, slice(0, 20))
    assert "bounds alone" in list(robust_lines(ask(three).groups[0].robust))[-1]


# ---- pooled noise


def test_two_seeds_certify_with_pooled_noise_and_every_output_says_so(capsys):
    curves = curves_of(Scenario(seeds=2))
    plain, inquiry = ask(curves).analysis.groups[0], ask(curves, noise_from="sizes")
    group = inquiry.analysis.groups[0]
    assert plain.verdict == "cannot-tell" and plain.noise_from == "seeds" and plain.pooled_noise is None
    assert group.verdict == "collapse" and group.upper_bound < 0.03 < plain.upper_bound
    assert group.evidence == "exploratory" and plain.evidence == "confirmatory"
    assert "by noise pooled over sizes" in sentence(group) and "pooled" not in sentence(plain)
    found = inquiry_json(inquiry)["groups"][0]
    assert found["noise_from"] == "sizes" and found["pooled_noise"]["df"] == 6 and found["pooled_noise"]["equal"]
    print_analysis(inquiry)
    said = " ".join(capsys.readouterr().out.split())
    assert "%‡" in said and "‡ with noise pooled over sizes" in said and "takes it to be equal at all sizes" in said


def test_what_cannot_be_told_says_that_the_bound_is_pooled():
    group = ask(curves_of(Scenario(seeds=2, gamma_error=0.1)), noise_from="sizes").analysis.groups[0]
    assert group.verdict == "cannot-tell" and sentence(group).endswith("(bounded by noise pooled over sizes)")


def test_groups_with_seeds_enough_keep_their_own_noise():
    curves = curves_of()
    plain, group = (ask(curves, noise_from=choice).analysis.groups[0] for choice in (None, "sizes"))
    assert group.noise_from == "seeds" and group.upper_bound == plain.upper_bound


def test_unequal_noise_is_told():
    group = ask(curves_of(Scenario(seeds=3, noise_ratio=9)), noise_from="sizes").analysis.groups[0]
    assert not group.pooled_noise.equal and group.pooled_noise.p_equal < 0.05
    assert any(one.code == "exploratory-noise-pooled-unequal" for one in group.warnings)


def test_the_twin_of_pooled_bounds_is_pooled():
    curves = curves_of(Scenario(seeds=3))
    clean = ask(curves, noise_from="sizes").analysis.groups[0]
    curves[8] = times(curves[8], 1.5, slice(10, 12))
    found = ask(curves, noise_from="sizes").groups[0].robust
    assert found.twin.bounds.upper_bound == pytest.approx(clean.upper_bound, rel=0.15)
    assert found.influence.upper_bound < found.influence.plain_upper_bound == found.plain_upper_bound


# ---- calibration


def test_marks_neither_fool_the_twin_nor_are_seen_where_there_are_none():
    rng = np.random.default_rng(1)
    clean = twin_rates(Scenario(), "none", 60, rng, resamples=99)
    each = twin_rates(Scenario(), "each", 60, rng, resamples=199)
    assert clean.something < 0.1 and clean.upper == pytest.approx(clean.plain_upper, rel=0.01)
    assert each.certified > 0.95 and each.plain_certified == 0 and each.found == pytest.approx(30, abs=1)
    assert each.upper == pytest.approx(clean.upper, rel=0.06) and each.covered_band > 0.86 and each.exact < 0.15


def test_a_deviation_that_all_seeds_of_a_size_share_is_no_spike():
    rates = twin_rates(Scenario(), "none", 60, np.random.default_rng(2), resamples=99, point=0.2)
    assert rates.something < 0.1 and rates.refuted == 1 and rates.covered_above > 0.85


def test_pooled_noise_covers_and_unequal_noise_is_noticed():
    rng = np.random.default_rng(3)
    equal, apart = pooled_rates(Scenario(seeds=2), 60, rng), pooled_rates(Scenario(seeds=3, noise_ratio=4), 60, rng)
    assert equal.certified > 0.75 and equal.own_certified == 0 and equal.covered > 0.85 and equal.unequal < 0.1
    assert apart.unequal > 0.75 and apart.covered > 0.85 and apart.certified > apart.own_certified


# ---- deviations that die out with size


def test_a_deviation_of_the_smallest_size_dies_out_in_words_and_json():
    curves = [times(c, 1.3, slice(0, 20)) if c.size < 2e4 else c for c in curves_of()]
    inquiry = ask(curves)
    group = inquiry.analysis.groups[0]
    assert group.verdict == "no-collapse" and group.settles_from == "size 20k"
    assert "it dies out: from size 20k on all sizes lie within 3 %" in sentence(group)
    assert inquiry_json(inquiry)["groups"][0]["settles_from"] == "size 20k"
    whole, none = (ask(curves_of(Scenario(gamma_error=error))).analysis.groups[0] for error in (0.0, 0.6))
    assert whole.settles_from is None and none.settles_from is None and "dies out" not in sentence(none)
    chosen = ask(curves, irreducible_loss="profile").analysis.groups[0]
    assert chosen.settles_from is None

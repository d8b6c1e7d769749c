"""The smallest error that a ladder would have shown, against brute force on fresh curves of the same kind."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from onecurve.collapse.analysis import analyze
from onecurve.collapse.calibration.simulation import Scenario, simulate
from onecurve.collapse.composing import OK, Missing
from onecurve.collapse.contract import plain
from onecurve.collapse.inquiry import inquire
from onecurve.collapse.ladders.ladder import Ladder
from onecurve.collapse.ladders.rescaling import rescale
from onecurve.collapse.planning.detectable import Detectable, smallest_detectable
from onecurve.collapse.planning.patterns import odd_rung, trend
from onecurve.collapse.planning.pilot import pilot_of
from onecurve.collapse.reasons import because
from onecurve.collapse.sentences.as_json import worded
from onecurve.collapse.within.battery import assess
from onecurve.collapse.within.sharper import calibrated
from onecurve.results.curves import CurveSet
from onecurve.scripts.deviation_table import print_analysis


def group_of(cell=None, seed=0, scale="end-point"):
    curves = simulate(cell or Scenario(), 1, np.random.default_rng(seed)).curves(0)
    return rescale(Ladder.of(curves), scale=scale, irreducible_loss=1.0)


def detectable(group, seed=0, **more):
    return smallest_detectable(group, rng=np.random.default_rng(seed), **more)


def on_fresh_curves(find, cell=None, shift=None, groups=200):
    """What ``find`` tells of curves ``z`` of each fresh group, with a shift laid on them; it takes ``assess``, too."""
    rng = np.random.default_rng(11)
    batch = simulate(cell or Scenario(), groups, rng)
    shifted = batch.z if shift is None else batch.z + shift[:, None]

    def assessed(z):
        return assess(list(z), batch.x[:-1], batch.sizes, rng=rng, resamples=119)

    return np.array([find(z, assessed, rng) for z in shifted], dtype=float)


def rejected(z, assessed, rng):
    return assessed(z)[0].p < 0.05


def refuted(z, assessed, rng):
    return assessed(z)[1].lower() >= 0.03


def upper_bound(z, assessed, rng):
    return calibrated(list(z), rng=rng).upper(z.mean(axis=1) - z.mean(axis=(0, 1)))


@pytest.fixture(scope="module")
def typical():
    """Medians over pilots: each has noise of its own, known to a tenth."""
    found = [detectable(group_of(seed=seed), seed, groups=100, resamples=99) for seed in range(5)]
    names = [field.name for field in dataclasses.fields(found[0]) if field.name != "status"]
    return {name: float(np.median([getattr(one, name) for one in found])) for name in names}


def test_the_smallest_errors_have_the_power_that_they_claim(typical):
    p, sizes = pilot_of(0.0071 * np.sqrt(2)), 1e4 * 2.0 ** np.arange(6)
    assert on_fresh_curves(rejected, shift=trend(p, sizes, typical["trend"])).mean() == pytest.approx(0.8, abs=0.1)
    odd = odd_rung(p, sizes, typical["odd_rung"])
    assert on_fresh_curves(rejected, shift=odd).mean() == pytest.approx(0.8, abs=0.1)
    refutable = trend(p, sizes, typical["refutable"])
    assert on_fresh_curves(refuted, shift=refutable).mean() == pytest.approx(0.8, abs=0.12)
    bounds = on_fresh_curves(upper_bound, groups=100)
    assert np.quantile(bounds, 0.8) == pytest.approx(typical["certifiable"], rel=0.12)


def test_the_horizon_error_is_the_one_that_is_detected(typical):
    assert 0.05 < typical["horizon_error"] < 0.075
    wrong = Scenario(gamma_error=typical["horizon_error"])
    assert on_fresh_curves(rejected, wrong).mean() == pytest.approx(0.8, abs=0.12)


def test_only_noise_counts_and_not_what_the_ladder_shows():
    right, wrong = (detectable(group_of(cell), groups=60) for cell in (Scenario(), Scenario(gamma_error=0.4)))
    assert wrong.trend == pytest.approx(right.trend, rel=0.01)
    assert wrong.certifiable == pytest.approx(right.certifiable, rel=0.01)


def test_more_noise_and_fewer_seeds_show_less():
    quiet, noisy, few = (
        detectable(group_of(cell), groups=60, resamples=99)
        for cell in (Scenario(), Scenario(noise_ratio=8), Scenario(seeds=3))
    )
    for name in ("trend", "odd_rung", "refutable", "certifiable"):
        assert getattr(few, name) > getattr(quiet, name)
        # A trend is refuted at its quietest end, which is quieter here than under equal noise.
        assert name == "refutable" or getattr(noisy, name) > getattr(quiet, name)


def test_what_can_be_certified_is_certified_where_noise_differs_between_sizes():
    """Levels drawn half-way to their mean promised 2.5 % here, and .37 of groups in place of .80 stayed below it."""
    cell = Scenario(noise_ratio=4)
    promised = [detectable(group_of(cell, seed), seed, groups=40, resamples=39).certifiable for seed in range(12)]
    bounds = on_fresh_curves(upper_bound, cell, groups=150)
    assert np.mean([np.mean(bounds < one) for one in promised]) > 0.62


def test_it_stands_beside_a_result_of_any_kind():
    curves = simulate(Scenario(), 1, np.random.default_rng(0)).curves(0)
    blind = [dataclasses.replace(c, family="blind", irreducible_loss=None) for c in curves]
    two = [dataclasses.replace(c, family="two") for c in curves if c.seed < 2]
    dead = [dataclasses.replace(c, family="dead", status="diverged") for c in curves]
    uneven = [dataclasses.replace(c, family="uneven") for c in curves if c.seed < 3 or c.size > 5e4]
    analysis = analyze(CurveSet.of([*curves, *blind, *two, *dead, *uneven]), rng=np.random.default_rng(0), resamples=99)
    rows = {result.family: detectable(result, groups=40, resamples=59) for result in analysis.groups}
    assert rows["simulated"].status == rows["uneven"].status == rows["blind"].status == OK
    assert rows["uneven"].trend > rows["simulated"].trend
    assert rows["blind"].horizon_error is None and rows["blind"].trend > 0
    assert isinstance(rows["two"], Missing) and rows["two"].status == because("three-seeds-for-exactness")
    assert isinstance(rows["dead"], Missing) and rows["dead"].status.code == "detectable-needs-three-sizes"
    for row in rows.values():
        written = plain(worded(row))
        json.dumps(written, allow_nan=False)
        assert written.keys() == plain(worded(rows["simulated"])).keys() and written["power"] == 0.8


def test_it_repeats_itself():
    assert detectable(group_of(), 3, groups=20) == detectable(group_of(), 3, groups=20)


def test_a_floor_that_is_free_hides_most_of_a_wrong_horizon():
    curves = CurveSet.of(simulate(Scenario(seeds=10), 1, np.random.default_rng(0)).curves(0))
    errors = {}
    for floor in ("known", "profile"):
        found = inquire(curves, ["detectable"], rng=np.random.default_rng(0), irreducible_loss=floor)
        assert isinstance(found.groups[0].detectable, Detectable)
        errors[floor] = found.groups[0].detectable.horizon_error
    assert errors["profile"] > 3 * errors["known"] > 0


def test_the_table_gives_no_number_above_all_curves(capsys):
    curves = CurveSet.of(simulate(Scenario(), 1, np.random.default_rng(0)).curves(0))
    plain = inquire(curves, [], rng=np.random.default_rng(0))
    for size, said in ((0.11, "11.0 %"), (11.48, "> 100 %")):
        seen = Detectable(trend=size, odd_rung=None, refutable=None, certifiable=0.1, horizon_error=None, power=0.8)
        print_analysis(dataclasses.replace(plain, groups=(dataclasses.replace(plain.groups[0], detectable=seen),)))
        assert said in capsys.readouterr().out

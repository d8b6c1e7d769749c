"""Ladders that are wrong on purpose: shuffled, cut at wrong horizons, trained wrongly."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from onecurve.collapse.calibration.simulation import FLOOR, Scenario, simulate
from onecurve.collapse.composing import OK, Missing
from onecurve.collapse.conclusion import conclude
from onecurve.collapse.contract import plain
from onecurve.collapse.controls.negatives import ResolutionLimit, judge, negatives_of, resolution_gate
from onecurve.collapse.controls.unrelated import shuffled_rungs
from onecurve.collapse.controls.wrong_horizons import truncate, wrong_horizons
from onecurve.collapse.ladders.measurement import measure
from onecurve.collapse.outcome import Bounds, Extent
from onecurve.collapse.reasons import because
from onecurve.collapse.sentences.as_json import worded
from onecurve.collapse.verdict import Findings, decide
from onecurve.errors import InputError
from onecurve.results.curves import CurveSet


def measured(cell=None, seed=0, **changes):
    curves = simulate(cell or Scenario(), 1, np.random.default_rng(seed)).curves(0)
    curves = CurveSet.of(dataclasses.replace(c, **changes) for c in curves)
    return measure(curves, choice="known", resamples=199, x_min=0.1, rng=np.random.default_rng(seed))


# ---- shuffled rungs


def test_shuffled_rungs_show_what_seeds_alone_do():
    found = [shuffled_rungs(measured(seed=i).rescaled, rng=np.random.default_rng(i), shuffles=99) for i in range(8)]
    assert np.mean([one.rejected for one in found]) == pytest.approx(0.05, abs=0.025)
    assert np.mean([one.rejected_trend for one in found]) == pytest.approx(0.05, abs=0.025)
    assert np.mean([one.deviation for one in found]) == pytest.approx(0.0075, rel=0.2)
    assert min(one.p_deviation for one in found) > 0.01
    assert all(one.deviation < one.deviation_high for one in found)
    json.dumps(plain(worded(found[0])), allow_nan=False)


def test_a_real_trend_stands_out_from_shuffled_rungs():
    one = shuffled_rungs(measured(Scenario(gamma_error=0.2)).rescaled, rng=np.random.default_rng(0), shuffles=99)
    assert one.p_deviation == pytest.approx(0.01) and one.p_order < 0.01
    assert one.rejected == pytest.approx(0.05, abs=0.06)


def test_orders_of_few_and_of_many_rungs():
    three = shuffled_rungs(
        measured(Scenario(rungs=3, gamma_error=0.4)).rescaled, rng=np.random.default_rng(0), shuffles=19
    )
    assert three.p_order in (pytest.approx(1 / 6), pytest.approx(2 / 6))
    eight = shuffled_rungs(
        measured(Scenario(rungs=8, gamma_error=0.2)).rescaled, rng=np.random.default_rng(0), shuffles=19
    )
    assert eight.p_order < 0.01
    few = shuffled_rungs(measured(Scenario(seeds=3)).rescaled, rng=np.random.default_rng(0), shuffles=19)
    assert few.rejected_trend is None and few.rejected is not None
    two = shuffled_rungs(measured(Scenario(seeds=2)).rescaled, rng=np.random.default_rng(0), shuffles=19)
    assert two.rejected is None


# ---- wrong horizons by truncation


def test_a_cut_curve_is_the_run_with_a_shorter_horizon():
    batch = simulate(Scenario(), 1, np.random.default_rng(0))
    curve = dataclasses.replace(batch.curves(0)[0], x=batch.x, loss=FLOOR + 0.4 * (batch.x**-0.5 + 1))
    cut = truncate(curve, 0.5, FLOOR)
    assert cut.complete and cut.x[0] == pytest.approx(0.2)
    expected = FLOOR + 0.4 * ((0.5 * cut.x) ** -0.5 + 1)
    assert cut.loss[:-1] == pytest.approx(expected[:-1], rel=1e-12)
    assert cut.loss[-1] == pytest.approx(expected[-1], rel=2e-4)
    straight = dataclasses.replace(curve, loss=FLOOR + 0.4 * batch.x**-0.5)
    assert truncate(straight, 0.53, FLOOR).loss[-1] == pytest.approx(FLOOR + 0.4 * 0.53**-0.5, rel=1e-12)
    assert truncate(curve, 1.0, FLOOR).loss == pytest.approx(curve.loss)
    with pytest.raises(InputError, match="after its new end"):
        truncate(curve, 0.05, FLOOR)


def test_truncation_reveals_errors_about_as_large_as_the_ladder_can():
    found = [
        wrong_horizons(measured(seed=i), rng=np.random.default_rng(i), margin=0.03, resamples=199) for i in range(5)
    ]
    assert all(one.status == OK and 0.05 <= one.revealed <= 0.15 for one in found)
    assert all(abs(one.best) <= 0.1 for one in found)
    for one in found:
        assert [row.error for row in one.rows] == sorted(row.error for row in one.rows)
        assert [row.retested.x_min for row in one.rows if row.error == 0.0] == [pytest.approx(0.1)]
        for row in one.rows:
            found_at = row.retested
            assert found_at.x_min == pytest.approx(0.1 * 32 ** abs(row.error))
            assert found_at.lower_bound <= found_at.deviation <= found_at.upper_bound
    json.dumps(plain(worded(found[0])), allow_nan=False)


def test_truncation_has_the_effect_that_a_wrong_horizon_has():
    """Without noise the cut ladder deviates as the closed form says: l(hx)/l(h) with the rung's own h."""
    one = measured(Scenario(seeds=24))
    found = wrong_horizons(one, rng=np.random.default_rng(0), margin=0.03, resamples=99)
    rows = {row.error: row.retested for row in found.rows}
    sizes = one.ladder.sizes
    for error in (-0.2, 0.2):
        h = ((sizes / (sizes[-1] if error > 0 else sizes[0])) ** error)[:, None]
        x = np.geomspace(rows[error].x_min, 0.98, 24)
        z = np.log(((h * x) ** -0.5 + 1) / (h**-0.5 + 1))
        true = np.abs(z - z.mean(axis=0)).max()
        assert rows[error].lower_bound <= true <= rows[error].upper_bound
        assert rows[error].deviation == pytest.approx(true, abs=0.006)


def test_truncation_finds_the_horizons_that_were_wrong():
    one = wrong_horizons(measured(Scenario(gamma_error=0.2)), rng=np.random.default_rng(0), margin=0.03, resamples=199)
    assert one.best in (-0.2, -0.15)
    assert one.status == because("not-exact-as-it-stands", p=pytest.approx(0.005))


def test_what_cannot_be_cut_says_so():
    def status(one):
        found = wrong_horizons(one, rng=np.random.default_rng(0), margin=0.03, resamples=99)
        assert isinstance(found, Missing)
        return found.status.code

    assert status(measured(Scenario(decay=True))) == "cut-needs-constant-rate"
    assert status(measured(irreducible_loss=None)) == "cut-needs-a-floor"
    assert status(measured(Scenario(seeds=2))) == "three-seeds-for-exactness"
    assert status(measured(Scenario(rungs=2))) == status(measured(status="diverged")) == "group-not-testable"
    far = wrong_horizons(measured(), rng=np.random.default_rng(0), margin=0.03, errors=(0.05, 0.7), resamples=99)
    assert {row.error for row in far.rows if row.p_exact is None} == {-0.7, 0.7}
    assert far.revealed is None and far.rows[0].status.code == "not-cut"


# ---- trained negatives


def test_negatives_are_of_the_same_family_data_set_and_leg():
    one = measured()
    wrong = measured(Scenario(gamma_error=0.4), control="fails", recipe="x1.4")
    others = [
        measured(control="fails", family="other", recipe="b"),
        measured(control="fails", dataset="other", recipe="b"),
        measured(Scenario(decay=True), control="fails", recipe="b"),
        measured(recipe="b"),
        measured(control="holds", recipe="b"),
    ]
    assert negatives_of(one, [one, wrong, *others]) == [wrong]
    assert negatives_of(wrong, [one, wrong, *others]) == []


def test_a_negative_that_is_detected_opens_the_gate():
    one, wrong = (
        measured(),
        measured(Scenario(gamma_error=0.4), control="fails", recipe="x1.4", recipe_label="times 1.4"),
    )
    row = judge(one, wrong, margin=0.03, rng=np.random.default_rng(0))
    assert row.detected and row.status == OK and row.planned_power.value > 0.95
    assert row.p_exact < 0.05 and row.bounds.deviation == pytest.approx(0.09, abs=0.02)
    gate = resolution_gate(one, [wrong], margin=0.03, resolution=0.01, rng=np.random.default_rng(0))
    assert gate.undetected is None and gate.limit == row.bounds.deviation
    assert resolution_gate(one, [wrong], margin=0.03, resolution=0.5, rng=np.random.default_rng(0)).limit == 0.5
    assert resolution_gate(one, [], margin=0.03, resolution=None, rng=np.random.default_rng(0)).limit is None


def test_a_negative_that_is_missed_closes_the_gate():
    one, wrong = (
        measured(Scenario(seeds=8)),
        measured(Scenario(seeds=8), seed=5, control="fails", recipe="b", recipe_label="same"),
    )
    gate = resolution_gate(one, [wrong], margin=0.03, resolution=0.04, rng=np.random.default_rng(0))
    assert gate.negatives[0].detected is False and gate.limit == 0.04
    assert gate.undetected.code == "negative-missed-with-power" and gate.undetected.values["setting"] == "same"
    arguments = {"margin": 0.03, "planned": 0.03}
    closed = conclude(one, [], rng=np.random.default_rng(0), negatives=[wrong], **arguments)
    assert closed.verdict == "cannot-tell" and closed.reason == because("unresolved", why=gate.undetected)
    assert closed.resolution["trained: same"] == gate.negatives[0].bounds.deviation
    assert conclude(one, [], rng=np.random.default_rng(0), **arguments).verdict == "collapse"


def test_a_negative_whose_verdict_does_not_turn_is_missed():
    """A deviation that is real but certified to lie below the margin still reads as a collapse."""
    one = measured()
    faint = measured(Scenario(gamma_error=0.05, seeds=20), control="fails", recipe="b")
    row = judge(one, faint, margin=0.03, rng=np.random.default_rng(0))
    assert row.p_exact < 0.05 and row.bounds.upper_bound < 0.03 and row.detected is False


def test_a_no_collapse_stands_whatever_the_gate():
    found = Findings(
        bounds=Bounds(deviation=0.1, lower_bound=0.08, upper_bound=0.12),
        largest_se=0.01,
        extent=Extent(n_rungs=6, n_seeds=5),
        p_exact=0.001,
        gate=ResolutionLimit(limit=0.01, undetected=because("negative-missed", setting="b")),
    )
    assert decide(found, 0.03)[0] == "no-collapse"
    claim = dataclasses.replace(found, bounds=Bounds(deviation=0.01, lower_bound=0.0, upper_bound=0.02))
    assert decide(claim, 0.03) == ("cannot-tell", because("unresolved", why=because("negative-missed", setting="b")))
    assert decide(dataclasses.replace(claim, gate=None), 0.03)[0] == "approximate"
    shown = dataclasses.replace(claim, gate=ResolutionLimit(limit=0.015))
    assert decide(shown, 0.03)[1] == because("unresolved-by-horizon", limit=0.015, upper=0.02)
    trained = dataclasses.replace(claim, gate=ResolutionLimit(limit=0.015, trained=True))
    assert decide(trained, 0.03)[1] == because("unresolved-by-trained", limit=0.015, upper=0.02)


def test_negatives_that_cannot_be_tested_neither_open_nor_close():
    one = measured()
    for broken in (measured(status="killed"), measured(Scenario(seeds=2)), measured(irreducible_loss=None)):
        gate = resolution_gate(one, [broken], margin=0.03, resolution=0.04, rng=np.random.default_rng(0))
        assert gate.negatives[0].detected is None and gate.negatives[0].status != OK
        assert gate.undetected is None and gate.limit == 0.04

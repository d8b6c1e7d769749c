"""Forecasts: honest bands where the ladder collapses, no skill where it does not."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from onecurve.collapse.calibration.simulation import FLOOR, Scenario, simulate
from onecurve.collapse.composing import Missing
from onecurve.collapse.ladders.ladder import Ladder
from onecurve.collapse.ladders.rescaling import rescale
from onecurve.collapse.laws.forecast import _crps, _Predicted, forecast
from onecurve.collapse.reasons import because
from onecurve.errors import InputError
from scipy.stats import t as student


def groups(cell, count, seed=0):
    batch = simulate(cell, count, np.random.default_rng(seed))
    return [rescale(Ladder.of(batch.curves(i)), scale="end-point", irreducible_loss=FLOOR) for i in range(count)]


def mean_of(found, name):
    return float(np.mean([getattr(one.master, name) for one in found]))


def skill(found, reference):
    return float(np.mean([one.master.skill[reference].value for one in found]))


@pytest.mark.parametrize(
    "cell", [Scenario(), Scenario(decay=True, gain=(0.15, 0.15), mu=0.3, nu=0.3)], ids=["constant", "decay"]
)
def test_a_collapsing_ladder_is_foretold_with_honest_bands(cell):
    found = [forecast(group) for group in groups(cell, 30)]
    assert mean_of(found, "coverage_50") == pytest.approx(0.57, abs=0.1)
    assert mean_of(found, "coverage_90") == pytest.approx(0.94, abs=0.04)
    assert skill(found, "last value") > 0.9 and skill(found, "own power law") > 0.2
    assert abs(skill(found, "sum of power laws")) < 0.25


def test_bands_are_honest_where_curves_drift_with_size():
    """Without the part that grows with the distance in size .59 is covered."""
    found = [forecast(group) for group in groups(Scenario(gamma_error=0.09), 15)]
    assert mean_of(found, "coverage_90") > 0.85


def test_a_broken_ladder_is_foretold_badly():
    right, wrong = ([forecast(group) for group in groups(cell, 8)] for cell in (Scenario(), Scenario(drift=0.04)))
    crps = [np.mean([one.master.crps for one in found]) for found in (right, wrong)]
    assert crps[1] > 3 * crps[0]


def test_nothing_after_the_early_part_is_used():
    group = groups(Scenario(), 1)[0]
    late = group.x > 0.3
    spoilt = [rows.copy() for rows in group.values]
    spoilt[-1][:, late] += 1.0
    spoilt[-2] += 5.0
    again = forecast(dataclasses.replace(group, values=tuple(spoilt)))
    assert again.master.location == pytest.approx(forecast(group).master.location)
    assert again.master.crps > 10 * forecast(group).master.crps
    assert again.trained_on == group.rungs[:4] and again.rung == group.rungs[5]


def test_another_familys_master_curve_serves_where_it_is_shared():
    one, same = groups(Scenario(), 2)
    other = groups(Scenario(mu=0.9, nu=0.9), 1)[0]
    found = forecast(one, others={"same": same, "other": other})
    by = {score.name: score for score in found.others}
    assert by["same"].crps < 1.6 * found.master.crps < by["other"].crps
    assert by["same"].skill["last value"].value > 0.8


def test_the_score_equals_its_definition():
    """CRPS is the integral of (F - step)^2."""
    one = _Predicted("t", np.array([[0.3]]), np.array([0.2]), np.array([4.0]))
    for y in (0.1, 0.3, 1.0):
        grid = np.linspace(-30, 30, 600_001)
        slow = np.trapezoid((student.cdf((grid - 0.3) / 0.2, 4) - (grid >= y)) ** 2, grid)
        assert _crps(one, np.array([[y]]))[0, 0] == pytest.approx(slow, abs=2e-4)


def test_what_cannot_be_foretold_is_said():
    curves = simulate(Scenario(rungs=4), 1, np.random.default_rng(0)).curves(0)
    few = rescale(Ladder.of(curves), scale="end-point", irreducible_loss=FLOOR)
    assert forecast(few).status.code == "forecast-needs-five-sizes" and isinstance(forecast(few), Missing)
    shape = rescale(Ladder.of(curves), scale="shape")
    assert forecast(shape).status == because("forecast-needs-a-floor")
    group = groups(Scenario(), 1)[0]
    assert forecast(group, early=0.11).status == because("too-few-early-points", x=0.11)
    with pytest.raises(InputError, match="between 0 and 1"):
        forecast(group, early=30)

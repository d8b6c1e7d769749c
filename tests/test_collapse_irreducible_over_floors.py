"""Bounds over all irreducible losses that are possible, against a plain loop over many of them."""

from __future__ import annotations

import numpy as np
import pytest
from onecurve.collapse.analysis import analyze
from onecurve.collapse.calibration.simulation import Scenario, simulate
from onecurve.collapse.irreducible.over_floors import bounds_over_floors
from onecurve.collapse.ladders.ladder import Ladder
from onecurve.collapse.ladders.rescaling import rescale
from onecurve.collapse.outcome import IrreducibleLoss
from onecurve.collapse.within.battery import assess
from onecurve.results.curves import CurveSet

CELL = Scenario(seeds=10, drift=0.05)


def test_each_bound_is_the_least_over_the_floors():
    ladder = Ladder.of(simulate(CELL, 1, np.random.default_rng(1)).curves(0))
    floor = IrreducibleLoss(value=0.76, low=0.7, high=0.8, source="profile", domain=(0.5, 1.05))
    at_floor = rescale(ladder, scale="end-point", irreducible_loss=floor.value)
    found = bounds_over_floors(at_floor, floor, rng=np.random.default_rng(0))
    bounds = []
    for value in np.linspace(0.5, 1.05, 56):
        group = rescale(ladder, scale="end-point", irreducible_loss=float(value))
        bounds.append(assess(group.values, group.x, group.sizes, rng=np.random.default_rng(0), resamples=399)[1])
    assert found.upper == pytest.approx(min(one.upper() for one in bounds), rel=0.05)
    assert found.lower == pytest.approx(min(one.lower() for one in bounds), rel=0.1)
    assert found.deviation == pytest.approx(np.abs(min(bounds, key=lambda one: one.upper()).d).max(), rel=0.1)
    assert found.upper < 0.3 * bounds[50].upper()  # the true one, 1, is not where the curves lie together


def test_a_verdict_rests_on_the_least_bounds():
    curves = CurveSet(tuple(simulate(CELL, 1, np.random.default_rng(1)).curves(0)))
    (group,) = analyze(curves, rng=np.random.default_rng(0), irreducible_loss="profile", resamples=399).groups
    at = rescale(Ladder.of(curves), scale="end-point", irreducible_loss=group.irreducible_loss.value)
    plain = assess(at.values, at.x, at.sizes, rng=np.random.default_rng(0), resamples=399)[1]
    assert group.upper_bound < plain.upper() and group.lower_bound < plain.lower()

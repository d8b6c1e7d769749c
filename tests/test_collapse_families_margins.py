"""With three data sets the margin is a third of what their curves differ by, at every x; with fewer it is flat."""

from __future__ import annotations

import numpy as np
import pytest
from onecurve.collapse.analysis import analyze
from onecurve.collapse.calibration.simulation import Cell, simulate
from onecurve.collapse.sentences.reasons import say
from onecurve.results.curves import CurveSet


def suite(exponents, *, seeds=12, gamma_error=0.0):
    """One family on data sets whose curves differ in their time exponent alone; ladders that truly collapse."""
    rng = np.random.default_rng(3)
    curves = []
    for i, mu in enumerate(exponents):
        cell = Cell(mu=mu, nu=mu, seeds=seeds, gamma_error=gamma_error)
        for family in ("a", "b"):
            curves += simulate(cell, 1, rng).curves(0, family=family, dataset=f"d{i}")
    return analyze(CurveSet(tuple(curves)), rng=np.random.default_rng(0), resamples=299)


def test_two_data_sets_leave_the_margin_flat():
    found = suite([0.3, 0.5])
    assert {group.verdict for group in found.groups} == {"collapse"}
    assert {row.verdict for across in found.across_families for row in across.per_family} == {"collapse"}
    assert not any("tightened" in say(warning) for group in found.groups for warning in group.warnings)


def test_data_sets_that_differ_leave_verdicts_as_they_are():
    """Curves agree at the end whatever they are, so it takes many seeds to say more than that."""
    found = suite([0.3, 0.6, 1.2], seeds=200)
    assert {group.verdict for group in found.groups} == {"collapse"}
    assert all(any("tightened" in say(warning) for warning in group.warnings) for group in found.groups)


def test_data_sets_that_hardly_differ_tighten_the_margin():
    """A spread of about 4 % allows 1.3 %, which bounds under 3 % do not reach."""
    found = suite([0.47, 0.5, 0.53])
    for group in found.groups:
        assert group.upper_bound < group.margin == pytest.approx(0.03)
        assert group.verdict == "cannot-tell"
        assert group.reason.code == "bounded-not-at-every-x"
    for row in (row for across in found.across_families for row in across.per_family):
        assert row.high < 0.03 and row.verdict == "cannot-tell" and row.reason.code == "not-within-other-data-sets"


def test_a_deviation_beyond_the_flat_margin_stands():
    found = suite([0.47, 0.5, 0.53], gamma_error=0.4)
    assert {group.verdict for group in found.groups} == {"no-collapse"}

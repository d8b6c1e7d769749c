"""Data sets two by two: one curve for several of them is a finding, and so is how far others lie apart."""

from __future__ import annotations

import numpy as np
import pytest
from onecurve.collapse.analysis import analyze
from onecurve.collapse.calibration.simulation import Scenario, autoregression, simulate
from onecurve.collapse.composing import Missing
from onecurve.collapse.families.crossing import Crossing
from onecurve.collapse.families.datasets import compare_datasets
from onecurve.collapse.outcome import RescaledGroup
from onecurve.collapse.reasons import because
from onecurve.results.curves import CurveSet
from onecurve.results.grid import common_grid

X = common_grid()


def group(mean, rng, seeds=6, sd=0.01):
    return RescaledGroup(
        scale="end-point",
        x=X,
        sizes=2.0 ** np.arange(3),
        rungs=tuple("abc"),
        values=tuple(mean + sd * autoregression((3, seeds), 24, rng)),
        seeds=(tuple(range(seeds)),) * 3,
        phase=None,
        rate=None,
    )


def compared(deltas, rng, families="ab", own=0.0, **noise):
    cells = {
        (family, name): group((delta + own * (family == "b")) * -np.log(X), rng, **noise)
        for family in families
        for name, delta in deltas.items()
    }
    return compare_datasets("constant", Crossing.of(cells), margin=0.03, rng=rng, resamples=199)


def test_data_sets_that_agree_are_a_finding_with_a_bound():
    found = compared({"one": 0.4, "two": 0.4, "three": 0.4}, np.random.default_rng(0))
    assert found.shared == "collapse" and found.upper_bound < 0.03 and len(found.pairs) == 3
    assert found.classes == (("one", "three", "two"),)


def test_what_families_have_of_their_own_is_no_difference_of_data_sets():
    found = compared({"one": 0.4, "two": 0.4}, np.random.default_rng(1), own=0.2)
    assert found.shared == "collapse" and found.deviation < 0.02


def test_data_sets_that_differ_are_told_apart_by_how_much():
    found = compared({"one": 0.4, "two": 0.4, "three": 0.5}, np.random.default_rng(2))
    assert found.shared == "no-collapse"
    assert {frozenset(one) for one in found.classes} == {frozenset(("one", "two")), frozenset(("three",))}
    assert found.deviation == pytest.approx(0.1 * np.log(10), abs=0.03)


def test_a_data_set_of_each_family_cannot_be_compared():
    rng = np.random.default_rng(3)
    cells = {("a", "one"): group(0 * X, rng), ("b", "two"): group(0 * X, rng)}
    found = compare_datasets("constant", Crossing.of(cells), margin=0.03, rng=rng)
    assert isinstance(found, Missing) and found.status == because("no-family-on-two-data-sets")


@pytest.mark.parametrize("datasets", [1, 3, 5])
def test_ladders_that_collapse_do_so_on_any_number_of_data_sets(datasets):
    """However alike the data sets are: what they share does not void the claim."""
    rng = np.random.default_rng(datasets)
    curves = [c for i in range(datasets) for c in simulate(Scenario(seeds=8), 1, rng).curves(0, dataset=f"d{i}")]
    found = analyze(CurveSet(tuple(curves)), rng=np.random.default_rng(0), resamples=299)
    assert [one.verdict for one in found.groups] == ["collapse"] * datasets
    assert all(
        one.suite_deviation is None or one.suite_deviation < one.deviation for one in (g.null for g in found.groups)
    )
    across = [one for one in found.across_datasets if not isinstance(one, Missing)]
    assert [one.shared for one in across] == (["collapse"] if datasets > 1 else [])

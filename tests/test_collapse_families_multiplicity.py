"""Corrections for many questions, against examples worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from onecurve.collapse.families.multiplicity import benjamini_hochberg, gatekeep, holm
from onecurve.collapse.reasons import because
from onecurve.errors import InputError


def test_holm_by_hand():
    """.005 x 4, .01 x 3, .03 x 2, then .04 x 1 which may not fall below the one before."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])


def test_benjamini_hochberg_by_hand():
    """The 15 p-values of Benjamini and Hochberg 1995: at q = .05 the four smallest make the list."""
    clear = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298]
    p = [*clear, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    adjusted = benjamini_hochberg(p)
    assert np.sum(adjusted <= 0.05) == 4
    assert adjusted[:4] == pytest.approx([0.0015, 0.003, 0.0095, 0.035625])
    assert adjusted[4:7] == pytest.approx([15 * 0.0201 / 5, 15 * 0.0298 / 7, 15 * 0.0298 / 7])  # .0278 x 15/6 is more
    assert benjamini_hochberg([0.04, 0.01, 0.03, 0.005]) == pytest.approx([0.04, 0.02, 0.04, 0.02])


def test_the_order_of_questions():
    families = {"a": 0.001, "b": 0.02, "c": 0.9}
    closed = gatekeep(0.2, families, {"a": 0.001})
    assert (closed.dataset, closed.families, closed.places) == (False, (), ())
    assert closed.reason.code == "data-sets-not-shown"
    opened = gatekeep(0.01, families, {})
    assert opened.families == ("a", "b")  # as Holm: .001 < .05/3, .02 < .05/2
    # a has 1/60; its "where" fails and keeps that, so b must pass .05/3 = .0167 and does not.
    stuck = gatekeep(0.01, families, {"a": 0.2, "b": 0.001, "c": 0.5})
    assert (stuck.families, stuck.places) == (("a",), ())
    # a's "where" passes and hands .0167 on, half to b and half to c: b has .025.
    passed = gatekeep(0.01, families, {"a": 0.01, "b": 0.001, "c": 0.5})
    assert (passed.families, passed.places) == (("a", "b"), ("a", "b"))
    assert passed.reason == because("families-deviate", deviating=2, families=3, placed=2)


def test_without_places_the_gate_is_holm():
    rng = np.random.default_rng(0)
    for _ in range(50):
        p = rng.random(6) ** 4
        gate = gatekeep(0.0, {str(i): value for i, value in enumerate(p)}, {})
        assert gate.families == tuple(str(i) for i in np.flatnonzero(holm(p) <= 0.05))


def test_false_claims_stay_at_five_of_hundred():
    """All families are the same but one; its place is nowhere."""
    rng = np.random.default_rng(1)
    wrong = 0
    for _ in range(4000):
        families = {"odd": 0.0, **{name: rng.random() for name in "abc"}}
        gate = gatekeep(0.0, families, {name: rng.random() for name in families})
        wrong += bool(set(gate.families) - {"odd"} or gate.places)
    assert 0.02 < wrong / 4000 < 0.06


def test_one_family_and_bad_input():
    assert gatekeep(0.01, {"a": 0.04}, {"a": 0.04}).places == ("a",)
    with pytest.raises(InputError, match="none of the families a"):
        gatekeep(0.01, {"a": 0.04}, {"b": 0.04})
    with pytest.raises(InputError, match="from 0 to 1"):
        holm([0.1, float("nan")])

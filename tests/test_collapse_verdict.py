"""The verdict table row by row, the gate, the evidence, and the words."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from onecurve.collapse.outcome import IrreducibleLoss
from onecurve.collapse.sentences.numbers import percent, stretch_of, together
from onecurve.collapse.verdict import Findings, decide, grade, seeds_needed
from onecurve.results.curves import LearningCurve

FOUND = Findings(
    deviation=0.006,
    lower=0.0,
    upper=0.018,
    largest_se=0.005,
    p_exact=0.3,
    n_seeds=5,
    n_censored=0,
    resolution=0.031,
    gated=True,
)


def found(**changes) -> Findings:
    return dataclasses.replace(FOUND, **changes)


@pytest.mark.parametrize(
    "changes, verdict, reason",
    [
        ({}, "collapse", None),
        ({"p_exact": 0.05}, "collapse", None),
        ({"p_exact": 0.049}, "approximate", None),
        ({"lower": 0.03, "upper": 0.05, "p_exact": 0.001}, "no-collapse", None),
        ({"lower": 0.029, "upper": 0.05, "p_exact": 0.001}, "cannot-tell", "a deviation is real"),
        ({"upper": 0.03, "p_exact": 0.2}, "cannot-tell", "underpowered"),
        ({"p_exact": None, "n_seeds": 2}, "collapse", "exactness untested"),
        ({"p_exact": None, "n_seeds": 2, "lower": 0.05, "upper": 0.1}, "cannot-tell", "underpowered"),
        ({"resolution": 0.0179}, "cannot-tell", "unresolved"),
        ({"resolution": 0.0179, "p_exact": 0.01}, "cannot-tell", "unresolved"),
        ({"resolution": 0.0179, "gated": False}, "collapse", None),
        ({"resolution": None}, "collapse", None),
        ({"resolution": 0.0179, "lower": 0.04, "upper": 0.1, "p_exact": 0.001}, "no-collapse", None),
        ({"n_censored": 2}, "cannot-tell", "2 runs did not reach their horizon"),
        ({"n_censored": 2, "lower": 0.04, "upper": 0.1, "p_exact": 0.001}, "no-collapse", None),
    ],
)
def test_every_row_of_the_table(changes, verdict, reason):
    said, why = decide(found(**changes), 0.03)
    assert said == verdict
    assert (why is None) if reason is None else why.startswith(reason)


def test_an_undecided_size_is_printed_with_both_bounds():
    _, why = decide(found(lower=0.0089, upper=0.038, p_exact=0.01), 0.03)
    assert why == "a deviation is real (p = 0.01), its size is undecided: between 0.89 % and 3.8 %"


def test_seeds_needed():
    assert seeds_needed(found(upper=0.045, deviation=0.009), 0.03) == 12  # 5 (.045/.03)^2 = 11.25
    assert seeds_needed(found(upper=0.045, deviation=0.02), 0.03) == 32  # 5 (.025/.010)^2 = 31.25
    assert seeds_needed(found(upper=0.045, deviation=0.03), 0.03) is None
    assert seeds_needed(found(upper=0.0301, deviation=0.009), 0.03) == 6
    assert "7 more seeds would certify 3 %" in decide(found(upper=0.045, deviation=0.009), 0.03)[1]
    assert "1 more seed would certify 3 %" in decide(found(upper=0.0301, deviation=0.009), 0.03)[1]
    assert "more seeds cannot certify" in decide(found(upper=0.045, deviation=0.03), 0.03)[1]


KNOWN = IrreducibleLoss(value=0.0, low=0.0, high=0.0, source="known")


def graded(floor=KNOWN, margin=0.03, planned=0.03, **more):
    known = {"horizon_source": "pilot", **more}
    curve = LearningCurve(family="f", dataset="d", recipe="r", size=1, seed=0, x=[1.0], loss=[1.0], **known)
    return grade([curve], floor, margin=margin, planned=planned)


@pytest.mark.parametrize(
    "arguments, why",
    [
        ({"horizon_source": "assumed"}, "the horizons were assumed"),
        ({"repeats": 3.0}, "each example was seen 3 times"),
        ({"pool_fraction": 0.126}, "uses 0.13 of the pool"),
        ({"margin": 0.05}, "margin changed after the data, from 0.03 to 0.05"),
        ({"floor": dataclasses.replace(KNOWN, source="none", value=None)}, "irreducible loss is not known"),
        ({"floor": dataclasses.replace(KNOWN, source="given")}, "given by hand"),
        ({"floor": dataclasses.replace(KNOWN, source="fit")}, "rejects 17 to 27 % of true collapses"),
        ({"floor": dataclasses.replace(KNOWN, source="profile")}, "there is a floor such that"),
    ],
)
def test_what_makes_evidence_exploratory(arguments, why):
    evidence, reasons = graded(**arguments)
    assert evidence == "exploratory"
    assert len(reasons) == 1 and why in reasons[0]


def test_confirmatory_evidence():
    assert graded(repeats=1.0, pool_fraction=0.125) == ("confirmatory", ())


def test_words():
    assert [percent(v) for v in (0.018, 0.12, 0.0037, 0.03, 1.234)] == ["1.8 %", "12 %", "0.37 %", "3 %", "123 %"]
    assert together(["width 24", "width 32"]) == "widths 24, 32"
    assert together(["width 24"]) == "width 24"
    assert together(["tiny", "small"]) == "tiny, small"
    x = np.array([0.1, 0.2, 0.3, 0.6, 0.9])
    assert stretch_of(np.array([1, 1, 0, 0, 0]), x) == "at x < 0.3"
    assert stretch_of(np.array([0, 0, 0, 1, 1]), x) == "at x > 0.3"
    assert stretch_of(np.array([0, 1, 0, 1, 0]), x) == "between x = 0.2 and 0.6"
    assert stretch_of(np.ones(5), x) == "over the whole range"

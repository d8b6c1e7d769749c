"""The verdict table row by row, the gate, the evidence, and the words."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from onecurve.collapse.controls.negatives import ResolutionLimit
from onecurve.collapse.outcome import Bounds, Extent, IrreducibleLoss
from onecurve.collapse.reasons import because
from onecurve.collapse.sentences.numbers import percent, stretch_of, together
from onecurve.collapse.sentences.verdicts import leaving
from onecurve.collapse.verdict import Findings, decide, grade, seeds_needed
from onecurve.results.curves import LearningCurve
from onecurve.results.quantity import LOSS


def found(
    deviation=0.006,
    lower=0.0,
    upper=0.018,
    seeds=5,
    censored=0,
    resolution: float | None = 0.031,
    gated=True,
    p=0.3,
    guessed=False,
    fitted=False,
) -> Findings:
    return Findings(
        bounds=Bounds(deviation=deviation, lower_bound=None if seeds < 3 else lower, upper_bound=upper),
        largest_se=0.005,
        extent=Extent(n_rungs=6, n_seeds=seeds, n_censored=censored),
        p_exact=p,
        untested=because("test-level-not-held") if fitted else None,
        gate=ResolutionLimit(limit=resolution, guessed=guessed) if gated else None,
    )


@pytest.mark.parametrize(
    "changes, verdict, reason",
    [
        ({}, "collapse", None),
        ({"p": 0.05}, "collapse", None),
        ({"p": 0.049}, "approximate", None),
        ({"deviation": 0.04, "lower": 0.03, "upper": 0.05, "p": 0.001}, "no-collapse", None),
        ({"lower": 0.029, "upper": 0.05, "p": 0.001}, "cannot-tell", "size-undecided"),
        ({"upper": 0.03, "p": 0.2}, "cannot-tell", "underpowered"),
        ({"p": None, "seeds": 2}, "collapse", "exactness-untested"),
        ({"p": None, "seeds": 2, "lower": 0.05, "upper": 0.1}, "cannot-tell", "underpowered-below"),
        ({"upper": 3.0, "p": 0.2}, "cannot-tell", "beyond-seeds"),
        ({"resolution": 0.0179}, "cannot-tell", "unresolved-by-horizon"),
        ({"resolution": 0.0179, "p": 0.01}, "cannot-tell", "unresolved-by-horizon"),
        ({"resolution": 0.0179, "gated": False}, "collapse", None),
        ({"resolution": None}, "cannot-tell", "unresolved"),
        ({"resolution": 0.0}, "cannot-tell", "unresolved-power-law"),
        ({"resolution": 0.01, "guessed": True}, "cannot-tell", "unresolved-without-schedule"),
        ({"resolution": 0.02, "guessed": True}, "collapse", None),
        ({"p": None, "fitted": True}, "collapse", "exactness-untested-for"),
        ({"resolution": 0.0179, "lower": 0.04, "upper": 0.1, "p": 0.001}, "no-collapse", None),
        ({"censored": 2}, "cannot-tell", "selection"),
        ({"censored": 2, "lower": 0.04, "upper": 0.1, "p": 0.001}, "no-collapse", None),
    ],
)
def test_every_row_of_the_table(changes, verdict, reason):
    said, why = decide(found(**changes), 0.03)
    assert said == verdict
    assert (why is None) if reason is None else why.code == reason


def test_an_undecided_size_is_printed_with_both_bounds():
    _, why = decide(found(lower=0.0089, upper=0.038, p=0.01), 0.03)
    assert why == because("size-undecided", p=0.01, low=0.0089, high=0.038)


def test_seeds_needed():
    assert seeds_needed(found(upper=0.045, deviation=0.009), 0.03) == 12  # 5 (.045/.03)^2 = 11.25
    assert seeds_needed(found(upper=0.045, deviation=0.02), 0.03) == 32  # 5 (.025/.010)^2 = 31.25
    assert seeds_needed(found(upper=0.045, deviation=0.03), 0.03) is None
    assert seeds_needed(found(upper=0.0301, deviation=0.009), 0.03) == 6
    assert decide(found(upper=0.045, deviation=0.009), 0.03)[1].values["more"] == 7
    assert decide(found(upper=0.0301, deviation=0.009), 0.03)[1].values["more"] == 1
    assert decide(found(upper=0.045, deviation=0.03), 0.03)[1] == because("at-the-margin", margin=0.03)


KNOWN = IrreducibleLoss(value=0.0, low=0.0, high=0.0, source="known")


def graded(floor=KNOWN, margin=0.03, planned=0.03, **more):
    known = {"horizon_source": "pilot", "tuned": "yes", **more}
    curve = LearningCurve(family="f", dataset="d", recipe="r", size=1, seed=0, x=[1.0], loss=[1.0], **known)
    return grade([curve], floor, margin=margin, planned=planned)


@pytest.mark.parametrize(
    "arguments, why",
    [
        ({"horizon_source": "assumed"}, because("exploratory-horizons-assumed")),
        ({"tuned": "unknown"}, because("exploratory-rate-unknown")),
        ({"tuned": "mis-scaled"}, because("exploratory-rate-mis-scaled")),
        ({"repeats": 3.0}, because("exploratory-examples-repeated", times=3.0)),
        ({"pool_fraction": 0.126}, because("exploratory-pool-small", share=0.126)),
        ({"margin": 0.05}, because("exploratory-margin-changed", planned=0.03, margin=0.05)),
        (
            {"floor": dataclasses.replace(KNOWN, source="none", value=None)},
            because("exploratory-floor-unknown", quantity=LOSS),
        ),
        ({"floor": dataclasses.replace(KNOWN, source="given")}, because("exploratory-floor-given", quantity=LOSS)),
        ({"floor": dataclasses.replace(KNOWN, source="fit")}, because("exploratory-floor-fitted", quantity=LOSS)),
        ({"floor": dataclasses.replace(KNOWN, source="profile")}, because("exploratory-floor-profiled", quantity=LOSS)),
    ],
)
def test_what_makes_evidence_exploratory(arguments, why):
    evidence, reasons = graded(**arguments)
    assert evidence == "exploratory"
    assert reasons == (why,)


def test_confirmatory_evidence():
    assert graded(repeats=1.0, pool_fraction=0.125) == ("confirmatory", ())


def test_words():
    assert [percent(v) for v in (0.018, 0.12, 0.0037, 0.03, 1.234)] == ["1.8 %", "12 %", "0.37 %", "3 %", "123 %"]
    assert together(["width 24", "width 32"]) == "widths 24, 32"
    assert together(["features 16", "features 23"]) == "features 16, 23"
    assert together(["width 24"]) == "width 24"
    assert together(["tiny", "small"]) == "tiny, small"
    x = np.array([0.1, 0.2, 0.3, 0.6, 0.9])
    assert stretch_of(np.array([1, 1, 0, 0, 0]), x) == "at x < 0.3"
    assert stretch_of(np.array([0, 0, 0, 1, 1]), x) == "at x > 0.3"
    assert stretch_of(np.array([0, 1, 0, 1, 0]), x) == "between x = 0.2 and 0.6"
    assert stretch_of(np.ones(5), x) == "over the whole range of x"


@pytest.mark.parametrize(
    "out, said",
    [
        ({(1, 12): 0.05}, "width 1 leaves at x = 0.33, from width 2 on none does"),
        ({(3, 3): 0.05, (3, 4): 0.05, (3, 20): -0.05}, "width 3 leaves between x = 0.13 and 0.15 and at x = 0.73"),
        ({(1, 5): 0.05, (3, 20): 0.05}, "width 1 leaves at x = 0.16, width 3 leaves at x = 0.73"),
        ({(1, 5): 0.05, (2, 5): 0.05}, "widths 1, 2 leave at x = 0.16, from width 3 on none does"),
        ({}, None),
    ],
)
def test_each_size_leaves_where_it_does(out, said):
    x = np.geomspace(0.1, 0.98, 24)
    d = np.zeros((3, 24))
    for (size, at), value in out.items():
        d[size - 1, at] = value
    names = ("width 1", "width 2", "width 3")
    rescaled = SimpleNamespace(rungs=names, x=x)
    result = SimpleNamespace(single=False, d=d, band=np.full((3, 24), 0.01), rescaled=rescaled, exact=None)
    assert leaving(result) == said


def test_no_seeds_are_advised_against_an_error_that_all_curves_share():
    shared = dataclasses.replace(found(upper=0.045, deviation=0.009), common=0.031)
    assert seeds_needed(shared, 0.03) is None
    assert decide(shared, 0.03)[1].code == "shared-error-reaches-margin"
    some = dataclasses.replace(found(upper=0.045, deviation=0.009), common=0.02)
    assert seeds_needed(some, 0.03) == 17  # 5 (.045^2 - .02^2)/(.03^2 - .02^2) = 16.25

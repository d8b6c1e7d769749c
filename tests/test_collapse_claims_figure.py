"""The figure of the table of constants: a colour a verdict, families by name, nothing silently left out."""

import dataclasses

import pytest
from matplotlib.colors import to_hex
from onecurve.collapse.claims.claim import load_claim
from onecurve.collapse.claims.estimators.estimator import judged
from onecurve.collapse.claims.figure import claims_sheet
from onecurve.collapse.claims.judging import Finding, Trusted, verdicts
from onecurve.collapse.claims.record import Record, said_of
from onecurve.collapse.drawing.lettering import house_style

ABOUT = {"claim": "one-third-law", "predicted": 1.0, "margin": 0.1}


def finding(family, value, dataset="d", reason=""):
    return Finding(
        **ABOUT, family=family, dataset=dataset, estimate=judged(value, 0.001, 7, 1.0, 0.1, {}), reason=reason
    )


def sheet_of(*findings):
    known = verdicts([finding("f", 1.0)])[0]
    record = Record(
        claim=said_of(load_claim("one-third-law")),
        stated_digest="",
        stated_on="",
        judged_on="",
        trusted=Trusted(truth=known, counter=known, seconds=0.0),
        findings=findings,
    )
    with house_style():
        return claims_sheet([record])


def dots_of(sheet):
    """Colour and distance from the prediction of each dot, from the top down, each on a line of its own."""
    (axes,) = sheet.figure.axes
    dots = [line for line in axes.lines if line.get_linestyle() == "None"]
    dots.sort(key=lambda dot: dot.get_ydata()[0])
    heights = [dot.get_ydata()[0] for dot in dots]
    assert len(set(heights)) == len(dots) and axes.get_ylim()[1] < heights[0] <= heights[-1] < axes.get_ylim()[0]
    return [(to_hex(dot.get_color()), float(dot.get_xdata()[0])) for dot in dots]


def test_each_verdict_has_a_colour_and_far_numbers_are_drawn_at_the_end():
    sheet = sheet_of(
        finding("a", 1.01), finding("b", 2.0), finding("c", 1.1), finding("d", 9.0, reason="x is 1"), finding("e", 1.02)
    )
    dots = dots_of(sheet)
    assert [at for _, at in dots] == pytest.approx([0.1, 10, 1, 30, 0.2])
    colors = [color for color, _ in dots]
    assert len(set(colors)) == 4 and colors[0] == colors[4]
    assert [point["family"] for point in sheet.points] == list("abcde") and sheet.points[3]["y"] == 9.0


def test_families_are_named_beside_their_dots_with_the_data_set_where_one_has_two():
    without = dataclasses.replace(finding("b", 1.0), estimate=None, reason="too few")
    sheet = sheet_of(finding("a", 1.0), finding("a", 1.0, dataset="e"), without)
    said = [text.get_text().strip() for text in sheet.figure.axes[0].texts]
    assert said == ["a on d", "a on e", "b", "no number"]
    assert len(sheet.points) == len(dots_of(sheet)) == 2

"""Answers in words and in JSON: every reason has a template, and what is missing keeps its place."""

from __future__ import annotations

import ast
import dataclasses
import string
from pathlib import Path

import numpy as np
import onecurve
import pytest
from onecurve.collapse.composing import OK, Missing
from onecurve.collapse.controls.otherwise import Otherwise
from onecurve.collapse.families.along import Along
from onecurve.collapse.families.card import DeviationCard, Standing, Trend
from onecurve.collapse.families.permutation import DatasetTest
from onecurve.collapse.families.variance import VarianceShare, VarianceShares
from onecurve.collapse.outcome import FamilyDeviation
from onecurve.collapse.pilots.sensitivity import CollapseAt
from onecurve.collapse.planning.detectable import Detectable
from onecurve.collapse.planning.fewest_seeds import Goal, Need
from onecurve.collapse.planning.planner import Design
from onecurve.collapse.reasons import because
from onecurve.collapse.sentences.as_json import worded
from onecurve.collapse.sentences.of_controls import otherwise_lines
from onecurve.collapse.sentences.of_families import along_sentence, card_sentence, shares_sentence
from onecurve.collapse.sentences.of_pilots import sensitivity_sentence
from onecurve.collapse.sentences.of_planning import design_row, detectable_line
from onecurve.collapse.sentences.reasons import SENTENCES, say
from onecurve.collapse.within.rise import Rise
from onecurve.results.quantity import Quantity

ROOT = Path(onecurve.__file__).parent / "collapse"
ROOMS = ("families", "laws", "controls", "planning", "finite_size", "scaling")
X = np.array([0.1, 0.2, 0.4, 0.8])


def reasons_given():
    """Code and names of the values of every ``because`` with a plain code in the rooms."""
    for room in ROOMS:
        for path in (ROOT / room).glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "because"
                if called and isinstance(node.args[0], ast.Constant):
                    yield node.args[0].value, {keyword.arg for keyword in node.keywords}


def test_every_reason_has_a_template_that_shows_what_it_is_given():
    given = list(reasons_given())
    assert len(given) > 60
    for code, values in given:
        shown = {name for _, name, _, _ in string.Formatter().parse(SENTENCES[code]) if name}
        assert None in values or shown <= values, code


def test_a_reason_is_said_of_the_quantity_and_leaves_names_alone():
    error = Quantity("test_accuracy", "complement")
    assert say(because("exponent-needs-a-floor"), error) == "the smallest reachable error is not known"
    left = because("cell-not-rescaled", family="lossnet", dataset="d", why=because("exponent-needs-a-floor"))
    assert say(left, error) == "lossnet on d is left out: the smallest reachable error is not known"
    with pytest.raises(KeyError):
        say(because("no-such-code"))


def test_what_is_missing_keeps_its_place_in_json():
    why = because("two-families-on-two-data-sets")
    found = worded(Missing(DatasetTest, why, {"n_families": 1}))
    assert found.keys() == worded(DatasetTest(statistic=1, expected=1, p=1, n_families=2, n_datasets=2)).keys()
    assert (found["p"], found["n_families"], found["status_code"]) == (None, 1, why.code)
    notes = (because("cell-not-trained", kind="family", name="a"),)
    shares = worded(Missing(VarianceShares, why, {"notes": notes}))
    assert shares["note_codes"] == ["cell-not-trained"] and shares["shares"] == []
    assert "cannot be shared out" in shares["sentence"]


def card(verdict="no-collapse", **changes):
    row = FamilyDeviation(
        family="odd", recipe="r", name="odd", deviation=0.2, low=0.15, high=0.25, where=(0.1, 0.2), verdict=verdict,
        reason=None, x=X, difference=np.array([0.2, 0.1, 0.0, 0.0]),
    )  # fmt: skip
    standing = Standing(
        amplitude=0.2, at=0.1, sign="above", trend=Trend(per_doubling=0.03, low=0.02, high=0.04, direction="grows"),
        causes=(), explained=because("main-cause", cause="mu", own=0.9, others=0.6), rank=1, typical=0.1,
        scale="end-point",
    )  # fmt: skip
    return DeviationCard(row=dataclasses.replace(row, **changes), standing=standing, n_ranked=3, margin=0.03)


def test_a_card_in_words():
    assert card_sentence(card()) == (
        "odd lies up to 20 % above the curve of the other families at x < 0.4; the difference is at least 15 %, and "
        "the margin is 3 %; it is mostly explained by mu, 0.9 where the others have 0.6; it grows by 3 % with each "
        "doubling of the model size"
    )
    shared = card_sentence(card("collapse", low=0.0, high=0.02))
    assert shared == "odd shares the curve of the other families within 2 %, less than the margin of 3 %"
    assert "it may be as large as 25 %, and more seeds would tell" in card_sentence(card("cannot-tell", low=0.0))
    row = FamilyDeviation(
        family="c", recipe="r", name="c", verdict="cannot-tell", reason=because("not-on-the-others-grid")
    )
    blank = DeviationCard(row=row, standing=None, n_ranked=3, margin=0.03)
    assert card_sentence(blank).startswith("c cannot be compared with the other families: its curves")
    assert worded(blank).keys() == worded(card()).keys() and worded(blank)["amplitude"] is None


def test_along_in_words():
    found = Along(
        family="mine", nearest="near", within=0.015, stretches=((0.1, 0.2),), amplitude=0.1, at=0.1, resolution=0.02,
        scale="end-point", x=X, difference=np.array([0.1, 0.1, 0.0, 0.0]), half=np.full(4, 0.02),
    )  # fmt: skip
    assert along_sentence(found) == (
        "mine follows the curve of near within 1.5 %, except at x < 0.4, where it lies up to 10 % above it at x = 0.1; "
        "with these seeds and model sizes, differences below 2 % could not be detected"
    )
    near = dataclasses.replace(found, amplitude=0.012)  # less than what is possible elsewhere
    assert "within 1.5 %, and is told apart from it at x < 0.4, where it lies up to 1.2 % above" in along_sentence(near)
    apart = dataclasses.replace(found, within=None, difference=np.full(4, -0.1), amplitude=-0.1)
    assert "mine follows no other curve: it leaves the nearest one, of near, everywhere" in along_sentence(apart)
    blind = dataclasses.replace(found, resolution=11.48)
    assert along_sentence(blind).endswith("no difference that is smaller than the curves themselves could be detected")
    assert worded(blind)["resolution"] == 11.48
    assert "difference" not in worded(found) and worded(found)["sentence"] == along_sentence(found)


def test_errors_larger_than_the_curves_are_no_numbers():
    seen = Detectable(trend=0.02, odd_rung=1.0, refutable=0.1, certifiable=0.03, horizon_error=0.2, power=0.8)
    assert detectable_line(seen) == (
        "minimum detectable deviation, with 80 % power: a trend with size 2 %, one deviating model size 100 %; a "
        "margin of 3 % can be certified; an error of 20 % in the horizon exponent can be detected"
    )
    none = Detectable(trend=11.48, odd_rung=None, refutable=None, certifiable=2.0, horizon_error=30.0, power=0.8)
    told = "none that is smaller than the curves themselves"
    assert detectable_line(none) == (
        f"minimum detectable deviation, with 80 % power: a trend with size {told}, one deviating model size {told}; "
        "no margin below 100 % can be certified; no error below 100 % in the horizon exponent can be detected"
    )
    assert (worded(none)["trend"], worded(none)["odd_rung"]) == (11.48, None)
    for least, told in ((0.5, "50 % or more"), (3.0, "exceeds the curves themselves")):
        assert told in next(otherwise_lines(Otherwise(ladders=(), least=least)))
    for least, told in ((0.5, "from 50 % on"), (3.0, "no change smaller than the curves themselves")):
        rise = Rise(rise=0.4, low=0.2, high=0.6, paired=True, rms=0.2, rms_of_other=0.1)
        at = CollapseAt(factor=1.0, sizes=3, deviation=0.1, least=least)
        assert told in sensitivity_sentence((at, CollapseAt(factor=1.2, sizes=3, deviation=0.1, rise=rise)))


def test_shares_and_designs_in_words():
    shares = [
        VarianceShare(source=s, share=v, seed_interval=(0, 1), family_interval=None)
        for s, v in (("d", 0.8), ("a", 0.1))
    ]
    found = VarianceShares(x=X, components=X, along=X, shares=tuple(shares), notes=())
    assert shares_sentence(found) == (
        "the data set explains 80 % of the variance of the curves' shape, the architecture 10 %"
    )
    design = Design(
        goal=Goal(kind="certify", amount=0.03), power=0.8, rungs=6, span=32.0, need=Need(seeds=7, start=6), effect=0.0,
        cost=None, confirmatory=True, method="formula",
    )  # fmt: skip
    assert design_row(design, None) == ["certify a margin of 3 %", "80 %", "6", "32", "7", "-", "-", "ok"]
    written = worded(design)
    assert (written["goal"], written["seeds"], written["status_code"]) == ("certify", 7, OK.code)
    none = dataclasses.replace(design, need=Missing(Need, because("not-by-seeds")))
    assert none.seeds is None and worded(none).keys() == written.keys()

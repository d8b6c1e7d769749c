"""Further questions reach the command line and the JSON, and the contract stays."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from onecurve.collapse.analysis import analyze, to_json
from onecurve.collapse.inquiry import QUESTIONS, inquire, inquiry_json
from onecurve.errors import InputError
from onecurve.results.reading import read_curves

DEMO = Path(__file__).resolve().parents[1] / "results" / "reference" / "demo.parquet"


@pytest.fixture(scope="module")
def curves():
    return read_curves([DEMO])


def test_no_question_is_the_analysis(curves):
    inquiry = inquire(curves, [], rng=np.random.default_rng(0))
    plain = to_json(analyze(curves, rng=np.random.default_rng(0).spawn(1)[0]))
    asked = inquiry_json(inquiry)
    for mine, theirs in zip(asked["groups"], plain["groups"], strict=True):
        assert {key: mine[key] for key in theirs} == theirs
        assert {mine[name] for name in ("laws", "forecast", "detectable", "where", "controls")} == {None}
    assert asked["legs"] == []


def test_every_question_reaches_the_json(curves):
    asked = inquiry_json(inquire(curves, QUESTIONS, rng=np.random.default_rng(0)))
    json.dumps(asked, allow_nan=False)
    control = next(group for group in asked["groups"] if group["control"] == "holds")
    assert control["detectable"]["trend"] < control["detectable"]["certifiable"] < 0.03
    assert control["laws"]["rescalings"]["best"] is not None
    assert control["forecast"]["master"]["skill"]["last value"]["value"] > 0.5
    # The right control is exact but for corrections of order 1/N, which 16 seeds can see.
    assert all(abs(rung["peak"]) < 0.01 for rung in control["where"]["rungs"])
    wrong = next(group for group in asked["groups"] if group["control"] == "fails")
    assert wrong["where"]["p_value"] < 0.01 and wrong["where"]["rungs"]
    settings = {across["dataset"]: across for across in asked["across_families"]}
    assert {card["family"] for card in settings["glyphs"]["cards"]} == {"cnn", "mlp", "resmlp", "resnet", "vit"}
    assert all(card["sentence"] for across in settings.values() for card in across["cards"])
    assert control["controls"]["shuffled"]["p_deviation"] > 0.01 > wrong["controls"]["shuffled"]["p_deviation"]
    assert "constant" in control["controls"]["wrong_horizons"]["status"]
    foreign = next(g for g in asked["groups"] if (g["family"], g["dataset"]) == ("cnn", "glyphs"))["controls"][
        "foreign"
    ]
    assert [one["control"] for one in foreign][0] == "other data sets" and foreign[0]["deviation"] > 0
    assert {one["family"] for one in settings["mnist"]["claims"]["families"] if one["deviates"]} >= {"vit"}
    assert not settings["mnist"]["claims"]["all_share"]
    (leg,) = asked["legs"]
    assert leg["margin"]["tightened"] and max(v for v in leg["margin"]["values"] if v is not None) <= 0.03
    assert leg["leg"] == "decayed" and 0 < leg["datasets"]["p"] <= 1
    assert "the data set explains" in leg["shares"]["sentence"]


def test_an_unknown_question(curves):
    with pytest.raises(InputError, match="unknown question 'forcast'. Did you mean 'forecast'"):
        inquire(curves, ["forcast"], rng=np.random.default_rng(0))


def test_answers_on_the_terminal(onecurve):
    done = onecurve("analyze", DEMO, "--across", "--forecast", "--laws", "--where")
    assert done.returncode == 0, done.stderr
    for words in ("would have shown, with 80 % power", "rescaling:", "forecast of features 128", "no rung leaves the"):
        assert words in done.stdout
    assert "the data set explains" in " ".join(done.stdout.split())


def test_power_from_a_level_and_from_a_pilot(onecurve):
    planned = json.loads(onecurve("power", "--noise", "0.01", "--json").stdout)
    assert {design["goal"] for design in planned["designs"]} >= {"detect", "certify"}
    assert all(design["seeds"] >= 3 for design in planned["designs"])
    pilot = onecurve("power", DEMO, "--family", "linear", "--noise", "0.1")
    assert pilot.returncode == 2 and "either a pilot or --noise" in pilot.stderr
    several = onecurve("power", DEMO)
    assert several.returncode == 2 and "one group of curves" in several.stderr
    assert "Did you mean 'fourier'" in onecurve("power", DEMO, "--dataset", "furier").stderr
    assert "sd of the relative excess loss" in onecurve("power", "--noise", "7").stderr


def test_a_quick_certificate_is_written(onecurve, tmp_path):
    done = onecurve("calibrate", "--quick", "--groups", "20", "--to", "page.md", "--json", "numbers.json")
    assert done.returncode == 0, done.stderr
    assert "# Calibration certificate" in (tmp_path / "page.md").read_text()
    numbers = json.loads((tmp_path / "numbers.json").read_text())
    assert numbers["quick"] and numbers["groups"] == 20
    assert all(truth["agrees"] for truth in numbers["truths"] if "agrees" in truth)

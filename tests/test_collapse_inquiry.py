"""Further questions reach the command line and the JSON, and the contract stays."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from onecurve.collapse.analysis import analyze, to_json
from onecurve.collapse.calibration.simulation import Scenario, simulate
from onecurve.collapse.inquiry import OF_GROUPS, QUESTIONS, inquire
from onecurve.collapse.inquiry_contract import inquiry_json
from onecurve.collapse.sentences.answers import group_lines, leg_lines, setting_lines
from onecurve.errors import InputError
from onecurve.results.curves import CurveSet
from onecurve.results.reading import read_curves
from onecurve.scripts.answer_lines import print_answers
from onecurve.scripts.cli import app
from rich.console import Console
from typer.testing import CliRunner

QUICK = Path(__file__).resolve().parents[1] / "results" / "reference" / "quick.parquet"
#: Exponents in time of simulated families on data sets whose irreducible loss is not known.
NETWORKS = {("cnn", "glyphs"): 0.4, ("mlp", "glyphs"): 0.5, ("vit", "glyphs"): 0.9, ("cnn", "mnist"): 0.5,
            ("mlp", "mnist"): 0.6, ("vit", "mnist"): 1.1, ("decoder", "pysource"): 0.3}  # fmt: skip


@pytest.fixture(scope="module")
def curves(tmp_path_factory):
    """The controls of the published run with six seeds, and simulated networks on three data sets."""
    path = tmp_path_factory.mktemp("quick") / "controls.parquet"
    pq.write_table(pq.read_table(QUICK, filters=(pc.field("family") == "linear") & (pc.field("seed") < 6)), path)
    controls = read_curves([path])
    found = []
    for (family, dataset), mu in NETWORKS.items():
        ladder = Scenario(rungs=4, seeds=3, mu=mu, decay=True, noise_ratio=2.0)
        found += simulate(ladder, 1, np.random.default_rng(len(found))).curves(0, family=family, dataset=dataset)
    networks = [dataclasses.replace(curve, irreducible_loss=None) for curve in found]
    return CurveSet.of([*controls, *networks], controls.margin)


def test_no_question_is_the_analysis(curves):
    inquiry = inquire(curves, [], rng=np.random.default_rng(0))
    plain = to_json(analyze(curves, rng=np.random.default_rng(0).spawn(1)[0]))
    asked = inquiry_json(inquiry)
    for mine, theirs in zip(asked["groups"], plain["groups"], strict=True):
        assert {key: mine[key] for key in theirs} == theirs
        assert {mine[name] for name in OF_GROUPS} == {None}
    assert asked["legs"] == []


@pytest.fixture(scope="module")
def answered(curves):
    return inquire(curves, QUESTIONS, rng=np.random.default_rng(0))


def test_every_question_reaches_the_json(answered):
    asked = inquiry_json(answered)
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
    assert {card["family"] for card in settings["glyphs"]["cards"]} == {"cnn", "mlp", "vit"}
    assert all(card["sentence"] for across in settings.values() for card in across["cards"])
    assert control["controls"]["shuffled"]["p_deviation"] > 0.01 > wrong["controls"]["shuffled"]["p_deviation"]
    assert control["controls"]["wrong_horizons"]["status_code"] == "cut-needs-constant-rate"
    foreign = next(g for g in asked["groups"] if (g["family"], g["dataset"]) == ("cnn", "glyphs"))["controls"][
        "foreign"
    ]
    assert [one["control"] for one in foreign][0] == "other data sets" and foreign[0]["deviation"] > 0
    assert {one["family"] for one in settings["mnist"]["claims"]["families"] if one["deviates"]} >= {"vit"}
    assert not settings["mnist"]["claims"]["all_share"]
    (leg,) = asked["legs"]
    (apart,) = asked["across_datasets"]
    assert (
        apart["shared"] in ("no-collapse", "cannot-tell") and apart["deviation"] > 0.05 and len(apart["datasets"]) == 3
    )
    assert all(0.5 < one["discrimination"]["share"] <= 1 for one in asked["groups"])
    assert leg["leg"] == "decayed" and 0 < leg["datasets"]["p"] <= 1
    assert leg["shares"]["status_code"] == "ok" and leg["shares"]["sentence"]


def test_an_unknown_question(curves):
    with pytest.raises(InputError, match="unknown question 'forcast'. Did you mean 'forecast'"):
        inquire(curves, ["forcast"], rng=np.random.default_rng(0))


def test_answers_on_the_terminal(answered):
    text = io.StringIO()
    print_answers(answered, Console(file=text, width=120))
    said = " ".join(text.getvalue().split())
    lines = [line for group in answered.groups for line in group_lines(group)]
    lines += [line for setting in answered.settings for line in setting_lines(setting)]
    lines += [line for leg in answered.legs for line in leg_lines(leg)]
    assert len(lines) > 60 and all(" ".join(line.split()) in said for line in lines)


def test_power_from_a_level_and_from_a_pilot(onecurve):
    planned = json.loads(CliRunner().invoke(app, ["power", "--noise", "0.01", "--json"]).stdout)
    assert {design["goal"] for design in planned["designs"]} >= {"detect", "certify"}
    assert all(design["seeds"] >= 3 for design in planned["designs"])
    pilot = onecurve("power", QUICK, "--family", "linear", "--noise", "0.1")
    assert pilot.returncode == 2 and "either a pilot or --noise" in pilot.stderr
    for arguments, words in (
        ([QUICK], "one group of curves"),
        ([QUICK, "--dataset", "furier"], "Did you mean 'fourier'"),
        (["--noise", "7"], "sd of the relative excess loss"),
    ):
        failed = CliRunner().invoke(app, ["power", *map(str, arguments)])
        assert isinstance(failed.exception, InputError) and words in str(failed.exception)

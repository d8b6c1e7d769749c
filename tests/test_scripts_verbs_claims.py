"""`onecurve claims`: from a user's file to the table of constants and its figure."""

import json

import pytest
import yaml
from typer.testing import CliRunner

from test_collapse_claims_claim import GIVEN  # isort: skip

SETTING = {
    "defaults": {"optimizer": "sgd", "schedule": "constant", "parametrization": "standard", "warmup_fraction": 0},
    "groups": [
        {
            "families": ["linear"],
            "datasets": [{"name": "power-law-regression", "features": 64}],
            "rungs": [64],
            "seeds": 3,
            "peak_lr": 0.05,
            "batch_size": 32,
            "horizon": {"rule": "steps", "steps": 60},
        }
    ],
}


@pytest.fixture
def onecurve():
    from onecurve.errors import InputError
    from onecurve.scripts.cli import app

    def call(*words):
        done = CliRunner().invoke(app, list(map(str, words)))
        if done.exception and not isinstance(done.exception, (InputError, SystemExit)):
            raise done.exception
        return done

    return call


def write(path, **changes):
    path.write_text(yaml.safe_dump({**GIVEN, "setting": SETTING, **changes}))
    return path


def test_a_claim_of_a_file_is_judged_and_reported(onecurve, tmp_path):
    mine, out = write(tmp_path / "mine.yaml"), tmp_path / "runs"
    done = onecurve("claims", "run", mine, "--out", out, "--address", "in-process")
    assert done.exit_code == 0, done.output
    assert "where it is true, holds" in done.stdout and "| mine | linear | power-law-regression |" in done.stdout
    stated = json.loads((out / "mine" / "stated.json").read_text())

    write(mine, statement="It falls.")
    onecurve("claims", "run", mine, "--out", out, "--address", "in-process")
    assert onecurve("claims", "report", "--out", out, "--json", tmp_path / "r.json").exit_code == 0
    found = json.loads((tmp_path / "r.json").read_text())
    (claim,), (row,) = found["claims"], found["constants"]
    assert claim["stated_digest"] == stated["digest"] != claim["claim"]["digest"]
    assert row["low"] <= row["value"] <= row["high"]
    assert "was changed after its data" in (out / "claims.md").read_text()
    assert {(out / f"claims.{kind}").stat().st_size > 0 for kind in ("png", "svg", "pdf", "csv")} == {True}


def test_a_claim_that_does_not_know_its_truth_trains_nothing(onecurve, tmp_path):
    blind = write(tmp_path / "mine.yaml", counter={"name": "power-of-time"})
    done = onecurve("claims", "run", blind, "--out", tmp_path / "runs", "--address", "in-process")
    assert "so it judges no network" in done.stdout
    assert not list((tmp_path / "runs" / "mine").glob("*.lock.json"))


def test_a_setting_that_was_not_trained_to_its_end_is_not_judged(onecurve, tmp_path, monkeypatch):
    from onecurve.benchmark import sweep_plan

    whole = sweep_plan.trial_ids
    monkeypatch.setattr(sweep_plan, "trial_ids", lambda *given: [*whole(*given), "0123456789abcdef"])
    mine, out = write(tmp_path / "mine.yaml"), tmp_path / "runs"
    done = onecurve("claims", "run", mine, "--out", out, "--address", "in-process")
    assert "1 of 4 trials of its setting were not trained" in str(done.exception)
    assert not (out / "mine" / "claim.json").exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"observable": "sharpnes"}, "which its setting does not record"),
        ({"setting": {"groups": [{**SETTING["groups"][0], "families": ["mlpp"]}]}}, "unknown family 'mlpp'"),
        ({"setting": {"group": []}}, "unknown key in the setting of 'mine'"),
    ],
)
def test_a_setting_that_cannot_be_trained_is_said_before_anything_is(onecurve, tmp_path, changes, said):
    done = onecurve("claims", "run", write(tmp_path / "mine.yaml", **changes), "--out", tmp_path / "runs")
    assert done.exit_code != 0 and said in str(done.exception)


def test_other_families_may_be_asked(onecurve, tmp_path):
    done = onecurve("claims", "run", write(tmp_path / "mine.yaml"), "--families", "mlpp", "--out", tmp_path / "runs")
    assert "unknown family 'mlpp'" in str(done.exception)


def test_lists_and_truths(onecurve, tmp_path):
    assert "one-third-law" in onecurve("claims", "list").stdout
    rows = json.loads(onecurve("claims", "list", "--json").stdout)
    assert {"predicts", "margin", "regime", "fails_if", "digest"} <= set(rows[0])
    assert "where it is false, fails" in onecurve("claims", "run", "--truths", "maximal-update-rate").stdout
    done = onecurve("claims", "report", "--out", tmp_path)
    assert "no claim was judged" in str(done.exception)

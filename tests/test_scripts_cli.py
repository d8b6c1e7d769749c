"""The command line: what a user types, what comes back, and what bad input is told."""

from __future__ import annotations

import json
import os

import polars as pl
import pytest


def tidy(path, floor: float | None = 0.0, rungs: int = 4, seeds: int = 4):
    """Curves E = p^-.3 (r x^-.5 + 1), the same shape for every size, with 1 % of seed noise."""
    import numpy as np

    rng = np.random.default_rng(1)
    x = np.concatenate([np.geomspace(0.1, 0.98, 24), [1.0]])
    rows = []
    for k in range(rungs):
        for seed in range(seeds):
            noise = np.exp(0.01 * rng.standard_normal(len(x)).cumsum() / 5)
            excess = (2.0**k) ** -0.3 * (x**-0.5 + 1) / 2 * noise
            rows += [
                ("net", "web", 1000 * 2**k, seed, float(a), float(b) + (floor or 0.0))
                for a, b in zip(x, excess, strict=True)
            ]
    frame = pl.DataFrame(rows, schema=["family", "dataset", "size", "seed", "x", "loss"], orient="row")
    if floor is not None:
        frame = frame.with_columns(pl.lit(floor).alias("irreducible_loss"))
    frame.write_csv(path)
    return path


def test_a_sweep_from_file_to_figures(onecurve, tiny, tmp_path):
    done = onecurve("run", tiny(), "--out", "run", "--address", "in-process")
    assert done.returncode == 0, done.stderr
    assert "18 trials: 0 were in the table, 18 trained now" in done.stdout
    status = json.loads(onecurve("status", "run", "--json").stdout)
    assert (status["n_trials"], status["ok"], status["failed"], status["pending"]) == (18, 18, 0, 0)
    analyzed = onecurve("analyze", "run", "--json", "out/analysis.json", "--to", "figures")
    assert analyzed.returncode == 0, analyzed.stderr
    result = json.loads((tmp_path / "out" / "analysis.json").read_text())
    assert result["schema_version"] == 3
    assert {(g["family"], g["control"], g["n_rungs"], g["n_seeds"]) for g in result["groups"]} == {
        ("linear", "holds", 3, 3),
        ("mlp", None, 3, 3),
    }
    assert analyzed.stdout.index("control: holds") < analyzed.stdout.index("mlp")
    for suffix in ("png", "svg", "pdf", "csv"):
        assert list((tmp_path / "figures").glob(f"*.{suffix}"))
    assert onecurve("export", "run", "--format", "parquet", "--to", "tables").returncode == 0
    again = onecurve("analyze", "tables/trials.parquet", "--json", "-")
    assert json.loads(again.stdout)["groups"] == result["groups"]
    assert "18 files" not in onecurve("pull", "run", "--to", "copy").stderr
    assert json.loads(onecurve("analyze", "copy", "--json", "-").stdout)["groups"] == result["groups"]


def test_plan_in_json(onecurve, tiny):
    planned = json.loads(onecurve("plan", tiny(), "--json").stdout)
    assert planned["n_trials"] == 18
    assert planned["flops"] > 0 and planned["expected_minutes"] >= 0


@pytest.mark.parametrize(
    ("what", "name"),
    [("families", "resmlp"), ("sweeps", "quick")],  # for data sets see test_scripts_dataset_list.py
)
def test_lists(onecurve, what, name):
    assert name in onecurve("list", what).stdout
    rows = json.loads(onecurve("list", what, "--json").stdout)
    assert name in {next(iter(row.values())) for row in rows}


def test_analysis_of_other_peoples_curves(onecurve, tmp_path):
    tidy(tmp_path / "curves.csv")
    (group,) = json.loads(onecurve("analyze", "curves.csv", "--json", "-").stdout)["groups"]
    assert (group["n_rungs"], group["n_seeds"]) == (4, 4)
    assert group["p_exact"] > 0.01
    assert group["upper_bound"] < 0.1


def test_names_are_printed_and_drawn_as_they_are(onecurve, tmp_path):
    """Square brackets are rich's markup, dollars matplotlib's formulas."""
    frame = pl.read_csv(tidy(tmp_path / "curves.csv"))
    frame.with_columns(family=pl.lit("a[/b] $\\frac{"), dataset=pl.lit("../web")).write_csv(tmp_path / "curves.csv")
    done = onecurve("analyze", "curves.csv", "--to", "figures")
    assert done.returncode == 0, done.stderr
    assert "note (a[/b] $\\frac{ on ../web): exploratory: the training lengths were assumed" in done.stdout
    assert sorted(path.parent.name for path in tmp_path.rglob("dataset-web*.png")) == ["figures"]


def test_another_margin_is_said_aloud(onecurve, tiny):
    onecurve("run", tiny(), "--out", "run", "--address", "in-process", "--only", "family=linear")
    result = json.loads(onecurve("analyze", "run", "--margin", "0.2", "--json", "-").stdout)
    assert result["groups"][0]["evidence"] == "exploratory"
    assert "exploratory-margin-changed" in result["groups"][0]["warning_codes"]
    assert result["warning_codes"] == ["margin-changed"]


def test_a_failed_trial_is_not_exit_code_0(onecurve, tiny):
    wild = tiny(peak_lr=80.0, horizon={"rule": "steps", "steps": 400})
    call = ("run", wild, "--out", "run", "--address", "in-process", "--only", "family=linear")
    failed = onecurve(*call)
    assert failed.returncode == 1
    assert "diverged" in failed.stderr
    assert onecurve(*call, "--allow-failures").returncode == 0


BAD = {
    "no such verb": (["analyse", "x"], "No such command 'analyse'"),
    "no such folder": (["analyze", "nowhere"], "'nowhere' is not there"),
    "random bytes": (["analyze", "random.csv"], "random.csv"),
    "empty file": (["analyze", "empty.csv"], "empty.csv is empty"),
    "random parquet": (["plot", "random.parquet"], "not a readable Parquet"),
    "empty folder": (["analyze", "nothing"], "holds no results"),
    "floor": (["analyze", "good.csv", "--irreducible-loss", "knwon"], "Did you mean 'known'"),
    "margin": (["analyze", "good.csv", "--margin", "-1"], "--margin is a share between 0 and 1"),
    "json": (["analyze", "good.csv", "--json", "/proc/nothing/x.json"], "cannot write"),
    "figures": (["analyze", "good.csv", "--to", "/proc/nothing"], "/proc/nothing"),
    "sweep": (["run", "quikc"], "Did you mean 'quick'"),
    "sweep file": (["plan", "no.yaml"], "'no.yaml' is not there"),
    "set": (["plan", "quick", "--set", "peak_lr=-3"], "greater than 0"),
    "only": (["plan", "quick", "--only", "family=mpl"], "Did you mean 'mlp'"),
    "only what": (["plan", "quick", "--only", "mlp"], "--only takes key=name"),
    "shard": (["run", "quick", "--shard", "3/2"], "--shard takes I/N"),
    "address": (["run", "quick", "--address", "127.0.0.1:1", "--out", "r"], "127.0.0.1:1"),
    "not writable": (["run", "quick", "--out", "/proc/onecurve"], "not writable"),
    "status": (["status", "."], "holds no sweep"),
    "export": (["export", "."], "Missing option '--to'"),
    "format": (["export", ".", "--to", "x", "--format", "xls"], "unknown format 'xls'"),
    "pull": (["pull", "nowhere", "--to", "x"], "not a results folder"),
    "pull scheme": (["pull", "gopher://x/y", "--to", "x"], "gopher"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_ends_with_one_message_and_no_traceback(onecurve, tmp_path, case):
    (tmp_path / "random.csv").write_bytes(os.urandom(3000))
    (tmp_path / "random.parquet").write_bytes(os.urandom(3000))
    (tmp_path / "empty.csv").touch()
    (tmp_path / "nothing").mkdir()
    tidy(tmp_path / "good.csv")
    arguments, message = BAD[case]
    done = onecurve(*arguments)
    assert done.returncode not in (0, None)
    assert "Traceback" not in done.stderr + done.stdout
    assert message in " ".join(done.stderr.split())


@pytest.mark.parametrize("arguments", [["analyze", "good.csv"], ["status", "nowhere"], ["list", "sweeps", "--json"]])
def test_a_process_of_its_own_says_the_same(onecurve, onecurve_process, tmp_path, arguments):
    """The tests above run the command line in this process; users do not."""
    tidy(tmp_path / "good.csv")
    here, there = onecurve(*arguments), onecurve_process(*arguments)
    assert (there.returncode, there.stdout, there.stderr) == (here.returncode, here.stdout, here.stderr)
    assert here.stdout or here.stderr


def test_a_warning_is_one_line_and_stops_nothing(onecurve, onecurve_process, tiny, tmp_path):
    run = ("run", tiny(pack=False), "--out", "run", "--address", "in-process", "--only", "family=linear")
    assert onecurve(*run).returncode == 0
    next((tmp_path / "run" / "trials").iterdir()).write_bytes(b"damaged")
    done = onecurve_process("status", "run", "--json")
    assert (done.returncode, json.loads(done.stdout)["ok"]) == (0, 8)
    (line,) = done.stderr.splitlines()
    assert line.startswith("warning: ") and "is damaged or foreign and was left out" in line

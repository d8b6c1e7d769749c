"""`schedules` from a sweep that differs in the schedule alone to its table, JSON and figure."""

from __future__ import annotations

import json

import yaml

LADDER = {
    "families": "linear",
    "datasets": "power-law-regression",
    "rungs": [6, 12],
    "optimizer": "sgd",
    "parametrization": "standard",
    "warmup_fraction": 0,
    "peak_lr": 0.2,
    "batch_size": 4,
    "seeds": 4,
    "pack": True,
    "record": ["gradient-noise"],
    "horizon": {"rule": "power-law", "steps": 100, "exponent": 1.5},
}


def test_a_sweep_over_schedules_is_forecast_from_one_of_them(onecurve, tmp_path):
    sweep, out, told = tmp_path / "s.yaml", tmp_path / "out", tmp_path / "told.json"
    groups = [{**LADDER, "schedule": schedule} for schedule in ("constant", "linear")]
    sweep.write_text(yaml.safe_dump({"name": "s", "groups": groups}))
    assert onecurve("run", sweep, "--address", "in-process", "--out", out).returncode == 0
    assert onecurve("schedules", out, "--json", told).returncode == 0
    (forecast,) = json.loads(told.read_text())["forecasts"]
    assert (forecast["source"], forecast["target"], forecast["plain"]) == ("constant", "linear", True)
    assert forecast["alpha"]["low"] < forecast["alpha"]["value"] < forecast["alpha"]["high"]
    assert [curve["size"] for curve in forecast["curves"]] == [6, 12] and "x" not in forecast["curves"][0]
    drawn = onecurve("schedules", out, "--to", tmp_path / "figures")
    assert drawn.returncode == 0 and "features 12" in drawn.stdout
    assert list((tmp_path / "figures").glob("schedules*.png"))
    wrong = onecurve("schedules", out, "--from", "constent")
    assert wrong.returncode == 2 and "constant" in wrong.stderr


def test_results_of_one_schedule_are_refused(onecurve, tmp_path):
    sweep, out = tmp_path / "s.yaml", tmp_path / "out"
    group = {**LADDER, "rungs": [6], "seeds": 2, "horizon": {"rule": "steps", "steps": 10}}
    sweep.write_text(yaml.safe_dump({"name": "s", "groups": [group]}))
    assert onecurve("run", sweep, "--address", "in-process", "--out", out).returncode == 0
    refused = onecurve("schedules", out)
    assert refused.returncode == 2 and "differ in the schedule" in refused.stderr

"""What observables cost is said before and after a sweep runs."""

from __future__ import annotations

import json
import time

import pytest
from onecurve.benchmark import runner
from onecurve.benchmark.executors import InProcess
from onecurve.benchmark.observable_costs import measured_shares, planned_shares
from onecurve.benchmark.observables.gradient_norm import GradientNorm
from onecurve.benchmark.sweep import load_sweep
from onecurve.results.store import Store

RECORD = ["gradient-norm", {"name": "sharpness", "every": 10}]


def test_shares_are_those_of_the_updates_of_the_trials_that_measured_it():
    each = [("sharpness", 4.0), ("accuracy", 0.1)]
    rows = [
        {"measured": [{"label": n, "seconds": s} for n, s in each], "train_seconds": 12.0, "data_seconds": 4.0},
        {"measured": [{"label": "accuracy", "seconds": 0.3}], "train_seconds": 8.0, "data_seconds": 0.0},
        {"measured": None, "train_seconds": 8.0, "data_seconds": 0.0},
    ]
    assert measured_shares(rows) == {"sharpness": pytest.approx(0.5), "accuracy": pytest.approx(0.4 / 16)}


def test_plan_and_status_say_what_each_observable_costs(tiny, tmp_path, onecurve):
    sweep, out = tiny(record=RECORD), tmp_path / "run"
    before = onecurve("plan", sweep, "--out", out)
    assert before.returncode == 0, before.stderr
    assert before.stdout.count("observables, as shares of the updates' time on") == 2
    (first, *_) = json.loads(onecurve("plan", sweep, "--out", out, "--json").stdout)["observables"]
    assert first["observable"] == "gradient-norm" and first["share"] > 0 and first["from"].startswith("linear")
    runner.run(load_sweep(str(sweep)), Store(out), InProcess())
    report = json.loads(onecurve("status", out, "--json").stdout)
    assert set(report["observables"]) == {"gradient-norm", "sharpness(every=10)"}
    assert all(share > 0 for share in report["observables"].values())
    said = onecurve("status", out).stdout
    assert "of the updates' time, observables took: " in " ".join(said.split())
    after = json.loads(onecurve("plan", sweep, "--out", out, "--json").stdout)["observables"]
    assert {each["observable"]: each["share"] for each in after} == report["observables"]
    assert after[0]["from"] == "18 trials"


def test_shares_before_a_run_are_not_those_of_a_busy_machine(tiny, tmp_path, monkeypatch):
    """Each measurement waits for others, and the first one works longer than it has to."""
    measure, calls = GradientNorm.measure, []

    def disturbed(self, replicas, probe):
        time.sleep(0.03)
        until = time.thread_time() + (0.0 if calls else 0.05)
        while time.thread_time() < until:
            pass
        calls.append(replicas.count)
        return measure(self, replicas, probe)

    monkeypatch.setattr(GradientNorm, "measure", disturbed)
    sweep = load_sweep(str(tiny(record=["gradient-norm"])))
    (found,) = planned_shares(sweep, Store(tmp_path / "run"), {"family": "linear"}, [])
    assert len(calls) == 3
    assert 0 < found["share"] < 4  # .03 s are some 20 times the updates' time

"""What `status` says of costs and failures, and `plan --on` of other machines."""

from __future__ import annotations

import json

from onecurve.benchmark import runner, worker
from onecurve.benchmark.executors import InProcess
from onecurve.benchmark.sweep import load_sweep
from onecurve.results.store import Store
from onecurve.scripts.verbs.status import said, sweep_status


def test_status_says_what_failed_where_and_counts_devices_apart(tiny, tmp_path, monkeypatch):
    train, rows_of = worker.train, worker.rows_of

    def fail(pack, **options):
        if pack[0].rung.get("width") == 12:
            raise RuntimeError("the disk of the moon is full")
        return train(pack, **options)

    def on_a_card(pack, *given, **named):
        rows = rows_of(pack, *given, **named)
        for row in rows:
            row |= {"train_seconds": 3600.0, "eval_seconds": 0.0}
            row |= {"device": "cuda"} if row["family"] == "mlp" else {}
        return rows

    monkeypatch.setattr(worker, "train", fail)
    monkeypatch.setattr(worker, "rows_of", on_a_card)
    runner.run(load_sweep(str(tiny())), Store(tmp_path / "run"), InProcess())
    report = sweep_status(str(tmp_path / "run"))
    assert (report["device_hours"], report["core_hours"]) == (6.0, 9.0)
    (failure,) = report["failures"]
    assert failure["trials"] == 3 and failure["status"] == "error" and failure["host"]
    lines = said(report)
    assert f"3 error on {failure['host']}: RuntimeError: the disk of the moon is full" in lines
    assert any(line.startswith("6.00 device hours and 9.00 core hours so far") for line in lines)


def test_the_plan_for_other_machines_is_a_sentence_and_numbers(tiny, tmp_path, onecurve):
    sweep = tiny()
    said = onecurve("plan", sweep, "--out", tmp_path / "run", "--on", "h100:2+cpu:4")
    assert said.returncode == 0, said.stderr
    assert "on 2 h100 and 4 cores: 0 device hours and" in said.stdout and "18 trials are estimates" in said.stdout
    numbers = json.loads(onecurve("plan", sweep, "--out", tmp_path / "run", "--on", "cpu:4", "--json").stdout)["on"]
    assert numbers["on"] == {"cpu": 4} and 0 < numbers["clock_hours"] <= numbers["core_hours"]
    wrong = onecurve("plan", sweep, "--on", "b200:4")
    assert wrong.returncode == 2 and "Traceback" not in wrong.stderr

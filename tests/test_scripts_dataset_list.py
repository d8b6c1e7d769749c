"""`onecurve list datasets` and what `onecurve status` says of the cost."""

from __future__ import annotations

import pytest
from onecurve.datasets.dataset import DATASETS
from onecurve.results.schema import empty_row
from onecurve.results.store import Store
from onecurve.scripts.dataset_list import brief, row_of
from onecurve.scripts.terminal import print_rows
from onecurve.scripts.verbs.status import overhead, sweep_status


def said(name, monkeypatch, **how):
    monkeypatch.delenv("ONECURVE_DATA", raising=False)
    return row_of(DATASETS.make(name), lambda task: ["mlp"] if task.kind == "vector" else [], **how)


def test_known_floors_say_how_they_are_known(monkeypatch):
    drawn = said("noisy-teacher", monkeypatch, population=True)
    assert (drawn["examples"], drawn["passes"], drawn["missing"]) == ("unlimited", "one: each draw is new", None)
    assert drawn["irreducible_loss"] == pytest.approx(drawn["population_loss"], abs=0.05)
    assert 0 < drawn["population_loss_se"] < 0.01
    assert "true probabilities" in drawn["floor"]
    quick = said("noisy-teacher", monkeypatch, population=False)
    assert quick == {**drawn, "population_loss": None, "population_loss_se": None}
    assert brief(quick)["families"] == 1


def test_unknown_floors_and_repeats(monkeypatch):
    found = said("digits", monkeypatch, population=True)
    assert (found["examples"], found["passes"], found["floor"]) == (1437, "one, then repeats", "not known")
    assert (found["irreducible_loss"], found["irreducible_loss_se"], found["population_loss"]) == (None, None, None)


def test_a_missing_source_is_listed_as_missing(monkeypatch, capsys):
    found = said("cifar10", monkeypatch, population=True)
    assert found["examples"] is None and found["passes"] is None
    assert "no data root is set" in found["missing"]
    print_rows([brief(found)])
    assert "missing" in capsys.readouterr().out


def test_every_data_set_has_a_row_without_its_data(monkeypatch, tmp_path):
    monkeypatch.setattr("onecurve.scripts.dataset_list._missing", lambda dataset: "not looked for")
    for name in DATASETS.names():
        assert brief(said(name, monkeypatch, population=False))["examples"] == "missing"


def test_status_says_what_data_and_evaluations_cost(tmp_path):
    store = Store(tmp_path)
    seconds = {"train_seconds": 11.0, "data_seconds": 1.0, "eval_seconds": 2.0}
    old = {"train_seconds": 5.0, "eval_seconds": 5.0}  # a table from before data were timed
    rows = [
        {**empty_row(), "trial_id": f"t{i}", "status": "ok", **took} for i, took in enumerate((seconds, seconds, old))
    ]
    store.write_rows(rows, "p")
    cell = {"family": "mlp", "dataset": "d", "rung": "width 8", "recipe_label": "r", "library": "torch", "n_params": 1}
    cell |= {"flops_per_example": 1, "batch_size": 1, "horizon_steps": 1, "packed": True, "step_seconds": 1.0}
    trials = {str(i): each["trial_id"] for i, each in enumerate(rows)}
    lock = {"sweep": "s", "margin": 0.03, "probes": {}, "plans": {}, "cells": {"k": {**cell, "trials": trials}}}
    store.write_json("s.lock.json", lock)
    report = sweep_status(str(tmp_path))
    assert (report["data_share"], report["evaluation_share"]) == (0.1, 0.2)
    assert (report["groups"][0]["data_share"], report["groups"][0]["ok"]) == (0.1, 3)
    assert overhead(report) == "beside the updates, data took 10.0 % of their time and evaluations 20.0 %"
    assert overhead({"data_share": None, "evaluation_share": None}) == ""


@pytest.mark.slow  # it makes whatever pools its sizes ask for
def test_the_list_on_a_terminal(onecurve):
    done = onecurve("list", "datasets")
    assert done.returncode == 0, done.stderr
    assert "how it is known" in done.stdout and "power-law-regression" in done.stdout

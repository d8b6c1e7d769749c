"""What a claim sees of stored trials: their settings, their curves, and by what names families are told apart."""

import dataclasses
import json

import numpy as np
from onecurve.collapse.claims.trial_runs import TrialRun, runs_of, told_apart

ROW = {
    "trial_id": "a",
    "family": "smalllinear",
    "dataset": "linear-modes",
    "seed": 3,
    "n_params": 128,
    "status": "ok",
    "leg": "constant",
    "irreducible_loss": 0.0,
    "step": [0, 5, 10],
    "x": [0.0, 0.5, 1.0],
    "lr_integral": [0.0, 0.5, 1.0],
    "test_loss": [3.0, 2.0, None],
    "test_accuracy": None,
    "observables": [{"name": "mode_1", "value": [None, 0.1, 0.2]}],
    "spec": json.dumps(
        {
            "rung": {"width": 16},
            "peak_lr": 0.1,
            "batch_size": 32,
            "horizon_steps": 10,
            "warmup_fraction": 0.0,
            "family": {"params": {"depth": 2, "scale": 0.003}},
            "dataset": {"params": {"inputs": 8, "content": "x"}},
            "optimizer": {"params": {"momentum": 0.9, "nesterov": False}},
        }
    ),
}


def test_a_row_is_a_run_and_what_is_missing_is_not_a_number():
    (run,) = runs_of([ROW])
    assert (run.family, run.seed, run.floor, run.status) == ("smalllinear", 3, 0.0, "ok")
    assert run.settings["width"] == 16 and run.settings["size"] == 128
    assert run.settings["family.depth"] == 2 and run.settings["optimizer.momentum"] == 0.9
    assert "train_size" not in run.settings and "dataset.content" not in run.settings
    np.testing.assert_array_equal(run.of("loss"), [3.0, 2.0, np.nan])
    np.testing.assert_array_equal(run.of("mode_1"), [np.nan, 0.1, 0.2])
    assert np.isnan(run.of("sharpness")).all()
    np.testing.assert_array_equal(run.x, [0, 0.5, 1])


def test_the_matrices_of_a_row_are_its_grams():
    from onecurve.results.grams import packed_gram

    (plain,) = runs_of([ROW])
    assert list(plain.grams) == []
    about = {"layer": "last", "step": 10, "examples": 4, "features": 2, "inputs": "i", "scale": 2.0}
    (run,) = runs_of([{**ROW, "grams": [packed_gram({**about, "values": np.ones(10) / 2})]}])
    np.testing.assert_array_equal(run.grams[0].matrix, np.ones((4, 4)))


def made(depth, scale, family="smalllinear") -> TrialRun:
    (run,) = runs_of([ROW])
    settings = {**run.settings, "family.depth": depth, "family.scale": scale}
    return dataclasses.replace(run, family=family, settings=settings)


def test_namesakes_are_called_with_what_they_differ_in():
    named = told_apart([made(2, 0.003), made(3, 0.003), made(2, 0.003, "other")], "width")
    assert {run.family for run in named} == {"smalllinear(depth=2)", "smalllinear(depth=3)", "other"}


def test_what_the_claim_varies_parts_no_family():
    named = told_apart([made(2, 0.003), made(2, 0.3), made(3, 0.3)], "family.scale")
    assert {run.family for run in named} == {"smalllinear(depth=2)", "smalllinear(depth=3)"}

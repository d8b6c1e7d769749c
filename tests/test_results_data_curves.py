"""Curves against the size of the training set, from a table of trials with one."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from onecurve.benchmark import runner
from onecurve.benchmark.executors import InProcess
from onecurve.benchmark.sweep import load_sweep
from onecurve.collapse.analysis import analyze
from onecurve.collapse.reasons import because
from onecurve.collapse.sentences.reasons import say
from onecurve.datasets.dataset import DATASETS
from onecurve.datasets.subset import first_examples
from onecurve.errors import InputError
from onecurve.results.data_curves import read_data_curves
from onecurve.results.reading import read_curves
from onecurve.results.schema import empty_row
from onecurve.results.store import Store
from onecurve.results.trials import TrialSpec, rung_label
from onecurve.task import Ref

SIZES = (100, 200, 400, 800, 1600, 3200, 6400)


def row(size=3200, width=8, seed=0, end=0.5, synonyms=2, **more):
    spec = TrialSpec(
        family=Ref(name="mlp"),
        rung={"width": width},
        dataset=Ref(name="random-hierarchy", params={"synonyms": synonyms}),
        optimizer=Ref(name="adam"),
        peak_lr=0.01,
        schedule="linear",
        warmup_fraction=0.01,
        batch_size=64,
        parametrization=Ref(name="mup"),
        horizon_rule="200 steps",
        horizon_steps=200,
        eval_grid="v1",
        precision="float32",
        packed=True,
        seed=seed,
        protocol="1",
        train_size=size,
    )
    said = {"trial_id": spec.trial_id, "family": "mlp", "dataset": "random-hierarchy", "rung": rung_label(spec.rung)}
    said |= {"recipe": spec.recipe, "recipe_label": spec.recipe_label, "leg": "decayed", "seed": seed, "status": "ok"}
    said |= {"n_params": 100 * width, "spec": json.dumps(spec.to_dict()), "train_size": size, "attempt": 1}
    said |= {"repeats": 200 * 64 / (size or 10**9), "irreducible_loss": 0.0, "sample_scale": 8.0 * synonyms**3}
    said |= {"x": [0.0, 0.5, 1.0], "step": [0, 100, 200], "test_loss": [1.0, 0.9 * end, end], "horizon_source": "exact"}
    return {**empty_row(), **said, **more}


def ladder(**more):
    """Loss p^-.3 f(n / n_max), the same f for every width, with 1 % of noise over seeds."""
    rng = np.random.default_rng(0)
    return [
        row(
            n,
            width,
            seed,
            float((100 * width) ** -0.3 * (1 + (n / 6400) ** -0.5) * np.exp(0.01 * rng.normal())),
            **more,
        )
        for width in (8, 16, 32)
        for seed in range(4)
        for n in SIZES
    ]


def stored(tmp_path, rows):
    Store(tmp_path / "run").write_rows(rows, "p")
    return [tmp_path / "run"]


def test_a_curve_is_a_rung_and_a_seed(tmp_path):
    curves = read_data_curves(stored(tmp_path, ladder()))
    assert len(curves) == 12 and len(curves.groups()) == 1
    curve = next(curve for curve in curves if (curve.size, curve.seed) == (1600, 2))
    assert curve.x.tolist() == [1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0]
    assert (curve.complete, curve.rung, curve.repeats, curve.horizon_source) == (True, "width 16", 128.0, "exact")
    (group,) = analyze(curves, rng=np.random.default_rng(0), resamples=99).groups
    assert group.p_exact > 0.05 and group.upper_bound < 0.1
    assert group.evidence == "exploratory"
    assert because("exploratory-examples-repeated", times=128.0) in group.warnings


def test_the_loss_is_the_last_one_unless_the_best_is_asked_for(tmp_path):
    paths = stored(tmp_path, [row(n, end=1 / n) for n in SIZES])
    (last,), (best,) = read_data_curves(paths), read_data_curves(paths, loss="best")
    assert last.loss == pytest.approx([1 / n for n in SIZES])
    assert best.loss == pytest.approx([0.9 / n for n in SIZES])
    assert (last.recipe, "final loss" in last.recipe_label, "best loss" in best.recipe_label) == (
        best.recipe,
        True,
        True,
    )


def test_a_seed_without_its_largest_set_is_censored_and_no_other_point_is_made_up(tmp_path):
    rows = [row(n, seed=seed) for seed in (0, 1) for n in SIZES if (seed, n) != (1, 6400)]
    rows[2] |= {"status": "diverged", "x": [0.0], "step": [0], "test_loss": [1.0]}
    whole, cut = sorted(read_data_curves(stored(tmp_path, rows)), key=lambda curve: curve.seed)
    assert (whole.complete, whole.status, len(whole.x)) == (False, "diverged", 6)
    assert (cut.complete, cut.x[-1]) == (False, 0.5)


def test_tasks_are_compared_in_units_of_what_they_need(tmp_path):
    needs = {2: 64, 4: 512, 8: 4096}
    rows = [
        row(k * need // 8, synonyms=m, seed=seed) for m, need in needs.items() for seed in (0, 1) for k in (1, 2, 8, 16)
    ]
    paths = stored(tmp_path, rows)
    curves = read_data_curves(paths, against="tasks")
    assert len(curves.groups()) == 1 and len(read_data_curves(paths).groups()) == 3
    assert {curve.size for curve in curves} == {64.0, 512.0, 4096.0}
    assert all(curve.x.tolist() == [1 / 16, 1 / 8, 1 / 2, 1.0] for curve in curves)
    with pytest.raises(InputError, match="2 to 3 times what each data set is known to need"):
        read_data_curves(stored(tmp_path, [row(192, synonyms=2)]), against="tasks")


def test_what_cannot_be_read_so_is_said(tmp_path):
    with pytest.raises(InputError, match="no trial has a training set of a given size"):
        read_data_curves(stored(tmp_path, [row(None)]))
    (tmp_path / "c.csv").write_text("family,dataset,size,seed,x,loss\n")
    with pytest.raises(InputError, match="holds curves alone"):
        read_data_curves([tmp_path / "c.csv"])


@pytest.mark.parametrize("name", ["power-law-regression", "fourier"])  # new draws, and a pool
def test_training_sets_are_nested_and_read_in_fresh_orders(name):
    params = {"pool": 5000, "inputs": 2, "modes": 64, "test_size": 64} if name == "fourier" else {"features": 4}
    data = DATASETS.make(name, params)

    def taken(stream, n):
        return [row.numpy().tobytes() for step in range(n // 100) for row in stream.batch(step, 100)[0]]

    small, large = (taken(first_examples(data, 3, n), n) for n in (600, 1200))
    assert len(set(small)) == 600 and set(small) < set(large)
    twice = taken(first_examples(data, 3, 600), 1200)
    assert sorted(twice[600:]) == sorted(twice[:600]) and twice[600:] != twice[:600]
    assert set(small).isdisjoint(taken(first_examples(data, 4, 600), 600)) or name == "fourier"
    inputs, targets = first_examples(data, 3, 600).batch(7, 50)
    again = first_examples(data, 3, 600).batch(7, 50)
    assert torch.equal(inputs, again[0]) and torch.equal(targets, again[1])
    if name == "fourier":
        expected = data.target(inputs.numpy())
        assert targets[:, 0].numpy() == pytest.approx(expected, abs=1e-5)


def test_a_sweep_over_training_sets_from_file_to_verdict(tiny, tmp_path):
    path = tiny(train_size=[16, 32, 64, 128], batch_size=16, seeds=2)
    runner.run(load_sweep(str(path)), Store(tmp_path / "run"), InProcess(), only={"family": "mlp"})
    rows = Store(tmp_path / "run").table(["train_size", "repeats", "pool_fraction", "recipe"]).to_pylist()
    assert {(row["train_size"], row["repeats"]) for row in rows} == {(16, 40.0), (32, 20.0), (64, 10.0), (128, 5.0)}
    assert all(row["pool_fraction"] == row["train_size"] / 8192 for row in rows)
    against_time = analyze(read_curves([tmp_path / "run"]), rng=np.random.default_rng(0), resamples=99)
    assert len(against_time.groups) == 4
    for group in against_time.groups:
        assert group.evidence == "exploratory"
        assert any("each example was seen" in say(said) for said in group.warnings)
    curves = read_data_curves([tmp_path / "run"])
    assert len(curves) == 6 and all(curve.complete and curve.repeats == 40 for curve in curves)
    with pytest.raises(InputError, match="train_size is 9000; 'fourier' has 8192 examples"):
        runner.run(load_sweep(str(tiny("large", train_size=9000))), Store(tmp_path / "l"), InProcess())


def test_batch_norm_is_exploratory_and_older_tables_do_without_the_column(tmp_path):
    rows = [row(None, width, seed, 0.5 + 0.01 * seed + width / 1e3) for width in (8, 16, 32) for seed in range(3)]
    for one in rows:
        one |= {
            "x": [*np.linspace(0.1, 1, 20)],
            "test_loss": [*np.linspace(2, one["test_loss"][-1], 20)],
            "repeats": 1.0,
        }
    plain = read_curves(stored(tmp_path / "plain", rows))
    assert not any(curve.running_statistics for curve in plain)
    normed = read_curves(stored(tmp_path / "normed", [{**one, "running_statistics": True} for one in rows]))
    said = [analyze(curves, rng=np.random.default_rng(0), resamples=99).groups[0] for curves in (plain, normed)]
    assert because("exploratory-batch-norm") not in said[0].warnings
    assert said[1].evidence == "exploratory" and because("exploratory-batch-norm") in said[1].warnings

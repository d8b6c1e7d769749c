"""What `export` writes, `analyze` reads again, with equal numbers."""

from __future__ import annotations

import dataclasses

import numpy as np
import polars as pl
import pytest
from onecurve.errors import InputError
from onecurve.results.reading import read_curves, read_tables
from onecurve.results.schema import CURVE_NAMES, empty_row
from onecurve.results.store import Store
from onecurve.results.transfer import export

FORMS = ("csv", "parquet")


def trial(number: int, size: int, seed: int, **more):
    """One trial with losses that no few digits can hold, and a recipe that looks like a number."""
    rng = np.random.default_rng(number)
    x = np.arange(1, 9) / 8
    loss = (0.3 + size**-0.2 * x**-0.5 * np.exp(0.01 * rng.standard_normal(8))).tolist()
    fixed = {"family": "mlp", "dataset": "fourier", "recipe": "12345678", "recipe_label": "adam", "leg": "decayed"}
    fixed |= {"irreducible_loss": 0.1 + 0.2, "irreducible_loss_se": 1e-17, "warmup_fraction": 1 / 3, "repeats": 1.0}
    fixed |= {"horizon_source": "exact", "running_statistics": bool(seed), "rung": f"width {size}", "attempt": 1}
    steps = [10 * i for i in range(1, 9)]
    curve = {"step": steps, "x": x.tolist(), "examples": steps, "compute": [float(one) for one in steps]}
    curve |= {"lr": (1 - x).tolist(), "lr_integral": x.tolist(), "test_loss": loss, "test_accuracy": [None] * 8}
    seen = {"observables": [{"name": name, "value": [one / 3 for one in loss]} for name in ("low", "high")]}
    measured = {"label": 'views "a, b"', "names": ["low", "high"], "scales": ["as-given"] * 2, "seconds": 0.1 + 0.2}
    seen |= {"measured": [measured], "recorded": ["views", "norm"]}
    return {**empty_row(), **fixed, **curve, **seen, "trial_id": f"{number:016d}", "n_params": size, "seed": seed,
            "status": "ok", "started_utc": "2026-01-01T00:00:00", **more}  # fmt: skip


@pytest.fixture
def run(tmp_path):
    store = Store(tmp_path / "run")
    rows = [trial(10 * size + seed, size, seed) for size in (100, 200, 400) for seed in (0, 1)]
    lost = dict.fromkeys(CURVE_NAMES, [])
    rows += [trial(7, 400, 2, status="killed", observables=None, **lost), trial(8, 400, 3, status="diverged")]
    store.write_rows(rows, "p")
    store.write_json("s.lock.json", {"margin": 0.05})
    return store


def plain(curves):
    return sorted(
        [
            {
                field.name: value.tolist() if isinstance(value := getattr(curve, field.name), np.ndarray) else value
                for field in dataclasses.fields(curve)
            }
            for curve in curves
        ],
        key=lambda row: row["trial_id"],
    )


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["", "trials", "curves", "observables"])
def test_every_file_of_an_export_gives_the_curves_of_the_folder(run, tmp_path, form, name):
    export(run, tmp_path / "out", form)
    path = tmp_path / "out" / (f"{name}.{form}" if name else "")
    curves, expected = read_curves([path]), read_curves([run.uri])
    assert plain(curves) == plain(expected) and len(curves) == 8
    assert curves.margin == expected.margin == 0.05
    assert curves.notes == ()


@pytest.mark.parametrize("form", FORMS)
def test_the_analysis_of_an_export_has_the_same_numbers(run, tmp_path, form):
    from onecurve.collapse.analysis import analyze, to_json

    export(run, tmp_path / "out", form)
    found, expected = (
        to_json(analyze(read_curves([path]), rng=np.random.default_rng(0), resamples=99))
        for path in (tmp_path / "out" / f"curves.{form}", run.uri)
    )
    assert found == expected and found["groups"][0]["deviation"] > 0


@pytest.mark.parametrize("form", FORMS)
def test_observables_come_back_with_their_trials(run, tmp_path, form):
    export(run, tmp_path / "out", form)
    columns = ["trial_id", "observables", "train_size", "measured", "recorded"]
    (found, _), (expected, _) = (read_tables([path], columns) for path in (tmp_path / "out", run.uri))
    by_id = {row["trial_id"]: {name: row[name] or [] for name in columns} for row in expected}
    assert {row["trial_id"]: {name: row[name] or [] for name in columns} for row in found} == by_id


def test_curves_alone_say_what_is_not_known(run, tmp_path):
    _, curves, _ = export(run, tmp_path / "out", "csv")
    alone = tmp_path / "curves.csv"
    alone.write_bytes(curves.read_bytes())
    found = read_curves([alone])
    assert {curve.irreducible_loss for curve in found} == {None} and len(found) == 7
    assert "stands alone" in found.notes[0]


@pytest.mark.parametrize("name", ["trials", "observables"])
def test_trials_without_their_curves_are_refused(run, tmp_path, name):
    export(run, tmp_path / "out", "csv")
    (tmp_path / "out" / "curves.csv").unlink()
    with pytest.raises(InputError, match=r"without the curves: put curves\.csv beside it"):
        read_curves([tmp_path / "out" / f"{name}.csv"])


def test_a_run_and_its_export_are_the_same_runs(run, tmp_path):
    export(run, tmp_path / "out", "csv")
    with pytest.raises(InputError, match="8 runs are given twice"):
        read_curves([run.uri, tmp_path / "out"])


def test_an_export_says_its_margin_in_every_trial(run, tmp_path):
    trials, *_ = export(run, tmp_path / "out", "csv")
    assert pl.read_csv(trials)["planned_margin"].to_list() == [0.05] * 8

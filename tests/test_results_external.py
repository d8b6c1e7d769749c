"""Other people's curves: read when they are whole, refused with a reason when they are not."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from onecurve.errors import InputError
from onecurve.results.curves import LearningCurve
from onecurve.results.reading import read_curves

EXTERNAL = Path(os.environ.get("ONECURVE_EXTERNAL_CURVES", Path(__file__).parents[2] / "shared" / "data"))


def frame(**columns) -> pl.DataFrame:
    rows = [(size, seed, step) for size in (10, 20) for seed in (0, 1) for step in (1, 5, 10)]
    base = {
        "family": ["gpt"] * len(rows),
        "dataset": ["web"] * len(rows),
        "size": [r[0] for r in rows],
        "seed": [r[1] for r in rows],
        "step": [r[2] for r in rows],
        "loss": [1.0 + 1.0 / r[2] for r in rows],
    }
    return pl.DataFrame({**base, **columns})


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_tidy_table_becomes_curves(tmp_path, suffix):
    path = tmp_path / f"curves.{suffix}"
    (frame().write_csv if suffix == "csv" else frame().write_parquet)(path)
    curves = read_curves([path])
    assert len(curves) == 4
    assert all(curve.x.tolist() == [0.1, 0.5, 1.0] and curve.complete for curve in curves)
    assert curves.curves[0].loss.tolist() == [2.0, 1.2, 1.1]


def test_what_was_guessed_is_a_note_of_each_group_and_no_warning(tmp_path):
    frame().write_csv(tmp_path / "c.csv")
    whole = dataclasses.replace(read_curves([tmp_path / "c.csv"]), warnings=("odd",), notes=("guessed",))
    assert [(part.notes, part.warnings) for part in whole.groups().values()] == [(("guessed",), ())]


@pytest.mark.parametrize("name", ["size", "family"])
def test_a_column_of_lists_is_refused(tmp_path, name):
    frame().with_columns(pl.concat_list(name).alias(name)).write_parquet(tmp_path / "c.parquet")
    with pytest.raises(InputError, match=f"{name} is a column of lists"):
        read_curves([tmp_path / "c.parquet"])


def test_the_longest_run_of_a_rung_sets_its_horizon(tmp_path):
    short = frame().filter(~((pl.col("size") == 20) & (pl.col("seed") == 1) & (pl.col("step") == 10)))
    short.write_csv(tmp_path / "c.csv")
    censored = [curve for curve in read_curves([tmp_path / "c.csv"]) if not curve.complete]
    assert [(curve.size, curve.seed, curve.x[-1]) for curve in censored] == [(20.0, 1, 0.5)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop("size"), "no column size"),
        (lambda f: f.rename({"loss": "los"}), r"no column loss \(is it 'los'\?\)"),
        (lambda f: f.drop("step"), r"no column x \(or step, or compute\)"),
        (lambda f: f.with_columns(pl.lit("big").alias("size")), "size is 'big'.*finite number"),
        (lambda f: f.with_columns(pl.lit(float("nan")).alias("loss")), "loss is nan"),
        (lambda f: f.with_columns(pl.lit(None, pl.Float64).alias("loss")), "loss is None"),
        (lambda f: pl.concat([f, f.head(1)]), "2 rows for gpt on web, size 10, seed 0"),
        (lambda f: f.with_columns(-pl.col("size")), "size must be a positive number"),
        (lambda f: f.with_columns(pl.lit("cooling").alias("leg")), "leg is 'cooling'; allowed: constant, decayed"),
        (lambda f: f.head(0), "no rows"),
        (lambda f: f.with_columns(pl.lit(None, pl.String).alias("family")), "row 1: family is not given"),
        (lambda f: f.with_columns(pl.col("seed") + 0.5), "seed is 0.5, where a whole number is needed"),
        (lambda f: f.with_columns(-pl.col("step")), "step is -1, where a number of at least 0 is needed"),
        (lambda f: f.with_columns(pl.lit(0.0).alias("horizon")), "horizon is 0.0, where a number above 0"),
        (lambda f: f.filter(pl.col("step") == 1).with_columns(step=0), "a rung has no horizon"),
    ],
)
def test_bad_tables_are_refused_with_the_reason(tmp_path, change, message):
    change(frame()).write_csv(tmp_path / "c.csv")
    with pytest.raises(InputError, match=message):
        read_curves([tmp_path / "c.csv"])


@pytest.mark.parametrize("name", ["c.csv", "c.parquet"])
@pytest.mark.parametrize("content", [b"", os.urandom(4000), b"\xff\xfe\x00garbage"], ids=["empty", "random", "garbage"])
def test_bytes_that_are_no_table(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name.replace(".", r"\.")):
        read_curves([tmp_path / name])


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="is not there"):
        read_curves([tmp_path / "nothing.csv"])


@pytest.mark.parametrize(
    ("x", "loss", "message"),
    [
        ([0.1, 0.1, 1.0], [3.0, 2.0, 1.0], "x must increase"),
        ([0.1, 0.5, 1.0], [3.0, np.nan, 1.0], "must be finite"),
        ([0.1, 0.5], [3.0, 2.0, 1.0], "equally long"),
    ],
)
def test_curves_are_checked_when_they_are_made(x, loss, message):
    with pytest.raises(InputError, match=message):
        LearningCurve(family="f", dataset="d", recipe="r", size=1, seed=0, x=np.array(x), loss=np.array(loss))


def test_curves_cannot_be_changed():
    curve = LearningCurve(family="f", dataset="d", recipe="r", size=1, seed=0, x=np.array([1.0]), loss=np.array([1.0]))
    with pytest.raises(ValueError, match="read-only"):
        curve.loss[0] = 2.0


@pytest.mark.parametrize(("early", "complete"), [(0, True), (25, False)])
def test_real_runs_that_stop_before_their_schedule_ends_are_censored(tmp_path, early, complete):
    """Runs of one GPT under several optimisers; some were planned for 25 more steps than were trained."""
    source = EXTERNAL / "nanogpt_optimizers"
    if not source.is_dir():
        pytest.skip(f"no external curves at {EXTERNAL}")
    runs = pl.read_csv(source / "runs.csv").with_row_index("seed")
    curves = pl.read_csv(source / "curves.csv.gz").join(runs, on="run_id")
    tidy = curves.select(
        pl.lit("gpt").alias("family"),
        pl.lit("fineweb").alias("dataset"),
        pl.col("group").alias("recipe"),
        pl.lit(124e6).alias("size"),
        "seed",
        "step",
        (pl.col("total_steps") + early).alias("horizon"),
        pl.col("val_loss").alias("loss"),
    )
    tidy.write_csv(tmp_path / "tidy.csv")
    read = read_curves([tmp_path / "tidy.csv"])
    assert len(read) == runs.height == 63
    assert {curve.complete for curve in read} == {complete}
    last = sorted(float(curve.loss[-1]) for curve in read)
    assert last == pytest.approx(sorted(runs["final_val_loss"].to_list()), abs=1e-6)

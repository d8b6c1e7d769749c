"""The noise floor of a last loss, and runs that stopped before their schedule: on known noise and on real runs."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from onecurve.collapse.analysis import analyze
from onecurve.collapse.composing import OK
from onecurve.collapse.contract import plain
from onecurve.collapse.ladders.ladder import Ladder
from onecurve.collapse.ladders.last_losses import planned_steps, seed_noise
from onecurve.collapse.reasons import because
from onecurve.collapse.sentences.as_json import worded
from onecurve.errors import InputError
from onecurve.results.curves import CurveSet, LearningCurve

EXTERNAL = Path(os.environ.get("ONECURVE_EXTERNAL_CURVES", Path(__file__).resolve().parents[2] / "shared" / "data"))


def run(seed, last, x=(0.5, 1.0), **more):
    base = {"family": "f", "dataset": "d", "recipe": "r", "size": 1e4, "rung": "width 8"}
    return LearningCurve(**(base | more), seed=seed, x=np.array(x), loss=np.array([last + 1, last]))


def test_the_interval_covers_the_sd():
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(1500):
        (row,) = seed_noise(CurveSet.of([run(i, 3.0 + 0.01 * rng.normal()) for i in range(5)]))
        covered.append(row.low <= 0.01 <= row.high)
    assert np.mean(covered) == pytest.approx(0.95, abs=0.02)


def test_a_row_in_full():
    (row,) = seed_noise(CurveSet.of([run(i, v, irreducible_loss=2.0) for i, v in enumerate((3.0, 3.1, 3.2))]))
    assert (row.mean, row.sd, row.n_seeds, row.n_censored, row.x) == (pytest.approx(3.1), pytest.approx(0.1), 3, 0, 1.0)
    assert (row.low, row.high) == (pytest.approx(0.0521, rel=1e-2), pytest.approx(0.628, rel=1e-2))
    assert row.relative == pytest.approx(0.1 / 1.1) and row.rung == "width 8" and row.status == OK
    json.dumps(plain(worded(row)), allow_nan=False)


def test_runs_of_unequal_length_are_read_where_all_of_them_are():
    curves = [run(0, 3.0), run(1, 3.0, x=(0.5, 0.9)), run(2, 3.2, x=(0.5, 0.9))]
    (row,) = seed_noise(CurveSet.of(curves))
    assert row.x == 0.9 and row.n_censored == 2 and row.n_seeds == 3
    whole = 4 - np.log(0.9 / 0.5) / np.log(2)
    assert row.mean == pytest.approx((whole + 3.0 + 3.2) / 3)


def test_what_has_no_noise_floor_says_why():
    def status(*curves):
        (row,) = seed_noise(CurveSet.of(curves))
        assert row.sd is None and row.low is None
        return row.status.code

    assert status(run(0, 3.0)) == "fewer-than-two-seeds"
    assert status(run(0, 3.0), run(1, 3.0)) == "seeds-do-not-differ"
    assert status(run(0, 3.0, x=(0.1, 0.2)), run(1, 3.1)) == "starts-too-late"
    empty = LearningCurve(family="f", dataset="d", recipe="r", size=1e4, seed=4, x=[], loss=[], status="error")
    assert status(empty, run(0, 3.0)) == "fewer-than-two-seeds"


def test_groups_and_rungs_have_rows_of_their_own_in_order():
    curves = [run(i, 3 + 0.1 * i, size=s, recipe=r, rung="") for r in "ba" for s in (2e4, 1e4) for i in range(3)]
    assert [(row.key.recipe, row.rung) for row in seed_noise(CurveSet.of(curves))] == [
        ("a", "size 10k"),
        ("a", "size 20k"),
        ("b", "size 10k"),
        ("b", "size 20k"),
    ]


@pytest.mark.parametrize(
    "description, expected",
    [
        ("Muon, lr=.035 following #10, end 25 steps early following #8", 3375),
        ("ends 400 steps early", 3750),
        ("Stopped 1 step early.", 3351),
        ("early stopping after 25 steps", 3350),
        ("weekend 25 steps early", 3350),
        ("end 25 steps early, end 25 steps early", 3375),
        ("", 3350),
    ],
)
def test_descriptions_say_how_early_a_run_ended(description, expected):
    assert planned_steps(3350, description) == expected


def test_descriptions_that_contradict_themselves():
    with pytest.raises(InputError, match="two numbers"):
        planned_steps(100, "end 25 steps early, end 50 steps early")
    with pytest.raises(InputError, match="positive"):
        planned_steps(0, "")


# ---- one GPT under six optimisers


@pytest.fixture(scope="module")
def optimisers():
    source = EXTERNAL / "nanogpt_optimizers"
    if not source.is_dir():
        pytest.skip(f"no external curves at {EXTERNAL}; set ONECURVE_EXTERNAL_CURVES")
    points = pl.read_csv(source / "curves.csv.gz")
    curves = []
    for seed, row in enumerate(pl.read_csv(source / "runs.csv").iter_rows(named=True)):
        mine = points.filter(pl.col("run_id") == row["run_id"]).sort("step")
        curves.append(
            LearningCurve(
                family="gpt",
                dataset="fineweb",
                recipe=f"result {row['readme_result_no']:02d}",
                recipe_label=row["description"],
                size=124e6,
                seed=seed,
                x=mine["step"].to_numpy() / planned_steps(row["total_steps"], row["description"]),
                loss=mine["val_loss"].to_numpy(),
            )
        )
    return CurveSet.of(curves)


def test_noise_floors_of_six_optimisers(optimisers):
    rows = {row.key.recipe: row for row in seed_noise(optimisers)}
    assert {name: row.n_seeds for name, row in rows.items()} == {
        "result 04": 5,
        "result 06": 20,
        "result 08": 10,
        "result 12": 20,
        "result 21": 4,
        "result 22": 4,
    }
    stated = (0.0008, 0.0014)
    for row in rows.values():
        assert row.status == OK and row.low < stated[1] and row.high > stated[0]
        if row.n_seeds >= 10:
            assert stated[0] - 5e-5 < row.sd < stated[1] + 5e-5
    measured = {name: row.sd for name, row in rows.items()}
    assert measured == pytest.approx(
        {
            "result 04": 0.00159,
            "result 06": 0.00135,
            "result 08": 0.00080,
            "result 12": 0.00098,
            "result 21": 0.00216,
            "result 22": 0.00133,
        },
        abs=1e-5,
    )


def test_runs_that_ended_early_are_censored(optimisers):
    rows = {row.key.recipe: row for row in seed_noise(optimisers)}
    assert {name: row.n_censored for name, row in rows.items() if row.n_censored} == {"result 12": 20}
    assert rows["result 12"].x == pytest.approx(3350 / 3375) and rows["result 06"].x == 1.0
    groups = {group.recipe: group for group in analyze(optimisers, rng=np.random.default_rng(0), resamples=99).groups}
    assert groups["result 12"].reason == because("no-run-ended", runs=20, how=(because("cut-short"),))
    assert all(group.verdict == "cannot-tell" for group in groups.values())
    assert groups["result 06"].reason == because("fewer-sizes", sizes=1)
    assert groups["result 06"].n_censored == 0


def test_runs_that_share_their_first_loss_are_no_copies(optimisers):
    assert {round(float(curve.loss[0]), 4) for curve in optimisers} == {10.8258}
    assert all(Ladder.of(group).copies() == [] for group in optimisers.groups().values())
    doubled = dataclasses.replace(optimisers.curves[-1], seed=99)
    assert len(Ladder.of([*optimisers.groups()["gpt", "fineweb", doubled.recipe, "decayed"], doubled]).copies()) == 1

"""One run a size: described and never tested; noise levels that are borrowed are tested on known noise and labelled."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from onecurve.collapse.analysis import analyze, examine
from onecurve.collapse.calibration.simulation import FLOOR, Scenario, simulate
from onecurve.collapse.contract import to_json
from onecurve.collapse.inquiry import inquire
from onecurve.collapse.inquiry_contract import inquiry_json
from onecurve.collapse.ladders.ladder import Ladder
from onecurve.collapse.sentences.reasons import say
from onecurve.collapse.sentences.verdicts import sentence
from onecurve.collapse.settings import Settings
from onecurve.collapse.single.group import one_run_a_size
from onecurve.collapse.single.noise_levels import from_neighbours, pseudo_residuals
from onecurve.collapse.single.questions import line
from onecurve.errors import InputError
from onecurve.results.curves import CurveSet, LearningCurve
from onecurve.scripts.cli import app
from typer.testing import CliRunner


def codes(said) -> list[str]:
    """The codes of warnings, each by what it is given because of."""
    return [one.root.code for one in said if not isinstance(one, str)]


EXTERNAL = Path(os.environ.get("ONECURVE_EXTERNAL_CURVES", Path(__file__).parents[2] / "shared" / "data"))
OLMO = EXTERNAL / "olmo_ladder"


def curves_of(cell, seed=0):
    return list(simulate(cell, 1, np.random.default_rng(seed)).curves(0))


def ladder(noise, *, sizes=5, points=60, shared=0.0, seed=0, floor=1.0, **more):
    """Curves that collapse exactly, with independent noise of each evaluation and noise shared by whole runs."""
    rng = np.random.default_rng(seed)
    x = np.linspace(1 / points, 1, points)
    found = []
    for k in range(sizes):
        end = 2.0 * 0.7**k
        excess = end * (x**-0.4 + 1) / 2 * np.exp(noise * rng.normal(size=points) + shared * rng.normal() * (1 - x))
        base = {"family": "f", "dataset": "d", "recipe": "r", "size": 1e6 * 2.0**k, "irreducible_loss": floor}
        found.append(LearningCurve(**(base | {"seed": 0} | more), x=x, loss=floor + excess))
    return found


def single_of(curves, choice="known"):
    return one_run_a_size(Ladder.of(curves), choice, 0.1)


# ---- the description


def test_the_picture_and_the_deviation_without_a_verdict():
    (group,) = analyze(CurveSet.of(curves_of(Scenario(seeds=1, gamma_error=0.2))), rng=np.random.default_rng(0)).groups
    assert group.verdict == "cannot-tell" and group.single and group.reason.code == "single-described-besides"
    truth = simulate(Scenario(gamma_error=0.2), 1, np.random.default_rng(0)).deviation
    assert group.deviation == pytest.approx(truth, abs=0.025)
    assert group.p_exact is None and group.p_shape is None and group.p_trend is None
    assert group.lower_bound is None and group.upper_bound is None and group.noise_floor is None
    assert len(group.rescaled.values) == 6 and group.d.shape == (6, 24) and group.irreducible_loss.source == "known"
    assert "size-left-out" not in codes(group.warnings)
    found = json.loads(json.dumps(to_json_of(group), allow_nan=False))
    assert found["single"] is True and found["noise_from"] is None and found["deviation"] == group.deviation


def to_json_of(group):
    from onecurve.collapse.outcome import Analysis

    return to_json(Analysis(groups=(group,), across_families=()))["groups"][0]


def test_groups_with_seeds_are_not_single():
    (group,) = analyze(CurveSet.of(curves_of(Scenario())), rng=np.random.default_rng(0)).groups
    assert not group.single and group.noise_from == "seeds" and group.verdict == "collapse"


def test_floors_of_single_runs():
    curves = [dataclasses.replace(curve, irreducible_loss=None) for curve in ladder(0.0)]
    assert single_of(curves).rescaled.scale == "shape" and single_of(curves).floor.value is None
    assert single_of(curves, 1.0).deviation < 1e-9
    assert single_of(curves, "fit").floor.value == pytest.approx(1.0, abs=1e-3)
    profiled = single_of(curves, "profile")
    assert profiled.rescaled.scale == "shape" and profiled.floor_problem.code == "profile-needs-seeds"
    assert single_of(curves[:3], "fit").floor_problem.root.code == "end-points-few"
    high = single_of(curves, 3.0)
    assert high.rescaled.scale == "shape" and high.floor_problem.code == "floor-not-below"
    assert single_of(curves[:2]) is None


# ---- noise levels


def test_scatter_of_neighbours_is_the_noise_where_it_is_independent():
    """The truth is ``sqrt(2)`` times the noise of an evaluation: a normalised curve carries its end's as well."""
    for noise in (0.002, 0.01):
        levels = []
        for seed in range(12):
            single = single_of(ladder(noise, seed=seed))
            levels.append(from_neighbours(single.rescaled, single.ladder.curves, 1.0).level)
        assert np.mean(levels) == pytest.approx(noise * np.sqrt(2), rel=0.08)


def test_bent_curves_add_nothing_to_the_scatter():
    single = single_of(ladder(0.0))
    assert from_neighbours(single.rescaled, single.ladder.curves, 1.0).level < 3e-4


def test_what_neighbours_share_does_not_show_in_their_scatter():
    """So it is a lower limit, and gives no bound."""
    single = single_of(ladder(0.002, shared=0.05))
    noise = from_neighbours(single.rescaled, single.ladder.curves, 1.0)
    assert noise.level < 0.2 * single.deviation and noise.note.code == "noise-from-neighbours"
    assert noise.half_width(5) is None


def test_pseudo_residuals_have_the_variance_of_the_noise_on_any_grid():
    rng = np.random.default_rng(0)
    at = np.sort(rng.uniform(0, 2, 4000))
    found = pseudo_residuals(at, 3 - 2 * at + at**2 + 0.1 * rng.normal(size=4000))
    assert found.std() == pytest.approx(0.1, rel=0.04)


def test_neighbours_need_enough_evaluations():
    single = single_of(ladder(0.01, points=7))
    noise = from_neighbours(single.rescaled, single.ladder.curves, 1.0)
    assert noise.source is None and noise.note.code == "no-noise-from-neighbours"


def judged(curves, noise_from=None):
    settings = Settings(resamples=99, noise_from=noise_from)
    return examine(CurveSet.of(curves), settings, rng=np.random.default_rng(0)).analysis.groups


def test_noise_is_borrowed_where_it_is_allowed_and_said():
    lender = [dataclasses.replace(c, recipe="lender") for c in curves_of(Scenario(seeds=3), seed=1)]
    single = [dataclasses.replace(c, recipe="single") for c in curves_of(Scenario(seeds=1), seed=2)]
    alone = judged([*lender, *single])[1]
    assert alone.noise_from is None and alone.upper_bound is None
    group = judged([*lender, *single], "groups")[1]
    assert group.noise_from == "groups" and group.verdict == "cannot-tell"
    assert group.noise_floor == pytest.approx(0.0071, rel=0.6) and group.upper_bound > group.deviation
    assert "lender" in next(w for w in group.warnings if w.code == "noise-from-groups").values["groups"][0]
    assert "other groups' noise" in sentence(group)
    near = judged(single, "neighbours")[0]
    assert near.noise_from == "neighbours" and near.noise_floor > 0 and near.upper_bound is None
    none = judged(single, "groups")[0]
    assert none.noise_from is None and "no-noise-from-groups" in codes(none.warnings)
    with pytest.raises(InputError, match="unknown source of noise"):
        Settings(noise_from="seeds")


def test_the_borrowed_bound_covers():
    truth = simulate(Scenario(gamma_error=0.1), 1, np.random.default_rng(0)).deviation
    bounds = []
    for seed in range(30):
        lender = [dataclasses.replace(c, recipe="lender") for c in curves_of(Scenario(seeds=3), seed=seed)]
        single = [
            dataclasses.replace(c, recipe="s") for c in curves_of(Scenario(seeds=1, gamma_error=0.1), seed=99 + seed)
        ]
        bounds.append(judged([*lender, *single], "groups")[1].upper_bound)
    assert np.mean(np.array(bounds) >= truth) >= 0.9


def test_reruns_of_the_group_itself_count_without_being_asked():
    curves = [c for c in curves_of(Scenario(seeds=2)) if c.seed == 0 or c.size < 2e4]
    group = judged(curves)[0]
    assert group.single and group.noise_from == "reruns" and group.upper_bound > group.deviation
    assert "noise-from-reruns" in codes(group.warnings)


# ---- answers


def test_every_question_has_an_answer_or_a_reason():
    questions = ["laws", "forecast", "where", "controls"]
    asked = inquire(CurveSet.of(curves_of(Scenario(seeds=1))), questions, rng=np.random.default_rng(0))
    found = asked.groups[0].single_runs
    assert found.forecast.status.code == "ok" and found.forecast.master.skill["last value"].low is None
    assert found.laws.end_floor == pytest.approx(FLOOR, abs=0.05)
    low, high = found.laws.end_floor_range
    assert low <= found.laws.end_floor <= high
    assert found.laws.frontier.low < 0.5 < found.laws.frontier.high
    assert [row.rung for row in found.where.rungs] == list(asked.analysis.groups[0].rescaled.rungs)
    assert {"single-no-envelope", "single-no-balance", "single-no-deltas"} <= set(codes(found.reasons))
    assert {"single-no-rescalings", "single-no-forms", "single-no-controls"} <= set(codes(found.reasons))
    json.dumps(inquiry_json(asked), allow_nan=False)
    silent = inquire(CurveSet.of(curves_of(Scenario(seeds=1))), [], rng=np.random.default_rng(0)).groups[0].single_runs
    assert (silent.laws, silent.forecast, silent.where, silent.reasons) == (None, None, None, ())


def test_a_straight_line_and_its_interval():
    rng, covered = np.random.default_rng(0), []
    for _ in range(800):
        x = np.arange(5.0)
        found = line(x, 2 * x + rng.normal(size=5))
        covered.append(found.low <= 2 <= found.high)
    assert np.mean(covered) == pytest.approx(0.95, abs=0.025)
    assert line(np.arange(2.0), np.arange(2.0)) is None


def table(path, curves):
    rows = [
        {"family": c.family, "dataset": c.dataset, "size": c.size, "seed": c.seed, "x": x, "loss": loss}
        | ({} if c.irreducible_loss is None else {"irreducible_loss": c.irreducible_loss})
        for c in curves
        for x, loss in zip(c.x.tolist(), c.loss.tolist(), strict=True)
    ]
    pl.DataFrame(rows).write_csv(path)
    return str(path)


def test_the_verb_is_not_silent_and_draws(tmp_path):
    path = table(tmp_path / "t.csv", ladder(0.003, sizes=4))
    asked = ["--laws", "--forecast", "--where", "--across", "--noise-from", "neighbours"]
    done = CliRunner().invoke(app, ["analyze", path, *asked, "--to", str(tmp_path / "f")])
    assert done.exit_code == 0, done.output
    said = " ".join(done.stdout.split())
    for words in (
        "\u2020",
        "one run of each model size is described, not tested",
        "a description, not tested",
        "neighbouring evaluations' noise",
        "forecast: none, because a forecast needs five model sizes",
        "where, as a description",
        "last losses as L0 + a p^-b",
        "no data set has two families",
    ):
        assert words in said, words
    points = pl.read_csv(tmp_path / "f" / "dataset-d.csv", infer_schema_length=None)
    assert points.filter(pl.col("series") == "single run")["size"].n_unique() == 4
    assert points.filter(pl.col("series") == "noise band").height > 0
    assert points.filter((pl.col("panel") == "residual") & (pl.col("series") == "margin")).height == 0


@pytest.mark.skipif(not OLMO.is_dir(), reason=f"no curves of others at {OLMO}")
def test_a_language_models_ladder_of_single_runs():
    curves = []
    for ratio, reruns in (("5xC", ("",)), ("1xC", ("", "-rerun"))):
        for name, size in (("190M", 190e6), ("370M", 370e6), ("760M", 760e6), ("1B", 1e9), ("3B", 3e9)):
            for seed, rerun in enumerate(reruns):
                rows = pl.read_csv(OLMO / f"{name}-{ratio}{rerun}.csv")
                tokens = rows["throughput/total_tokens"].to_numpy()
                loss = rows["c4_en-validation_CE"].to_numpy()
                base = {"family": "olmo", "dataset": "c4", "recipe": ratio, "size": size, "seed": seed}
                curves.append(LearningCurve(**base, x=tokens / tokens[-1], loss=loss))
    settings = Settings(irreducible_loss=0.0, x_min=0.3, resamples=99, noise_from="groups")
    groups = {g.recipe: g for g in examine(CurveSet.of(curves), settings, rng=np.random.default_rng(0)).analysis.groups}
    single = groups["5xC"]
    assert single.single and not groups["1xC"].single
    assert 0.003 < single.deviation < 0.005 and single.deviation < single.upper_bound < 0.01
    assert "1xC" in " ".join(say(one) for one in single.warnings) and single.verdict == "cannot-tell"

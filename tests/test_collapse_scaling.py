"""Scaling laws of final losses: exact recovery, coverage, minima, held-out budgets, families, and the verb."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from onecurve.collapse.composing import OK, Missing
from onecurve.collapse.reasons import because
from onecurve.collapse.scaling.held_out import hold_out
from onecurve.collapse.scaling.intervals import from_resamples, profile_intervals, resample
from onecurve.collapse.scaling.isoflop import budgets_of, iso_flop
from onecurve.collapse.scaling.law import fit_law, problem_of
from onecurve.collapse.scaling.robust_fits import Huber, RunPlaces, bounds, minimise, starts_of
from onecurve.collapse.scaling.study import Fitted, shared_exponents, study
from onecurve.errors import InputError
from onecurve.results.final_losses import FinalLosses, read_final_losses
from onecurve.scripts.cli import app
from typer.testing import CliRunner

# The re-fit of Chinchilla's law by Besiroglu and others 2024 (arXiv 2404.10102).
TRUTH = {"E": 1.8172, "A": 482.01, "alpha": 0.3478, "B": 2085.43, "beta": 0.3658}
BEST = TRUTH["beta"] / (TRUTH["alpha"] + TRUTH["beta"])


def loss_of(params, tokens, truth=TRUTH):
    return truth["E"] + truth["A"] * params ** -truth["alpha"] + truth["B"] * tokens ** -truth["beta"]


def grid(seed=0, *, noise=0.003, budgets=(1e19, 6e19, 3e20, 1e21, 3e21), sizes=9, truth=TRUTH, bad=0.0):
    """Budgets with sizes in geometric steps, and noise in ln L; a share ``bad`` of runs is worse by 3 % on average."""
    rng = np.random.default_rng(seed)
    params, flops = (one.ravel() for one in np.meshgrid(np.geomspace(5e7, 1e10, sizes), budgets))
    tokens = flops / 6 / params
    error = noise * rng.normal(size=len(params))
    error += np.where(rng.random(len(params)) < bad, rng.exponential(0.03, len(params)), 0.0)
    loss = loss_of(params, tokens, truth) * np.exp(error)
    return FinalLosses(params=params, tokens=tokens, flops=flops, loss=loss)


def refit_design(seed, noise=0.005, n=240):
    """As many runs as the re-fit had, over the sizes, tokens and budgets of the original figure."""
    rng = np.random.default_rng(seed)
    params = np.exp(rng.uniform(np.log(7e7), np.log(1.6e10), 4 * n))
    tokens = np.exp(rng.uniform(np.log(5e9), np.log(5e11), 4 * n))
    inside = np.flatnonzero((6 * params * tokens > 6e18) & (6 * params * tokens < 3e21))[:n]
    params, tokens = params[inside], tokens[inside]
    loss = loss_of(params, tokens) * np.exp(noise * rng.normal(size=len(params)))
    return FinalLosses(params=params, tokens=tokens, flops=6 * params * tokens, loss=loss)


# ---- recovery


@pytest.mark.parametrize("truth", [TRUTH, {"E": 0.4, "A": 30.0, "alpha": 0.2, "B": 6e4, "beta": 0.55}])
def test_a_law_without_noise_is_recovered_exactly_from_every_start(truth):
    law = fit_law(grid(noise=0.0, truth=truth))
    assert law.parameters == pytest.approx(truth, rel=1e-5)
    assert law.reached == 1.0 and law.reservations == () and law.noise < 1e-8


def test_the_published_refit_is_recovered_from_its_own_design():
    """At the published threshold; published standard errors are .03, 125, .02, 1293 and .02."""
    found = np.array([list(fit_law(refit_design(seed), delta=1e-3).parameters.values()) for seed in range(4)])
    middle = found.mean(axis=0)
    assert middle[[0, 2, 4]] == pytest.approx([1.8172, 0.3478, 0.3658], abs=0.02)
    assert np.all(found.std(axis=0, ddof=1)[[0, 2, 4]] < [0.06, 0.03, 0.03])
    assert found[:, 4] / (found[:, 2] + found[:, 4]) == pytest.approx(BEST, abs=0.03)


def test_the_end_of_a_search_is_a_minimum():
    """No neighbour is better: a search that stops early, as one of a mean does, fails here."""
    runs = grid(3)
    law = fit_law(runs)
    rng = np.random.default_rng(0)
    near = law.theta + 1e-3 * rng.normal(size=(400, 5))
    costs = law.huber.cost(np.log(runs.loss) - law.design.log_loss(near)[0])
    assert np.all(costs > law.cost)


def test_slopes_are_the_derivatives():
    runs = grid(1)
    design, targets = RunPlaces.of(runs.params, runs.tokens), np.log(runs.loss)
    theta = starts_of(design, targets)[37:38]
    value, slopes = design.log_loss(theta)
    for place in range(5):
        moved = theta.copy()
        moved[0, place] += 1e-6
        assert (design.log_loss(moved)[0] - value)[0] / 1e-6 == pytest.approx(slopes[0, place], abs=1e-5)


def test_the_cost_is_a_sum_and_one_sided_where_asked():
    huber = Huber(0.1, 1.0)
    assert huber.cost(np.array([[0.05, 0.05]])) == pytest.approx([0.0025])
    assert huber.cost(np.array([[1.0]])) == pytest.approx([0.1 * (1.0 - 0.05)])
    assert huber.cost(np.array([[-1.0]])) == pytest.approx([0.5])


def test_held_parameters_stay():
    runs = grid(0)
    design, targets = RunPlaces.of(runs.params, runs.tokens), np.log(runs.loss)
    low, high = bounds(targets)
    start = starts_of(design, targets)[:3]
    free = np.array([[True, True, False, True, True]] * 3)
    found = minimise(design, targets, start, Huber(0.01, 0.01), low, high, free=free)[0]
    assert np.array_equal(found[:, 2], start[:, 2]) and not np.array_equal(found[:, 4], start[:, 4])


def test_a_few_spoiled_runs_do_not_move_the_law():
    runs = grid(0)
    loss = runs.loss.copy()
    loss[[4, 20, 33]] *= 1.3
    spoiled = FinalLosses(params=runs.params, tokens=runs.tokens, flops=runs.flops, loss=loss)
    clean, robust = fit_law(runs), fit_law(spoiled)
    square = fit_law(spoiled, delta=10.0)
    off = abs(robust.parameters["alpha"] - clean.parameters["alpha"])
    assert off < 0.02 < abs(square.parameters["alpha"] - clean.parameters["alpha"])


def test_the_one_sided_law_is_nearer_where_runs_were_undertrained():
    place = np.array([1e10]), np.array([2e11])
    exact = loss_of(*place)[0]
    miss = {
        one: np.mean([np.log(fit_law(grid(s, bad=0.5), one_sided=one).loss(*place)[0] / exact) for s in range(6)])
        for one in (False, True)
    }
    assert abs(miss[True]) < 0.6 * miss[False] and miss[False] > 0.002


# ---- intervals


def covered(tables):
    """Shares of tables whose 95 % intervals hold E, alpha and beta (profile), alpha and the best size (bootstrap)."""
    inside = []
    for seed in range(tables):
        law = fit_law(grid(seed, sizes=8, budgets=(1e19, 1e20, 1e21)))
        drawn = resample(law, rng=np.random.default_rng(seed), resamples=99)
        ratio = drawn[:, 4] / (drawn[:, 2] + drawn[:, 4])
        best = from_resamples(law.theta[4] / (law.theta[2] + law.theta[4]), ratio, len(law.residuals))
        alpha = from_resamples(law.theta[2], drawn[:, 2], len(law.residuals))
        profile = profile_intervals(law)
        pairs = [(profile[name], TRUTH[name]) for name in ("E", "alpha", "beta")]
        pairs += [(alpha, TRUTH["alpha"]), (best, BEST)]
        inside.append([(i.low is None or i.low <= t) and (i.high is None or t <= i.high) for i, t in pairs])
    return np.mean(inside, axis=0)


def test_intervals_cover_a_few_tables():
    assert covered(10).mean() >= 0.8


@pytest.mark.slow
def test_intervals_cover():
    assert np.all(covered(150) >= 0.89)


def test_a_profile_is_where_the_objective_has_risen():
    law = fit_law(grid(0))
    found = profile_intervals(law)["alpha"]
    spread = np.std(resample(law, rng=np.random.default_rng(0), resamples=99)[:, 2])
    assert found.low < law.theta[2] < found.high
    assert (found.high - found.low) / 4 == pytest.approx(spread, rel=0.5)


# ---- iso-FLOP profiles


def test_parabolas_find_the_minima():
    runs = grid(noise=0.0)
    law = fit_law(runs)
    found = iso_flop(runs, law=law)
    assert [one.status for one in found.profiles] == [OK] * 5
    for one in found.profiles:
        exact = law.best_params(np.array([one.budget]))[0]
        best = one.minimum
        assert best.best_params.value == pytest.approx(exact, rel=0.25)
        assert best.best_params.value * best.best_tokens * 6 == pytest.approx(one.budget)
    bias = found.params.exponent.value - BEST
    assert found.params.bias == pytest.approx(bias, abs=0.01) and abs(bias) > 1e-4
    assert found.tokens.exponent.value == pytest.approx(1 - found.params.exponent.value)


def test_a_parabola_of_its_own_is_exact():
    params, flops = (one.ravel() for one in np.meshgrid(np.geomspace(1e8, 1e9, 5), [1e19, 1e20, 1e21]))
    best = 3e8 * (flops / 1e20) ** 0.2
    runs = FinalLosses(
        params=params, tokens=flops / 6 / params, flops=flops, loss=3 + 0.05 * np.log(params / best) ** 2
    )
    found = iso_flop(runs)
    assert found.params.exponent.value == pytest.approx(0.2, abs=1e-6)
    middle = found.profiles[1].minimum
    assert middle.best_params.value == pytest.approx(3e8) and middle.best_loss == pytest.approx(3)


def test_the_exponent_of_the_minima_covers():
    truth = []
    for seed in range(40):
        runs = grid(seed, noise=0.004)
        clean = iso_flop(grid(noise=0.0)).params.exponent.value
        found = iso_flop(runs).params.exponent
        truth.append(found.low <= clean <= found.high)
    assert np.mean(truth) >= 0.85


def test_budgets_without_a_minimum_say_why():
    runs = grid(noise=0.0, budgets=(1e19, 1e20, 1e21))
    large = runs.pick((runs.params > 1e9) | (runs.flops > 5e20))
    found = iso_flop(large)
    smaller = because("best-size-outside", side="smaller")
    assert found.profiles[0].status in (because("parabola-needs-sizes", needed=4, sizes=3), smaller)
    assert found.profiles[2].status == OK and isinstance(found.params, Missing)
    assert found.params.status == because("growth-needs-budgets", needed=3, budgets=1)
    edge = iso_flop(runs.pick(runs.params > 9e8)).profiles[0]
    assert edge.minimum is None and edge.status == smaller


def test_runs_within_five_percent_share_a_budget():
    runs = grid(noise=0.0, budgets=(1e19, 1.02e19, 3e19), sizes=4)
    assert sorted(set(budgets_of(runs).tolist())) == [0, 1]


# ---- held-out budgets


def test_the_largest_budget_is_foretold():
    found = [hold_out(grid(seed), rng=np.random.default_rng(seed)) for seed in range(5)]
    assert {one.budgets for one in found} == {1} and len(found[0].observed) == 9
    assert np.mean([one.error for one in found]) < 0.01 < 3 * np.mean([one.error_at_best for one in found]) + 0.01
    # Runs of one budget share the law's error, so few tables say little: 40 of them gave .86.
    assert np.mean([one.covered for one in found]) > 0.7
    assert np.mean([one.error_at_best for one in found]) < np.mean([one.baseline for one in found])


def test_a_law_that_changes_is_seen_on_the_held_out_budget():
    runs = grid(0)
    loss = np.where(runs.flops > 2e21, runs.loss * 1.03, runs.loss)
    found = hold_out(
        FinalLosses(params=runs.params, tokens=runs.tokens, flops=runs.flops, loss=loss), rng=np.random.default_rng(0)
    )
    assert found.bias == pytest.approx(0.03, abs=0.012) and found.covered < 0.5


# ---- what cannot be fitted


def test_tables_that_hold_no_law_say_why():
    runs = grid(0)
    one_size = runs.pick(runs.params == runs.params.min())
    assert problem_of(one_size) == because("law-needs-runs", needed=8, runs=5)
    many = FinalLosses(params=np.full(9, 1e8), tokens=np.geomspace(1e9, 1e11, 9), flops=np.ones(9), loss=np.ones(9))
    assert problem_of(many) == because("one-value-in-all-runs", what="size")
    sizes = np.geomspace(1e8, 1e10, 9)
    along = FinalLosses(params=sizes, tokens=20 * sizes, flops=120 * sizes**2, loss=loss_of(sizes, 20 * sizes))
    assert problem_of(along) == because("tokens-follow-size")
    with pytest.raises(InputError, match="tokens follow size"):
        fit_law(along)
    found = study(along, rng=np.random.default_rng(0))
    assert found.law is None and found.fitted == Missing(Fitted, because("tokens-follow-size"))
    with pytest.raises(InputError, match="above 0"):
        fit_law(runs, delta=0.0)
    with pytest.raises(InputError, match="positive number"):
        FinalLosses(params=[1.0], tokens=[1.0], flops=[1.0], loss=[-1.0])


def test_a_floor_that_does_not_show_is_said():
    assert because("no-floor-shows") in fit_law(grid(noise=0.0, truth=TRUTH | {"E": 1e-9})).reservations


# ---- families


def test_families_that_share_exponents_and_families_that_do_not():
    def families(spread):
        return {
            f"f{k}": study(
                grid(k, truth=TRUTH | {"alpha": 0.3478 + spread * (k - 1.5), "A": 482.01 * (1 + k)}),
                rng=np.random.default_rng(k),
                resamples=99,
            )
            for k in range(4)
        }

    alike = families(0.0)
    same = {one.name: one.effects for one in shared_exponents(alike)}
    other = {one.name: one.effects for one in shared_exponents(families(0.06))}
    assert same["alpha"].p > 0.01 and other["alpha"].p < 1e-3
    assert np.exp(same["beta"].mean) == pytest.approx(0.3658, abs=0.02)
    few = shared_exponents(dict(list(alike.items())[:2]))
    assert few[0].effects is None and few[0].status == because("families-need-three-laws", laws=2)


# ---- the verb


def written(path, runs, **names):
    columns = {"params": runs.params, "tokens": runs.tokens, "flops": runs.flops, "loss": runs.loss}
    pl.DataFrame(
        {names.get(name, name): column for name, column in columns.items() if names.get(name, name)}
    ).write_csv(path)
    return str(path)


def test_the_verb_fits_draws_and_writes(tmp_path):
    path = written(tmp_path / "t.csv", grid(0), params="N", tokens="D", flops="budget", loss="val_loss")
    arguments = ["scaling-law", path, "--json", str(tmp_path / "o.json"), "--to", str(tmp_path / "f")]
    done = CliRunner().invoke(app, [*arguments, "--resamples", "99"])
    assert done.exit_code == 0, done.output
    said = " ".join(done.stdout.split())
    assert "'budget' is taken for flops" in said and "starts reached this minimum" in said
    (family,) = json.loads((tmp_path / "o.json").read_text())["families"]
    assert family["law"]["parameters"]["alpha"] == pytest.approx(0.3478, abs=0.02)
    assert family["profile"]["beta"]["low"] < 0.3658 < family["profile"]["beta"]["high"]
    assert {one.suffix for one in (tmp_path / "f").iterdir()} == {".png", ".svg", ".pdf", ".csv"}
    points = pl.read_csv(tmp_path / "f" / "scaling-law-runs.csv", infer_schema_length=None)
    assert set(points["panel"]) == {"profiles", "frontier", "residuals"}
    assert points.filter(pl.col("series") == "minimum")["y"].len() == 5


def test_several_families_have_a_forest(tmp_path):
    frames = []
    for k in range(3):
        runs = grid(k)
        frames.append(pl.DataFrame({"model": f"m{k}", "size": runs.params, "tokens": runs.tokens, "loss": runs.loss}))
    pl.concat(frames).write_parquet(tmp_path / "t.parquet")
    arguments = ["scaling-law", str(tmp_path / "t.parquet"), "--to", str(tmp_path / "f"), "--resamples", "99"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    said = " ".join(done.stdout.split())
    assert "they are taken as 6 N D" in said and "one value fits all families, p =" in said
    assert (tmp_path / "f" / "scaling-exponents.png").is_file()


def test_sizes_in_words_and_a_missing_third(tmp_path):
    (tmp_path / "t.csv").write_text("params,budget,final_loss\n70M,1e18,3.5\n1.3B,1e18,3.9\n410m,1e18,\n")
    found, notes = read_final_losses(str(tmp_path / "t.csv"))
    assert found["runs"].params.tolist() == [70e6, 1.3e9]
    assert found["runs"].tokens[0] == pytest.approx(1e18 / 6 / 70e6)
    assert "1 rows without a loss are left out" in notes and any("C / (6 x params)" in note for note in notes)


@pytest.mark.parametrize(
    "text, words",
    [
        ("a,b\n1,2\n", r"no column for loss, params, tokens. It has: a, b.*--column loss=..."),
        ("params,tokens,loss\n1,2,x\n", "row 1: loss is 'x', not a finite number"),
        ("params,tokens,loss\n-1,2,3\n", "params must be a positive number"),
        ("params,tokens,Tokens,loss\n", "no row with a loss"),
        ("params,Tokens,TOKENS,loss\n1,1,1,1\n", "both 'Tokens' and 'TOKENS' may be tokens"),
    ],
)
def test_tables_that_cannot_be_read(tmp_path, text, words):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match=words):
        read_final_losses(str(tmp_path / "t.csv"))


def test_columns_that_the_user_names(tmp_path):
    (tmp_path / "t.csv").write_text("w,D,mine\n1e8,1e9,3\n")
    found, _ = read_final_losses(str(tmp_path / "t.csv"), ["N=w", "loss=mine"])
    assert found["runs"].params.tolist() == [1e8] and found["runs"].loss.tolist() == [3.0]
    for said, words in ((["N"], "ROLE=COLUMN"), (["q=w"], "role of a column"), (["loss=nine"], "Did you mean 'mine'")):
        with pytest.raises(InputError, match=words):
            read_final_losses(str(tmp_path / "t.csv"), said)

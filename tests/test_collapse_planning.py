"""The planner's numbers against brute force: the same tests, run whole on freshly simulated curves."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import onecurve
import polars as pl
import pytest
from onecurve.collapse.calibration.simulation import Scenario, simulate
from onecurve.collapse.composing import OK, Missing
from onecurve.collapse.contract import plain
from onecurve.collapse.outcome import FittedForm
from onecurve.collapse.planning.analytic import certification, points, rejection
from onecurve.collapse.planning.cost import Cost
from onecurve.collapse.planning.fewest_seeds import Goal, Simulator, seeds_for
from onecurve.collapse.planning.patterns import odd_rung, trend, wrong_horizon
from onecurve.collapse.planning.pilot import pilot_of
from onecurve.collapse.planning.planner import ladder_of, plan
from onecurve.collapse.planning.power import SimulatedShare, _critical, simulate_noise
from onecurve.collapse.reasons import because
from onecurve.collapse.sentences.as_json import worded
from onecurve.collapse.within.battery import assess
from onecurve.collapse.within.exactness import p_value
from onecurve.collapse.within.sharper import sharpened
from onecurve.errors import InputError
from onecurve.results.curves import CurveSet
from onecurve.scripts.verbs.power import measured_cost

GROUPS = 200  # simulated for each share; `agree` knows their error
LADDER = 1e4 * 2.0 ** np.arange(6)


def brute_force(cell, groups, seed, margin=None, shift=0.0):
    """Share of simulated groups with p < .05, or with U95 below a margin, by the tests of the analysis."""
    rng = np.random.default_rng(seed)
    batch = simulate(cell, groups, rng)
    hits = []
    for z in batch.z:
        values = list(z + np.asarray(shift)[..., None, :]) if np.ndim(shift) else list(z)
        exact, bounds = assess(values, batch.x[:-1], batch.sizes, rng=rng, resamples=399)
        hits.append(exact.p < 0.05 if margin is None else sharpened(bounds, values, rng=rng).upper() < margin)
    return float(np.mean(hits))


def agree(share: SimulatedShare, brute: float, groups: int) -> bool:
    """Whether two simulated shares agree within three standard errors of their difference."""
    p = (share.value + brute) / 2
    error = np.sqrt(max(p * (1 - p), 0.004) * (1 / 400 + 1 / groups))
    return abs(share.value - brute) < 3 * error


def pilot(seeds=8, seed=0, **cell):
    return CurveSet.of(simulate(Scenario(seeds=seeds, **cell), 1, np.random.default_rng(seed)).curves(0))


# ---- the answer of the planner, checked


def simulator(source, seed=0, groups=400):
    return Simulator(pilot_of(source), groups=groups, resamples=199, gamma=1.0, rng=np.random.default_rng(seed))


@pytest.mark.parametrize("target", [0.8, pytest.param(0.95, marks=pytest.mark.slow)])
def test_a_wrong_horizon_is_detected_as_often_as_planned(target):
    need = seeds_for(simulator(0.01), Goal(kind="horizon", amount=0.05), LADDER, target)
    assert need.simulated_power.value >= target and need.seeds_low <= need.seeds <= need.seeds_high
    groups = GROUPS if target == 0.8 else 400
    assert agree(need.simulated_power, brute_force(Scenario(gamma_error=0.05, seeds=need.seeds), groups, 1), groups)
    fewer = brute_force(Scenario(gamma_error=0.05, seeds=need.seeds_low - 1), groups, 2)
    assert fewer < target + 0.03


@pytest.mark.parametrize("make", [trend, odd_rung])
def test_a_deviation_is_detected_as_often_as_planned(make):
    planner, kind = simulator(0.01), "detect" if make is trend else "odd rung"
    need = seeds_for(planner, Goal(kind=kind, amount=0.012), LADDER, 0.8)
    shift = make(planner.pilot, LADDER, 0.012)
    assert agree(need.simulated_power, brute_force(Scenario(seeds=need.seeds), GROUPS, 3, shift=shift), GROUPS)


def test_a_margin_is_certified_as_often_as_planned():
    need = seeds_for(simulator(0.01), Goal(kind="certify", amount=0.014), LADDER, 0.8)
    assert agree(need.simulated_power, brute_force(Scenario(seeds=need.seeds), 100, 4, margin=0.014), 100)


def test_a_pilot_plans_as_its_own_truth_does():
    """A pilot of 20 seeds stands for the process that it came from, uneven noise and form included."""
    cell = Scenario(noise_ratio=3, gamma_error=0.05)
    from_pilot = simulator(pilot(seeds=20, noise_ratio=3)).power(Goal(kind="horizon", amount=0.05), LADDER, 8)
    assert from_pilot.value == pytest.approx(brute_force(dataclasses.replace(cell, seeds=8), GROUPS, 5), abs=0.13)


def test_rejections_are_those_of_the_p_value():
    p = pilot_of(0.01)
    truth = trend(p, LADDER, 0.006)
    trials = simulate_noise(
        p, LADDER, [4] * 6, scales=np.ones(6), groups=60, resamples=199, rng=np.random.default_rng(7)
    )
    rng = np.random.default_rng(7)
    found = []
    for _ in range(60):
        values = [rng.normal(size=(4, len(p.factor))) @ p.factor + row for row in truth]
        found.append(assess(values, p.x, LADDER, rng=rng, resamples=199)[0].p < 0.05)
    assert 5 < sum(found) < 55
    assert trials.rejects(truth).tolist() == found


@pytest.mark.parametrize("resamples", [39, 99, 199, 999])
def test_the_critical_value_is_where_the_p_value_crosses(resamples):
    resampled = np.random.default_rng(0).permutation(np.arange(float(resamples)))
    critical = _critical(resampled)
    for observed in np.arange(resamples - 0.3 * resamples, resamples) + 0.5:
        assert (observed > critical) == (p_value(observed, resampled) < 0.05)


def test_each_rung_has_the_noise_that_was_asked_for():
    p, scales = pilot_of(0.01), np.array([1.0, 2.0, 4.0])
    made = simulate_noise(
        p, LADDER[:3], [6, 4, 3], scales=scales, groups=300, resamples=39, rng=np.random.default_rng(0)
    )
    sd = np.sqrt(made.noise.variances.mean(axis=-1))
    assert sd == pytest.approx(scales[:, None] * np.sqrt(np.diag(p.covariance)), rel=0.12)
    assert made.noise.counts.tolist() == [6, 4, 3]


def test_size_without_a_deviation():
    power = SimulatedShare.of(
        simulate_noise(
            pilot_of(0.01), LADDER, [5] * 6, scales=np.ones(6), groups=800, resamples=199, rng=np.random.default_rng(0)
        ).rejects(np.zeros((6, 24)))
    )
    assert 0.03 < power.value < 0.075


# ---- noise and form of a pilot


def test_the_noise_of_a_level_is_that_of_the_calibration():
    z = simulate(Scenario(), 3000, np.random.default_rng(0)).z[:, 0].reshape(-1, 24)
    assert pilot_of(0.0071 * np.sqrt(2)).covariance == pytest.approx(np.cov(z.T), abs=2.5e-6)


def test_the_noise_of_a_pilot():
    draws = [pilot_of(pilot(seeds=5, seed=i)) for i in range(60)]
    truth = pilot_of(0.0071 * np.sqrt(2))
    mean = np.mean([one.covariance for one in draws], axis=0)
    assert np.diag(mean) == pytest.approx(np.diag(truth.covariance), rel=0.15)
    assert mean == pytest.approx(truth.covariance, rel=0.15, abs=8e-6)
    covered = [one.level[1] <= truth.level[0] <= one.level[2] for one in draws]
    assert sum(covered) >= 53
    assert draws[0].form.mu == pytest.approx(0.5, rel=0.2)
    assert sum(one.trend != 0 for one in draws) <= 6
    steep = [pilot_of(pilot(seeds=8, seed=i, noise_ratio=4)).trend for i in range(6)]
    assert np.mean(steep) == pytest.approx(np.log(4) / np.log(32), rel=0.2)


def test_patterns_have_the_deviation_that_was_asked_for():
    for source in (0.01, pilot(), blind(pilot())):
        p = pilot_of(source)
        for make in (trend, odd_rung):
            d = make(p, LADDER, 0.02)
            assert np.abs(d).max() == pytest.approx(0.02) and np.abs(d.mean(axis=0)).max() < 1e-15
    formless = dataclasses.replace(pilot_of(pilot()), form=fitted_form("time share at the edge"))
    for p in (formless, dataclasses.replace(formless, scale="shape")):
        d = trend(p, LADDER, 0.02)
        assert np.abs(d).max() == pytest.approx(0.02) and np.abs(d[:, -1]).max() < 0.002
    error = wrong_horizon(pilot_of(0.01), LADDER, 0.2)
    truth = simulate(Scenario(gamma_error=0.2), 1, np.random.default_rng(0)).truth[:, :-1]
    assert error == pytest.approx(truth - truth.mean(axis=0), abs=1e-12)


def fitted_form(status):
    return FittedForm(mu=0.7, share=1.0, gain=0.0, error=0.1, status=status)


def blind(curves):
    return CurveSet.of([dataclasses.replace(c, irreducible_loss=None) for c in curves])


def test_formulas_grow_with_seeds_and_effect():
    p = pilot_of(0.01)
    seeds = np.arange(3, 60.0)
    assert 2 < points(p) < 6
    small, large = (rejection(p, trend(p, LADDER, d), np.ones(6), seeds) for d in (0.005, 0.008))
    assert np.all(np.diff(small) > 0) and np.all(large >= small)
    assert rejection(p, np.zeros((6, 24)), np.ones(6), 5.0) == pytest.approx(0.05, abs=1e-6)
    chance = certification(p, np.zeros((6, 24)), np.ones(6), seeds, 0.01)
    assert np.all(np.diff(chance) >= 0) and chance[-1] > 0.99


# ---- the whole plan


@pytest.fixture(scope="module")
def planned():
    cost = Cost(size=1e4, amount=2.0)
    return plan(pilot(), rng=np.random.default_rng(0), margin=0.02, cost=cost, groups=200)


def test_a_plan_answers_every_question(planned):
    asked = {(d.goal.kind, d.power) for d in planned.designs}
    assert asked == {(g, p) for g in ("detect", "odd rung", "certify", "horizon") for p in (0.8, 0.95)}
    for d in planned.designs:
        assert (d.rungs, d.span, d.need.status, d.method) == (6, pytest.approx(32.0), OK, "simulation")
        assert d.need.simulated_power.value >= d.power and d.need.seeds_low <= d.seeds <= d.need.seeds_high
        assert d.cost == pytest.approx(d.seeds * 2.0 * sum(4.0**k for k in range(6)))
        assert d.confirmatory == (d.seeds >= 5)
    by = {(d.goal.kind, d.power): d.seeds for d in planned.designs}
    assert all(by[g, 0.8] <= by[g, 0.95] for g, _ in asked)
    assert by["odd rung", 0.8] >= by["detect", 0.8]
    sure = [d for d in planned.alternatives if d.method == "simulation"]
    assert len(sure) == 8 and all(d.rungs >= 6 and d.span >= 30 for d in sure)
    assert any(d.span == pytest.approx(8.0) for d in planned.alternatives if d.goal.kind == "horizon")
    assert planned.noise_low < planned.noise < planned.noise_high and planned.unit == "seconds"


def test_a_plan_is_plain_data_and_repeats_itself(planned):
    written = plain(worded(planned))
    json.dumps(written, allow_nan=False)
    first = written["designs"][0]
    assert (first["goal"], first["seeds"], first["status"]) == ("detect", planned.designs[0].seeds, "ok")
    one, other = (plan(0.02, rng=np.random.default_rng(3), powers=(0.8,), groups=60) for _ in range(2))
    assert one == other


def test_a_longer_span_needs_fewer_seeds_for_a_wrong_horizon():
    planner = simulator(0.03, groups=200)
    goal = Goal(kind="horizon", amount=0.2)
    short, long = (seeds_for(planner, goal, ladder_of(planner.pilot, 6, span), 0.8) for span in (8.0, 32.0))
    assert short.seeds > 1.3 * long.seeds


def test_what_cannot_be_reached_says_so():
    need = seeds_for(simulator(0.3), Goal(kind="detect", amount=0.002), LADDER, 0.8)
    assert isinstance(need, Missing) and need.status.code == "too-many-to-simulate"
    assert need.known["start"] > need.status.values["seeds"] - 1


def test_a_plan_without_a_floor_is_made_on_shapes():
    found = plan(blind(pilot()), rng=np.random.default_rng(0), deviation=0.1, margin=0.1, powers=(0.8,), groups=120)
    assert {d.goal.kind for d in found.designs} == {"detect", "odd rung", "certify"}
    assert because("horizon-not-in-shapes") in found.warnings


@pytest.mark.parametrize(
    "change, message",
    [
        ({"source": 2.0}, "between 0 and .5"),
        ({"deviation": 0.0}, "the deviation must lie"),
        ({"powers": (0.999,)}, "powers must lie"),
        ({"rungs": 2}, "at least 3 rungs"),
        ({"span": 1.0}, "more than 1"),
    ],
)
def test_bad_arguments_of_a_plan(change, message):
    source = change.pop("source", 0.01)
    with pytest.raises(InputError, match=message):
        plan(source, rng=np.random.default_rng(0), **change)


def test_bad_pilots():
    two = [*pilot(), *(dataclasses.replace(c, family="other") for c in pilot())]
    with pytest.raises(InputError, match="one group of curves, got 2"):
        pilot_of(CurveSet.of(two))
    with pytest.raises(InputError, match="no model size has two"):
        pilot_of(CurveSet.of([c for c in pilot() if c.seed == 0]))
    same = [dataclasses.replace(c, loss=[d for d in pilot() if d.size == c.size][0].loss) for c in pilot()]
    with pytest.raises(InputError, match="do not differ"):
        pilot_of(CurveSet.of(same))


def test_cost_of_a_sweep():
    cost = Cost.of([1e4, 4e4], [1.0, 16.0], unit="FLOPs")
    assert cost.sweep(np.array([1e4, 2e4, 4e4]), 3) == pytest.approx(3 * (1 + 4 + 16))
    assert cost.unit == "FLOPs"
    steep = Cost.of([1e4, 4e4], [1.0, 8.0], gamma=0.5)
    assert steep.sweep(np.array([1.6e5]), 1) == pytest.approx(64.0)
    fitted = Cost.of([1e4, 1e4, 4e4], [0.5, 2.0, 8.0], gamma=None)
    assert fitted.gamma == pytest.approx(0.5) and fitted.sweep(np.array([1.6e5]), 1) == pytest.approx(64.0)
    with pytest.raises(InputError, match="one cost for each rung"):
        Cost.of([1e4], [1.0, 2.0])
    with pytest.raises(InputError, match="positive"):
        Cost.of([1e4], [0.0])


def test_a_pilot_of_ours_knows_its_cost(tmp_path):
    quick = Path(onecurve.__file__).parent / "results" / "reference" / "quick.parquet"
    cost = measured_cost(str(quick), "resmlp", "fourier")
    spent = pl.read_parquet(quick).filter(pl.col("family") == "resmlp", pl.col("dataset") == "fourier")
    total = (spent["train_seconds"] + spent["eval_seconds"]).sum()
    assert cost.sweep(spent["n_params"].unique().to_numpy(), 8) == pytest.approx(total, rel=0.1)
    pl.DataFrame({"size": [1.0]}).write_csv(tmp_path / "theirs.csv")
    assert measured_cost(str(tmp_path / "theirs.csv"), None, None) is None

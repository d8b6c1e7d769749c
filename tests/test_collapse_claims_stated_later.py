"""Claims on batch sizes, momentum, decay and pairs of points: estimators by hand, truths against other ways to them."""

import dataclasses

import numpy as np
import pytest
import torch
from onecurve.architectures.draws import secluded
from onecurve.architectures.family import FAMILIES
from onecurve.collapse.claims.claim import load_claim
from onecurve.collapse.claims.estimators.batch_hyperbola import BatchHyperbola, _updates
from onecurve.collapse.claims.estimators.estimator import CannotTell
from onecurve.collapse.claims.estimators.ratio import Ratio
from onecurve.collapse.claims.estimators.settings_differ import SettingsDiffer
from onecurve.collapse.claims.estimators.two_datum_flow import TwoDatumFlow
from onecurve.collapse.claims.truths.critical_batch import CriticalBatch
from onecurve.collapse.claims.truths.scale_invariant import DecayTimescale, MomentumRotation
from onecurve.collapse.claims.truths.stability import RotationalEquilibrium
from onecurve.collapse.claims.truths.truth import made
from onecurve.collapse.claims.truths.two_points import TwoPoints

BATCHES = (4.0, 16.0, 64.0, 256.0)


def halving(batch, updates, rate=0.1, seeds=3):
    """Curves that halve after that many updates, as powers of time, on which ln L is a line in ln t."""
    steps = np.append(0.0, np.geomspace(0.01, 100, 30) * updates)
    values = np.append(1.0, 0.5 * (steps[1:] / updates) ** -0.15)
    values[1:] = np.minimum(values[1:], 1.0)
    settings = {"size": 9.0, "peak_lr": rate, "batch_size": batch}
    return [made("loss", seed, steps, values, settings) for seed in range(seeds)]


def tried(updates_of):
    return [run for batch in BATCHES for run in halving(batch, updates_of(batch))]


def test_the_product_is_one_on_a_hyperbola_and_known_beside_it():
    found = BatchHyperbola().measure(tried(lambda batch: 50 * (1 + 32 / batch)), "loss")
    assert found.value == pytest.approx(1, rel=1e-6)
    assert found.facts["updates_saved"] == pytest.approx(9 / 1.125)
    assert found.facts["examples_lost"] == pytest.approx(256 * 1.125 / 36)
    assert (found.facts["batches"], found.facts["interior"]) == (4, 1)
    # S = B^-1/2: E_min = (1/2 - 1/16)/(1/4 - 1/256), S_min = 1/16 - E_min/256, and then by hand.
    e = (1 / 2 - 1 / 16) / (1 / 4 - 1 / 256)
    s = 1 / 16 - e / 256
    by_hand = np.mean([(b**-0.5 / s - 1) * (b**0.5 / e - 1) for b in (16, 64)])
    assert BatchHyperbola().measure(tried(lambda batch: 900 * batch**-0.5), "loss").value == pytest.approx(by_hand)
    assert by_hand > 2


def test_the_best_rate_of_a_batch_size_is_the_lowest_point_of_a_parabola():
    def at_rates(batch):
        for rate in (0.05, 0.1, 0.2, 0.4):
            away = np.log(rate / 0.1 / batch**0.06)  # so that each batch size lies elsewhere between two rates
            worse = 3 if rate > 0.3 else 1  # a rate far from the best one, off the parabola
            yield from halving(batch, worse * 50 * (1 + 32 / batch) * np.exp(0.3 * away**2), rate)

    runs = [run for batch in BATCHES for run in at_rates(batch)]
    found = BatchHyperbola().measure(runs, "loss")
    assert found.value == pytest.approx(1, rel=1e-6) and found.facts["interior"] == 1
    without = [run for run in runs if run.settings["batch_size"] > 4 or run.settings["peak_lr"] > 0.15]
    assert BatchHyperbola().measure(without, "loss").facts["interior"] == 0.75


def test_rates_that_are_no_valley_leave_the_lowest_one():
    factors = {0.05: 1.0, 0.1: 2.0, 0.11: 2.1}
    runs = [run for b in BATCHES for rate, by in factors.items() for run in halving(b, by * 50 * (1 + 32 / b), rate)]
    assert BatchHyperbola().measure(runs, "loss").value == pytest.approx(1, rel=1e-6)
    bent = [run for run in runs if run.settings["batch_size"] > 4] + halving(4.0, 450.0, 0.05)
    assert BatchHyperbola().measure(bent, "loss").value == pytest.approx(1, rel=1e-6)


def test_one_evaluation_that_is_off_moves_the_updates_little():
    away = []
    for place in range(1, 31):
        runs = halving(4.0, 100.0)
        for run in runs:
            run.of("loss")[place] *= 1.03
        away.append(abs(_updates(runs, "loss", 0.5) - np.log(100)))
    assert max(away) < 0.5 * np.log(1.03) / 0.15  # the line's slope: all of it moves a line through two evaluations


def test_a_rate_at_which_a_seed_diverges_reaches_no_target():
    runs = tried(lambda batch: 50 * (1 + 32 / batch))
    fast = [run for batch in BATCHES for run in halving(batch, 5 * (1 + 32 / batch), rate=0.8)]
    lost = [dataclasses.replace(run, status="diverged" if run.seed == 1 else "ok") for run in fast]
    slow = [run for batch in BATCHES for run in halving(batch, 4000.0, rate=0.01)]
    found = BatchHyperbola().estimate(runs + lost + slow, "loss", 1.0, 0.3)
    assert found.value == pytest.approx(1, rel=1e-6)
    assert found.facts["lost"] == pytest.approx(1 / 9) and found.facts["interior"] == 1
    assert BatchHyperbola().measure(runs + fast + slow, "loss").facts["interior"] == 0


@pytest.mark.parametrize(
    ("runs", "why"),
    [
        (tried(lambda batch: 900 / batch), "no batch size is critical"),
        (tried(lambda batch: 900.0), "no batch size is critical"),
        (tried(lambda batch: 900.0)[:6], "2 batch sizes"),
        ([r for r in tried(lambda b: 50 * (1 + 32 / b)) if r.settings["batch_size"] < 99], None),
    ],
)
def test_where_no_hyperbola_can_be_laid_it_says_why(runs, why):
    if why is None:  # three are enough
        assert BatchHyperbola().measure(runs, "loss").facts["batches"] == 3
        return
    with pytest.raises(CannotTell, match=why):
        BatchHyperbola().measure(runs, "loss")
    with pytest.raises(CannotTell, match="no rate reaches the target at batch size 4"):
        BatchHyperbola(share=1e-9).measure(tried(lambda batch: 50 * (1 + 32 / batch)), "loss")


def test_the_recursion_of_isotropic_least_squares_is_that_of_simulated_sgd():
    rng = np.random.default_rng(0)
    run = next(
        r
        for r in CriticalBatch(inputs=7, rate=0.5, noise=0.0, seeds=1).runs("loss", rng)
        if r.settings["batch_size"] == 4
    )
    weights, last = rng.standard_normal((20_000, 7)), 12
    begin = np.square(weights).sum(axis=1).mean()
    for _ in range(last):
        x = rng.standard_normal((len(weights), 4, 7))
        weights = (
            weights - run.settings["peak_lr"] * np.einsum("rb,rbj->rj", np.einsum("rbj,rj->rb", x, weights), x) / 4
        )
    at = np.flatnonzero(run.steps == last)[0]
    assert np.square(weights).sum(axis=1).mean() / begin == pytest.approx(run.of("loss")[at], rel=0.01)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_momentum_takes_its_root_from_the_angle(momentum):
    system = MomentumRotation(momentum=momentum, weight_decay=0.05, steps=1500, seeds=2)
    runs = system.runs("update_angle", np.random.default_rng(1))
    found = Ratio(powers="peak_lr^-0.5 optimizer.weight_decay^-0.5").measure(runs, "update_angle")
    assert found.value == pytest.approx(np.sqrt(2 / (1 + momentum)), rel=0.02)
    assert found.facts["spread"] < 0.02


def test_the_plain_form_is_told_from_both_others():
    """sqrt(2 eta lambda) alone is 1.38 times the angle with momentum, and 4.4 times that of AdamW."""
    plain = Ratio(factor=2**-0.5, powers="peak_lr^-0.5 optimizer.weight_decay^-0.5")
    rng = np.random.default_rng(2)
    found = [
        plain.measure(system.runs("update_angle", rng), "update_angle").value
        for system in (MomentumRotation(seeds=1), RotationalEquilibrium(seeds=2))
    ]
    assert found == pytest.approx([1.9**-0.5, (0.1 / 1.9) ** 0.5], rel=0.03)


def test_a_scale_of_weights_and_rate_changes_no_curve_of_a_loss_that_does_not_see_it():
    system, steps = DecayTimescale(steps=300, dimension=100), np.arange(0.0, 300.0, 20)
    slow, fast = (system._losses(rate, steps, np.random.default_rng(0))[-5:].mean() for rate in (0.01, 0.02))
    assert slow == pytest.approx(fast, rel=0.05)
    seen = DecayTimescale(invariant=False, steps=300, dimension=100)
    assert (
        SettingsDiffer(setting="peak_lr", start=0.5).measure(seen.runs("loss", np.random.default_rng(0)), "loss").value
        > 0.5
    )


def followed(a, b, start, last=40.0):
    """The equations by small steps of Euler's, as a run."""
    h, y, w, dt, found = *start, 1e-3, []
    for _ in range(round(last / dt) + 1):
        found.append((h, y, w))
        dh, dy = -a * w, -w * (b * h + a * y / h)
        dw = -b / 2 * (3 * w - y + 1) * h - a / 2 * (y + w) * w / h
        h, y, w = h + dt * dh, y + dt * dy, w + dt * dw
    keep = np.unique(np.round(np.geomspace(1, len(found) - 1, 150))).astype(int)
    features, outputs, error = np.array(found)[keep].T
    run = made("pair_features", 0, keep * dt, features, {"size": 9.0})
    return dataclasses.replace(run, observed={**run.observed, "pair_outputs": outputs, "pair_error": error})


def test_curves_of_the_equations_have_their_rate_and_no_misfit():
    runs = [followed(a, a / 4, (1e-3, 1e-6, -1e-3)) for a in (1.0, 1.5)]
    found = TwoDatumFlow().measure(runs, "pair_features")
    assert found.value < 2e-3
    assert found.facts["scatter"] == pytest.approx(np.log(1.5) / 2, rel=0.01)
    assert found.facts["growth"] == pytest.approx(2 / 1e-3, rel=0.01) and found.facts["learned"] > 0.999


@pytest.mark.parametrize("which", ["pair_features", "pair_outputs", "pair_error"])
def test_each_of_the_three_curves_can_refute(which):
    run = followed(1.0, 0.25, (1e-3, 1e-6, -1e-3))
    late = np.interp(run.steps - 2.0, run.steps, run.of(which))
    bent = dataclasses.replace(run, observed={**run.observed, which: late})
    assert TwoDatumFlow().measure([bent], "pair_features").value > 0.05


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"pair_outputs": np.full(9, 1e-5)}, "has not begun to learn"),
        ({"pair_outputs": np.append(np.zeros(8), 1.0)}, "1 evaluations of a seed"),
        ({"pair_error": np.full(9, np.nan)}, "lacks 'pair_features'"),
    ],
)
def test_pairs_that_cannot_be_told_say_why(change, why):
    plain = made("pair_features", 0, np.arange(9.0), np.linspace(0.1, 1, 9), {"size": 9.0})
    observed = {**plain.observed, "pair_outputs": np.linspace(0, 1, 9), "pair_error": -np.ones(9), **change}
    with pytest.raises(CannotTell, match=why):
        TwoDatumFlow().measure([dataclasses.replace(plain, observed=observed)], "pair_features")


def test_two_matrices_by_torch_follow_the_truth():
    """`smalllinear` on a pair of `point-pairs`, with the truth's loss and distances."""
    from onecurve.datasets.solvable import PointPairs

    data = PointPairs(gain=0.5)  # |dx| = 2 and |dy| = 1, as the truth has it
    inputs, targets = (part.double() for part in data.stream(0).batch(0, 2))
    with secluded(0):
        net = FAMILIES.make("smalllinear", {"scale": 0.01}).build({"width": 16}, data.task).double()
    found = []
    for _ in range(1500):
        features, outputs = net[1](inputs), net(inputs)
        dh, df, dy = (each[0] - each[1] for each in (features, outputs, targets))
        found.append([float(v.detach()) for v in (dh @ dh / 4, df @ df, df @ df - df @ dy)])
        grads = torch.autograd.grad((outputs - targets).square().sum() / 4, list(net.parameters()))
        with torch.no_grad():
            for weight, grad in zip(net.parameters(), grads, strict=True):
                weight -= 0.02 * grad
    steps = np.arange(1500.0)
    run = made("pair_features", 0, steps, np.array(found)[:, 0], {"size": 9.0, "peak_lr": 0.02})
    both = {"pair_outputs": np.array(found)[:, 1], "pair_error": np.array(found)[:, 2]}
    run = dataclasses.replace(run, observed={**run.observed, **both})
    reading = TwoDatumFlow().measure([run], "pair_features")
    assert reading.value < 0.01 and run.of("pair_features")[-1] == pytest.approx(0.5, rel=0.02)
    truth = TwoPoints(seeds=1).runs("pair_features", np.random.default_rng(0))
    assert truth[0].of("pair_features")[-1] == pytest.approx(run.of("pair_features")[-1], rel=0.02)


@pytest.mark.parametrize(
    ("name", "value", "within"),
    [
        ("critical-batch-size", 1, 0.06),
        ("momentum-rotational-equilibrium", 1, 0.01),
        ("two-datum-dynamics", 0, 0.005),
        ("adamw-timescale", 0, 0.04),
    ],
)
def test_a_truth_gives_the_number_well_within_the_margin(name, value, within):
    claim = load_claim(name)
    runs = claim.true_system.runs(claim.observable, np.random.default_rng(3))
    assert claim.estimator.measure(runs, claim.observable).value == pytest.approx(value, abs=within)
    assert within < claim.margin / 2

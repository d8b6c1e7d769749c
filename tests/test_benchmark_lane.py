"""Packs from within: a state that is taken and put back, batches in parts, trials that differ in rate and horizon."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from onecurve.architectures.parametrization import initialise
from onecurve.benchmark.devices import CPU, torch_settings
from onecurve.benchmark.lane import Lane
from onecurve.benchmark.observables.observable import observable_from
from onecurve.benchmark.optimisers.optimiser import OPTIMISERS
from onecurve.benchmark.replicas import Single
from onecurve.benchmark.train import dataset_of, family_of, train
from onecurve.results.trials import TrialSpec
from small_trials import GLYPHS, small_trial


def spec(*what, **changes) -> TrialSpec:
    return small_trial(*what, **{"schedule": "cosine", "warmup_fraction": 0.1, "horizon_steps": 24} | changes)


def lane(specs, record=(), *, drawn=0) -> Lane:
    """A lane of the trials, whose networks may be drawn from other seeds than theirs."""
    family, dataset = family_of(specs[0]), dataset_of(specs[0])
    how = {"parametrization": "mup", "optimizer": OPTIMISERS.make(specs[0].optimizer.name).exponents}
    models = [initialise(family, each.rung, dataset.task, seed=drawn + each.seed, **how) for each in specs]
    return Lane(specs, models, family, dataset, record, CPU)


def go_on(one: Lane, updates: int) -> None:
    for _ in range(updates):
        one.update()


STATES = {
    "packed mlp, adam": (3, {}, ()),
    "packed mlp, muon": (3, {"optimizer": "muon"}, ()),
    "packed mlp, sgd with an average": (3, {"optimizer": "sgd"}, ("ema-loss",)),
    "packed mlp, adam with an average": (3, {}, ("ema-loss", {"name": "ema-loss", "decay": 0.9})),
    "packed mlp, adam with an average over a share": (3, {}, ("averaged-loss",)),
    "cnn, adamw": (1, {"family": "cnn", "dataset": GLYPHS, "optimizer": "adamw", "packed": False}, ()),
    "convmixer with running statistics, adamw": (
        1,
        {"family": "convmixer", "dataset": GLYPHS, "optimizer": "adamw", "packed": False},
        ("ema-loss",),
    ),
}


@pytest.mark.parametrize("name", STATES)
def test_a_state_that_is_put_back_goes_on_bit_for_bit(name):
    count, kind, recorded = STATES[name]
    specs = [spec(seed=s, horizon_steps=10, **kind) for s in range(count)]
    record = [observable_from(each) for each in recorded[:1]]
    with torch_settings():
        undisturbed = lane(specs, record)
        go_on(undisturbed, 5)
        half = undisturbed.update.taken()
        go_on(undisturbed, 5)

        first = lane(specs, record)
        go_on(first, 5)
        state = first.update.taken()
        go_on(first, 2)  # what was taken is a copy
        assert all(map(torch.equal, state, half))
        fresh = lane(specs, record, drawn=100)
        started = fresh.update.taken()
        assert not torch.equal(started[0], state[0])
        fresh.update.put_back(state)
        assert fresh.update.clock.number == 5 and all(map(torch.equal, fresh.update.taken(), state))
        go_on(fresh, 5)
        ended, wanted = fresh.update.taken(), undisturbed.update.taken()
        assert all(map(torch.equal, ended, wanted))
        assert not torch.equal(half[0], wanted[0])
        for one in (fresh, undisturbed):
            one.evaluate(10)
    for mine, theirs in zip(fresh.trials, undisturbed.trials, strict=True):
        assert mine.test_loss == theirs.test_loss and len(mine.test_loss) == 1
        assert mine.observables == theirs.observables and len(mine.observables) == len(record)


def test_running_statistics_and_averages_are_part_of_the_state():
    kind = {"family": "convmixer", "dataset": GLYPHS, "optimizer": "adamw", "packed": False}
    one = lane([spec(**kind)], [observable_from("ema-loss")])
    weights = sum(1 for _ in one.update.replicas.named_parameters())
    buffers = len(one.update.replicas.buffers())
    assert buffers > 0
    assert len(one.update.taken()) == weights + buffers + 2 * weights + weights + 1


def test_the_state_of_other_networks_is_refused_whole():
    three, two = lane([spec(seed=s) for s in range(3)]), lane([spec(seed=s) for s in range(2)])
    before = two.update.taken()
    with pytest.raises(ValueError, match="other networks"):
        two.update.put_back(three.update.taken())
    single = lane([spec(packed=False)])
    with pytest.raises(ValueError, match="other networks"):
        two.update.put_back(single.update.taken())  # would stretch over both, were its shapes not looked at
    assert all(map(torch.equal, two.update.taken(), before))


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("parts", [2, 3, 64])
def test_a_batch_in_parts_is_the_batch_up_to_rounding(packed, optimizer, parts):
    rate = {"adam": 0.01, "sgd": 0.3}[optimizer]
    how = {"packed": packed, "optimizer": optimizer, "peak_lr": rate, "precision": "float64", "horizon_steps": 40}
    whole, cut = (train([spec(seed=s, accumulate=n, **how) for s in range(2)]) for n in (1, parts))
    for one, other in zip(whole, cut, strict=True):
        assert one.step == other.step and other.status == "ok"
        np.testing.assert_allclose(other.test_loss, one.test_loss, rtol=1e-10)
        assert other.test_loss[-1] < 0.995 * other.test_loss[0]


def test_gradients_of_parts_are_weighted_by_their_size(monkeypatch):
    losses, sizes = Single.losses, []

    def counted(self, inputs, targets):
        sizes.append(inputs.shape[1])
        return losses(self, inputs, targets)

    monkeypatch.setattr(Single, "losses", counted)
    with torch_settings(precision="float64"):
        one, parts = (lane([spec(accumulate=n, batch_size=10, packed=False)]) for n in (1, 4))
        for each in (one, parts):
            each.update.gradients()
        assert sizes == [10, 3, 3, 3, 1]
        for a, b in zip(one.update.weights, parts.update.weights, strict=True):
            torch.testing.assert_close(b.tensor.grad, a.tensor.grad, rtol=1e-4, atol=1e-6)
        assert one.update.clock.number == parts.update.clock.number == 0
        assert [len(x) for x in (one.update.taken(), parts.update.taken())] == [len(one.update.tensors())] * 2


DIFFERENT = (
    {},
    {"peak_lr": 0.03, "seed": 1},
    {"schedule": "linear", "horizon_steps": 40, "seed": 2},
    {"schedule": "wsd(decay_fraction=0.3)", "warmup_fraction": 0.0},
    {"horizon_steps": 60, "peak_lr": 0.002, "horizon_rule": "another"},
    {"schedule": "constant", "warmup_fraction": 0.3, "horizon_steps": 31},
)


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "adamw", "muon"])
def test_trials_that_differ_in_rate_and_horizon_have_the_bits_of_their_own_packs(optimizer):
    specs = [spec(optimizer=optimizer, **each) for each in DIFFERENT]
    together = train(specs)
    alone = [train([each])[0] for each in specs]
    for one, other in zip(together, alone, strict=True):
        assert one.spec == other.spec and one.step == other.step and one.step[-1] == one.spec.horizon_steps
        assert one.test_loss == other.test_loss
    assert len({tuple(each.test_loss) for each in together}) == len(specs)
    assert [each.test_loss for each in train(specs[::-1])[::-1]] == [each.test_loss for each in together]


def test_the_longest_trial_goes_on_when_the_others_have_ended():
    short, long = spec(horizon_steps=12), spec(horizon_steps=48)
    mixed = train([short, long])
    assert [each.step[-1] for each in mixed] == [12, 48]
    assert mixed[1].test_loss == train([long, dataclasses.replace(long, seed=1)])[0].test_loss

"""What the next update would do is what it then does, and finding out changes nothing."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from onecurve.benchmark.devices import CPU
from onecurve.benchmark.next_step import direction, last_rate
from onecurve.benchmark.observables.observable import observable_from
from onecurve.benchmark.train import Lanes, dataset_of, family_of, train
from onecurve.task import Ref
from small_trials import GLYPHS, small_trial

DYNAMICS = [
    observable_from(name)
    for name in (
        *("sharpness", "preconditioned-sharpness", "gradient-norm", "gradient-noise"),
        *("weight-norm", "update-angle", "critical-sharpness"),
    )
]
SGD = Ref(name="sgd", params={"momentum": 0.9, "weight_decay": 0.01})


def lane_of(*specs):
    lane = Lanes(family_of(specs[0]), dataset_of(specs[0]), (), CPU)(specs)
    lane.load()
    return lane


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("optimizer", ["adam", "adamw", SGD, "lion", "muon"])
def test_the_next_step_is_the_one_that_is_made(optimizer, packed):
    specs = [small_trial(optimizer=optimizer, packed=packed, schedule="constant", peak_lr=0.01)] * (2 if packed else 1)
    lane = lane_of(*specs)
    for _ in range(5):
        lane.update()
    before = lane.update.taken()
    steps = direction(lane.update)
    assert all(torch.equal(a, b) for a, b in zip(before, lane.update.taken(), strict=True))
    weights = {weight.name: weight.tensor.detach().clone() for weight in lane.update.weights}
    lane.update()
    rate = float(last_rate(lane.update)[0])
    assert rate == 0.01
    for weight in lane.update.weights:
        moved = weights[weight.name] + rate * steps[weight.name]
        assert torch.allclose(moved, weight.tensor, rtol=1e-5, atol=1e-7)


def test_the_angle_is_that_between_the_weights_before_and_after():
    lane = lane_of(*[small_trial(schedule="constant", precision="float64", seed=seed) for seed in (0, 1)])
    for _ in range(5):
        lane.update()
    observable = observable_from("update-angle")
    names = observable.names_for(lane.update.replicas, dataset_of(small_trial()))
    found = observable.measure(lane.update.replicas, lane._recorder._probe())
    before = {w.name: w.tensor.detach().clone() for w in lane.update.weights}
    lane.update()
    for row in range(2):
        matrices = [
            (before[w.name][row].numpy().ravel(), w.tensor[row].detach().numpy().ravel())
            for w in lane.update.weights
            if w.tensor.dim() > 2
        ]
        whole = [np.concatenate(side) for side in zip(*matrices, strict=True)]
        for value, (a, b) in zip(found[row], [whole, *matrices], strict=True):
            cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
            assert value.item() == pytest.approx(np.arccos(cosine), rel=1e-6)
    assert names[0] == "update_angle" and names[1] == "update_angle 1.weight" and len(names) == 6


@pytest.mark.parametrize(
    ("family", "dataset", "packed"),
    [("mlp", None, True), ("mlp", None, False), ("cnn", GLYPHS, False), ("convmixer", GLYPHS, False)],
)
def test_dynamics_change_no_curve(family, dataset, packed):
    which = {} if dataset is None else {"dataset": dataset}
    pack = [small_trial(family, packed=packed, horizon_steps=12, seed=seed, **which) for seed in range(2)]
    record = [dataclasses.replace(each, every=40) for each in DYNAMICS]
    plain, seen = train(pack), train(pack, record=record)
    assert [trial.test_loss for trial in plain] == [trial.test_loss for trial in seen]
    assert seen[0].reason is None and seen[0].status == "ok"
    assert {each["label"] for each in seen[0].measured} >= {each.label for each in record}
    assert all(each["seconds"] > 0 for each in seen[0].measured)


def test_dynamics_do_not_depend_on_the_pack_nor_on_one_that_diverges():
    pack = [small_trial(seed=seed, horizon_steps=12) for seed in range(3)]
    wild = small_trial(seed=3, horizon_steps=12, peak_lr=1e30)
    seen, beside = train(pack, record=DYNAMICS), train([pack[1], wild], record=DYNAMICS)
    assert beside[0].observables == seen[1].observables
    assert beside[1].status == "diverged" and beside[0].status == "ok"
    assert all(None not in values[1:] for name, values in seen[1].observables.items() if name.startswith("weight"))

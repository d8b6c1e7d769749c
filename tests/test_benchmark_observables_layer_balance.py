"""Observables of the weights against numpy, and against what gradient flow conserves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from onecurve.benchmark.devices import CPU
from onecurve.benchmark.observables.observable import observable_from
from onecurve.benchmark.train import Lanes, dataset_of, family_of, train
from onecurve.task import Ref
from small_trials import GLYPHS, small_trial

WEIGHTS = [observable_from(name) for name in ("effective-rank", "layer-balance", "angle-to-start", "weight-norm")]


def measured(name, updates=20, **changes):
    """Values by name of two packed networks after some updates, the first weights and the last, in numpy."""
    specs = [small_trial(precision="float64", seed=seed, **changes) for seed in (0, 1)]
    observable = observable_from(name)
    lane = Lanes(family_of(specs[0]), dataset_of(specs[0]), [observable], CPU)(specs)
    first = {n: p.detach().numpy().copy() for n, p in lane.update.replicas.named_parameters()}
    for _ in range(updates):
        lane.load()
        lane.update()
    (values,) = lane._recorder.measure([observable]).values.values()
    last = {n: p.detach().numpy() for n, p in lane.update.replicas.named_parameters()}
    return dict(zip(lane._recorder.names[observable], values.T, strict=True)), first, last


def test_effective_rank_is_the_entropy_of_numpys_singular_values():
    found, _, last = measured("effective-rank")
    for row in range(2):
        each = []
        for name, weight in last.items():
            if weight.ndim < 3 or min(weight.shape[1:]) < 2:
                continue
            s = np.linalg.svd(weight[row], compute_uv=False)
            shares = s / s.sum()
            each.append(np.exp(-(shares * np.log(shares)).sum()))
            assert found[f"effective_rank {name}"][row] == pytest.approx(each[-1])
        assert found["effective_rank"][row] == pytest.approx(np.mean(each)) and len(each) == 4


def test_angles_and_distances_are_those_between_first_and_last_weights():
    found, first, last = measured("angle-to-start")
    matrices = [name for name, weight in last.items() if weight.ndim > 2]
    for row in range(2):
        a, b = (np.concatenate([side[n][row].ravel() for n in matrices]) for side in (first, last))
        assert found["angle_to_start"][row] == pytest.approx(np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b)))
        assert found["distance_from_start"][row] == pytest.approx(np.linalg.norm(b - a) / np.linalg.norm(a))
    assert np.isnan(found["angle_to_start 9.weight"]).all()  # the readout begins as zeros


def test_balance_is_that_of_neurons_and_drifts_in_proportion_to_the_rate():
    plain = {
        "optimizer": "sgd",
        "parametrization": Ref(name="standard"),
        "schedule": "constant",
        "batch_size": 256,
        "train_size": 256,
    }
    plain |= {"warmup_fraction": 0.0}
    found, first, last = measured("layer-balance", **plain)
    sides = []
    for side in (first, last):
        into = np.stack([(side[f"{i}.weight"][0] ** 2).sum(1) + side[f"{i}.bias"][0] ** 2 for i in (1, 3, 5, 7)])
        out = np.stack([(side[f"{i + 2}.weight"][0] ** 2).sum(0) for i in (1, 3, 5, 7)])
        sides.append((into - out, (into + out).sum()))
    (began, of_first), (ended, of_last) = sides
    assert found["layer_balance"][0] == pytest.approx(np.abs(ended).sum() / of_last)
    assert found["balance_drift"][0] == pytest.approx(np.linalg.norm(ended - began) / of_first, rel=1e-7)
    assert abs(of_last / of_first - 1) > 1e-5  # so that which of the two it is over is seen
    drifts = [
        measured("layer-balance", round(0.4 / rate), peak_lr=rate, horizon_steps=90, **plain)[0]["balance_drift"][0]
        for rate in (0.02, 0.01, 0.005)
    ]
    assert drifts[0] / drifts[1] == pytest.approx(2, rel=0.3) and drifts[1] / drifts[2] == pytest.approx(2, rel=0.3)


@pytest.mark.parametrize(("family", "dataset"), [("mlp", None), ("deeplinear", GLYPHS), ("resmlp", GLYPHS)])
@pytest.mark.parametrize("packed", [True, False])
def test_weights_are_measured_alike_packed_and_looped_and_change_no_curve(family, dataset, packed):
    which = {} if dataset is None else {"dataset": dataset}
    pack = [small_trial(family, packed=packed, horizon_steps=12, seed=seed, **which) for seed in (0, 1)]
    plain, seen = train(pack), train(pack, record=WEIGHTS)
    assert [trial.test_loss for trial in plain] == [trial.test_loss for trial in seen]
    assert seen[0].reason is None and None not in seen[0].observables["layer_balance"]
    assert train(pack[1:], record=WEIGHTS)[0].observables == seen[1].observables


def test_layers_that_are_not_known_are_named_and_the_rest_goes_on():
    record = [*WEIGHTS, observable_from("tail-exponent")]
    (seen,) = train([small_trial("encoder", GLYPHS, packed=False, horizon_steps=8)], record=record)
    assert seen.status == "ok"
    assert seen.reason == (
        "tail-exponent was not recorded: no matrix of these networks has 50 singular values; "
        "layer-balance was not recorded: no two layers of these networks follow each other directly or through a ReLU"
    )
    assert None not in seen.observables["weight_norm"] and set(seen.observables["layer_balance"]) == {None}


def test_the_first_weights_come_back_with_a_checkpoint():
    spec = small_trial(horizon_steps=12)
    lanes = [Lanes(family_of(spec), dataset_of(spec), WEIGHTS, CPU)([spec, spec]) for _ in range(2)]
    for _ in range(6):
        lanes[0].load()
        lanes[0].update()
    with torch.no_grad():
        for _, tensor in lanes[1].update.replicas.named_parameters():
            tensor.zero_()
    lanes[1].put_back(lanes[0].taken())
    first, second = (lane._recorder.measure(lane._recorder.record).values for lane in lanes)
    assert all(np.array_equal(first[each], second[each], equal_nan=True) for each in first)

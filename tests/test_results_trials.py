"""A trial's name is the hash of what decides its curve."""

from __future__ import annotations

import dataclasses
import pickle

import pytest
from onecurve.results.trials import TrialSpec, fingerprint, spec_from_dict
from onecurve.task import Ref

BASE = TrialSpec(
    family=Ref(name="mlp", params={"depth": 3}),
    rung={"width": 48},
    dataset=Ref(name="fourier", params={"modes": 512, "alpha": 2.0}),
    optimizer=Ref(name="adam", params={"beta1": 0.9, "beta2": 0.95, "eps": 1e-8}),
    peak_lr=0.01,
    schedule="linear",
    warmup_fraction=0.01,
    batch_size=64,
    parametrization=Ref(name="mup", params={"base": "width 24"}),
    horizon_rule="200 steps",
    horizon_steps=200,
    eval_grid="v1",
    precision="float32",
    packed=True,
    seed=0,
    protocol="1",
)
# These names are in people's stores: they may never change.
GOLDEN = {
    "base": ({}, "788441b16317b32a"),
    "seed": ({"seed": 1}, "414e0c0debf2a1e4"),
    "rung": ({"rung": {"width": 68}}, "c97ab29af03871e4"),
    "rate": ({"peak_lr": 0.003}, "3cab2f2303bb8f04"),
    "horizon": ({"horizon_steps": 400, "horizon_rule": "400 steps"}, "e645fe780c586b20"),
    "looped": ({"packed": False}, "e1330c3043e4247d"),
    "float64": ({"precision": "float64"}, "792689d253e74067"),
    "constant": ({"schedule": "constant", "warmup_fraction": 0}, "5ab7e613515f6e1e"),
    "data": ({"dataset": Ref(name="mnist", content="ab12")}, "58ffcf476228bc42"),
    "version": ({"family": Ref(name="mlp", version="2", params={"depth": 3})}, "17edf0b5a8865029"),
}


@pytest.mark.parametrize("case", GOLDEN)
def test_golden_ids(case):
    changes, expected = GOLDEN[case]
    assert dataclasses.replace(BASE, **changes).trial_id == expected


def test_ids_are_distinct():
    assert len({expected for _, expected in GOLDEN.values()}) == len(GOLDEN)


def test_equal_numbers_give_equal_ids():
    same = dataclasses.replace(BASE, warmup_fraction=0), dataclasses.replace(BASE, warmup_fraction=0.0)
    assert same[0].trial_id == same[1].trial_id
    assert fingerprint({"a": 0.0}) == fingerprint({"a": -0.0})


@pytest.mark.parametrize("changes", [{"seed": 7}, {"rung": {"width": 68}}, {"horizon_steps": 999}, {"packed": False}])
def test_ladder_shares_one_recipe(changes):
    assert dataclasses.replace(BASE, **changes).recipe == BASE.recipe


@pytest.mark.parametrize(
    "changes", [{"peak_lr": 0.02}, {"horizon_rule": "300 steps"}, {"family": Ref(name="mlp", params={"depth": 4})}]
)
def test_other_settings_are_another_recipe(changes):
    assert dataclasses.replace(BASE, **changes).recipe != BASE.recipe


def test_rungs_under_a_batch_rule_share_a_recipe_and_others_do_not():
    ruled = [dataclasses.replace(BASE, batch_rule="64 (p/p1)^0.5", batch_size=size) for size in (64, 91)]
    assert ruled[0].recipe == ruled[1].recipe != BASE.recipe
    assert ruled[0].trial_id != ruled[1].trial_id
    assert dataclasses.replace(BASE, batch_size=91).recipe != BASE.recipe
    assert "batch 64 (p/p1)^0.5, horizon" in ruled[1].recipe_label


def test_a_training_set_of_a_size_is_another_recipe():
    small, large = (dataclasses.replace(BASE, train_size=size) for size in (500, 1000))
    assert len({small.recipe, large.recipe, BASE.recipe}) == 3
    assert small.recipe_label.endswith("horizon 200 steps, on 500 examples")
    assert spec_from_dict({k: v for k, v in BASE.to_dict().items() if k not in ("train_size", "batch_rule")}) == BASE


def test_spec_survives_json_and_pickle():
    assert spec_from_dict(BASE.to_dict()) == BASE
    assert pickle.loads(pickle.dumps(BASE)) == BASE
    assert pickle.loads(pickle.dumps(BASE)).trial_id == BASE.trial_id


def test_spec_cannot_be_changed():
    with pytest.raises(TypeError):
        BASE.rung["width"] = 1

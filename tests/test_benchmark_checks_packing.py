"""Packs of the other kinds of input that a family fits, and what the checks of packing see."""

import dataclasses

import pytest
import torch
from onecurve.architectures.family import FAMILIES
from onecurve.benchmark.checks.conformance import packs
from onecurve.benchmark.checks.packing import draw_seeds, looped, packed
from onecurve.benchmark.checks.tasks import TASKS, fitting, home, images
from onecurve.task import Task

pytestmark = pytest.mark.usefixtures("one_thread")

VECTOR = Task(kind="vector", shape=(8,), outputs=1, loss="squared_error")
PACKABLE = [name for name in FAMILIES.names() if FAMILIES.make(name).packable]


def other_tasks():
    for name in PACKABLE:
        family = FAMILIES.make(name)
        for task in fitting(family):
            if task != home(family):
                cheap = task == images(1, 8) and family.library == "torch"
                yield pytest.param(name, task, id=f"{name}-{task}", marks=() if cheap else pytest.mark.slow)


def test_families_that_pack_are_there():
    assert {"decoder", "encoder", "gru", "linear", "lstm", "mlp", "randomfeatures", "resmlp", "vit"} <= set(PACKABLE)
    assert len(TASKS) == 8


@pytest.mark.parametrize(("name", "task"), list(other_tasks()))
def test_it_packs(name, task):
    assert packs(FAMILIES.make(name), task) == "as a loop, bit for bit at any size"


def test_the_loop_is_the_gradient_by_hand():
    task = dataclasses.replace(VECTOR, shape=(16,))
    seeds = draw_seeds(FAMILIES.make("linear"), {"features": 16}, task, 3, dtype=torch.float64)
    found = looped(seeds, "sgd")
    for r, net in enumerate(seeds.nets):
        x, y, w = seeds.inputs[r], seeds.targets[r], net.readout.weight.detach()
        residuals = x @ w.T - y
        torch.testing.assert_close(found.losses[r], residuals.square().mean())
        gradient = 2 / len(x) * residuals.T @ x
        torch.testing.assert_close(found.gradients["readout.weight"][r], gradient)
        step = (w - found.weights["readout.weight"][r]) / gradient
        torch.testing.assert_close(step, step[:1, :1].expand_as(step))
        assert step[0, 0] > 0
    assert len(set(found.losses.tolist())) == 3


def test_each_replica_has_its_own_frozen_features():
    seeds = draw_seeds(FAMILIES.make("randomfeatures"), {"width": 256}, VECTOR, 3)
    frozen = [net[1].weight for net in seeds.nets]
    assert not torch.equal(frozen[0], frozen[1])
    found = packed(seeds)
    torch.testing.assert_close(found.losses, looped(seeds).losses)
    assert set(found.gradients) == {"2.weight", "2.bias"}

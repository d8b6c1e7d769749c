"""Packs of the other kinds of input that a family fits, and what the checks of packing see."""

import pytest
import torch
from onecurve.architectures.conformance import TASKS, fitting, home, images, packs
from onecurve.architectures.family import FAMILIES
from onecurve.architectures.packed import draw_replicas, looped, packed
from onecurve.task import Task

VECTOR = Task(kind="vector", shape=(8,), outputs=1, loss="squared_error")
PACKABLE = [name for name in FAMILIES.names() if FAMILIES.make(name).packable]


def other_tasks():
    for name in PACKABLE:
        family = FAMILIES.make(name)
        for task in fitting(family):
            if task != home(family):
                cheap = task == images(1, 8) and family.library == "torch"
                yield pytest.param(name, task, id=f"{name}-{task}", marks=() if cheap else pytest.mark.slow)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_families_that_pack_are_there():
    assert {"decoder", "encoder", "gru", "linear", "lstm", "mlp", "randomfeatures", "resmlp", "vit"} <= set(PACKABLE)
    assert len(TASKS) == 8


@pytest.mark.parametrize(("name", "task"), list(other_tasks()))
def test_it_packs(name, task):
    assert packs(FAMILIES.make(name), task) == "as a loop, bit for bit at any size"


def test_the_loop_is_the_gradient_by_hand():
    replicas = draw_replicas(FAMILIES.make("linear"), {"features": 8}, VECTOR, 3, dtype=torch.float64)
    losses, gradients = looped(replicas)
    for r, net in enumerate(replicas.nets):
        x, y, w = replicas.inputs[r], replicas.targets[r], net.readout.weight.detach()
        residuals = x @ w.T - y
        torch.testing.assert_close(losses[r], residuals.square().mean())
        torch.testing.assert_close(gradients["readout.weight"][r], 2 / len(x) * residuals.T @ x)
    assert len(set(losses.tolist())) == 3


def test_each_replica_has_its_own_frozen_features():
    replicas = draw_replicas(FAMILIES.make("randomfeatures"), {"width": 256}, VECTOR, 3)
    frozen = [net[1].weight for net in replicas.nets]
    assert not torch.equal(frozen[0], frozen[1])
    losses, gradients = packed(replicas)
    torch.testing.assert_close(losses, looped(replicas)[0])
    assert set(gradients) == {"2.weight", "2.bias"}

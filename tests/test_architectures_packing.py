"""Many seeds of a network trained as one batched model give what a loop over them gives."""

import copy

import pytest
import torch
from onecurve.architectures.family import FAMILIES
from onecurve.architectures.flops import example_inputs
from onecurve.architectures.parametrization import initialise
from onecurve.task import Task
from torch.func import functional_call, stack_module_state, vmap

TASKS = [
    Task(kind="vector", shape=(8,), outputs=1, loss="squared_error"),
    Task(kind="vector", shape=(128,), outputs=1, loss="squared_error"),
    Task(kind="image", shape=(1, 8, 8), outputs=10, loss="cross_entropy"),
    Task(kind="image", shape=(3, 32, 32), outputs=10, loss="cross_entropy"),
    Task(kind="tokens", shape=(32,), outputs=64, loss="cross_entropy", vocabulary=64),
]
PACKED = [
    (name, task)
    for name in FAMILIES.names()
    for task in TASKS
    if FAMILIES.make(name).packable and FAMILIES.make(name).misfit(task) is None
]
each_packable = pytest.mark.parametrize(("name", "task"), PACKED, ids=lambda value: str(value))


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def objective(task, outputs, targets):
    if task.loss == "squared_error":
        return (outputs - targets).square().mean()
    return torch.nn.functional.cross_entropy(outputs.flatten(0, -2), targets.flatten())


def replicas(name, task, rung, size, dtype=torch.float32):
    """Networks of different seeds, moved off their zeros, each with a batch of its own."""
    family = FAMILIES.make(name)
    nets, inputs, targets = [], [], []
    for seed in range(size):
        net = initialise(family, family.ladder[rung], task, seed=seed, parametrization="standard", optimizer="adam").to(
            dtype
        )
        with torch.random.fork_rng(), torch.no_grad():
            torch.manual_seed(seed)
            for parameter in net.parameters():
                parameter.add_(torch.randn_like(parameter), alpha=0.05)
            x = example_inputs(task, 48)
            labels = (48, *task.shape) if task.kind == "tokens" else (48,)
            y = torch.randn(48, 1, dtype=dtype) if task.outputs == 1 else torch.randint(task.outputs, labels)
        nets.append(net)
        inputs.append(x if task.kind == "tokens" else x.to(dtype))
        targets.append(y)
    return nets, torch.stack(inputs), torch.stack(targets)


def packed_pass(task, nets, inputs, targets):
    parameters, buffers = stack_module_state(nets)
    parameters = {name: value.detach().requires_grad_() for name, value in parameters.items()}
    template = copy.deepcopy(nets[0]).to("meta")

    def loss_of_one(parameters, buffers, x, y):
        return objective(task, functional_call(template, (parameters, buffers), (x,)), y)

    losses = vmap(loss_of_one)(parameters, buffers, inputs, targets)
    losses.sum().backward()
    return losses.detach(), {name: value.grad for name, value in parameters.items()}


@each_packable
def test_a_pack_computes_what_a_loop_computes(name, task):
    nets, inputs, targets = replicas(name, task, rung=1, size=3, dtype=torch.float64)
    losses, gradients = packed_pass(task, nets, inputs, targets)
    for r, net in enumerate(nets):
        loss = objective(task, net(inputs[r]), targets[r])
        loss.backward()
        torch.testing.assert_close(losses[r], loss.detach(), rtol=1e-10, atol=1e-10)
        for key, parameter in net.named_parameters():
            torch.testing.assert_close(gradients[key][r], parameter.grad, rtol=1e-10, atol=1e-10)


@each_packable
@pytest.mark.parametrize("rung", [0, 2])
def test_bits_do_not_depend_on_the_size_of_the_pack(name, task, rung):
    nets, inputs, targets = replicas(name, task, rung, size=16)
    losses, gradients = packed_pass(task, nets, inputs, targets)
    for size in (2, 3, 8):
        few_losses, few = packed_pass(task, nets[:size], inputs[:size], targets[:size])
        assert torch.equal(few_losses, losses[:size])
        assert [key for key in few if not torch.equal(few[key], gradients[key][:size])] == []

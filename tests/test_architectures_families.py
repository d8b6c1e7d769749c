"""Every family in the catalogue, on every task that it fits."""

import subprocess
import sys

import pytest
import torch
from onecurve.architectures.family import FAMILIES
from onecurve.architectures.flops import count, example_inputs
from onecurve.architectures.parametrization import initialise
from onecurve.errors import InputError
from onecurve.task import Task
from torch import nn


def images(channels, side):
    return Task(kind="image", shape=(channels, side, side), outputs=10, loss="cross_entropy")


VECTOR = Task(kind="vector", shape=(8,), outputs=1, loss="squared_error")
LONG_VECTOR = Task(kind="vector", shape=(128,), outputs=1, loss="squared_error")
TOKENS = Task(kind="tokens", shape=(32,), outputs=64, loss="cross_entropy", vocabulary=64)
TASKS = [VECTOR, LONG_VECTOR, images(1, 8), images(1, 16), images(1, 28), images(3, 32), images(3, 64), TOKENS]

NAMES = FAMILIES.names()
FITTING = [(name, task) for name in NAMES for task in TASKS if FAMILIES.make(name).misfit(task) is None]
HOME = {name: next(task for n, task in FITTING if n == name) for name in NAMES}


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def draw(name, rung=0, task=None, seed=0, parametrization="mup"):
    family = FAMILIES.make(name)
    return initialise(
        family,
        family.ladder[rung],
        task or HOME[name],
        seed=seed,
        parametrization=parametrization,
        optimizer="adam",
    )


def objective(task, outputs, targets):
    if task.loss == "squared_error":
        return (outputs - targets).square().mean()
    return nn.functional.cross_entropy(outputs.flatten(0, -2), targets.flatten())


def easy_batch(task, size=64):
    """Inputs with targets that any family can fit."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        inputs = example_inputs(task, size)
    if task.kind == "tokens":
        return inputs, inputs
    first = inputs.flatten(1)[:, :4].mean(1)
    return inputs, first[:, None] if task.loss == "squared_error" else (first > 0).long()


def test_the_catalogue_has_the_families_that_sweeps_name():
    assert {"cnn", "decoder", "linear", "mlp", "resmlp", "resnet", "vit"} <= set(NAMES)


def test_registering_families_does_not_import_the_zoos():
    code = (
        "import sys; from onecurve.architectures.family import FAMILIES; FAMILIES.names();"
        "sys.exit(1 if {'timm', 'torchvision'} & set(sys.modules) else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(("name", "task"), FITTING, ids=lambda value: str(value))
def test_outputs_have_the_tasks_shape(name, task):
    family = FAMILIES.make(name)
    for rung in (family.ladder[0], family.ladder[2]):
        net = family.build(rung, task)
        with torch.no_grad():
            outputs = net(example_inputs(task, 3))
        positions = task.shape if task.kind == "tokens" else ()
        assert outputs.shape == (3, *positions, task.outputs)
        assert torch.isfinite(outputs).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_ladder_climbs_evenly(name):
    family = FAMILIES.make(name)
    sizes = [count(family, rung, HOME[name]).n_params for rung in family.ladder]
    low, high = (1.3, 1.5) if name == "linear" else (1.79, 2.3)
    assert len(sizes) >= 6
    assert all(low <= b / a <= high for a, b in zip(sizes, sizes[1:], strict=False)), sizes


@pytest.mark.parametrize("name", NAMES)
def test_gradients_reach_every_parameter(name):
    net, (inputs, targets) = draw(name), easy_batch(HOME[name])
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(3):  # what starts at zero holds back the first gradients
        optimizer.zero_grad()
        objective(HOME[name], net(inputs), targets).backward()
        optimizer.step()
    assert [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize("name", NAMES)
def test_it_learns(name):
    net, (inputs, targets) = draw(name), easy_batch(HOME[name])
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = objective(HOME[name], net(inputs), targets)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("name", NAMES)
def test_a_packable_network_has_no_state_but_its_parameters(name):
    net = draw(name)
    dropout = [m for m in net.modules() if isinstance(m, nn.Dropout) and m.p > 0]
    assert not dropout
    assert not list(net.buffers())
    inputs, _ = easy_batch(HOME[name])
    assert torch.equal(net(inputs), net(inputs))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("parametrization", ["mup", "standard"])
def test_a_seed_names_the_weights(name, parametrization):
    first, again, other = (
        nn.utils.parameters_to_vector(draw(name, rung=1, seed=seed, parametrization=parametrization).parameters())
        for seed in (7, 7, 8)
    )
    assert torch.equal(first, again)
    assert name == "linear" or not torch.equal(first, other)  # `linear` starts at zero


@pytest.mark.parametrize("name", NAMES)
def test_initialising_leaves_torch_as_it_was(name):
    plain = nn.utils.parameters_to_vector(draw(name, rung=1, seed=3).parameters())
    torch.set_default_dtype(torch.float64)
    state = torch.get_rng_state()
    try:
        wide = nn.utils.parameters_to_vector(draw(name, rung=1, seed=3).parameters())
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(state, torch.get_rng_state())
    assert wide.dtype == torch.float32
    assert torch.equal(plain, wide)


def test_initialising_restores_torch_after_an_error():
    state = torch.get_rng_state()
    with pytest.raises(InputError):
        draw("linear", rung=6, task=Task(kind="vector", shape=(20,), outputs=1, loss="squared_error"))
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize(
    ("name", "task", "reason"),
    [
        ("cnn", TOKENS, "needs images, the task has token sequences"),
        ("cnn", images(1, 4), "8 to 64 pixels a side, the task has 4 x 4"),
        ("decoder", VECTOR, "needs token sequences, the task has vectors"),
        ("linear", VECTOR, "at least 16 coordinates, the task has 8"),
        ("linear", images(1, 8), "needs vectors, the task has images"),
        ("linear", Task(kind="vector", shape=(64,), outputs=3, loss="cross_entropy"), "needs one output"),
        ("mlp", TOKENS, "needs vectors or images, the task has token sequences"),
        ("resmlp", TOKENS, "needs vectors or images, the task has token sequences"),
        ("resnet", images(3, 96), "8 to 64 pixels a side, the task has 96 x 96"),
        ("vit", images(1, 30), "4 x 4 patches, the task has 30 x 30 pixels"),
        ("vit", VECTOR, "needs images, the task has vectors"),
    ],
)
def test_a_misfit_says_why(name, task, reason):
    assert reason in FAMILIES.make(name).misfit(task)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [0, -4, 24.0, True, "24"])
def test_a_rung_is_a_positive_whole_number(name, value):
    family = FAMILIES.make(name)
    knob = next(iter(family.ladder[0]))
    with pytest.raises(InputError, match=f"{name}.*{knob}.*positive whole"):
        family.build({knob: value}, HOME[name])


@pytest.mark.parametrize("name", NAMES)
def test_a_rung_has_the_familys_knobs(name):
    family = FAMILIES.make(name)
    for rung in ({}, {"breadth": 24}, {**family.ladder[0], "breadth": 2}):
        with pytest.raises(InputError, match="has no rung"):
            family.build(rung, HOME[name])


@pytest.mark.parametrize(
    ("name", "rung", "message"),
    [
        ("decoder", {"width": 21}, "multiple of 4, such as 20 or 24"),
        ("decoder", {"width": 2}, "multiple of 4, such as 4"),
        ("vit", {"width": 30}, "multiple of 4, such as 28 or 32"),
        ("resnet", {"width": 15}, "the width is even"),
        ("linear", {"features": 129}, "129 coordinates, the task has 128"),
    ],
)
def test_a_rung_that_does_not_divide_is_refused(name, rung, message):
    with pytest.raises(InputError, match=message):
        FAMILIES.make(name).build(rung, HOME[name])


def test_a_residual_block_without_its_branch_is_the_identity():
    from onecurve.architectures.mlp import Block

    block, inputs = Block(24), torch.randn(5, 24)
    assert not torch.equal(block(inputs), inputs)
    nn.init.zeros_(block.outer.weight)
    nn.init.zeros_(block.outer.bias)
    assert torch.equal(block(inputs), inputs)


def test_the_decoder_does_not_look_ahead():
    net = draw("decoder")
    nn.init.normal_(list(net.parameters())[-2])
    tokens = torch.arange(32)[None]
    changed = tokens.clone()
    changed[0, 20] = 63
    with torch.no_grad():
        difference = (net(tokens) - net(changed)).abs().amax(-1)[0]
    assert (difference[:20] == 0).all()
    assert (difference[20:] > 0).all()


def test_vit_patches_are_the_strided_convolution_of_timm():
    from onecurve.architectures.timm_zoo import LinearPatches

    patches = LinearPatches(img_size=16, patch_size=4, in_chans=3, embed_dim=20)
    inputs = torch.randn(2, 3, 16, 16)
    kernel = patches.proj.weight.view(20, 3, 4, 4)
    expected = nn.functional.conv2d(inputs, kernel, patches.proj.bias, stride=4).flatten(2).transpose(1, 2)
    torch.testing.assert_close(patches(inputs), expected)


@pytest.mark.parametrize(("side", "left"), [(8, 4), (16, 4), (28, 4), (32, 4), (64, 8)])
def test_the_resnet_leaves_pixels_to_pool(side, left):
    net = FAMILIES.make("resnet").build({"width": 10}, images(1, side))
    assert net.forward_features(torch.randn(1, 1, side, side)).shape[-2:] == (left, left)

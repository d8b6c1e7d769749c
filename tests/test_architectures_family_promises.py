"""Every family in the catalogue keeps its promises; what the families of our own are, against known answers."""

import socket
import subprocess
import sys

import pytest
import torch
from onecurve.architectures.draws import secluded
from onecurve.architectures.family import FAMILIES
from onecurve.architectures.flops import count
from onecurve.architectures.parametrization import initialise
from onecurve.benchmark.checks.conformance import PROMISES
from onecurve.benchmark.checks.tasks import home, images
from onecurve.errors import InputError
from onecurve.task import Task
from torch import nn

pytestmark = pytest.mark.usefixtures("one_thread")

VECTOR = Task(kind="vector", shape=(8,), outputs=1, loss="squared_error")
TOKENS = Task(kind="tokens", shape=(32,), outputs=64, loss="cross_entropy", vocabulary=64)

NAMES = FAMILIES.names()
NOT_PROMISED = {("linear", "climbs"), ("linear", "moves_evenly")}  # the control: its size is what it reads
# Networks of libraries are large: what builds whole ladders, packs them or learns what they draw is slow, but for one
# of each library.
LIBRARIES_ARE_SLOW = ("climbs", "moves_evenly", "packs")
FAST = {(name, promise) for name in ("mixer", "mobilenetv2") for promise in ("climbs", "packs")}


def promised():
    for name in NAMES:
        for promise in PROMISES:
            library = FAMILIES.make(name).library != "torch" and (name, promise.__name__) not in FAST
            slow = library and promise.__name__ in LIBRARIES_ARE_SLOW
            if (name, promise.__name__) not in NOT_PROMISED:
                marks = pytest.mark.slow if slow else ()
                yield pytest.param(name, promise, id=f"{name}-{promise.__name__}", marks=marks)


def draw(name, rung=0, task=None, seed=0, parametrization="mup"):
    family = FAMILIES.make(name)
    task = task or home(family)
    return initialise(family, family.ladder[rung], task, seed=seed, parametrization=parametrization, optimizer="adam")


@pytest.mark.parametrize(("name", "promise"), list(promised()))
def test_it_keeps_its(name, promise):
    family = FAMILIES.make(name)
    promise(family, home(family))


def test_the_catalogue_has_the_families_that_sweeps_name():
    own = {"cnn", "decoder", "deeplinear", "encoder", "gatedmlp", "gru", "linear", "lstm", "mlp", "randomfeatures"}
    torchvision = {"efficientnetv2", "maxvit", "mobilenetv2", "mobilenetv3", "shufflenetv2"}
    assert own | torchvision | {"resmlp", "resnet", "vit"} <= set(NAMES)


def test_registering_families_does_not_import_the_zoos():
    code = (
        "import sys; from onecurve.architectures.family import FAMILIES; FAMILIES.names();"
        "sys.exit(1 if {'timm', 'torchvision'} & set(sys.modules) else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_family_asks_the_network(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a family opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    for name in NAMES:
        family = FAMILIES.make(name)
        with secluded(0):
            family.build(family.ladder[0], home(family))


def test_the_control_reads_up_to_eight_times_as_much():
    family = FAMILIES.make("linear")
    sizes = [count(family, rung, home(family)).n_params for rung in family.ladder]
    assert sizes == [16, 23, 32, 45, 64, 91, 128]


@pytest.mark.parametrize("name", ["cnn", "decoder", "linear", "mlp", "randomfeatures", "resnet"])
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
        ("deeplinear", TOKENS, "needs vectors or images, the task has token sequences"),
        ("encoder", TOKENS, "looks at all positions"),
        ("encoder", images(1, 3), "4 x 4 patches, the task has 3 x 3 pixels"),
        ("gru", VECTOR, "needs token sequences or images, the task has vectors"),
        ("linear", VECTOR, "at least 16 coordinates, the task has 8"),
        ("linear", images(1, 8), "needs vectors, the task has images"),
        ("linear", Task(kind="vector", shape=(64,), outputs=3, loss="cross_entropy"), "needs one output"),
        ("maxvit", Task(kind="image", shape=(1, 8, 16), outputs=2, loss="cross_entropy"), "takes squares"),
        ("mlp", TOKENS, "needs vectors or images, the task has token sequences"),
        ("mobilenetv2", images(4, 16), "at most 3 channels, the task has 4"),
        ("resmlp", TOKENS, "needs vectors or images, the task has token sequences"),
        ("resnet", images(3, 96), "8 to 64 pixels a side, the task has 96 x 96"),
        ("shufflenetv2", images(3, 96), "8 to 64 pixels a side, the task has 96 x 96"),
        ("vit", images(1, 30), "4 x 4 patches, the task has 30 x 30 pixels"),
        ("vit", VECTOR, "needs images, the task has vectors"),
    ],
)
def test_a_misfit_says_why(name, task, reason):
    assert reason in FAMILIES.make(name).misfit(task)


@pytest.mark.parametrize(
    ("name", "rung", "message"),
    [
        ("decoder", {"width": 21}, "multiple of 4, such as 20 or 24"),
        ("decoder", {"width": 2}, "multiple of 4, such as 4"),
        ("encoder", {"width": 30}, "multiple of 4, such as 28 or 32"),
        ("linear", {"features": 129}, "129 coordinates, the task has 128"),
        ("lstm", {"width": 24, "depth": 2}, "has no rung"),
        ("maxvit", {"width": 30}, "multiple of 4, such as 28 or 32"),
        ("resnet", {"width": 15}, "the width is even"),
        ("shufflenetv2", {"width": 15}, "it is even, as 14 or 16"),
        ("vit", {"width": 30}, "multiple of 4, such as 28 or 32"),
    ],
)
def test_a_rung_that_does_not_divide_is_refused(name, rung, message):
    family = FAMILIES.make(name)
    with pytest.raises(InputError, match=message):
        family.build(rung, home(family))


def test_a_residual_block_without_its_branch_is_the_identity():
    from onecurve.architectures.mlp import Block

    block, inputs = Block(24), torch.randn(5, 24)
    assert not torch.equal(block(inputs), inputs)
    nn.init.zeros_(block.outer.weight)
    nn.init.zeros_(block.outer.bias)
    assert torch.equal(block(inputs), inputs)


@pytest.mark.parametrize("name", ["decoder", "gru", "lstm"])
def test_it_does_not_look_ahead(name):
    net = draw(name, task=TOKENS)
    nn.init.normal_(net[-1].weight)
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

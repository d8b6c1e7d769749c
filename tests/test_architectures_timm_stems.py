"""What is particular to the families from timm; `test_architectures_family_promises` holds them to what all promise."""

import pytest
import torch
from onecurve.architectures.draws import secluded
from onecurve.architectures.family import FAMILIES
from onecurve.architectures.flops import count
from onecurve.architectures.parametrization import multipliers
from onecurve.errors import InputError
from onecurve.task import Task
from torch import nn

pytestmark = pytest.mark.usefixtures("one_thread")


def images(channels, side, width=None):
    return Task(kind="image", shape=(channels, side, width or side), outputs=10, loss="cross_entropy")


NAMES = [name for name in FAMILIES.names() if FAMILIES.make(name).library == "timm"]
BATCH_NORM = {"convmixer", "densenet", "efficientnet", "xcit"}
PYRAMIDS = ["convnext", "inceptionnext", "mambaout", "nfnet", "poolformer", "pvt", "swin"]


def draw(name, rung=0, task=None):
    family = FAMILIES.make(name)
    with secluded(0):
        return family.build(family.ladder[rung], task or images(1, 16))


def test_the_families_of_timm():
    others = {"cait", "gmlp", "mixer", "resnet", "sequencer", "vit"}
    assert set(NAMES) == others | BATCH_NORM | set(PYRAMIDS)
    assert len(NAMES) == 17
    assert {name for name in NAMES if FAMILIES.make(name).packable} == {"cait", "gmlp", "mixer", "vit"}


@pytest.mark.parametrize("name", NAMES)
def test_state_chance_and_attention(name):
    modules = list(draw(name).modules())
    assert any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in modules) == (name in BATCH_NORM)
    assert FAMILIES.make(name).running_statistics == (name in BATCH_NORM)
    assert not [m for m in modules if isinstance(m, nn.Dropout) and m.p > 0 or type(m).__name__ == "DropPath"]
    assert not [m for m in modules if getattr(m, "fused_attn", False)]  # it is neither counted nor batched over seeds


@pytest.mark.parametrize("name", PYRAMIDS)
@pytest.mark.parametrize(("side", "grids"), [(8, (8, 4)), (16, (8, 4)), (28, (7, 4)), (32, (8, 4)), (64, (8, 4))])
def test_pyramids_work_on_eighths_of_the_side(name, side, grids):
    net, found = draw(name, task=images(1, side)), []
    for stage in net.layers if name == "swin" else net.stages:
        stage.register_forward_hook(lambda _m, _i, out: found.append(out.shape))
    with torch.no_grad():
        net(torch.randn(2, 1, side, side))
    axis = 1 if name in ("swin", "mambaout") else 2  # channels last
    patches_drop_a_row = side == 28 and name in ("convnext", "inceptionnext")
    assert [shape[axis] for shape in found] == ([7, 3] if patches_drop_a_row else list(grids))


def test_every_second_block_of_swin_shifts_its_windows():
    first, second = draw("swin").layers
    assert [block.shift_size for block in first.blocks] == [(0, 0), (2, 2)]
    assert [block.shift_size for block in second.blocks] == [(0, 0), (0, 0)]  # one window is all there is
    assert {block.window_size for block in (*first.blocks, *second.blocks)} == {(4, 4)}


# parameter of width 2 m against m: role, initial values, Adam's rate
ROLES = {
    "cait": {
        "patch_embed.proj.weight": ("input", 1, 1),
        "blocks.0.attn.proj_l.weight": ("hidden", 1, 0.5),  # between heads, whose number grows
        "blocks.0.gamma_1": ("vector", 1, 1),
        "cls_token": ("vector", 1, 1),
        "blocks_token_only.0.attn.q.weight": ("hidden", 1, 0.5),
        "head.weight": ("output", 1, 0.5),
    },
    "xcit": {
        "blocks.0.attn.temperature": ("vector", 1, 1),
        "blocks.0.local_mp.conv1.weight": None,
        "pos_embed.token_projection.weight": ("input", 1, 1),
    },
    "gmlp": {"blocks.0.mlp_channels.gate.proj.weight": ("fixed", 1, 1)},
    "sequencer": {
        "stages.0.blocks.0.rnn_tokens.rnn_v.weight_hh_l0": ("hidden", 1, 0.5),
        "stages.0.blocks.0.rnn_tokens.rnn_v.bias_hh_l0": ("vector", 2**0.5, 1),
    },
    "nfnet": {"stages.0.0.conv1.weight": ("hidden", 1, 0.5), "head.fc.weight": ("output", 0.5, 0.5)},
    "densenet": {
        "features.conv0.weight": ("input", 1, 1),
        "features.transition1.conv.weight": ("hidden", 1, 0.5),
        "classifier.weight": ("output", 2**-0.5, 0.5),
    },
}


SLOW = {"cait", "xcit"}  # many small parameters: built 64 times to learn what is drawn


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in ROLES])
def test_roles_are_read_off_the_shapes(name):
    family = FAMILIES.make(name)
    table = multipliers(family, family.ladder[2], images(1, 8), parametrization="mup", optimizer="adam")
    for parameter, expected in ROLES[name].items():
        found = table[parameter]
        if expected is None:  # depthwise: its fan-in does not grow
            assert (found.init, found.lr) == (1, 1)
        else:
            assert (found.role, found.init, found.lr) == (expected[0], *map(pytest.approx, expected[1:])), parameter


@pytest.mark.slow
def test_swin_has_a_bias_a_head():
    family = FAMILIES.make("swin")
    table = multipliers(family, family.ladder[1], images(1, 8), parametrization="mup", optimizer="sgd")
    bias = table["layers.0.blocks.0.attn.relative_position_bias_table"]
    assert (bias.role, bias.init, bias.lr) == ("vector", 1, 1.5)


@pytest.mark.parametrize("name", ["cait", "convnext", "inceptionnext", "mambaout", "poolformer", "pvt", "xcit"])
def test_weights_are_drawn_by_fan_in_and_readouts_start_at_zero(name):
    net = draw(name, rung=2)
    assert not net.get_classifier().weight.any()
    layers = [m for m in net.modules() if isinstance(m, (nn.Linear, nn.Conv2d)) and m is not net.get_classifier()]
    for weight in (layer.weight for layer in layers if layer.weight.numel() > 1000):
        assert weight.std().item() * weight[0].numel() ** 0.5 == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("width", [26, 83])
def test_flops_of_depthwise_convolutions(width):
    """Each output channel sees one input channel: torch's own counter has ``width`` times as much in their backward."""
    pixels, patch, kernel, rounds = 64, 2, 5, 3
    first, readout = pixels * patch**2 * width, 10 * width
    body = rounds * pixels * (kernel**2 * width + width**2)
    compute = count(FAMILIES.make("convmixer"), {"width": width}, images(1, 16))
    assert compute.forward == 2 * (first + body + readout)
    assert compute.training == 3 * compute.forward - 2 * first


def test_flops_of_an_lstm():
    """Four gates from input and state, both ways along both axes; torch's own counter sees nothing of it in oneDNN."""
    width, patches, pixels, blocks = 20, 16, 4, 2
    state = width // 4
    lstm, merge, perceptron = 4 * 4 * state * (width + state), 4 * state * width, 6 * width**2
    first = patches * pixels * width
    compute = count(FAMILIES.make("sequencer"), {"width": width}, images(1, 8))
    assert torch.backends.mkldnn.enabled
    assert compute.forward == 2 * (first + blocks * patches * (lstm + merge + perceptron) + 10 * width)


@pytest.mark.parametrize(
    ("name", "task", "reason"),
    [
        ("swin", images(1, 16, 32), "takes squares, the task has 16 x 32 pixels"),
        ("convnext", images(1, 4), "8 to 64 pixels a side, the task has 4 x 4"),
        ("densenet", images(3, 96), "8 to 64 pixels a side, the task has 96 x 96"),
        ("mixer", images(1, 30), "4 x 4 patches, the task has 30 x 30 pixels"),
        (
            "cait",
            Task(kind="vector", shape=(8,), outputs=1, loss="squared_error"),
            "needs images, the task has vectors",
        ),
    ],
)
def test_a_misfit_says_why(name, task, reason):
    assert reason in FAMILIES.make(name).misfit(task)


@pytest.mark.parametrize(
    ("name", "width", "message"),
    [
        ("cait", 22, "heads are 4 wide.* such as 20 or 24"),
        ("xcit", 22, "heads are 4 wide"),
        ("swin", 18, "heads are 4 wide"),
        ("pvt", 18, "heads are 4 wide"),
        ("mixer", 21, "multiple of 2, such as 20 or 22"),
        ("sequencer", 22, "a state is a quarter as wide, so the width is a multiple of 4, such as 20 or 24"),
        ("mambaout", 13, "the stem is half as wide"),
        ("inceptionnext", 18, "multiple of 4, such as 16 or 20"),
        ("nfnet", 3, "multiple of 2, such as 2 or 4"),
        ("efficientnet", 3, "multiple of 4, such as 4$"),
    ],
)
def test_a_width_that_timm_would_round_is_refused(name, width, message):
    with pytest.raises(InputError, match=message):
        FAMILIES.make(name).build({"width": width}, images(1, 16))

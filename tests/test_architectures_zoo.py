"""Models of timm and torchvision by name: what their arguments make of a ladder, what fits, what is refused."""

from __future__ import annotations

import json
from importlib.metadata import version

import pytest
import torch
from onecurve.architectures.draws import secluded
from onecurve.architectures.family import FAMILIES
from onecurve.architectures.scaling import at_rung, knobs_of
from onecurve.errors import InputError
from onecurve.task import Task

VIT = {"embed_dim": "w", "depth": 1, "num_heads": "w/8", "base": 16}
CONVNEXT = {"depths": [1, 1, 1, 1], "dims": ["w", "2w", "3w", "4w"], "base": 8}


def image(side, channels=1, outputs=10):
    return Task(kind="image", shape=(channels, side, side), outputs=outputs, loss="cross_entropy")


def built(name, arguments, rung, task):
    with secluded(0):
        return FAMILIES.make(name, arguments).build(rung, task)


@pytest.mark.parametrize(
    ("written", "number"),
    [("w", 12), ("2w", 24), ("2*w", 24), ("w/4", 3), ("3w / 2", 18), ("d", 5), ("3", "3"), (7, 7)],
)
def test_what_is_written_with_w_and_d_scales(written, number):
    assert at_rung(written, {"width": 12, "depth": 5}, "x", whole=True) == number
    assert at_rung([{"a": written}], {"width": 12, "depth": 5}, "x", whole=True) == [{"a": number}]


def test_a_number_that_is_not_whole_is_one_only_where_it_may_be():
    assert at_rung("w/64", {"width": 8}, "width_mult", whole=False) == 0.125
    with pytest.raises(InputError, match="`num_heads: w/8` is 1.5 at width 12, and must be a whole number"):
        at_rung("w/8", {"width": 12}, "num_heads", whole=True)


def test_the_knobs_are_those_that_are_written():
    assert knobs_of({"a": ["w", {"b": "d/2"}], "c": "width"}) == ("width", "depth")
    assert knobs_of({"block": "BasicBlock", "n": 3}) == ()


def test_arguments_reach_the_class():
    net = built("timm:VisionTransformer", VIT, {"width": 24}, image(28, channels=3))
    assert (net.embed_dim, net.blocks[0].attn.num_heads, len(net.blocks)) == (24, 3, 1)
    assert tuple(net.patch_embed.proj.weight.shape) == (24, 3, 7, 7)
    assert net.head.out_features == 10


def test_classes_and_configurations_are_written_by_name():
    arguments = {"block": "BasicBlock", "layers": [1, 1, 1, 1], "channels": ["w", "2w", "4w", "8w"], "stem_width": "w"}
    net = built("timm:ResNet", {**arguments, "stem_type": "deep"}, {"width": 4}, image(32))
    assert net.layer4[0].conv2.out_channels == 32 and type(net.layer4[0]).__name__ == "BasicBlock"
    config = {"cfg": {"depths": [1, 1, 1, 1], "channels": ["8w", "8w", "16w", "16w"], "stem_chs": "8w"}}
    assert built("timm:NormFreeNet", config, {"width": 1}, image(32)).num_features == 16


def test_the_base_is_part_of_the_identity_and_the_version_is_the_librarys():
    one, other = (FAMILIES.make("timm:VisionTransformer", {**VIT, "base": base}) for base in (16, 24))
    assert one.ladder == ({"width": 16},) and one.ref != other.ref
    assert one.ref.version == version("timm")
    assert FAMILIES.make(one.ref.name, one.ref.params) is one
    nested = FAMILIES.make("timm:ConvNeXt", CONVNEXT)
    assert json.loads(nested.ref.params["dims"]) == ["w", "2w", "3w", "4w"]
    assert FAMILIES.make(nested.ref.name, nested.ref.params) is nested and hash(nested) == hash(nested)


@pytest.mark.parametrize(
    ("name", "arguments", "statistics"),
    [
        ("timm:ConvNeXt", CONVNEXT, False),
        ("timm:DenseNet", {"growth_rate": "w", "block_config": [1, 1], "base": 4}, True),
    ],
)
def test_batch_norm_is_noticed(name, arguments, statistics):
    family = FAMILIES.make(name, arguments)
    assert family.running_statistics is statistics and family.packable is False


def test_nothing_is_drawn_in_training():
    swin = {"embed_dim": "w", "depths": [1, 1], "num_heads": ["w/8", "w/4"], "base": 16}
    for name, arguments in (("timm:SwinTransformer", swin), ("torchvision:mobilenet_v2", {"width_mult": "w/64"})):
        net = built(name, arguments, {"width": 16}, image(32))
        rates = [getattr(m, "drop_prob", getattr(m, "p", 0.0)) for m in net.modules() if "Drop" in type(m).__name__]
        assert all(rate == 0 for rate in rates)
        assert net.training


@pytest.mark.parametrize(("side", "channels"), [(8, 1), (16, 3), (28, 1), (32, 3), (64, 1)])
def test_stems_fit_the_image(side, channels):
    task = image(side, channels)
    for name, arguments in (("timm:ConvNeXt", CONVNEXT), ("timm:VisionTransformer", VIT)):
        family = FAMILIES.make(name, arguments)
        assert family.misfit(task) is None
        with secluded(0):
            assert family.build(family.ladder[0], task)(torch.zeros(2, *task.shape)).shape == (2, 10)


@pytest.mark.parametrize(("side", "misfit"), [(8, "features.7.conv"), (28, None)])
def test_an_image_that_is_too_small_for_the_strides_is_a_reason(side, misfit):
    family = FAMILIES.make("torchvision:mobilenet_v2", {"width_mult": "w/64", "base": 8})
    reason = family.misfit(image(side))
    if misfit is None:
        assert reason is None
    else:
        assert f"{side} x {side} pixels in 1 channel is too small for its strides: '{misfit}" in reason


def test_other_kinds_of_input_are_a_reason():
    tokens = Task(kind="tokens", shape=(8,), outputs=9, loss="cross_entropy", vocabulary=9)
    assert FAMILIES.make("timm:ConvNeXt", CONVNEXT).misfit(tokens) == "needs images, the task has token sequences"


@pytest.mark.parametrize(
    ("change", "misfit"),
    [
        ({"num_heads": 5}, "dim should be divisible by num_heads"),
        ({"num_heads": "w/32"}, "`num_heads: w/32` is 0.5 at width 16"),
        ({"embed_layer": 3}, "it cannot be built"),
    ],
)
def test_a_width_that_the_class_refuses_is_a_reason(change, misfit):
    assert misfit in FAMILIES.make("timm:VisionTransformer", {**VIT, **change}).misfit(image(8))


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("timm:ConvNext", {}, "timm has no class 'ConvNext'. Near it: ConvNeXt"),
        ("torchvision:resnet81", {}, "torchvision has no model 'resnet81'. Near it: resnet18"),
        ("timm:ResNet", {"layers": [1]}, "timm:ResNet needs the argument `block`"),
        ("timm:ConvNeXt", {"dim": ["w"]}, "timm:ConvNeXt has no argument 'dim'. Did you mean 'dims'"),
        ("timm:ConvNeXt", {"pretrained": True}, "'pretrained' is refused: networks start from random weights"),
        ("torchvision:resnet18", {"weights": "DEFAULT"}, "'weights' is refused"),
        ("timm:NormFreeNet", {"cfg": {}, "pretrained_cfg": "x"}, "'pretrained_cfg' is refused"),
        ("timm:ConvNeXt", {"num_classes": 3}, "'num_classes' is given by the task"),
        ("timm:ConvNeXt", {"drop_path_rate": 0.1}, "'drop_path_rate' is refused: dropout"),
        ("torchvision:mobilenet_v2", {"dropout": 0.5}, "'dropout' is refused: dropout"),
        ("timm:VisionTransformer", {**VIT, "base": {"depth": 2}}, "`base` is a rung that gives width"),
    ],
)
def test_bad_names_and_arguments_are_refused_with_the_nearest(name, arguments, message):
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        FAMILIES.make(name, arguments)


def test_depth_is_a_knob_too():
    arguments = {"embed_dim": "w", "depth": "d", "num_heads": "w/8", "base": {"width": 16, "depth": 2}}
    arguments["branch_ends"] = [r"blocks\.\d+\.(attn\.proj|mlp\.fc2)"]
    family = FAMILIES.make("timm:VisionTransformer", arguments)
    with secluded(0):
        assert len(family.build({"width": 16, "depth": 3}, image(8)).blocks) == 3
    assert family.branch_ends and FAMILIES.make(family.ref.name, family.ref.params) is family
    with pytest.raises(InputError, match="a rung gives width and depth as positive whole numbers"):
        family.check_rung({"width": 16})

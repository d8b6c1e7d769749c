"""Families of torchvision's classes: fitted stems, widths that grow as one, no statistics that are not declared."""

import pytest
import torch
from onecurve.architectures.draws import secluded
from onecurve.architectures.family import FAMILIES
from onecurve.architectures.parametrization import multipliers
from onecurve.benchmark.checks.tasks import images
from torch import nn

pytestmark = pytest.mark.usefixtures("one_thread")

NAMES = ["efficientnetv2", "maxvit", "mobilenetv2", "mobilenetv3", "shufflenetv2"]


def build(name, rung=0, task=None):
    family = FAMILIES.make(name)
    with secluded(0):
        return family.build(family.ladder[rung], task or images(1, 16))


def last_grid(net, side, channels):
    """Pixels a side where the last convolution that sees more than one pixel writes."""
    seen = []
    hooks = [m.register_forward_hook(lambda *a: seen.append(a[2].shape[-1])) for m in convolutions(net)]
    with torch.no_grad():
        net(torch.randn(2, channels, side, side))
    for hook in hooks:
        hook.remove()
    return [pixels for pixels in seen if pixels > 1][-1]


def convolutions(net):
    return [module for module in net.modules() if isinstance(module, nn.Conv2d)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("channels", "side"), [(1, 8), (1, 28), (3, 32), (3, 64)])
def test_the_stem_reads_the_image_and_leaves_pixels(name, channels, side):
    net = build(name, task=images(channels, side))
    assert convolutions(net)[0].weight.shape[1] == channels
    assert last_grid(net, side, channels) >= (2 if side == 8 else 4)


@pytest.mark.parametrize("name", NAMES)
def test_every_axis_grows_with_the_width(name):
    """No number of channels is rounded or held fixed, so growth is one number for all hidden axes."""
    ladder = FAMILIES.make(name).ladder
    growth = ladder[-1]["width"] / ladder[0]["width"]
    small, large = build(name, 0), build(name, -1)
    fixed = {1, 3, 4, 5, 9, 10, 49}  # channels of the image, kernels, classes, relative positions
    for (key, p), (_, q) in zip(small.named_parameters(), large.named_parameters(), strict=True):
        for a, b in zip(p.shape, q.shape, strict=True):
            assert b / a == pytest.approx(growth, rel=0.01) or (a == b and a in fixed), key


def test_depthwise_convolutions_and_the_stem_are_input_weights():
    family = FAMILIES.make("mobilenetv2")
    table = multipliers(family, {"width": 12}, images(1, 16), parametrization="mup", optimizer="adam")
    depthwise = [key for key, p in build("mobilenetv2").named_parameters() if p.dim() == 4 and p.shape[1] == 1]
    assert len(depthwise) == 6  # the stem, which reads one channel, and five blocks
    assert {(table[key].role, table[key].lr) for key in depthwise} == {("input", 1.0)}
    assert (table["classifier.0.weight"].role, table["classifier.0.weight"].lr) == ("output", 0.5)
    assert (table["features.2.conv.0.0.weight"].role, table["features.2.conv.0.0.weight"].lr) == ("hidden", 0.5)


@pytest.mark.parametrize("name", NAMES)
def test_examples_of_a_batch_are_mixed_by_batch_norm_alone(name):
    net = build(name)
    inputs = torch.randn(4, 1, 16, 16)
    changed = inputs.clone()
    changed[1:] += 1
    with torch.no_grad():
        alike = torch.allclose(net(inputs)[0], net(changed)[0], atol=1e-5)
    assert alike is not FAMILIES.make(name).running_statistics


def test_maxvit_scales_scores_by_the_size_of_a_head():
    from torchvision.models.maxvit import RelativePositionalMultiHeadAttention

    for rung in (0, 4):
        found = [m for m in build("maxvit", rung).modules() if isinstance(m, RelativePositionalMultiHeadAttention)]
        assert [m.scale_factor for m in found] == [0.5, 0.5]
    assert found[0].n_heads == 20


def test_maxvit_fills_up_a_side_with_zeros():
    net, image = build("maxvit", task=images(1, 28)), torch.randn(1, 1, 28, 28)
    wide = build("maxvit", task=images(1, 32))
    wide.load_state_dict(net[1].state_dict())
    with torch.no_grad():
        torch.testing.assert_close(net(image), wide(nn.functional.pad(image, (0, 4, 0, 4))))

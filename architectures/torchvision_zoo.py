"""Families made from torchvision's classes by their width arguments, without weights; `build` does the slow import.

All of them are built for photographs: the first convolution reads three channels and halves, more halvings follow.
`_fit_stem` takes what channels there are and keeps the resolution of small images. Norms are over all channels of an
example (one group) where the class takes a norm, so that no statistics run along.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from torch import nn

from ..errors import InputError
from ..task import Task
from .family import FAMILIES, Family, Rung, widths, wrong_kind
from .transformer import whole_heads

if TYPE_CHECKING:
    from torchvision.models.efficientnet import FusedMBConvConfig, MBConvConfig
    from torchvision.models.mobilenetv3 import InvertedResidualConfig


def _fit_stem(conv: nn.Module, task: Task, largest_kept: int) -> None:
    """Let the first convolution read the task's channels, and keep the resolution up to ``largest_kept`` pixels.

    The library's draw does not depend on the channels read (or a batch norm follows), so its first ones serve.
    """
    assert isinstance(conv, nn.Conv2d)
    channels, *sides = task.shape
    conv.in_channels = channels
    conv.weight = nn.Parameter(conv.weight.detach()[:, :channels].clone())
    if min(sides) <= largest_kept:
        conv.stride = (1, 1)


def _one_group(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(1, channels)


@dataclasses.dataclass(frozen=True)
class _Photographic(Family):
    """Convolutions for 8 to 64 pixels a side and up to three channels."""

    library: ClassVar[str] = "torchvision"
    packable: ClassVar[bool] = False  # as for `cnn`

    def misfit(self, task: Task) -> str | None:
        if task.kind != "image":
            return wrong_kind(task, "image")
        channels, height, width = task.shape
        if channels > 3:
            return f"takes at most 3 channels, the task has {channels}"
        if not (min(height, width) >= 8 and max(height, width) <= 64):
            return f"takes images of 8 to 64 pixels a side, the task has {height} x {width}"
        return None


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class MobileNetV2(_Photographic):
    """Inverted residuals around depthwise convolutions, of one, two and four times the width, at three resolutions.

    torchvision never makes the last convolution narrower than 1280, which is no ladder: here it grows with the width.
    """

    name: ClassVar[str] = "mobilenetv2"
    ladder: ClassVar[tuple[Rung, ...]] = widths(6, 9, 13, 18, 26, 37)
    blocks: int = 2
    expansion: int = 4

    def build(self, rung: Rung, task: Task) -> nn.Module:
        from torchvision.models.mobilenetv2 import MobileNetV2 as Net
        from torchvision.ops.misc import Conv2dNormActivation

        width, (t, n) = rung["width"], (self.expansion, self.blocks)
        stages = [[1, 32, 1, 1], [t, 64, n, 2], [t, 128, n, 2]]  # expansion, channels of 32, blocks, stride
        net = Net(task.outputs, width / 32, stages, round_nearest=1, norm_layer=_one_group, dropout=0.0)
        _fit_stem(net.get_submodule("features.0.0"), task, largest_kept=16)
        wide = partial(Conv2dNormActivation, kernel_size=1, norm_layer=_one_group, activation_layer=nn.ReLU6)
        last, classifier = wide(4 * width, 16 * width), nn.Linear(16 * width, task.outputs)
        nn.init.kaiming_normal_(last.get_parameter("0.weight"), mode="fan_out")
        nn.init.normal_(classifier.weight, std=0.01)
        nn.init.zeros_(classifier.bias)
        net.features[-1], net.classifier = last, nn.Sequential(classifier)
        return net


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class MobileNetV3(_Photographic):
    """Inverted residuals with squeeze and excitation and hard swish, at three resolutions."""

    name: ClassVar[str] = "mobilenetv3"
    ladder: ClassVar[tuple[Rung, ...]] = widths(5, 7, 10, 14, 20, 28)
    expansion: int = 4

    def build(self, rung: Rung, task: Task) -> nn.Module:
        from torchvision.models.mobilenetv3 import InvertedResidual
        from torchvision.models.mobilenetv3 import MobileNetV3 as Net
        from torchvision.ops.misc import SqueezeExcitation

        width, excite = rung["width"], partial(SqueezeExcitation, scale_activation=nn.Hardsigmoid)
        net = Net(
            self._stages(width),
            last_channel=16 * width,
            num_classes=task.outputs,
            block=partial(InvertedResidual, se_layer=_squeeze(excite, 4)),
            norm_layer=_one_group,
            dropout=0.0,
        )
        _fit_stem(net.get_submodule("features.0.0"), task, largest_kept=16)
        return net

    def _stages(self, width: int) -> list[InvertedResidualConfig]:
        return [
            self._block(width, width, 3, False, "RE", 1),
            self._block(width, 2 * width, 3, False, "RE", 2),
            self._block(2 * width, 2 * width, 3, True, "HS", 1),
            self._block(2 * width, 4 * width, 5, True, "HS", 2),
            self._block(4 * width, 4 * width, 5, True, "HS", 1),
        ]

    def _block(self, i: int, o: int, kernel: int, se: bool, activation: str, stride: int) -> InvertedResidualConfig:
        from torchvision.models.mobilenetv3 import InvertedResidualConfig

        block = InvertedResidualConfig(8, kernel, 8, 8, se, activation, stride, dilation=1, width_mult=1.0)
        block.input_channels, block.out_channels = i, o  # set here: the constructor rounds to multiples of eight
        block.expanded_channels = self.expansion * i
        return block


def _squeeze(layer: Callable[..., nn.Module], share: int) -> Callable[..., nn.Module]:
    """Squeeze to a share of the channels; torchvision rounds in between, which is no ladder."""
    return lambda channels, _, **options: layer(channels, channels // share, **options)


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class ShuffleNetV2(_Photographic):
    """Half of the channels go through depthwise blocks, then channels are shuffled. Batch norm is built in."""

    name: ClassVar[str] = "shufflenetv2"
    ladder: ClassVar[tuple[Rung, ...]] = widths(8, 12, 18, 26, 38, 54)
    running_statistics: ClassVar[bool] = True
    blocks: int = 2

    def check_rung(self, rung: Rung) -> None:
        super().check_rung(rung)
        width = rung["width"]
        if width % 2:
            near = f"{width - 1} or {width + 1}" if width > 1 else "2"
            raise InputError(
                f"family {self.name!r} has no width {width}: channels are halved, so it is even, as {near}"
            )

    def build(self, rung: Rung, task: Task) -> nn.Module:
        from torchvision.models.shufflenetv2 import ShuffleNetV2 as Net

        width = rung["width"]
        net = Net([self.blocks] * 3, [width, 2 * width, 4 * width, 8 * width, 16 * width], task.outputs)
        _fit_stem(net.get_submodule("conv1.0"), task, largest_kept=32)
        net.maxpool = nn.Identity()  # pyright: ignore[reportAttributeAccessIssue]
        return net


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class EfficientNetV2(_Photographic):
    """Fused inverted residuals (full convolutions) at two resolutions, depthwise ones with excitation at the third."""

    name: ClassVar[str] = "efficientnetv2"
    ladder: ClassVar[tuple[Rung, ...]] = widths(5, 7, 10, 14, 20, 28)
    blocks: int = 2
    expansion: int = 4

    def build(self, rung: Rung, task: Task) -> nn.Module:
        from torchvision.models.efficientnet import EfficientNet as Net

        width = rung["width"]
        net = Net(
            self._stages(width),
            dropout=0.0,
            stochastic_depth_prob=0.0,
            num_classes=task.outputs,
            norm_layer=_one_group,
            last_channel=16 * width,
        )
        _fit_stem(net.get_submodule("features.0.0"), task, largest_kept=16)
        return net

    def _stages(self, width: int) -> list[FusedMBConvConfig | MBConvConfig]:
        from torchvision.models.efficientnet import FusedMBConvConfig, MBConv, MBConvConfig
        from torchvision.ops.misc import SqueezeExcitation

        excited = partial(MBConv, se_layer=_squeeze(SqueezeExcitation, 8))
        last = MBConvConfig(self.expansion, 3, 2, 8, 8, self.blocks, block=excited)
        last.input_channels, last.out_channels = 2 * width, 4 * width  # the constructor rounds to multiples of eight
        fused = FusedMBConvConfig(self.expansion, 3, 2, width, 2 * width, self.blocks)
        stages = [FusedMBConvConfig(1, 3, 1, width, width, 1), fused, last]
        for stage in stages:
            vars(stage)["adjust_channels"] = _exactly  # its own rounds, so that some widths would lack a convolution
        return stages


def _exactly(channels: int, ratio: float, *_: object) -> int:
    """As many channels as asked for."""
    return round(channels * ratio)


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class MaxViT(_Photographic):
    """Each layer: a depthwise block, attention within windows, attention across a grid. Heads grow in number.

    torchvision divides the scores by the root of the width; here by the root of the head's size, which keeps them as
    they are when the width grows. Sides are filled up with zeros to a multiple of eight.
    """

    name: ClassVar[str] = "maxvit"
    ladder: ClassVar[tuple[Rung, ...]] = widths(20, 28, 40, 56, 80, 112)
    layers: int = 1
    head_dim: int = 4

    def misfit(self, task: Task) -> str | None:
        if task.kind == "image" and task.shape[1] != task.shape[2]:
            return f"takes squares, the task has {task.shape[1]} x {task.shape[2]} pixels"
        return super().misfit(task)

    def check_rung(self, rung: Rung) -> None:
        super().check_rung(rung)
        whole_heads(self.name, rung, self.head_dim)

    def build(self, rung: Rung, task: Task) -> nn.Module:
        from torchvision.models.maxvit import MaxVit as Net
        from torchvision.models.maxvit import RelativePositionalMultiHeadAttention

        width, side = rung["width"], -(-task.shape[1] // 8) * 8
        stem_stride = 1 if side == 8 else 2
        before, after = 2 * side // stem_stride, side // stem_stride // 2
        net = Net(
            (before, before),  # as if the stem always halved
            stem_channels=width,
            partition_size=min(after // 2, 4),
            block_channels=[width],
            block_layers=[self.layers],
            head_dim=self.head_dim,
            stochastic_depth_prob=0.0,
            norm_layer=_one_group,
            num_classes=task.outputs,
        )
        _fit_stem(net.get_submodule("stem.0.0"), task, largest_kept=8)
        for module in net.modules():
            if isinstance(module, RelativePositionalMultiHeadAttention):
                module.scale_factor = self.head_dim**-0.5
        missing = side - task.shape[1]
        return nn.Sequential(nn.ZeroPad2d((0, missing, 0, missing)), net) if missing else net

"""Convolutional networks from timm beside the ResNet: two stages each, on about 8 x 8, then 4 x 4 pixels.

Not here: ResNetV2 and RegNet, whose widths timm rounds to multiples of 8, so that small rungs do not grow evenly;
StarNet, whose stem does not grow; FocalNet, whose few gates share a weight with the channels, so that by the rules of
maximal update the one wants another rate than the other (argued, not measured).
"""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import ClassVar

from torch import nn

from ..task import Task
from .family import FAMILIES, Rung, widths
from .timm_stems import Images, eighths, multiple_of, redrawn


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class ConvNeXt(Images):
    """timm's ConvNeXt in two stages of ``depth`` blocks, without layer scale: the depth factor does its work."""

    name: ClassVar[str] = "convnext"
    ladder: ClassVar[tuple[Rung, ...]] = widths(16, 23, 32, 46, 64, 90)
    branch_ends: ClassVar[tuple[str, ...]] = (r"(?P<block>stages\.\d+\.blocks\.\d+)\.mlp\.fc2",)
    depth: int = 1
    kernel: int = 5

    def build(self, rung: Rung, task: Task) -> nn.Module:
        from timm.models.convnext import ConvNeXt as TimmConvNeXt

        width, depth = rung["width"], rung.get("depth", self.depth)
        net = TimmConvNeXt(
            in_chans=task.shape[0],
            num_classes=task.outputs,
            depths=(depth, depth, 0, 0),
            dims=(width, 2 * width, 2 * width, 2 * width),
            kernel_sizes=self.kernel,
            ls_init_value=None,
        )
        net.stages = net.stages[:2]  # it always makes four
        net.stem[0] = eighths(task, width)
        return redrawn(net, net.get_classifier())


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class InceptionNeXt(Images):
    """timm's MetaNeXt: a quarter of the channels each for a square and two band convolutions, the rest left alone.

    Two stages of ``depth`` blocks with a one-group norm in place of batch norm, without layer scale.
    """

    name: ClassVar[str] = "inceptionnext"
    ladder: ClassVar[tuple[Rung, ...]] = widths(16, 24, 36, 52, 72, 100)
    branch_ends: ClassVar[tuple[str, ...]] = (r"(?P<block>stages\.\d+\.blocks\.\d+)\.mlp\.fc2",)
    depth: int = 1

    def check_rung(self, rung: Rung) -> None:
        super().check_rung(rung)
        multiple_of(4, "each convolution takes a quarter of it", self, rung)

    def build(self, rung: Rung, task: Task) -> nn.Module:
        from timm.layers import GroupNorm1
        from timm.models.inception_next import InceptionDWConv2d, MetaNeXt

        width, depth = rung["width"], rung.get("depth", self.depth)
        mixer = partial(InceptionDWConv2d, band_kernel_size=7, branch_ratio=0.25)
        net = MetaNeXt(
            in_chans=task.shape[0],
            num_classes=task.outputs,
            depths=(depth, depth),
            dims=(width, 2 * width),
            token_mixers=mixer,  # pyright: ignore[reportArgumentType]  # annotated as a class, it calls it
            norm_layer=GroupNorm1,
            mlp_ratios=4,
            ls_init_value=0.0,
        )
        net.stem[0] = eighths(task, width)
        return redrawn(net, net.get_classifier())


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class NFNet(Images):
    """timm's NormFreeNet: standardised weights and scaled branches, which start at zero, in place of norms."""

    name: ClassVar[str] = "nfnet"
    ladder: ClassVar[tuple[Rung, ...]] = widths(20, 28, 40, 56, 80, 112)
    blocks: int = 2

    def check_rung(self, rung: Rung) -> None:
        super().check_rung(rung)
        multiple_of(2, "bottlenecks are half as wide", self, rung)

    def build(self, rung: Rung, task: Task) -> nn.Module:
        from timm.layers import ScaledStdConv2d
        from timm.models.nfnet import NfCfg, NormFreeNet

        width = rung["width"]
        config = NfCfg(
            depths=(self.blocks, self.blocks),  # pyright: ignore[reportArgumentType]  # annotated as four, any number do
            channels=(width, 2 * width),  # pyright: ignore[reportArgumentType]
            stem_type="3x3_pool",  # after a pool the first stage keeps the resolution
            ch_div=1,
        )
        net = NormFreeNet(config, num_classes=task.outputs, in_chans=task.shape[0])
        net.stem = nn.Sequential(eighths(task, width, ScaledStdConv2d))
        return net


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class DenseNet(Images):
    """timm's DenseNet: each layer adds ``width`` channels to those of all layers before it; batch norm."""

    name: ClassVar[str] = "densenet"
    ladder: ClassVar[tuple[Rung, ...]] = widths(5, 7, 10, 14, 20, 28)
    running_statistics: ClassVar[bool] = True
    layers: int = 4

    def build(self, rung: Rung, task: Task) -> nn.Module:
        from timm.models.densenet import DenseNet as TimmDenseNet

        net = TimmDenseNet(
            growth_rate=rung["width"],
            block_config=(self.layers, self.layers),
            num_classes=task.outputs,
            in_chans=task.shape[0],
        )
        net.features.conv0 = eighths(task, 2 * rung["width"])
        net.features.pool0 = nn.Identity()
        return net


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class EfficientNet(Images):
    """timm's EfficientNet: inverted bottlenecks with depthwise convolutions, squeeze and excitation, batch norm."""

    name: ClassVar[str] = "efficientnet"
    ladder: ClassVar[tuple[Rung, ...]] = widths(16, 24, 36, 52, 72, 100)
    running_statistics: ClassVar[bool] = True

    def check_rung(self, rung: Rung) -> None:
        super().check_rung(rung)
        multiple_of(4, "excitation squeezes it to a quarter", self, rung)

    def build(self, rung: Rung, task: Task) -> nn.Module:
        from timm.models._efficientnet_builder import decode_arch_def
        from timm.models.efficientnet import EfficientNet as TimmEfficientNet

        width = rung["width"]
        stages = [[f"ds_r1_k3_s1_e1_c{width}_se0.25"], [f"ir_r2_k3_s2_e4_c{2 * width}_se0.25"]]  # timm's own notation
        net = TimmEfficientNet(
            decode_arch_def(stages),
            num_classes=task.outputs,
            num_features=4 * width,
            in_chans=task.shape[0],
            stem_size=width,
            round_chs_fn=int,
            act_layer=nn.SiLU,
        )
        net.conv_stem = eighths(task, width)
        return net

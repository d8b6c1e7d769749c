"""Networks from timm that mix positions by something simpler than attention: a perceptron, a gate, pooling, an LSTM."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from torch import nn

from ..task import Task
from .family import FAMILIES, Rung, widths
from .timm_stems import Images, OnPatches, eighths, linear_patches, multiple_of, redrawn


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class Mixer(OnPatches):
    """timm's MlpMixer: perceptrons over the patches and over the channels take turns."""

    name: ClassVar[str] = "mixer"
    ladder: ClassVar[tuple[Rung, ...]] = widths(20, 28, 40, 56, 80, 112)
    branch_ends: ClassVar[tuple[str, ...]] = (r"blocks\.\d+\.mlp_(tokens|channels)\.fc2",)
    depth: int = 2
    patches: int = 4

    def check_rung(self, rung: Rung) -> None:
        super().check_rung(rung)
        multiple_of(2, "the perceptron over the patches is half as wide", self, rung)

    def build(self, rung: Rung, task: Task) -> nn.Module:
        from timm.models.mlp_mixer import MlpMixer

        channels, side, _ = task.shape
        net = MlpMixer(
            img_size=side,
            patch_size=side // self.patches,
            in_chans=channels,
            num_classes=task.outputs,
            embed_dim=rung["width"],
            num_blocks=rung.get("depth", self.depth),
        )
        net.add_module("stem", linear_patches(task, self.patches, rung["width"]))
        return net


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class GatedMixer(OnPatches):
    """gMLP, timm's MlpMixer with spatial gates: half of the channels, mixed over the patches, multiplies the other."""

    name: ClassVar[str] = "gmlp"
    ladder: ClassVar[tuple[Rung, ...]] = widths(20, 28, 40, 56, 80, 112)
    branch_ends: ClassVar[tuple[str, ...]] = (r"blocks\.\d+\.mlp_channels\.fc2",)
    depth: int = 2
    patches: int = 4

    def build(self, rung: Rung, task: Task) -> nn.Module:
        from timm.layers import GatedMlp
        from timm.models.mlp_mixer import MlpMixer, SpatialGatingBlock

        channels, side, _ = task.shape
        net = MlpMixer(
            img_size=side,
            patch_size=side // self.patches,
            in_chans=channels,
            num_classes=task.outputs,
            embed_dim=rung["width"],
            num_blocks=rung.get("depth", self.depth),
            mlp_ratio=6,
            block_layer=SpatialGatingBlock,
            mlp_layer=GatedMlp,
        )
        net.add_module("stem", linear_patches(task, self.patches, rung["width"]))
        return net


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class Sequencer(OnPatches):
    """timm's Sequencer2d: LSTMs run over rows and columns of ``patches`` x ``patches`` patches, both ways.

    A state is a quarter as wide as the stream. No packing: torch's LSTM does not batch over seeds.
    """

    name: ClassVar[str] = "sequencer"
    ladder: ClassVar[tuple[Rung, ...]] = widths(20, 28, 40, 56, 80, 112)
    packable: ClassVar[bool] = False
    branch_ends: ClassVar[tuple[str, ...]] = (r"(?P<block>stages\.0\.blocks\.\d+)\.(rnn_tokens\.fc|mlp_channels\.fc2)",)
    depth: int = 2
    patches: int = 4

    def check_rung(self, rung: Rung) -> None:
        super().check_rung(rung)
        multiple_of(4, "a state is a quarter as wide", self, rung)

    def build(self, rung: Rung, task: Task) -> nn.Module:
        from timm.models.sequencer import Sequencer2d

        return Sequencer2d(
            in_chans=task.shape[0],
            num_classes=task.outputs,
            layers=(rung.get("depth", self.depth),),
            patch_sizes=(task.shape[1] // self.patches,),
            embed_dims=(rung["width"],),
            hidden_sizes=(rung["width"] // 4,),
            mlp_ratios=(3.0,),
        )


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class PoolFormer(Images):
    """timm's MetaFormer with pooling for a mixer, in two stages of ``depth`` blocks, on about 8 x 8, then 4 x 4 pixels.

    Without layer scale: the depth factor does its work. A branch of pooling ends in the norm before it, its last layer
    with weights.
    """

    name: ClassVar[str] = "poolformer"
    ladder: ClassVar[tuple[Rung, ...]] = widths(14, 20, 28, 40, 56, 80)
    branch_ends: ClassVar[tuple[str, ...]] = (r"(?P<block>stages\.\d+\.blocks\.\d+)\.(norm1|mlp\.fc2)",)
    depth: int = 1

    def build(self, rung: Rung, task: Task) -> nn.Module:
        from timm.layers import GroupNorm1
        from timm.models.metaformer import MetaFormer

        width, depth = rung["width"], rung.get("depth", self.depth)
        net = MetaFormer(
            in_chans=task.shape[0],
            num_classes=task.outputs,
            depths=(depth, depth),
            dims=(width, 2 * width),
            mlp_act=nn.GELU,
            mlp_bias=True,
            downsample_norm=None,
            norm_layers=GroupNorm1,
            res_scale_init_values=None,  # pyright: ignore[reportArgumentType]  # as timm's own poolformer_s12 gives it
            use_mlp_head=False,
        )
        net.stem.conv = eighths(task, width)
        return redrawn(net, net.get_classifier())


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class MambaOut(Images):
    """timm's MambaOut, Mamba without its state space: gated depthwise convolutions; two stages of ``depth`` blocks."""

    name: ClassVar[str] = "mambaout"
    ladder: ClassVar[tuple[Rung, ...]] = widths(12, 18, 26, 38, 54, 76)
    branch_ends: ClassVar[tuple[str, ...]] = (r"(?P<block>stages\.\d+\.blocks\.\d+)\.fc2",)
    depth: int = 1

    def check_rung(self, rung: Rung) -> None:
        super().check_rung(rung)
        multiple_of(2, "the stem is half as wide", self, rung)

    def build(self, rung: Rung, task: Task) -> nn.Module:
        from timm.models.mambaout import MambaOut as TimmMambaOut

        width, depth = rung["width"], rung.get("depth", self.depth)
        net = TimmMambaOut(
            in_chans=task.shape[0], num_classes=task.outputs, depths=(depth, depth), dims=(width, 2 * width)
        )
        net.stem.conv1 = eighths(task, width // 2)
        net.stem.conv2.stride = (1, 1)
        return redrawn(net, net.get_classifier())


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class ConvMixer(Images):
    """timm's ConvMixer: ``rounds`` of depthwise and pointwise convolutions on about 8 x 8 patches, batch norm.

    Depthwise weights grow with the width alone, so a rung is half as wide again and not the root of two. No ladder of
    depths: the pointwise half has no residual stream.
    """

    name: ClassVar[str] = "convmixer"
    ladder: ClassVar[tuple[Rung, ...]] = widths(26, 39, 57, 83, 119, 168)
    running_statistics: ClassVar[bool] = True
    rounds: int = 3
    kernel: int = 5

    def build(self, rung: Rung, task: Task) -> nn.Module:
        from timm.models.convmixer import ConvMixer as TimmConvMixer

        return TimmConvMixer(
            dim=rung["width"],
            depth=self.rounds,
            kernel_size=self.kernel,
            patch_size=(min(task.shape[1:]) + 4) // 8,
            in_chans=task.shape[0],
            num_classes=task.outputs,
        )

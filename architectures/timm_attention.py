"""Attention from timm: over patches, channels, windows, pyramids. Heads keep their size and grow in number."""

from __future__ import annotations

import dataclasses
from abc import ABC
from typing import ClassVar

from torch import nn

from ..task import Task
from .family import FAMILIES, Family, Rung, widths
from .timm_stems import Images, OnPatches, eighths, linear_patches, pixels, redrawn
from .transformer import whole_heads


class Heads(Family, ABC):
    """What the families of this file share: a width is a whole number of heads of ``head_dim``."""

    head_dim: int

    def check_rung(self, rung: Rung) -> None:
        super().check_rung(rung)
        whole_heads(self.name, rung, self.head_dim)


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class CaiT(Heads, OnPatches):
    """timm's Cait: heads that talk, layer scale, and a class token that looks at the patches in the last block only.

    Layer scale starts at 0.1, as in the paper up to 18 layers (from memory).
    """

    name: ClassVar[str] = "cait"
    ladder: ClassVar[tuple[Rung, ...]] = widths(20, 28, 40, 56, 80, 112)
    branch_ends: ClassVar[tuple[str, ...]] = (r"blocks\.\d+\.(attn\.proj|mlp\.fc2)",)
    depth: int = 2
    head_dim: int = 4
    patches: int = 4

    def build(self, rung: Rung, task: Task) -> nn.Module:
        from timm.layers import set_fused_attn
        from timm.models.cait import Cait

        set_fused_attn(False)
        channels, side, _ = task.shape
        net = Cait(
            img_size=side,
            patch_size=side // self.patches,
            in_chans=channels,
            num_classes=task.outputs,
            embed_dim=rung["width"],
            num_heads=rung["width"] // self.head_dim,
            depth=rung.get("depth", self.depth),
            depth_token_only=1,
            init_values=0.1,
        )
        net.add_module("patch_embed", linear_patches(task, self.patches, rung["width"]))
        return redrawn(net, net.get_classifier())


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class XCiT(Heads, Images):
    """timm's Xcit: attention between channels instead of patches, with local convolutions; batch norm is built in.

    The three convolutions of its stem halve 8 pixels a side once, 16 twice and more three times: 4 x 4 patches are
    left of 8, 16, 28 and 32 pixels.
    """

    name: ClassVar[str] = "xcit"
    ladder: ClassVar[tuple[Rung, ...]] = widths(20, 28, 40, 56, 80, 112)
    running_statistics: ClassVar[bool] = True
    branch_ends: ClassVar[tuple[str, ...]] = (r"blocks\.\d+\.(attn\.proj|local_mp\.conv2|mlp\.fc2)",)
    depth: int = 2
    head_dim: int = 4

    def build(self, rung: Rung, task: Task) -> nn.Module:
        from timm.layers import set_fused_attn
        from timm.models.xcit import Xcit

        set_fused_attn(False)
        channels, *sides = task.shape
        net = Xcit(
            img_size=64,  # of no effect but that patches divide it
            patch_size=8,
            in_chans=channels,
            num_classes=task.outputs,
            embed_dim=rung["width"],
            num_heads=rung["width"] // self.head_dim,
            depth=rung.get("depth", self.depth),
            cls_attn_layers=1,
        )
        halvings = 1 if min(sides) < 16 else 2 if min(sides) < 28 else 3
        for index in (0, 2, 4)[: 3 - halvings]:
            first = net.get_submodule(f"patch_embed.proj.{index}.0")
            assert isinstance(first, nn.Conv2d)
            first.stride = (1, 1)
        return redrawn(net, net.get_classifier())


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class Swin(Heads, Images):
    """timm's SwinTransformer in two stages of ``depth`` blocks: windows of 4 x 4 on about 8 x 8 patches, then on 4 x 4.

    Every second block of the first stage shifts the windows. No packing: the indices of relative positions are state.
    No rung above 72: the next one, 100, takes a third of a second a step on one core.
    """

    name: ClassVar[str] = "swin"
    ladder: ClassVar[tuple[Rung, ...]] = widths(16, 24, 36, 52, 72)
    branch_ends: ClassVar[tuple[str, ...]] = (r"(?P<block>layers\.\d+\.blocks\.\d+)\.(attn\.proj|mlp\.fc2)",)
    depth: int = 2
    head_dim: int = 4

    def misfit(self, task: Task) -> str | None:
        if task.kind == "image" and task.shape[1] != task.shape[2]:
            return f"takes squares, the task has {pixels(task)} pixels"
        return super().misfit(task)

    def build(self, rung: Rung, task: Task) -> nn.Module:
        from timm.layers import set_fused_attn
        from timm.models.swin_transformer import SwinTransformer

        set_fused_attn(False)
        width, depth, (channels, side, _) = rung["width"], rung.get("depth", self.depth), task.shape
        heads = width // self.head_dim
        net = SwinTransformer(
            img_size=side,
            patch_size=(side + 4) // 8,
            in_chans=channels,
            num_classes=task.outputs,
            embed_dim=width,
            depths=(depth, depth),
            num_heads=(heads, 2 * heads),
            window_size=4,
            drop_path_rate=0.0,
            weight_init="jax",  # as `vit`
        )
        net.patch_embed.proj = eighths(task, width)
        return net


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class PVT(Heads, Images):
    """timm's PyramidVisionTransformerV2 in two stages of ``depth`` blocks: attention to a coarser grid.

    Its perceptrons hold a depthwise convolution; the first stage attends from about 8 x 8 patches to 4 x 4.
    """

    name: ClassVar[str] = "pvt"
    ladder: ClassVar[tuple[Rung, ...]] = widths(16, 24, 36, 52, 72, 100)
    branch_ends: ClassVar[tuple[str, ...]] = (r"(?P<block>stages\.\d+\.blocks\.\d+)\.(attn\.proj|mlp\.fc2)",)
    depth: int = 1
    head_dim: int = 4

    def build(self, rung: Rung, task: Task) -> nn.Module:
        from timm.layers import set_fused_attn
        from timm.models.pvt_v2 import PyramidVisionTransformerV2

        set_fused_attn(False)
        width, depth = rung["width"], rung.get("depth", self.depth)
        heads = width // self.head_dim
        net = PyramidVisionTransformerV2(
            in_chans=task.shape[0],
            num_classes=task.outputs,
            depths=(depth, depth),
            embed_dims=(width, 2 * width),
            num_heads=(heads, 2 * heads),
            sr_ratios=(2, 1),
            mlp_ratios=(4, 4),
        )
        net.patch_embed.proj = eighths(task, width)
        return redrawn(net, net.get_classifier())

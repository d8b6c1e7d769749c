"""Vision transformer and ResNet from timm, made by their width arguments. timm is slow to import: `build` does it.

Its other families are in `timm_attention`, `timm_mixer` and `timm_convolution`. The class is called and never
`create_model`, so that no weights are ever downloaded.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from torch import nn

from ..errors import InputError
from ..task import Task
from .family import FAMILIES, Rung, widths
from .timm_stems import Images, LinearPatches, OnPatches
from .transformer import whole_heads


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class ViT(OnPatches):
    """timm's VisionTransformer on ``patches`` x ``patches`` patches, average pooled, initialised as in its paper.

    Heads keep their size and grow in number with the width.
    """

    name: ClassVar[str] = "vit"
    ladder: ClassVar[tuple[Rung, ...]] = widths(20, 28, 40, 56, 80, 112)
    branch_ends: ClassVar[tuple[str, ...]] = (r"blocks\.\d+\.(attn\.proj|mlp\.fc2)",)
    depth: int = 2
    head_dim: int = 4
    patches: int = 4

    def check_rung(self, rung: Rung) -> None:
        super().check_rung(rung)
        whole_heads(self.name, rung, self.head_dim)

    def build(self, rung: Rung, task: Task) -> nn.Module:
        from timm.layers import set_fused_attn
        from timm.models.vision_transformer import VisionTransformer

        set_fused_attn(False)  # fused attention neither batches over seeds nor is it counted
        channels, side, _ = task.shape
        return VisionTransformer(
            img_size=side,
            patch_size=side // self.patches,
            in_chans=channels,
            num_classes=task.outputs,
            embed_dim=rung["width"],
            num_heads=rung["width"] // self.head_dim,
            depth=rung.get("depth", self.depth),
            class_token=False,
            global_pool="avg",
            weight_init="jax",
            embed_layer=LinearPatches,
        )


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class ResNet(Images):
    """timm's ResNet with ``blocks`` basic blocks in each of two stages, the deep stem and a one-group norm.

    The stem keeps the resolution of 8 pixels a side, halves 16 and quarters more, so that 4 x 4 are left for 16 and 32.
    """

    name: ClassVar[str] = "resnet"
    ladder: ClassVar[tuple[Rung, ...]] = widths(10, 14, 20, 28, 40, 56)
    blocks: int = 1

    def check_rung(self, rung: Rung) -> None:
        super().check_rung(rung)
        if rung["width"] % 2:
            raise InputError(
                f"family 'resnet' has no width {rung['width']}: the stem is half as wide, so the width is even"
            )

    def build(self, rung: Rung, task: Task) -> nn.Module:
        from timm.layers.norm import GroupNorm1
        from timm.models.resnet import BasicBlock
        from timm.models.resnet import ResNet as TimmResNet

        width, (channels, *sides) = rung["width"], task.shape
        net = TimmResNet(
            BasicBlock,  # pyright: ignore[reportArgumentType]  # annotated as an instance, it takes the class
            layers=(self.blocks, self.blocks),
            channels=(width, 2 * width),
            stem_type="deep",
            stem_width=width // 2,
            in_chans=channels,
            num_classes=task.outputs,
            norm_layer=GroupNorm1,
        )
        net.layer3 = net.layer4 = nn.Identity()  # its forward pass always calls four stages
        if min(sides) < 28:
            net.maxpool = nn.Identity()
        if min(sides) < 16:
            first = net.get_submodule("conv1.0")
            assert isinstance(first, nn.Conv2d)
            first.stride = (1, 1)
        return net

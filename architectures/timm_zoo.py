"""Families made from timm's classes by their width arguments. timm takes seconds to import, so `build` does it."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import torch
from torch import nn

from ..errors import InputError
from ..task import Task
from .family import FAMILIES, Family, Rung, widths, wrong_kind
from .transformer import whole_heads


class LinearPatches(nn.Module):
    """Cut ``(batch, channels, side, side)`` into patches and map each: ``(batch, patches, width)``.

    timm's own strided convolution computes the same, but batched over seeds its last bits depend on their number.
    """

    def __init__(self, img_size: int, patch_size: int, in_chans: int, embed_dim: int, **_: object) -> None:
        super().__init__()
        self.patch_size = patch_size
        self.num_patches = (img_size // patch_size) ** 2
        self.proj = nn.Linear(in_chans * patch_size**2, embed_dim)

    def init_weights(self) -> None:
        """Called by timm: its draw for patches, variance one over fan-in."""
        nn.init.normal_(self.proj.weight, std=self.proj.in_features**-0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        p = self.patch_size
        x = x.unflatten(-1, (-1, p)).unflatten(-3, (-1, p))  # batch, channels, row, y, column, x
        return self.proj(x.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2))


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class ViT(Family):
    """timm's VisionTransformer on ``patches`` x ``patches`` patches, average pooled, initialised as in its paper.

    Heads keep their size and grow in number with the width.
    """

    name: ClassVar[str] = "vit"
    library: ClassVar[str] = "timm"
    ladder: ClassVar[tuple[Rung, ...]] = widths(20, 28, 40, 56, 80, 112)
    depth: int = 2
    head_dim: int = 4
    patches: int = 4

    def misfit(self, task: Task) -> str | None:
        if task.kind == "image" and (task.shape[1] != task.shape[2] or task.shape[1] % self.patches):
            return f"cuts squares into {self.patches} x {self.patches} patches, the task has {_size(task)} pixels"
        return wrong_kind(task, "image")

    def check_rung(self, rung: Rung) -> None:
        super().check_rung(rung)
        whole_heads(self.name, rung, self.head_dim)

    def build(self, rung: Rung, task: Task) -> nn.Module:
        from timm.layers import set_fused_attn
        from timm.models.vision_transformer import VisionTransformer

        self.check_rung(rung)
        set_fused_attn(False)  # fused attention neither batches over seeds nor is it counted
        channels, side, _ = task.shape
        return VisionTransformer(
            img_size=side,
            patch_size=side // self.patches,
            in_chans=channels,
            num_classes=task.outputs,
            embed_dim=rung["width"],
            num_heads=rung["width"] // self.head_dim,
            depth=self.depth,
            class_token=False,
            global_pool="avg",
            weight_init="jax",
            embed_layer=LinearPatches,
        )


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class ResNet(Family):
    """timm's ResNet with ``blocks`` basic blocks in each of two stages, the deep stem and a one-group norm.

    The stem keeps the resolution of 8 pixels a side, halves 16 and quarters more, so that 4 x 4 are left for 16 and 32.
    """

    name: ClassVar[str] = "resnet"
    library: ClassVar[str] = "timm"
    ladder: ClassVar[tuple[Rung, ...]] = widths(10, 14, 20, 28, 40, 56)
    packable: ClassVar[bool] = False  # as for `cnn`
    blocks: int = 1

    def misfit(self, task: Task) -> str | None:
        if task.kind == "image" and not (min(task.shape[1:]) >= 8 and max(task.shape[1:]) <= 64):
            return f"takes images of 8 to 64 pixels a side, the task has {_size(task)}"
        return wrong_kind(task, "image")

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

        self.check_rung(rung)
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


def _size(task: Task) -> str:
    return " x ".join(map(str, task.shape[1:]))

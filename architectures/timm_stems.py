"""How images of 8 to 64 pixels enter the networks of timm, whose own stems are made for 224."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import nn

from ..errors import InputError
from ..task import Task
from .family import Family, Rung, wrong_kind


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
        nn.init.zeros_(self.proj.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        p = self.patch_size
        x = x.unflatten(-1, (-1, p)).unflatten(-3, (-1, p))  # batch, channels, row, y, column, x
        return self.proj(x.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2))


def linear_patches(task: Task, patches: int, width: int) -> LinearPatches:
    """Drawn patches, ``patches`` a side, for a network whose class makes its own."""
    layer = LinearPatches(task.shape[1], task.shape[1] // patches, task.shape[0], width)
    layer.init_weights()
    return layer


def eighths(task: Task, width: int, layer: Callable[..., nn.Conv2d] = nn.Conv2d) -> nn.Conv2d:
    """A convolution to a grid of about 8 x 8: patches of an eighth of the side, or 3 x 3 windows of 8 pixels.

    OnPatches of one pixel would leave nothing of a grey image to a norm over the channels.
    """
    patch = (min(task.shape[1:]) + 4) // 8
    kernel, padding = (patch, 0) if patch > 1 else (3, 1)
    conv = layer(task.shape[0], width, kernel, stride=patch, padding=padding)
    nn.init.normal_(conv.weight, std=conv.weight[0].numel() ** -0.5)
    assert conv.bias is not None
    nn.init.zeros_(conv.bias)
    return conv


def redrawn(net: nn.Module, readout: nn.Module) -> nn.Module:
    """The network with weights of variance one over fan-in and a readout of zero.

    timm draws these networks with a spread of 0.02, which is meant for widths of hundreds. At the widths here
    signals would die, and gradients fall below Adam's epsilon: those of the queries of `CaiT` were 1e-12 at width 20.
    """
    for layer in net.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            nn.init.normal_(layer.weight, std=layer.weight[0].numel() ** -0.5)
    nn.init.zeros_(readout.get_parameter("weight"))
    return net


def multiple_of(step: int, why: str, family: Family, rung: Rung) -> None:
    """Refuse a width that timm would round, which would leave the ladder not self-similar."""
    width, below = rung["width"], rung["width"] // step * step
    if width != below:
        near = " or ".join(str(w) for w in (below, below + step) if w)
        raise InputError(
            f"family {family.name!r} has no width {width}: {why}, so the width is a multiple of {step}, such as {near}"
        )


def pixels(task: Task) -> str:
    """The size of an image in words."""
    return " x ".join(map(str, task.shape[1:]))


class Images(Family, ABC):
    """What the convolutional networks of timm share: images of 8 to 64 pixels, no packing, as for `cnn`."""

    library: ClassVar[str] = "timm"
    packable: ClassVar[bool] = False

    def misfit(self, task: Task) -> str | None:
        if task.kind == "image" and not (min(task.shape[1:]) >= 8 and max(task.shape[1:]) <= 64):
            return f"takes images of 8 to 64 pixels a side, the task has {pixels(task)}"
        return wrong_kind(task, "image")


class OnPatches(Family, ABC):
    """What networks on ``patches`` x ``patches`` patches share: squares that divide evenly."""

    library: ClassVar[str] = "timm"
    patches: int

    def misfit(self, task: Task) -> str | None:
        if task.kind == "image" and (task.shape[1] != task.shape[2] or task.shape[1] % self.patches):
            return f"cuts squares into {self.patches} x {self.patches} patches, the task has {pixels(task)} pixels"
        return wrong_kind(task, "image")

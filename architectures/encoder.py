"""An encoder transformer: a vector or an image, cut into pieces that all look at each other."""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..task import Task
from .family import FAMILIES, Family, Rung, widths, wrong_kind
from .initial import readout
from .transformer import whole_heads


class Attention(nn.Module):
    """Each piece looks at all. Plain products: they batch over seeds and are counted."""

    def __init__(self, width: int, head_dim: int) -> None:
        super().__init__()
        self.head_dim = head_dim
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.merge = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        parts = self.queries_keys_values(x).unflatten(-1, (3, -1, self.head_dim))
        q, k, v = parts.permute(2, 0, 3, 1, 4)  # each (batch, heads, pieces, head_dim)
        weights = torch.softmax(q @ k.transpose(-2, -1) / math.sqrt(self.head_dim), -1)
        return self.merge((weights @ v).transpose(1, 2).flatten(2))


class EncoderLayer(nn.Module):
    """Attention, then a perceptron four times as wide, both added to the stream."""

    def __init__(self, width: int, head_dim: int) -> None:
        super().__init__()
        self.attend = nn.Sequential(nn.LayerNorm(width), Attention(width, head_dim))
        self.think = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attend(x)
        return x + self.think(x)


class Chunks(nn.Module):
    """A vector as at most ``most`` equal chunks, the last one filled up with zeros: ``(batch, chunks, numbers)``."""

    def __init__(self, n_inputs: int, most: int) -> None:
        super().__init__()
        self.size = math.ceil(n_inputs / most)
        self.number = math.ceil(n_inputs / self.size)

    def forward(self, x: Tensor) -> Tensor:
        missing = self.number * self.size - x.shape[-1]
        return nn.functional.pad(x, (0, missing)).unflatten(-1, (self.number, self.size))


class Patches(nn.Module):
    """An image as ``grid`` x ``grid`` patches, filled up with zeros: ``(batch, patches, numbers)``."""

    def __init__(self, shape: tuple[int, ...], grid: int) -> None:
        super().__init__()
        channels, height, width = shape
        self.sides = math.ceil(height / grid), math.ceil(width / grid)
        self.missing = (0, grid * self.sides[1] - width, 0, grid * self.sides[0] - height)
        self.number, self.size = grid**2, channels * math.prod(self.sides)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.pad(x, self.missing)
        x = x.unflatten(-1, (-1, self.sides[1])).unflatten(-3, (-1, self.sides[0]))  # ..., row, y, column, x
        return x.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)


class PieceEmbedding(nn.Module):
    """One linear map for all pieces, plus a learned position each."""

    def __init__(self, pieces: Chunks | Patches, width: int) -> None:
        super().__init__()
        self.pieces = pieces
        self.project = nn.Linear(pieces.size, width)
        self.positions = nn.Parameter(torch.empty(pieces.number, width))
        nn.init.normal_(self.positions, std=0.5)

    def forward(self, x: Tensor) -> Tensor:
        return self.project(self.pieces(x)) + self.positions


class MeanPiece(nn.Module):
    """Mean over the pieces: ``(batch, pieces, width)`` to ``(batch, width)``."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(1)


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class Encoder(Family):
    """Encoder transformer of ``depth`` pre-norm layers, average pooled. Heads keep their size and grow in number.

    Images are cut into 4 x 4 patches, vectors into at most 16 chunks (up to 16 coordinates: one each). Text is refused:
    a position that looks at all others sees the token that it is to predict.
    """

    name: ClassVar[str] = "encoder"
    ladder: ClassVar[tuple[Rung, ...]] = widths(20, 28, 40, 56, 80, 112)
    branch_ends: ClassVar[tuple[str, ...]] = (r"\d+\.attend\.1\.merge", r"\d+\.think\.3")
    depth: int = 2
    head_dim: int = 4
    grid: int = 4

    def misfit(self, task: Task) -> str | None:
        if task.kind == "tokens":
            return "looks at all positions, hence at the token that it would have to predict"
        if task.kind == "image" and min(task.shape[1:]) < self.grid:
            height, width = task.shape[1:]
            return f"cuts images into {self.grid} x {self.grid} patches, the task has {height} x {width} pixels"
        return wrong_kind(task, "vector", "image")

    def check_rung(self, rung: Rung) -> None:
        super().check_rung(rung)
        whole_heads(self.name, rung, self.head_dim)

    def build(self, rung: Rung, task: Task) -> nn.Module:
        width = rung["width"]
        pieces = Chunks(task.n_inputs, self.grid**2) if task.kind == "vector" else Patches(task.shape, self.grid)
        layers = [EncoderLayer(width, self.head_dim) for _ in range(rung.get("depth", self.depth))]
        ends = nn.LayerNorm(width), MeanPiece(), readout(width, task.outputs)
        return nn.Sequential(PieceEmbedding(pieces, width), *layers, *ends)

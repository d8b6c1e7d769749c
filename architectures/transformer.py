"""A decoder transformer with learned positions, pre-norm and no dropout."""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar

import torch
from torch import nn

from ..errors import InputError
from ..task import Task
from .family import FAMILIES, Family, Rung, widths, wrong_kind
from .initial import readout


class CausalAttention(nn.Module):
    """Each position looks at itself and the ones before it. Plain products: they batch over seeds and are counted."""

    def __init__(self, width: int, head_dim: int) -> None:
        super().__init__()
        self.head_dim = head_dim
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.merge = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, length, width = x.shape
        parts = self.queries_keys_values(x).view(batch, length, 3, -1, self.head_dim)
        q, k, v = parts.permute(2, 0, 3, 1, 4)  # each (batch, heads, length, head_dim)
        scores = q @ k.transpose(-2, -1) / math.sqrt(self.head_dim)
        future = torch.full((length, length), -math.inf, device=x.device, dtype=x.dtype).triu(1)
        mixed = torch.softmax(scores + future, -1) @ v
        return self.merge(mixed.transpose(1, 2).reshape(batch, length, width))


class TransformerLayer(nn.Module):
    """Attention, then a perceptron four times as wide, both added to the stream."""

    def __init__(self, width: int, head_dim: int) -> None:
        super().__init__()
        self.attend = nn.Sequential(nn.LayerNorm(width), CausalAttention(width, head_dim))
        self.think = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attend(x)
        return x + self.think(x)


class TokenEmbedding(nn.Module):
    """Token plus position. Smaller than torch's unit variance, so that the layers soon matter beside it."""

    def __init__(self, vocabulary: int, length: int, width: int, std: float = 0.1) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Parameter(torch.empty(length, width))
        nn.init.normal_(self.tokens.weight, std=std)
        nn.init.normal_(self.positions, std=std)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.tokens(x) + self.positions


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class Decoder(Family):
    """Decoder transformer of ``depth`` layers. Heads keep their size and grow in number with the width."""

    name: ClassVar[str] = "decoder"
    ladder: ClassVar[tuple[Rung, ...]] = widths(20, 28, 40, 56, 80, 112)
    branch_ends: ClassVar[tuple[str, ...]] = (r"\d+\.attend\.1\.merge", r"\d+\.think\.3")
    depth: int = 2
    head_dim: int = 4

    def misfit(self, task: Task) -> str | None:
        return wrong_kind(task, "tokens")

    def check_rung(self, rung: Rung) -> None:
        super().check_rung(rung)
        whole_heads(self.name, rung, self.head_dim)

    def build(self, rung: Rung, task: Task) -> nn.Module:
        width, (length,) = rung["width"], task.shape
        layers = [TransformerLayer(width, self.head_dim) for _ in range(rung.get("depth", self.depth))]
        return nn.Sequential(
            TokenEmbedding(task.vocabulary, length, width), *layers, nn.LayerNorm(width), readout(width, task.outputs)
        )


def whole_heads(name: str, rung: Rung, head_dim: int) -> None:
    """Refuse a width that is no whole number of attention heads."""
    width, below = rung["width"], rung["width"] // head_dim * head_dim
    if width != below:
        near = " or ".join(str(w) for w in (below, below + head_dim) if w)
        raise InputError(
            f"family {name!r} has no width {width}: heads are {head_dim} wide, so the width is a multiple of "
            f"{head_dim}, such as {near}"
        )

"""Recurrent networks, LSTM and GRU, written with linear layers: torch's own run neither packed nor counted."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..task import Task
from .family import FAMILIES, Family, Rung, widths, wrong_kind
from .initial import readout


class LSTMLayer(nn.Module):
    """Long short-term memory (Hochreiter and Schmidhuber 1997): ``(batch, length, width)`` to the same.

    The forget gate starts open: its bias is one (Jozefowicz et al. 2015).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.see = nn.Linear(width, 4 * width)
        self.recall = nn.Linear(width, 4 * width, bias=False)
        nn.init.zeros_(self.see.bias)
        nn.init.ones_(self.see.bias[:width])

    def forward(self, x: Tensor) -> Tensor:
        seen, states = self.see(x), []
        cell = state = torch.zeros_like(x[:, 0])
        for now in seen.unbind(1):
            forget, write, emit, news = (now + self.recall(state)).chunk(4, -1)
            cell = torch.sigmoid(forget) * cell + torch.sigmoid(write) * torch.tanh(news)
            state = torch.sigmoid(emit) * torch.tanh(cell)
            states.append(state)
        return torch.stack(states, 1)


class GRULayer(nn.Module):
    """Gated recurrent unit (Cho et al. 2014), the reset gate behind the product: ``(batch, length, width)`` to it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.see = nn.Linear(width, 3 * width)
        self.recall = nn.Linear(width, 3 * width)

    def forward(self, x: Tensor) -> Tensor:
        seen, states = self.see(x), []
        state = torch.zeros_like(x[:, 0])
        for now in seen.unbind(1):
            keep, reset, news = now.chunk(3, -1)
            keep_too, reset_too, old_news = self.recall(state).chunk(3, -1)
            keep, reset = torch.sigmoid(keep + keep_too), torch.sigmoid(reset + reset_too)
            state = keep * state + (1 - keep) * torch.tanh(news + reset * old_news)
            states.append(state)
        return torch.stack(states, 1)


class ImageRows(nn.Module):
    """An image as the sequence of its rows: ``(batch, channels, height, width)`` to ``(batch, height, numbers)``."""

    def forward(self, x: Tensor) -> Tensor:
        return x.transpose(1, 2).flatten(2)


class Last(nn.Module):
    """The last position alone: ``(batch, length, width)`` to ``(batch, width)``."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, -1]


@dataclasses.dataclass(frozen=True)
class _Recurrent(Family):
    """Text is predicted at every position from what came before; images are read row by row, the last state decides."""

    layers: int = 1

    @abstractmethod
    def layer(self, width: int) -> nn.Module:
        """One recurrent layer."""

    def misfit(self, task: Task) -> str | None:
        return wrong_kind(task, "tokens", "image")

    def build(self, rung: Rung, task: Task) -> nn.Module:
        width = rung["width"]
        layers = [self.layer(width) for _ in range(self.layers)]
        if task.kind == "tokens":
            return nn.Sequential(nn.Embedding(task.vocabulary, width), *layers, readout(width, task.outputs))
        channels, _, across = task.shape
        rows = ImageRows(), nn.Linear(channels * across, width)
        return nn.Sequential(*rows, *layers, Last(), readout(width, task.outputs))


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class LSTM(_Recurrent):
    """Embedding, ``layers`` of long short-term memory, linear readout. Images are read row by row."""

    name: ClassVar[str] = "lstm"
    ladder: ClassVar[tuple[Rung, ...]] = widths(24, 36, 52, 76, 110, 160)

    def layer(self, width: int) -> nn.Module:
        return LSTMLayer(width)


@FAMILIES.register
@dataclasses.dataclass(frozen=True)
class GRU(_Recurrent):
    """Embedding, ``layers`` of gated recurrent units, linear readout. Images are read row by row."""

    name: ClassVar[str] = "gru"
    ladder: ClassVar[tuple[Rung, ...]] = widths(28, 42, 62, 90, 130, 186)

    def layer(self, width: int) -> nn.Module:
        return GRULayer(width)

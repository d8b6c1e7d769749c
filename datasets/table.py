"""Pools as tensors: a batch is a gather by positions, wherever the tensors lie."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

Tensors = tuple[Tensor, ...]


class ExampleTable(Protocol):
    """A pool of examples.

    ``tensors`` is what has to lie on a device, in the form in which it is kept: it may be mapped from a file. Of these,
    ``gather`` makes examples where they lie, with `index_select` and arithmetic number by number: the host is never
    asked, and the bits of an example do not depend on what else is gathered.
    """

    def tensors(self) -> Tensors | None:
        """What is to be moved to a device; None where examples are computed by numpy and the pool cannot move."""
        ...

    def gather(self, tensors: Tensors, places: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs ``(..., *shape)`` and targets of the examples at ``places``, ``(...)``, int32 or int64."""
        ...


@dataclasses.dataclass(frozen=True, eq=False)
class Rows:
    """Examples as they are trained on.

    Attributes
    ----------
    inputs, targets : ``(n, ...)``; columns of one array are read from memory together.
    """

    inputs: Tensor
    targets: Tensor

    def tensors(self) -> Tensors:
        """The inputs and the targets."""
        return self.inputs, self.targets

    def gather(self, tensors: Tensors, places: Tensor) -> tuple[Tensor, Tensor]:
        """Examples at positions."""
        inputs, targets = tensors
        return _picked(inputs, places), _picked(targets, places)


@dataclasses.dataclass(frozen=True, eq=False)
class Scaled:
    """Examples that are kept raw, eight bits a pixel, and shifted and scaled when they are taken: ``(x - mean) / sd``.

    Attributes
    ----------
    inputs, targets : ``(n, ...)``, raw: float32, or whole numbers that float32 holds.
    scale : mean and standard deviation of the inputs, ``(2, ...)``, float32.
    target_scale : those of the targets of regression; None for classes.
    """

    inputs: Tensor
    targets: Tensor
    scale: Tensor
    target_scale: Tensor | None = None

    def tensors(self) -> Tensors:
        """Inputs and targets with their scales."""
        scales = (self.scale,) if self.target_scale is None else (self.scale, self.target_scale)
        return (self.inputs, self.targets, *scales)

    def gather(self, tensors: Tensors, places: Tensor) -> tuple[Tensor, Tensor]:
        """Examples at positions, scaled."""
        inputs, targets, scale, *more = tensors
        taken = _picked(targets, places)
        return _scaled(_picked(inputs, places), scale), _scaled(taken, *more) if more else taken


@dataclasses.dataclass(frozen=True, eq=False)
class Windows:
    """Windows of a text; a position is that of a window's first token.

    Attributes
    ----------
    tokens : ``(n,)``, uint8, or int16 with the bits of uint16.
    length : tokens in a window; the targets are those that follow each of them.
    """

    tokens: Tensor
    length: int

    def tensors(self) -> Tensors:
        """The text."""
        return (self.tokens,)

    def gather(self, tensors: Tensors, places: Tensor) -> tuple[Tensor, Tensor]:
        """Windows that start at positions, and the same one token later: int64."""
        (tokens,) = tensors
        # All windows there are, as a view: one of them is then copied as a whole, which is twice as fast as by token.
        inputs, targets = (part.unfold(0, self.length, 1) for part in (tokens[:-1], tokens[1:]))
        return self._whole(_picked(inputs, places)), self._whole(_picked(targets, places))

    def _whole(self, tokens: Tensor) -> Tensor:
        return tokens.long() if tokens.dtype == torch.uint8 else tokens.long().bitwise_and_(0xFFFF)


@dataclasses.dataclass(frozen=True, eq=False)
class Computed:
    """Examples that numpy makes from their positions, where a pool of them would be too large.

    Attributes
    ----------
    make : from positions ``(n,)`` to inputs and targets.
    """

    make: Callable[[np.ndarray], tuple[Tensor, Tensor]]

    def tensors(self) -> None:
        """Nothing: it stays on the host."""

    def gather(self, tensors: Tensors, places: Tensor) -> tuple[Tensor, Tensor]:
        """Examples at positions on the host."""
        inputs, targets = (part.contiguous() for part in self.make(places.reshape(-1).numpy()))
        return tuple(part.reshape(*places.shape, *part.shape[1:]) for part in (inputs, targets))  # pyright: ignore


def joined(pools: Sequence[Tensors], device: torch.device) -> Tensors:
    """Several pools on a device as one, one after the other, without a second copy there."""
    whole = []
    for parts in zip(*pools, strict=True):
        rows = sum(len(part) for part in parts)
        place = torch.empty((rows, *parts[0].shape[1:]), dtype=parts[0].dtype, device=device)
        for part, here in zip(parts, place.split([len(part) for part in parts]), strict=True):
            here.copy_(part)
        whole.append(place)
    return tuple(whole)


def _picked(rows: Tensor, places: Tensor) -> Tensor:
    """Rows at positions: ``(n, ...)`` and ``places`` of any shape to ``(*places, ...)``, contiguous."""
    return rows.index_select(0, places.reshape(-1)).reshape(*places.shape, *rows.shape[1:])


def _scaled(values: Tensor, scale: Tensor) -> Tensor:
    return torch.sub(values, scale[0]).div_(scale[1])

"""A finite training set from any stream: the first examples of a seed, seen again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ..errors import InputError
from .dataset import Dataset
from .order import SeededOrder
from .pool import PoolStream
from .table import Rows

if TYPE_CHECKING:
    from torch import Tensor

_TAKEN = 512  # a drawn example depends on the size of its batch: equal batches make small sets parts of large ones


def first_examples(dataset: Dataset, seed: int, size: int) -> PoolStream:
    """Batches from the first ``size`` examples of a seed, in a fresh order for each pass.

    Sets of different sizes are nested: that of 500 examples is the beginning of that of 1,000. All of it is held in
    memory.

    Raises
    ------
    InputError
        The data set has fewer examples.
    """
    check_train_size(dataset, size)
    order = SeededOrder(size, dataset.name, dataset.version, seed, "first", size)
    return PoolStream(order, Rows(*_taken(dataset, seed, size)))


def check_train_size(dataset: Dataset, size: int) -> None:
    """Refuse a training set of more examples than there are."""
    if dataset.pool_size is not None and size > dataset.pool_size:
        raise InputError(f"train_size is {size}; {dataset.name!r} has {dataset.pool_size} examples with its parameters")


def _taken(dataset: Dataset, seed: int, size: int) -> tuple[Tensor, Tensor]:
    stream = dataset.stream(seed)
    batches = [stream.batch(step, _TAKEN) for step in range(-(-size // _TAKEN))]
    inputs, targets = (torch.cat(parts)[:size] for parts in zip(*batches, strict=True))
    return inputs, targets

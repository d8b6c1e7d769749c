"""Data sets whose inputs can be numbered: some are held out for the test, the others are the training pool."""

from __future__ import annotations

from abc import abstractmethod
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from ..errors import InputError
from ..task import Task
from .dataset import TestSet, derived_seed
from .floor import Noiseless
from .order import SeededOrder
from .pool import CounterStream, PoolStream
from .table import Computed, Rows

LISTED = 2**20  # pools up to this size are visited in passes, larger ones are drawn from
HELD = 2**22  # numbers in a pool that is decoded at once and held: 16 MB
VIEWS = ("one-hot", "tokens")


class Enumerated(Noiseless):
    """Sequences of symbols, numbered ``0 .. total - 1``, each with a label that follows from it.

    ``held`` of the numbers, drawn once, are the test set; training never sees them. A training pool of at most 2^20 is
    read in passes, each in a fresh order; from a larger one examples are drawn independently.

    Seen as ``one-hot``, an example is a vector; of two symbols one is -1 and the other 1. Seen as ``tokens``, the label
    is asked at each position and the test scores the last one alone, where the whole sequence has been read.
    """

    view: str

    @property
    @abstractmethod
    def total(self) -> int:
        """How many different inputs there are; below 2^62."""

    @property
    @abstractmethod
    def held(self) -> int:
        """How many of them are for testing."""

    @property
    @abstractmethod
    def alphabet(self) -> tuple[int, int, int]:
        """Length of a sequence, symbols, labels."""

    @abstractmethod
    def decode(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Symbols ``(n, length)`` and labels ``(n,)`` of the inputs with these numbers."""

    @property
    def task(self) -> Task:
        length, symbols, labels = self.alphabet
        if self.view == "tokens":
            return Task(kind="tokens", shape=(length,), outputs=labels, loss="cross_entropy", vocabulary=symbols)
        size = length if symbols == 2 else length * symbols
        return Task(kind="vector", shape=(size,), outputs=labels, loss="cross_entropy")

    @property
    def pool_size(self) -> int:
        return self.total - self.held

    def prepare(self) -> None:
        """Nothing to make."""

    def test_set(self) -> TestSet:
        inputs, targets = self._examples(self._held_out())
        if self.view == "tokens":
            last = one_hot(targets[:, -1], self.task.outputs).float()
            targets = torch.zeros(*targets.shape, self.task.outputs)
            targets[:, -1] = last
        return TestSet(inputs=inputs, targets=targets)

    def stream(self, seed: int) -> PoolStream | CounterStream:
        if self.pool_size <= LISTED:
            pool = self._pool()
            order = SeededOrder(len(pool), self.name, self.version, seed)
            if len(pool) * self.task.n_inputs > HELD:
                return PoolStream(order, Computed(lambda places: self._examples(pool[places])), shared=True)
            return PoolStream(order, _decoded(self), shared=True)
        return CounterStream(self._draw, self.name, self.version, seed)

    def _draw(self, generator: torch.Generator, count: int) -> tuple[Tensor, Tensor]:
        """Examples with independent numbers that are not held out."""
        held = self._held_out()
        numbers = torch.randint(self.total, (count,), generator=generator).numpy()
        while len(taken := np.flatnonzero(_contains(held, numbers))):
            numbers[taken] = torch.randint(self.total, (len(taken),), generator=generator).numpy()
        return self._examples(numbers)

    def _pool(self) -> np.ndarray:
        """The numbers of all training examples, where they are few: ``(pool_size,)``."""
        return np.delete(np.arange(self.total), self._held_out())

    def _held_out(self) -> np.ndarray:
        return _chosen(self.total, self.held, derived_seed(self.name, self.version, "test"))

    def _examples(self, numbers: np.ndarray) -> tuple[Tensor, Tensor]:
        symbols, labels = (torch.from_numpy(part) for part in self.decode(numbers))
        labels = labels.long()
        if self.view == "tokens":
            return symbols.long(), labels[:, None].expand_as(symbols)
        if self.alphabet[1] == 2:
            return symbols.float().mul_(2).sub_(1), labels
        return one_hot(symbols.long(), self.alphabet[1]).flatten(1).float(), labels


@lru_cache(maxsize=2)
def _decoded(dataset: Enumerated) -> Rows:
    """All training examples, for all streams."""
    return Rows(*dataset._examples(dataset._pool()))


def check_view(view: object) -> None:
    """Raise InputError unless examples can be seen so."""
    if view not in VIEWS:
        raise InputError(f"view is {view!r}; it must be one of {', '.join(VIEWS)}.")


def check_held(test_size: int, total: int) -> None:
    """Raise InputError unless the test leaves something to train on."""
    if test_size >= total:
        raise InputError(f"test_size is {test_size}; there are only {total} different inputs, and some must train.")


@lru_cache(maxsize=16)
def _chosen(total: int, count: int, seed: int) -> np.ndarray:
    """``count`` different numbers below ``total``, sorted."""
    return np.sort(np.random.default_rng(seed).choice(total, count, replace=False))


def _contains(ordered: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    places = np.searchsorted(ordered, numbers).clip(max=len(ordered) - 1)
    return ordered[places] == numbers

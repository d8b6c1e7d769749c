"""The order in which a seed reads a pool."""

from __future__ import annotations

import numpy as np

from .dataset import derived_seed


class SeededOrder:
    """A fresh order of ``0 .. size - 1`` for each pass, readable at any place.

    A pass is shuffled whole, whatever is read of it: the first entries of a shuffle are decided last.

    Parameters
    ----------
    size : how many things are ordered; below 2^31.
    key : what decides the order, for example the data set's name and the seed.
    """

    def __init__(self, size: int, *key: object) -> None:
        self.size = size
        self._key = key
        self._passes: dict[int, np.ndarray] = {}
        self._needed: int | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of the passes that are held."""
        return sum(order.nbytes for order in self._passes.values())

    def expect(self, count: int) -> None:
        """Say that only the first ``count`` entries will be read: no others are kept.

        Reading beyond them stays possible, and keeps whole passes from then on.
        """
        self._needed = count
        self._passes = {number: self._cut(number, order) for number, order in self._passes.items()}

    def indices(self, start: int, count: int) -> np.ndarray:
        """Return entries ``start .. start + count - 1`` of the passes one after the other: ``(count,)``, int32."""
        if self._needed is not None and start + count > self._needed:
            self._needed, self._passes = None, {}
        number, first = divmod(start, self.size)
        if first + count <= self.size:
            return self._pass(number)[first : first + count]
        passes = range(number, (start + count - 1) // self.size + 1)
        return np.concatenate([self._pass(each) for each in passes])[first : first + count]

    def _pass(self, number: int) -> np.ndarray:
        if number not in self._passes:
            order = np.arange(self.size, dtype=np.int32)
            np.random.default_rng(derived_seed(*self._key, "pass", number)).shuffle(order)
            while len(self._passes) > 1:  # a batch touches two passes at most, unless it is larger than the pool
                self._passes.pop(next(iter(self._passes)))
            self._passes[number] = self._cut(number, order)
        return self._passes[number]

    def _cut(self, number: int, order: np.ndarray) -> np.ndarray:
        """What is needed of a pass; a copy, so that the rest is freed."""
        if self._needed is None or (count := self._needed - number * self.size) >= len(order):
            return order
        return order[: max(0, count)].copy()

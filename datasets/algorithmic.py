"""Negative controls: tasks that are learned after a plateau, late and at once. Their curves must not collapse."""

from __future__ import annotations

import dataclasses

import numpy as np

from ..errors import InputError
from .dataset import DATASETS, check_integer, check_number, derived_seed
from .enumerated import Enumerated, check_held, check_view


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class SparseParity(Enumerated):
    """Whether an odd number of ``relevant`` hidden bits among ``bits`` random ones is set.

    No smaller set of bits tells anything, so gradients are small at first: the loss stays at ln 2 for long, then falls
    at once, and there is no power law to collapse. The label follows from the bits: the irreducible loss is 0.

    Attributes
    ----------
    bits, relevant : all bits, and those that count, whose places are drawn once.
    view : ``one-hot``, one number a bit, -1 or 1; or ``tokens``.
    test_size : test inputs, which training never sees.
    """

    name = "sparse-parity"
    summary = "parity of a few hidden bits, generated, every draw new; negative control: a plateau, then a jump"

    bits: int = 40
    relevant: int = 3
    view: str = "one-hot"
    test_size: int = 4096

    def __post_init__(self) -> None:
        check_integer("bits", self.bits, 1, 61)
        check_integer("relevant", self.relevant, 1, self.bits)
        check_integer("test_size", self.test_size, 1)
        check_view(self.view)
        check_held(self.test_size, self.total)

    @property
    def total(self) -> int:
        return 2**self.bits

    @property
    def held(self) -> int:
        return self.test_size

    @property
    def alphabet(self) -> tuple[int, int, int]:
        return self.bits, 2, 2

    @property
    def places(self) -> np.ndarray:
        """Which bits count: ``(relevant,)``."""
        rng = np.random.default_rng(derived_seed(self.name, self.version, "places"))
        return np.sort(rng.permutation(self.bits)[: self.relevant])

    def decode(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        octets = numbers.astype("<i8").view(np.uint8).reshape(-1, 8)
        bits = np.unpackbits(octets, axis=1, count=self.bits, bitorder="little")
        return bits, bits[:, self.places].sum(axis=1) % 2


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class ModularAddition(Enumerated):
    """``(a + b) mod modulus`` for all pairs, of which a fixed random fraction is seen again and again.

    Networks learn the pairs by heart first; what they make of pairs that they have not seen gets no better meanwhile,
    and becomes right late and at once, if ever. With Adam at .01, batches of 128, a gated perceptron stays at the loss
    of guessing for some 80 updates, then falls to a third of it in as many; a small transformer (view ``tokens``, width
    48) for some 300, and then gets .98 right; a plain perceptron gets ever worse, to three times guessing. The sum
    follows from the pair: the irreducible loss is 0. All other pairs are the test set.

    Attributes
    ----------
    modulus : how many numbers there are.
    fraction : share of the ``modulus^2`` pairs that are for training.
    view : ``one-hot``, a vector of ``2 modulus`` numbers; or ``tokens``.
    """

    name = "modular-addition"
    summary = "sums modulo a number, generated, repeated; negative control: learned by heart first, understood late"

    modulus: int = 41
    fraction: float = 0.9
    view: str = "one-hot"

    def __post_init__(self) -> None:
        check_integer("modulus", self.modulus, 3, 1000)
        check_number("fraction", self.fraction, 0, strict=True)
        check_view(self.view)
        if not 1 <= self.pool_size < self.total:
            raise InputError(
                f"fraction is {self.fraction:g}; it must leave some of the {self.total} pairs to train on and some to "
                "test, so it lies between 0 and 1."
            )

    @property
    def total(self) -> int:
        return self.modulus**2

    @property
    def held(self) -> int:
        return self.total - round(self.fraction * self.total)

    @property
    def alphabet(self) -> tuple[int, int, int]:
        return 2, self.modulus, self.modulus

    def decode(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        pairs = np.stack(np.divmod(numbers, self.modulus), axis=1)
        return pairs, pairs.sum(axis=1) % self.modulus

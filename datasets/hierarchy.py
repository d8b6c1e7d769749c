"""Classification whose inputs have a hierarchy of parts: the random hierarchy model."""

from __future__ import annotations

import dataclasses
import math
from functools import lru_cache

import numpy as np

from ..errors import InputError
from .dataset import DATASETS, check_integer, derived_seed
from .enumerated import Enumerated, check_held, check_view


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class RandomHierarchy(Enumerated):
    """The random hierarchy model of Cagnetti, Petrini, Tomasini, Favero and Wyart (2024; from memory).

    A class is rewritten as one of ``synonyms`` tuples of ``branching`` symbols, each of these again, ``levels`` times,
    down to ``branching^levels`` visible symbols. The rules are drawn once: per level, different tuples out of the
    ``symbols^branching`` possible ones, so no tuple stands for two symbols and the input decides the class. Its
    irreducible loss is 0. Each input comes from exactly one choice of synonyms; there are
    ``classes * synonyms^K`` with ``K = (branching^levels - 1) / (branching - 1)``, all equally likely. By that paper,
    deep networks need about ``classes * synonyms^levels`` examples.

    Attributes
    ----------
    classes, synonyms, branching, levels, symbols : the model, n_c, m, s, L, v in the paper.
    view : ``one-hot``, a vector of ``branching^levels * symbols`` numbers; or ``tokens``.
    test_size : test inputs, which training never sees.
    """

    name = "random-hierarchy"
    summary = "classes of a random grammar with levels of synonyms, generated, every draw new"

    classes: int = 8
    synonyms: int = 8
    branching: int = 2
    levels: int = 3
    symbols: int = 8
    view: str = "one-hot"
    test_size: int = 4096

    def __post_init__(self) -> None:
        for field, least in {"classes": 2, "synonyms": 1, "branching": 2, "levels": 1, "symbols": 2}.items():
            check_integer(field, getattr(self, field), least, 1000)
        check_integer("test_size", self.test_size, 1)
        check_view(self.view)
        self._check_rules()
        check_held(self.test_size, self.total)

    def _check_rules(self) -> None:
        if self.levels * math.log(self.branching) > math.log(4096) + 1e-9:
            raise InputError(f"levels is {self.levels}; an input would have more than 4096 symbols. Take fewer.")
        if self.branching * math.log(self.symbols) > math.log(2**22) + 1e-9:
            raise InputError(f"symbols is {self.symbols}; there would be more than 2^22 tuples. Take fewer.")
        tuples, heads = self.symbols**self.branching, max(self.classes, self.symbols if self.levels > 1 else 0)
        if heads * self.synonyms > tuples:
            raise InputError(
                f"synonyms is {self.synonyms}; at most {tuples // heads} of the {tuples} tuples of {self.branching} "
                f"symbols can stand for each of {heads}."
            )
        if self.total >= 2**62:
            raise InputError(f"synonyms is {self.synonyms}; there would be more than 2^62 inputs. Take fewer.")

    @property
    def total(self) -> int:
        choices = (self.branching**self.levels - 1) // (self.branching - 1)
        return self.classes * self.synonyms**choices

    @property
    def sample_scale(self) -> float:  # pyright: ignore[reportIncompatibleVariableOverride]
        return float(self.classes * self.synonyms**self.levels)

    @property
    def held(self) -> int:
        return self.test_size

    @property
    def alphabet(self) -> tuple[int, int, int]:
        return self.branching**self.levels, self.symbols, self.classes

    @property
    def rules(self) -> list[np.ndarray]:
        """For each level, from the class down, the tuples of each symbol: ``(heads, synonyms, branching)``."""
        return _rules(
            self.classes, self.synonyms, self.branching, self.levels, self.symbols, derived_seed(self.name, "rules")
        )

    def decode(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        left, labels = np.divmod(numbers, self.classes)
        row = labels[:, None]
        for rule in self.rules:
            powers = self.synonyms ** np.arange(row.shape[1])
            chosen = left[:, None] // powers % self.synonyms
            left = left // self.synonyms ** row.shape[1]
            row = rule[row, chosen].reshape(len(row), -1)
        return row, labels


@lru_cache(maxsize=8)
def _rules(classes: int, synonyms: int, branching: int, levels: int, symbols: int, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    rules = []
    for level in range(levels):
        heads = symbols if level else classes
        tuples = rng.permutation(symbols**branching)[: heads * synonyms]
        digits = tuples[:, None] // symbols ** np.arange(branching) % symbols
        rules.append(digits.reshape(heads, synonyms, branching))
    return rules

"""Data sets whose irreducible loss is known: on the test set that is used, and over all data beside it."""

from __future__ import annotations

import dataclasses
import math
from abc import abstractmethod
from functools import lru_cache
from typing import ClassVar

import torch
from torch import Tensor

from .dataset import Dataset, TestSet
from .pool import seeded_generator

CHUNK = 2**12  # examples drawn at once


@dataclasses.dataclass(frozen=True, kw_only=True)
class Floor:
    """The smallest expected loss that any predictor can reach.

    Attributes
    ----------
    test, se : the Bayes predictor's loss on the test set in use, and its standard error; 0 where it is computed, not
        estimated.
    population, population_se : its expectation over all data, and the standard error of that.
    sampling_se : standard deviation of ``test`` around ``population``, as test inputs are drawn; 0 where each test set
        has the same floor.
    how : how it is known, in a clause.
    """

    test: float
    se: float
    population: float
    population_se: float
    sampling_se: float
    how: str

    @property
    def z(self) -> float | None:
        """Their difference over its standard error; None where neither is subject to chance."""
        error = math.hypot(self.se, self.population_se, self.sampling_se)
        return (self.test - self.population) / error if error else None


class KnownFloor(Dataset):
    """A data set that knows its irreducible loss. Here the floor of every test set is the population's.

    Attributes
    ----------
    how : how it is known, in a clause.
    population_loss, population_loss_se : the irreducible loss over all data, and its standard error.
    """

    how: ClassVar[str]

    @property
    @abstractmethod
    def population_loss(self) -> float: ...

    @property
    def population_loss_se(self) -> float:
        return 0.0

    @property
    def irreducible_loss(self) -> float:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.population_loss

    @property
    def sampling_se(self) -> float:
        """Standard deviation of ``irreducible_loss`` around ``population_loss``."""
        return 0.0

    def floor(self) -> Floor:
        """All that is known of the floor; where it takes drawing, up to a second."""
        return Floor(
            test=self.irreducible_loss,
            se=self.irreducible_loss_se,
            population=self.population_loss,
            population_se=self.population_loss_se,
            sampling_se=self.sampling_se,
            how=self.how,
        )


class Noiseless(KnownFloor):
    """A data set whose targets follow from the inputs: its irreducible loss is 0."""

    how = "targets follow from the inputs"

    @property
    def population_loss(self) -> float:
        return 0.0


class KnownPosterior(KnownFloor):
    """A data set whose test targets are the true probabilities of each class.

    Its irreducible loss on the test set is the mean entropy of these, exactly, and what a network's loss has above it
    is the mean Kullback-Leibler divergence: never negative, and far less noisy than a difference of losses on labels.
    The population's floor is the same mean over ``population_draws`` new examples, unless a subclass has a formula.

    Attributes
    ----------
    test_size : test examples.
    population_draws : examples that estimate the population's floor.
    """

    how = "mean entropy of the true probabilities at the test inputs"
    population_draws: ClassVar[int] = 2**18
    test_size: int

    @abstractmethod
    def draw_truth(self, generator: torch.Generator, count: int) -> tuple[Tensor, Tensor]:
        """Draw inputs, and the true probability of each class as `TestSet` has it."""

    def test_set(self) -> TestSet:
        return _test_set(self)

    @property
    def irreducible_loss(self) -> float:  # pyright: ignore[reportIncompatibleVariableOverride]
        return _test_floor(self)[0]

    @property
    def sampling_se(self) -> float:
        return _test_floor(self)[1]

    @property
    def population_loss(self) -> float:
        return _population_floor(self)[0]

    @property
    def population_loss_se(self) -> float:
        return _population_floor(self)[1]


def entropies(probabilities: Tensor) -> Tensor:
    """Entropy of each example in nats, float64: ``(n, classes)`` or, a mean over scored positions, ``(n, t, classes)``
    to ``(n,)``."""
    exact = probabilities.double()
    each = -torch.xlogy(exact, exact).sum(-1)
    return each if each.ndim == 1 else each.sum(-1) / exact.sum((-2, -1))


def mean_and_error(values: Tensor) -> tuple[float, float]:
    """Mean of independent draws, ``(n,)``, and its standard error."""
    return float(values.mean()), float(values.std()) / math.sqrt(len(values))


@lru_cache(maxsize=4)  # Bayes' rule over many components takes longer than a short trial
def _test_set(dataset: KnownPosterior) -> TestSet:
    generator = seeded_generator(dataset.name, dataset.version, "test")
    inputs, truth = dataset.draw_truth(generator, dataset.test_size)
    return TestSet(inputs=inputs, targets=truth.float())


@lru_cache(maxsize=64)
def _test_floor(dataset: KnownPosterior) -> tuple[float, float]:
    return mean_and_error(entropies(dataset.test_set().targets))


@lru_cache(maxsize=64)
def _population_floor(dataset: KnownPosterior) -> tuple[float, float]:
    generator = seeded_generator(dataset.name, dataset.version, "population")
    parts = range(0, dataset.population_draws, CHUNK)
    return mean_and_error(torch.cat([entropies(dataset.draw_truth(generator, CHUNK)[1]) for _ in parts]))

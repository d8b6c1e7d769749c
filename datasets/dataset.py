"""What a data set is: a task, a training stream for each seed, a fixed test set and what is known of its floor."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Protocol

from ..catalogue import Catalogue
from ..errors import InputError
from ..task import Ref, Task

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclasses.dataclass(frozen=True, kw_only=True)
class TestSet:
    """Fixed examples on which every trial is measured: ``loss = sum_i weights_i loss_i + offset``.

    Attributes
    ----------
    inputs, targets : tensors with the examples along the first axis. Targets are those of a stream or, for a
        cross-entropy whose truth is known, the true probability of each class: float32 ``(n, outputs)``, for tokens
        ``(n, length, outputs)``, where a position of zeros is not scored. The loss is then the expectation over labels,
        so that no network can be below the irreducible loss by chance.
    weights : ``(n,)``, or None for the plain mean ``1/n``.
    offset : the part of the loss that no prediction on these inputs can change.
    affine_only : the examples are the points of a quadrature rule that gives the population loss exactly for networks
        that are affine in their input, and is meaningless for others.
    """

    inputs: Tensor
    targets: Tensor
    weights: Tensor | None = None
    offset: float = 0.0
    affine_only: bool = False

    __test__ = False  # not a pytest class

    @property
    def size(self) -> int:
        """Number of examples."""
        return len(self.inputs)

    def to(self, device: torch.device | str) -> TestSet:
        """The same test set with all its tensors on a device."""
        weights = None if self.weights is None else self.weights.to(device)
        return dataclasses.replace(
            self, inputs=self.inputs.to(device), targets=self.targets.to(device), weights=weights
        )


class Stream(Protocol):
    """The training examples of one seed, in its own order.

    Inputs are float32, or int64 tokens. Targets are float32 ``(size, outputs)`` for squared error, and int64 for
    classes, ``(size,)``, and tokens, ``(size, length)``. Do not write to them: they may be views of a larger block.

    A stream that draws from a pool is a `PoolStream`, and `Feed` then gathers the batches of many streams at once. Any
    stream may have a method ``expect(examples)``, which says how many examples will be asked for.
    """

    def batch(self, step: int, size: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets of update ``step`` (from 0): a function of seed, step and size, whatever came before."""
        ...


class View(Protocol):
    """Observables that need no clock: the loss of parts of a task, as functions of sums over the test examples.

    A view is made on the CPU. The one that ``to`` returns takes outputs that lie on a device and leaves the sums there,
    without a question to the host; ``values`` takes sums from anywhere.

    Attributes
    ----------
    names : what each observable is called.
    """

    @property
    def names(self) -> tuple[str, ...]: ...

    def to(self, device: torch.device | str) -> View:
        """The view for outputs that lie on a device."""
        ...

    def sums(self, rows: slice, outputs: Tensor) -> Tensor:
        """What test examples ``rows`` add: ``(R, b, ...)`` outputs of R networks to ``(R, k)``, float64.

        On a CPU a network's row may not depend on how many others there are.
        """
        ...

    def values(self, sums: Tensor) -> Tensor:
        """The observables, ``(R, len(names))``, float64 on the CPU, from the sums over all test examples."""
        ...


@dataclasses.dataclass(frozen=True)
class Dataset(ABC):
    """A task with its data. Subclass it as a frozen dataclass whose fields are its parameters.

    Attributes
    ----------
    name : what users write in a sweep.
    version : raise it when the same name would give other examples.
    irreducible_loss : the smallest loss that any network can reach on the test set, in the loss's units; None where it
        is not known.
    irreducible_loss_se : its standard error, 0 where it follows from a formula.
    sample_scale : examples that the task is known to need, P*, in whose units curves against the size of the training
        set should coincide; None where nothing is known.
    how_to_draw_more : the parameter with which it never runs out of new examples, as a sweep has it; empty where there
        is none.
    summary : one line for lists: what it is, whether it is real, and whether examples repeat.
    """

    name: ClassVar[str]
    version: ClassVar[str] = "1"
    summary: ClassVar[str] = ""
    how_to_draw_more: ClassVar[str] = ""
    irreducible_loss: ClassVar[float | None] = None
    irreducible_loss_se: ClassVar[float] = 0.0
    sample_scale: ClassVar[float | None] = None

    @property
    @abstractmethod
    def task(self) -> Task:
        """What is to be learned. Cheap: it reads no data."""

    @property
    @abstractmethod
    def pool_size(self) -> int | None:
        """Distinct training examples; None where each draw is new."""

    @abstractmethod
    def prepare(self) -> None:
        """Make or read what the streams need, once a node, into the cache. Safe to call from several processes."""

    @abstractmethod
    def test_set(self) -> TestSet:
        """The fixed test set, disjoint from training."""

    @abstractmethod
    def stream(self, seed: int) -> Stream:
        """The training examples of this seed."""

    def content(self) -> str:
        """sha256 of data that the parameters do not decide (files of a package); empty where they decide it."""
        return ""

    def views(self, test: TestSet) -> View | None:
        """What a network's outputs on this test set tell beside their loss, such as the loss of parts of the task."""
        return None

    def pool_fraction(self, examples: int, train_size: int | None = None) -> float:
        """Share of the pool that a run over ``examples``, or over ``train_size`` again and again, uses; 0 where each
        draw is new."""
        used = examples if train_size is None else min(examples, train_size)
        return min(1.0, used / self.pool_size) if self.pool_size else 0.0

    def repeats(self, examples: int, train_size: int | None = None) -> float:
        """How often a run over ``examples`` sees an example on average: 1 in one pass."""
        pool = train_size or self.pool_size
        return max(1.0, examples / pool) if pool else 1.0

    @property
    def ref(self) -> Ref:
        """The name, version, parameters and content that enter a trial's identity.

        A parameter that is None is left out: a data set may be given a new one, and stays what it was without it.
        """
        given = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        params = {name: value for name, value in given.items() if value is not None}
        return Ref(name=self.name, version=self.version, params=params, content=self.content())


def derived_seed(*parts: object) -> int:
    """A 63-bit seed from names and numbers, the same on every machine and in every process."""
    digest = hashlib.sha256("|".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def check_integer(name: str, value: object, minimum: int, maximum: int = 2**31 - 1) -> None:
    """Raise InputError unless ``value`` is a whole number from ``minimum`` to ``maximum``."""
    if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= maximum:
        raise InputError(f"{name} is {value!r}; it must be a whole number from {minimum} to {maximum}.")


def check_number(name: str, value: object, minimum: float, *, strict: bool = False) -> None:
    """Raise InputError unless ``value`` is a finite number of at least ``minimum``, or above it where ``strict``."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not minimum <= value < math.inf:
        raise InputError(f"{name} is {value!r}; it must be a number of at least {minimum:g}.")
    if strict and value == minimum:
        raise InputError(f"{name} is {value!r}; it must be a number above {minimum:g}.")


DATASETS: Catalogue[Dataset] = Catalogue("data set", "onecurve.datasets")

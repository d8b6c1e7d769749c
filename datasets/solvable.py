"""Tasks on which the dynamics of learning are known exactly: modes of a linear map, pairs of points, peaked classes, a
half-space."""

from __future__ import annotations

import dataclasses
import math
from abc import abstractmethod

import numpy as np
import torch
from torch import Tensor

from ..task import Task
from .dataset import DATASETS, TestSet, View, check_integer, check_number, derived_seed
from .floor import Noiseless
from .pool import CounterStream, seeded_generator


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class LinearModes(Noiseless):
    """A linear map with few singular values, on white inputs.

    ``x ~ N(0, I)`` and ``y_j = s_j x_j`` with ``s_j = 4, 2, 1, ...`` for the first ``modes`` directions and 0 for the
    others. From small weights, networks of several matrices learn one direction after the other; with two matrices and
    under gradient flow of half the squared error, each along ``a/s = 1/(1 + exp(-2 s (t - t_half)))`` (Saxe,
    McClelland and Ganguli 2014, arXiv 1312.6120). The loss here is the mean over the ``inputs`` outputs, so that its
    gradient is ``2/inputs`` times that one, and a learning-rate integral tau is ``t = 2 tau / inputs``.

    The test loss is exact for networks that are affine in their input; see `PowerLawRegression`. The view has
    ``mode_j``, the share ``a_j / s_j`` of each direction that is learned.

    Attributes
    ----------
    inputs, modes : dimension, and directions that are not 0.
    """

    name = "linear-modes"
    summary = "a linear map with singular values 4, 2, 1, ..., generated, every draw new, test loss in closed form"

    inputs: int = 8
    modes: int = 4

    def __post_init__(self) -> None:
        check_integer("inputs", self.inputs, 1)
        check_integer("modes", self.modes, 1, self.inputs)

    @property
    def task(self) -> Task:
        return Task(kind="vector", shape=(self.inputs,), outputs=self.inputs, loss="squared_error")

    @property
    def pool_size(self) -> None:
        return None

    @property
    def values(self) -> Tensor:
        """``s_j``: ``(inputs,)``, float32."""
        return torch.tensor([4.0 * 0.5**j if j < self.modes else 0.0 for j in range(self.inputs)])

    def prepare(self) -> None:
        """Nothing to make."""

    def test_set(self) -> TestSet:
        points = math.sqrt(self.inputs) * torch.eye(self.inputs)
        inputs = torch.cat([points, -points])
        weights = torch.full((2 * self.inputs,), 0.5 / self.inputs)
        return TestSet(inputs=inputs, targets=inputs * self.values, weights=weights, affine_only=True)

    def stream(self, seed: int) -> CounterStream:
        def draw(generator: torch.Generator, count: int) -> tuple[Tensor, Tensor]:
            inputs = torch.randn(count, self.inputs, generator=generator)
            return inputs, inputs * self.values

        return CounterStream(draw, self.name, self.version, seed)

    def views(self, test: TestSet) -> ModeView:
        return ModeView(self.values[: self.modes], self.inputs)


@dataclasses.dataclass(frozen=True, eq=False)
class ModeView:
    """The share of each mode that is learned: ``W_jj / s_j``, read off the output for the point ``sqrt(d) e_j``.

    Attributes
    ----------
    sizes : ``(modes,)`` the s_j.
    inputs : d.
    """

    sizes: Tensor
    inputs: int

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"mode_{j + 1}" for j in range(len(self.sizes)))

    def to(self, device: torch.device | str) -> View:
        """The view for outputs that lie on a device."""
        at_home = torch.device(device) == self.sizes.device
        return self if at_home else dataclasses.replace(self, sizes=self.sizes.to(device))

    def sums(self, rows: slice, outputs: Tensor) -> Tensor:
        places = torch.arange(rows.start, rows.start + outputs.shape[1], device=self.sizes.device)
        mine = places[:, None] == torch.arange(len(self.sizes), device=self.sizes.device)  # point j has direction j
        return (outputs[..., : len(self.sizes)].double() * mine).sum(1)

    def values(self, sums: Tensor) -> Tensor:
        return sums / (self.sizes.double().to(sums.device) * math.sqrt(self.inputs))


class _Drawn(Noiseless):
    """Examples that are drawn anew, in training and for the test set alike."""

    test_size: int

    @property
    def pool_size(self) -> None:
        return None

    def prepare(self) -> None:
        """Nothing to make."""

    @abstractmethod
    def _draw(self, generator: torch.Generator, count: int) -> tuple[Tensor, Tensor]:
        """So many inputs and targets."""

    def test_set(self) -> TestSet:
        inputs, targets = self._draw(seeded_generator(self.name, self.version, "test"), self.test_size)
        return TestSet(inputs=inputs, targets=targets)

    def stream(self, seed: int) -> CounterStream:
        return CounterStream(self._draw, self.name, self.version, seed)


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class PointPairs(_Drawn):
    """Pairs of opposite points at one distance, and a multiple of them as targets.

    Examples come two by two, ``x = +-(distance/2) u`` with u uniform on the sphere, and ``y = gain x``. With
    ``train_size`` and ``batch_size`` 2 a network learns two points alone, the same distances apart for every seed: the
    setting of van Rossem and Saxe 2024 (arXiv 2402.09142), in which how far apart a representation takes two points
    follows equations with two constants. Small distances and large gains make it learn its features, whatever the
    weights at the start: the representation has to grow.

    Attributes
    ----------
    inputs : dimension of inputs and outputs.
    distance : between the two points of a pair.
    gain : of the target over the input.
    test_size : test inputs, of other pairs.
    """

    name = "point-pairs"
    summary = "pairs of opposite points and a multiple of them, generated, every draw new"

    inputs: int = 8
    distance: float = 2.0
    gain: float = 1.0
    test_size: int = 512

    def __post_init__(self) -> None:
        check_integer("inputs", self.inputs, 2)
        check_integer("test_size", self.test_size, 2)
        check_number("distance", self.distance, 0, strict=True)
        check_number("gain", self.gain, 0, strict=True)

    @property
    def task(self) -> Task:
        return Task(kind="vector", shape=(self.inputs,), outputs=self.inputs, loss="squared_error")

    def _draw(self, generator: torch.Generator, count: int) -> tuple[Tensor, Tensor]:
        drawn = torch.randn(-(-count // 2), self.inputs, generator=generator)
        half = self.distance / 2 * drawn / torch.linalg.vector_norm(drawn, dim=1, keepdim=True)
        inputs = torch.stack([half, -half], dim=1).flatten(0, 1)[:count]
        return inputs, self.gain * inputs


@dataclasses.dataclass(frozen=True)
class _Classes(_Drawn):
    """Gaussian inputs whose class follows from them."""

    inputs: int
    test_size: int = 4096

    def __post_init__(self) -> None:
        check_integer("inputs", self.inputs, 2)
        check_integer("test_size", self.test_size, 1)

    @abstractmethod
    def label(self, inputs: Tensor) -> Tensor:
        """``(n,)`` classes of inputs ``(n, inputs)``."""

    def _draw(self, generator: torch.Generator, count: int) -> tuple[Tensor, Tensor]:
        inputs = torch.randn(count, self.inputs, generator=generator)
        return inputs, self.label(inputs)


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class PeakedSoftmax(_Classes):
    """Which of ``inputs`` Gaussian numbers is the largest: a softmax teacher in the limit of low temperature.

    A linear network of as many outputs learns ``W = beta I`` by symmetry, with ``beta ~ tau^(1/3)`` and the loss as
    ``tau^(-1/3)``, where tau is the integral of the learning rate (Liu, Liu, Pehlevan and Gore 2026, arXiv 2602.03685).
    The irreducible loss is 0, which no finite network reaches.

    Attributes
    ----------
    inputs : numbers, and classes.
    test_size : test inputs.
    """

    name = "peaked-softmax"
    summary = "which of many Gaussian numbers is the largest, generated, every draw new"

    inputs: int = 32

    @property
    def task(self) -> Task:
        return Task(kind="vector", shape=(self.inputs,), outputs=self.inputs, loss="cross_entropy")

    def label(self, inputs: Tensor) -> Tensor:
        return inputs.argmax(1)


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class HalfSpace(_Classes):
    """On which side of a plane through the origin a Gaussian point lies.

    Any set of training points can be separated. Full-batch gradient descent on it (``train_size`` equal to
    ``batch_size``) lowers the training loss as ``1/t`` while the weights grow as ``ln t`` (Soudry et al. 2018, arXiv
    1710.10345).

    Attributes
    ----------
    inputs : dimension.
    test_size : test inputs.
    """

    name = "half-space"
    summary = "on which side of a plane a Gaussian point lies, generated, every draw new"

    inputs: int = 16

    @property
    def task(self) -> Task:
        return Task(kind="vector", shape=(self.inputs,), outputs=2, loss="cross_entropy")

    @property
    def normal(self) -> np.ndarray:
        """The normal of the plane: ``(inputs,)``."""
        return np.random.default_rng(derived_seed(self.name, self.version, "plane")).standard_normal(self.inputs)

    def label(self, inputs: Tensor) -> Tensor:
        return (inputs @ torch.tensor(self.normal, dtype=torch.float32) > 0).long()

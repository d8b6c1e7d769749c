"""Teachers: waves with noise, waves on a manifold, and a network whose labels are noisy."""

from __future__ import annotations

import dataclasses
import math
from abc import abstractmethod
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..task import Task
from .dataset import DATASETS, Dataset, Stream, TestSet, View, check_integer, check_number, derived_seed
from .floor import KnownFloor, KnownPosterior, Noiseless
from .pool import CounterStream, PoolStream, seeded_generator

HIDDEN = 32  # of the network teacher
HALF_SIDE = math.sqrt(3)  # uniform numbers of variance 1


class Relayed:
    """Another stream's batches, changed by a function of the batch and its step."""

    def __init__(self, inner: Stream, change) -> None:
        self._inner = inner
        self._change = change

    def expect(self, examples: int) -> None:
        """Say that no more than this many examples will be asked for."""
        if isinstance(self._inner, PoolStream):
            self._inner.expect(examples)

    def batch(self, step: int, size: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets of update ``step``."""
        return self._change(step, *self._inner.batch(step, size))


class Taught(Dataset):
    """A data set whose examples are those of another one, its teacher, changed: its pool is that of the teacher."""

    how_to_draw_more = "pool: unlimited"

    @property
    @abstractmethod
    def teacher(self) -> Dataset:
        """The data set whose examples are changed."""

    @property
    def pool_size(self) -> int | None:
        return self.teacher.pool_size

    def prepare(self) -> None:
        self.teacher.prepare()


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class NoisyFourier(Taught, KnownFloor):
    """The waves of `FourierTeacher` with Gaussian noise on the targets of training.

    Waves and test inputs are those of ``fourier`` with the same parameters, and so is the pool. Noise of standard
    deviation ``noise`` is drawn for each seed and update, so an example that comes back has other noise. The test
    targets are noiseless and ``noise^2`` is added to the loss: what the noise costs every predictor, without the error
    of drawing it. The irreducible loss is ``noise^2``, exactly, on every test set.

    Attributes
    ----------
    inputs, modes, alpha, pool, test_size : see `FourierTeacher`.
    noise : standard deviation of the noise; that of the target is 1.
    """

    name = "noisy-fourier"
    summary = "power-law sum of waves with noise on the targets, generated, one pass over a pool or every draw new"
    how = "the variance of the noise, which is added to the loss on noiseless targets"

    inputs: int = 8
    modes: int = 10_000
    alpha: float = 2.0
    pool: int | str = 1_000_000
    test_size: int = 4096
    noise: float = 0.5

    def __post_init__(self) -> None:
        check_number("noise", self.noise, 0, strict=True)
        _ = self.teacher  # checks the rest

    @property
    def teacher(self) -> Dataset:
        """The data set without noise."""
        names = "inputs", "modes", "alpha", "pool", "test_size"
        return DATASETS.make("fourier", {name: getattr(self, name) for name in names})

    @property
    def task(self) -> Task:
        return self.teacher.task

    @property
    def population_loss(self) -> float:
        return float(self.noise) ** 2

    def test_set(self) -> TestSet:
        return dataclasses.replace(self.teacher.test_set(), offset=self.population_loss)

    def views(self, test: TestSet) -> View | None:
        return self.teacher.views(test)

    def stream(self, seed: int) -> Relayed:
        def add_noise(step: int, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
            generator = seeded_generator(self.name, self.version, seed, step, len(inputs))
            return inputs, targets + self.noise * torch.randn(targets.shape, generator=generator)

        return Relayed(self.teacher.stream(seed), add_noise)


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class ManifoldTeacher(Taught, Noiseless):
    """A sum of waves on a curved manifold of ``dimension`` d that lies in ``ambient`` D dimensions.

    A point has coordinates ``u`` uniform on ``[-.5, .5)^d``; a network sees ``x = Q [sqrt(12) u; sqrt2 sin(B u + c)]``
    with a random rotation ``Q``, Gaussian ``B`` of standard deviation ``curvature`` and uniform phases ``c``: D numbers
    from which u follows, as Q can be undone. The target is that of `FourierTeacher` with d inputs. It follows from x,
    so the irreducible loss is 0.

    The share ``k^-alpha`` of the variance lies beyond wave number k, and some ``k^d`` waves below it, so what n numbers
    can resolve leaves about ``n^(-alpha/d)``. The exponent moves with d: this is the negative control for one exponent
    for all data, where d = 2 and d = 8 must not share one.

    Attributes
    ----------
    dimension, ambient : d and D.
    modes, alpha, pool, test_size : see `FourierTeacher`.
    curvature : how much the manifold bends; 0 makes it flat.
    """

    name = "manifold-teacher"
    summary = "power-law sum of waves on a curved manifold, generated, one pass over a pool; exponents move with d"

    dimension: int = 4
    ambient: int = 16
    modes: int = 512
    alpha: float = 2.0
    pool: int | str = 1_000_000
    test_size: int = 4096
    curvature: float = 2.0

    def __post_init__(self) -> None:
        check_integer("dimension", self.dimension, 1)
        check_integer("ambient", self.ambient, self.dimension)
        check_number("curvature", self.curvature, 0)
        _ = self.teacher  # checks the rest

    @property
    def teacher(self) -> Dataset:
        """The same target as a function of the manifold's own coordinates."""
        names = "modes", "alpha", "pool", "test_size"
        return DATASETS.make("fourier", {"inputs": self.dimension} | {name: getattr(self, name) for name in names})

    @property
    def task(self) -> Task:
        return Task(kind="vector", shape=(self.ambient,), outputs=1, loss="squared_error")

    def test_set(self) -> TestSet:
        test = self.teacher.test_set()
        return dataclasses.replace(test, inputs=self.lift(test.inputs))

    def views(self, test: TestSet) -> View | None:
        return self.teacher.views(self.teacher.test_set())

    def stream(self, seed: int) -> Relayed:
        return Relayed(self.teacher.stream(seed), lambda _, inputs, targets: (self.lift(inputs), targets))

    def lift(self, points: Tensor) -> Tensor:
        """From coordinates ``u``, ``(n, dimension)``, to what the network sees, ``(n, ambient)``."""
        flat, bends, bend, phases = _embedding(self.dimension, self.ambient, float(self.curvature))
        return points @ flat + torch.addmm(phases, points, bend).sin_() @ bends


@lru_cache(maxsize=8)
def _embedding(dimension: int, ambient: int, curvature: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Rows of the rotation with their factors, ``(d, D)`` and ``(D - d, D)``, ``B^T`` and ``c``, float32."""
    rng = np.random.default_rng(derived_seed(ManifoldTeacher.name, ManifoldTeacher.version, "embedding"))
    rotation = np.linalg.qr(rng.standard_normal((ambient, ambient)))[0]
    bend = curvature * rng.standard_normal((dimension, ambient - dimension))
    phases = rng.uniform(0, 2 * math.pi, ambient - dimension)
    parts = math.sqrt(12) * rotation[:dimension], math.sqrt(2) * rotation[dimension:], bend, phases
    flat, bends, bend, phases = (torch.tensor(part, dtype=torch.float32) for part in parts)
    return flat, bends, bend, phases


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class NoisyTeacher(KnownPosterior):
    """Classification by a random network whose labels are drawn with a temperature.

    Inputs are uniform with variance 1. The teacher is a ReLU network with two hidden layers of 32 and random weights;
    its logits are shifted and scaled, over inputs, to zero mean and unit variance for each class. A label is drawn from
    ``p(c | x) = softmax(logits / temperature)_c``. The test targets are these probabilities, for each test point. The
    population's floor is a mean of their entropy over 262,144 new inputs; its standard error is about .001 nats.

    Attributes
    ----------
    inputs, classes : numbers in an input, and classes.
    temperature : of the labels; the higher, the more noise.
    test_size : test points.
    """

    name = "noisy-teacher"
    summary = "classes drawn from a random network's softmax, generated, every draw new"

    inputs: int = 8
    classes: int = 10
    temperature: float = 0.2
    test_size: int = 4096

    def __post_init__(self) -> None:
        check_integer("inputs", self.inputs, 1)
        check_integer("classes", self.classes, 2)
        check_integer("test_size", self.test_size, 2)
        check_number("temperature", self.temperature, 0, strict=True)

    @property
    def task(self) -> Task:
        return Task(kind="vector", shape=(self.inputs,), outputs=self.classes, loss="cross_entropy")

    @property
    def pool_size(self) -> None:
        return None

    def prepare(self) -> None:
        """Nothing to make."""

    def draw_truth(self, generator: torch.Generator, count: int) -> tuple[Tensor, Tensor]:
        inputs = torch.empty(count, self.inputs).uniform_(-HALF_SIDE, HALF_SIDE, generator=generator)
        return inputs, self.posterior(inputs)

    def stream(self, seed: int) -> CounterStream:
        def draw(generator: torch.Generator, count: int) -> tuple[Tensor, Tensor]:
            inputs, truth = self.draw_truth(generator, count)
            return inputs, _choose(truth, generator)

        return CounterStream(draw, self.name, self.version, seed)

    def posterior(self, inputs: Tensor) -> Tensor:
        """``p(class | x)``, float32: ``(n, inputs)`` to ``(n, classes)``."""
        weights, mean, scale = _network(self.inputs, self.classes)
        return ((_logits(weights, inputs) - mean) / (self.temperature * scale)).softmax(-1)


def _choose(probabilities: Tensor, generator: torch.Generator) -> Tensor:
    """Draw a class from each row: ``(n, classes)`` to ``(n,)``."""
    drawn = torch.rand(len(probabilities), 1, generator=generator)
    return (probabilities.cumsum(-1)[:, :-1] <= drawn).sum(-1)


def _logits(weights: list[tuple[Tensor, Tensor]], inputs: Tensor) -> Tensor:
    *hidden, (last, bias) = weights
    for matrix, offset in hidden:
        inputs = torch.addmm(offset, inputs, matrix).relu_()
    return torch.addmm(bias, inputs, last)


@lru_cache(maxsize=8)
def _network(inputs: int, classes: int) -> tuple[list[tuple[Tensor, Tensor]], Tensor, Tensor]:
    """The teacher's weights, and the mean and standard deviation of its raw logits over inputs."""
    generator = seeded_generator(NoisyTeacher.name, NoisyTeacher.version, "network", inputs, classes)
    sizes = [inputs, HIDDEN, HIDDEN, classes]
    weights = [
        (
            torch.randn(before, after, generator=generator) * math.sqrt(2 / before),
            torch.randn(after, generator=generator) * 0.5,
        )
        for before, after in zip(sizes, sizes[1:], strict=False)
    ]
    points = torch.empty(2**15, inputs).uniform_(-HALF_SIDE, HALF_SIDE, generator=generator)
    raw = _logits(weights, points)
    if float(raw.std(0).min()) < 1e-3:
        raise InputError(f"the teacher with inputs {inputs} and classes {classes} is constant in a class; take others.")
    return weights, raw.mean(0), raw.std(0)

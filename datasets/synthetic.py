"""Generated data sets whose irreducible loss is known: linear regression and the power-law Fourier teacher."""

from __future__ import annotations

import dataclasses
import math
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..task import Task
from .dataset import DATASETS, TestSet, check_integer, check_number, derived_seed
from .floor import KnownFloor, Noiseless
from .order import SeededOrder
from .pool import CounterStream, PoolStream, cached_array, seeded_generator
from .table import Rows
from .views import ShellView, shell_view
from .wave_sums import BLOCK, summed_points

UNLIMITED = "unlimited"  # as the size of a pool
BLOCK_WAVES = 2**17  # cosines evaluated at once: half a megabyte, which stays in a core's second-level cache


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class PowerLawRegression(KnownFloor):
    """Linear regression with power-law spectrum and power-law target (source and capacity).

    Inputs ``x ~ N(0, diag(lambda_j))`` with ``lambda_j = j^-a``; target ``sum_j w_j x_j`` with
    ``w_j^2 lambda_j = j^-b`` and fixed random signs. The sum has infinitely many terms. The first ``features`` of them
    are visible; those beyond are independent of the visible ones, so together they are, exactly in law, Gaussian noise
    of variance ``sum_{j > features} j^-b`` (a Hurwitz zeta function). Squared error, without a factor 1/2.

    **In which sense the irreducible loss is 0.** A linear model that sees the first ``N`` features cannot go below
    ``sum_{j > N} j^-b``, about ``N^-(b-1) / (b-1)``. That is how its loss depends on its size, and along the ladder of
    ``N`` it tends to 0. For such a ladder (``N <= features``) the irreducible loss is 0. For a family whose rungs all
    see every visible feature the floor is ``hidden_variance`` instead, .026 by default; that is the floor stated where
    ``test_size`` is set.

    The test loss is the population loss in closed form, without sampling error, for every network that is affine in
    its input: the points ``+-s e_j`` with ``s^2 = sum_j lambda_j`` and weights ``lambda_j / (2 s^2)`` have the inputs'
    first and second moments, and ``sum_j lambda_j (f_j - w_j)^2 + bias^2 + hidden_variance`` is what they give.
    For other networks set ``test_size``: that many drawn inputs with noiseless targets, of relative standard error
    about ``sqrt(2 / test_size)``.

    Attributes
    ----------
    a, b : exponents of the spectrum and of the target.
    features : visible coordinates.
    test_size : drawn test inputs; 0 for the closed form.
    """

    name = "power-law-regression"
    summary = "linear regression with power-law spectrum, generated, every draw new, test loss in closed form"
    how = "0 for a ladder of visible features; with drawn test inputs the hidden variance, a zeta function"

    a: float = 1.5
    b: float = 1.8
    features: int = 128
    test_size: int = 0

    def __post_init__(self) -> None:
        check_number("a", self.a, 0)
        check_number("b", self.b, 1, strict=True)
        check_integer("features", self.features, 1)
        check_integer("test_size", self.test_size, 0)

    @property
    def task(self) -> Task:
        return Task(kind="vector", shape=(self.features,), outputs=1, loss="squared_error")

    @property
    def pool_size(self) -> None:
        return None

    @property
    def population_loss(self) -> float:
        return self.hidden_variance if self.test_size else 0.0

    @property
    def variances(self) -> np.ndarray:
        """Variance of each visible feature: ``(features,)``."""
        return np.arange(1, self.features + 1) ** -float(self.a)

    @property
    def coefficients(self) -> np.ndarray:
        """What multiplies each visible feature in the target: ``(features,)``."""
        signs = np.random.default_rng(derived_seed(self.name, self.version, "signs")).choice([-1, 1], self.features)
        return signs * np.arange(1, self.features + 1) ** ((self.a - self.b) / 2)

    @property
    def hidden_variance(self) -> float:
        """Variance of the target's part that no visible feature tells of."""
        from scipy.special import zeta

        return float(zeta(self.b, self.features + 1))

    def prepare(self) -> None:
        """Nothing to make."""

    def test_set(self) -> TestSet:
        if self.test_size:
            inputs = self._inputs(seeded_generator(self.name, self.version, "test"), self.test_size)
            return TestSet(inputs=inputs, targets=self._visible(inputs), offset=self.hidden_variance)
        scale = math.sqrt(self.variances.sum())
        points = scale * torch.eye(self.features)
        inputs = torch.cat([points, -points])
        weights = torch.tensor(np.tile(self.variances / (2 * scale**2), 2), dtype=torch.float32)
        targets = self._visible(inputs)
        return TestSet(inputs=inputs, targets=targets, weights=weights, offset=self.hidden_variance, affine_only=True)

    def stream(self, seed: int) -> CounterStream:
        noise = math.sqrt(self.hidden_variance)

        def draw(generator: torch.Generator, count: int) -> tuple[Tensor, Tensor]:
            inputs = self._inputs(generator, count)
            return inputs, self._visible(inputs).add_(torch.randn(count, 1, generator=generator), alpha=noise)

        return CounterStream(draw, self.name, self.version, seed)

    def _inputs(self, generator: torch.Generator, count: int) -> Tensor:
        scale = torch.tensor(np.sqrt(self.variances), dtype=torch.float32)
        return torch.randn(count, self.features, generator=generator).mul_(scale)

    def _visible(self, inputs: Tensor) -> Tensor:
        return inputs @ torch.tensor(self.coefficients, dtype=torch.float32)[:, None]


@DATASETS.register
@dataclasses.dataclass(frozen=True)
class FourierTeacher(Noiseless):
    """Regression on a sum of random waves whose wave numbers follow a power law.

    Inputs ``x`` are uniform on ``[-.5, .5)^inputs``; the target is
    ``y = sum_m w_m sqrt(2) cos(2 pi k_m . x + phase_m)`` over ``modes`` waves: ``|k| = (1 - u)^(-1/alpha)``, ``u``
    uniform, isotropic direction, rounded to integers; Gaussian ``w``; a phase of 0 or pi/2. The constant wave
    (``k = 0``) is left out and ``w`` is scaled such that the variance of ``y`` over the inputs is exactly 1: what a
    constant predictor is left with. There is no noise, so the irreducible loss is 0.

    Equal and opposite wave vectors are merged, which is exact: 10,000 modes make about 3,200 distinct waves.

    The test inputs are a scrambled Sobol sequence. The relative standard error of a network's test loss is about 1.9 %
    with 4,096 of them, 1 % with 16,384 and .45 % with 65,536. Curves share the test set, so part of it cancels: what
    is left in the difference of two sizes' normalised curves is 1.5, .7 and .3 % (measured on perceptrons of width 32
    and 96). It does not average out over seeds.

    Attributes
    ----------
    inputs : dimension of the input.
    modes : waves before merging.
    alpha : the share of modes with wave number above ``k`` is ``k^-alpha``; at least 1, below which float32 phases
        would lose precision.
    pool : examples in the pool, which each seed reads in its own order; ``unlimited`` for new ones in each update, of
        each seed its own, which are drawn as `summed_points` says.
    test_size : test inputs.
    """

    name = "fourier"
    summary = "power-law sum of waves, generated, one pass over a pool or every draw new"
    how_to_draw_more = "pool: unlimited"

    inputs: int = 8
    modes: int = 10_000
    alpha: float = 2.0
    pool: int | str = 1_000_000
    test_size: int = 4096

    def __post_init__(self) -> None:
        for field in ("inputs", "modes", "test_size"):
            check_integer(field, getattr(self, field), 1)
        check_pool(self.pool)
        check_number("alpha", self.alpha, 1)

    @property
    def task(self) -> Task:
        return Task(kind="vector", shape=(self.inputs,), outputs=1, loss="squared_error")

    @property
    def pool_size(self) -> int | None:
        return size_of_pool(self.pool)

    @property
    def waves(self) -> tuple[np.ndarray, np.ndarray]:
        """Distinct wave vectors ``k``, ``(n, inputs)``, amplitudes ``c``: ``y = sqrt(2) Re sum c e^(2 pi i k.x)``."""
        return _merged_waves(self.inputs, self.modes, float(self.alpha), derived_seed(self.name, self.version, "waves"))

    def prepare(self) -> None:
        if self.pool_size is not None:
            self._rows(self.pool_size)

    def test_set(self) -> TestSet:
        key = derived_seed(self.name, self.version, "test")
        points = torch.quasirandom.SobolEngine(self.inputs, scramble=True, seed=key).draw(self.test_size) - 0.5
        return TestSet(inputs=points, targets=torch.from_numpy(self.target(points.numpy()))[:, None])

    def stream(self, seed: int) -> PoolStream | CounterStream:
        if self.pool_size is None:
            return CounterStream(self._draw, self.name, self.version, UNLIMITED, seed, block=BLOCK)
        rows = torch.from_numpy(self._rows(self.pool_size))
        order = SeededOrder(self.pool_size, self.name, self.version, seed)
        return PoolStream(order, Rows(rows[:, :-1], rows[:, -1:]), shared=True)

    def views(self, test: TestSet) -> ShellView:
        return shell_view(test.inputs, test.targets, *self.waves)

    def target(self, inputs: np.ndarray) -> np.ndarray:
        """The target at ``inputs``, float32 ``(n, inputs)``: ``(n,)``, to about 1e-6."""
        vectors, amplitudes = self.waves
        matrix = torch.tensor(2 * math.pi * vectors.T, dtype=torch.float32)
        phases = torch.tensor(np.angle(amplitudes), dtype=torch.float32)
        scale = torch.tensor(math.sqrt(2) * np.abs(amplitudes), dtype=torch.float32)
        points = torch.from_numpy(inputs)
        out = torch.empty(len(inputs))
        rows = max(8, BLOCK_WAVES // len(vectors))
        buffer = torch.empty(rows, len(vectors))
        for start in range(0, len(inputs), rows):
            block = points[start : start + rows]
            angles = torch.addmm(phases, block, matrix, out=buffer[: len(block)])
            np.cos(angles.numpy(), out=angles.numpy())  # three times as fast as torch's
            torch.mv(angles, scale, out=out[start : start + rows])
        return out.numpy()

    def _draw(self, generator: torch.Generator, count: int) -> tuple[Tensor, Tensor]:
        return summed_points(generator, count, *self.waves)

    def _rows(self, size: int) -> np.ndarray:
        """The pool: ``(size, inputs + 1)``, the target in the last column."""
        return cached_array(dataclasses.replace(self, test_size=1).ref, "pool", lambda: self._make_pool(size))

    def _make_pool(self, size: int) -> np.ndarray:
        generator = np.random.default_rng(derived_seed(self.name, self.version, "pool"))
        points = generator.random((size, self.inputs), dtype=np.float32)
        points -= 0.5
        return np.column_stack([points, self.target(points)])


def check_pool(pool: object) -> None:
    """Refuse what is neither a number of examples nor ``unlimited``."""
    if isinstance(pool, str):
        if pool != UNLIMITED:
            raise InputError(f"pool must be a whole number, at least 1, or {UNLIMITED}, got {pool!r}")
    else:
        check_integer("pool", pool, 1)


def size_of_pool(pool: int | str) -> int | None:
    """Examples of a pool; None where it is unlimited."""
    return None if isinstance(pool, str) else pool


@lru_cache(maxsize=4)
def _merged_waves(inputs: int, modes: int, alpha: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw the waves and merge equal and opposite ones; amplitudes are scaled to a sum of squares of 1."""
    generator = np.random.default_rng(seed)
    length = (1 - generator.random(modes)) ** (-1 / alpha)
    direction = generator.standard_normal((modes, inputs))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    vectors = np.rint(length[:, None] * direction).astype(np.int64)
    amplitudes = generator.standard_normal(modes) * np.where(generator.random(modes) < 0.5, 1, 1j)
    varies = vectors.any(axis=1)
    if not varies.any():
        raise InputError(f"all {modes} waves are constant after rounding; take more modes or fewer inputs.")
    vectors, amplitudes = vectors[varies], amplitudes[varies]
    leading = np.take_along_axis(vectors, (vectors != 0).argmax(axis=1)[:, None], axis=1)[:, 0]
    vectors = vectors * np.sign(leading)[:, None]
    amplitudes = np.where(leading < 0, amplitudes.conj(), amplitudes)  # cos(-t + phase) = cos(t - phase)
    distinct, place = np.unique(vectors, axis=0, return_inverse=True)
    merged = np.zeros(len(distinct), dtype=complex)
    np.add.at(merged, place.reshape(-1), amplitudes)
    return distinct, merged / np.linalg.norm(merged)

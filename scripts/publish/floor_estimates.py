"""Hold each stated irreducible loss against an estimate that takes another way.

    python -m onecurve.scripts.publish.floor_estimates [NAME...]

Prints a row a data set: the floor on its test set, the floor over all data with their z, an estimate from examples of
a training stream with the z between it and the floor over all data, and how it was made. Half a minute on one core.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import sys
from functools import singledispatch

import numpy as np
import torch
from numpy.typing import NDArray

from ...datasets.algorithmic import ModularAddition, SparseParity
from ...datasets.dataset import DATASETS
from ...datasets.floor import KnownFloor
from ...datasets.hierarchy import RandomHierarchy
from ...datasets.language import HiddenMarkovText, MarkovText
from ...datasets.letters import LettersInNoise
from ...datasets.manifold_images import ManifoldImages
from ...datasets.mixtures import GaussianMixture
from ...datasets.solvable import HalfSpace, LinearModes, PeakedSoftmax, PointPairs
from ...datasets.synthetic import FourierTeacher, PowerLawRegression
from ...datasets.teachers import ManifoldTeacher, NoisyFourier, NoisyTeacher
from ...errors import InputError

SEED = 11
EXAMPLES = 20_000
SEARCHED = 256  # examples that tell which bits count
_POOL = {"pool": 2**14}  # the floor does not depend on it, and a million take a minute to make
VARIANTS: tuple[tuple[str, dict[str, int]], ...] = (
    *((name, _POOL) for name in ("fourier", "manifold-teacher", "manifold-images", "noisy-fourier")),
    ("power-law-regression", {}),
    ("power-law-regression", {"test_size": 4096}),
    ("noisy-teacher", {}),
    ("gaussian-mixture", {}),
    ("letters-in-noise", {}),
    ("markov-text", {"order": 1}),
    ("markov-text", {"order": 2}),
    *((name, {}) for name in ("hidden-markov-text", "random-hierarchy", "sparse-parity", "modular-addition")),
    *((name, {}) for name in ("linear-modes", "point-pairs", "peaked-softmax", "half-space")),
)


@dataclasses.dataclass(frozen=True)
class FloorEstimate:
    """An estimate of an irreducible loss with its standard error, 0 where chance has no part, and how it was made."""

    value: float
    se: float
    way: str

    def z(self, data: KnownFloor) -> float | None:
        """How far it lies from the floor over all data, in standard errors; None where neither is subject to chance."""
        error = math.hypot(self.se, data.population_loss_se)
        return (self.value - data.population_loss) / error if error else None


@singledispatch
def estimate(data: KnownFloor) -> FloorEstimate:
    """Estimate the irreducible loss from what a training stream gives."""
    raise TypeError(f"no second way to the floor of {data.name} is known here")


@estimate.register
def _(data: FourierTeacher) -> FloorEstimate:
    inputs, targets = data.stream(SEED).batch(0, min(4096, data.pool_size or 4096))
    return _against_waves(data, inputs.numpy(), targets[:, 0].numpy(), "what float64 waves at the inputs leave")


@estimate.register
def _(data: ManifoldTeacher) -> FloorEstimate:
    return _undone(data)


@estimate.register
def _(data: ManifoldImages) -> FloorEstimate:
    return _undone(data)


def _undone(data: ManifoldTeacher | ManifoldImages) -> FloorEstimate:
    size = min(4096, data.pool_size or 4096)
    inputs, targets = data.stream(SEED).batch(0, size)
    inputs = inputs.flatten(1)
    teacher = data.teacher if isinstance(data, ManifoldTeacher) else data.teacher.teacher
    assert isinstance(teacher, FourierTeacher)
    points, _ = teacher.stream(SEED).batch(0, size)
    back = torch.linalg.lstsq(inputs[: size // 2].double(), points[: size // 2].double()).solution
    found = (inputs[size // 2 :].double() @ back).numpy()
    return _against_waves(teacher, found, targets[size // 2 :, 0].numpy(), "waves where a linear map puts the inputs")


def _against_waves(teacher: FourierTeacher, points: NDArray, targets: NDArray, way: str) -> FloorEstimate:
    vectors, amplitudes = teacher.waves
    parts = [part.astype(float) for part in np.array_split(points, 16)]  # all waves at once would be a large matrix
    waves = np.concatenate([np.exp(2j * np.pi * part @ vectors.T) @ amplitudes for part in parts])
    exact = math.sqrt(2) * np.real(waves)
    return FloorEstimate(float(np.mean((targets - exact) ** 2)), 0.0, way)


@estimate.register
def _(data: NoisyFourier) -> FloorEstimate:
    if data.pool_size is None:
        raise InputError("an unlimited pool is never seen twice; give a number")
    passes = []
    for step in range(2):  # each input is seen twice, with noise of its own
        inputs, targets = data.stream(SEED).batch(step, data.pool_size)
        passes.append(targets[:, 0].double().numpy()[np.lexsort(inputs.numpy().T)])
    return _mean((passes[0] - passes[1]) ** 2 / 2, "half the squared difference of two visits to an input")


@estimate.register
def _(data: PowerLawRegression) -> FloorEstimate:
    """Least squares, less what the features beyond hide where the floor is that of a ladder."""
    inputs, targets = (part.double().numpy() for part in data.stream(SEED).batch(0, EXAMPLES))
    seen = data.features if data.test_size else data.features // 2
    left = np.linalg.lstsq(inputs[:, :seen], targets, rcond=None)[1][0] / (EXAMPLES - seen)
    se = left * math.sqrt(2 / (EXAMPLES - seen))
    if data.test_size:
        return FloorEstimate(left, se, f"least squares on {EXAMPLES:,} examples")
    far = 10**6  # the sum beyond is an integral but for a share of 1e-6
    hidden = (np.arange(seen + 1.0, far) ** -data.b).sum() + (far - 0.5) ** (1 - data.b) / (data.b - 1)
    return FloorEstimate(left - hidden, se, f"least squares on {seen} features, less the sum over those beyond")


@estimate.register
def _(data: NoisyTeacher) -> FloorEstimate:
    inputs, labels = data.stream(SEED).batch(0, EXAMPLES)
    return _mean(_surprise(data.posterior(inputs), labels), "drawn labels under their probabilities")


@estimate.register
def _(data: GaussianMixture) -> FloorEstimate:
    inputs, labels = data.stream(SEED).batch(0, EXAMPLES)
    spread = torch.from_numpy(np.sqrt(data.variances))
    centres = (torch.from_numpy(data.centres) / spread).float()
    density = torch.cdist((inputs / spread).float(), centres).double().square().div(-2).exp()
    truth = density.view(len(inputs), data.classes, -1).sum(-1)
    return _mean(_surprise(truth / truth.sum(1, keepdim=True), labels), "drawn labels under the clusters' densities")


@estimate.register
def _(data: LettersInNoise) -> FloorEstimate:
    images, labels = data.stream(SEED).batch(0, EXAMPLES)
    clean = data.clean.flatten(0, 1).double()
    truth = torch.zeros(EXAMPLES, data.classes, dtype=torch.float64)
    for part in torch.arange(EXAMPLES).split(1000):
        apart = torch.cdist(images[part].flatten(1).double() * data.scale, clean) / data.noise
        nearest = apart.min(1, keepdim=True).values
        truth[part] = (nearest.square() - apart.square()).div(2).exp().view(len(part), data.classes, -1).sum(-1)
    return _mean(_surprise(truth / truth.sum(1, keepdim=True), labels), "drawn labels under distances to clean images")


@estimate.register
def _(data: MarkovText) -> FloorEstimate:
    """The entropy of counted contexts, without the bias of counting (Miller and Madow)."""
    inputs, targets = (part.numpy() for part in data.stream(SEED).batch(0, EXAMPLES))
    size, first = data.vocabulary, data.order - 1
    following = targets[:, first:]
    contexts = np.zeros_like(following)
    for place in range(data.order):  # the oldest token first
        contexts = contexts * size + inputs[:, place : place + following.shape[1]]
    counts = np.zeros((size**data.order, size))
    np.add.at(counts, (contexts, following), 1)
    each = -np.log(counts[contexts, following] / counts.sum(1)[contexts]).mean(1)
    free = (counts > 0).sum() - (counts.sum(1) > 0).sum()
    found = _mean(each, f"counts in {EXAMPLES:,} windows, less their bias")
    return dataclasses.replace(found, value=found.value + free / (2 * counts.sum()))


@estimate.register
def _(data: HiddenMarkovText) -> FloorEstimate:
    inputs, targets = data.stream(SEED).batch(0, EXAMPLES)
    half = data.length // 2
    each = _surprise(data.predictions(inputs), targets)[:, half:].mean(1)
    return _mean(each, "drawn tokens under the forward algorithm")


@estimate.register
def _(data: RandomHierarchy) -> FloorEstimate:
    inputs, labels = data.stream(SEED).batch(0, EXAMPLES)
    row = inputs.view(len(inputs), -1, data.symbols).argmax(-1).numpy()
    powers = data.symbols ** np.arange(data.branching)
    for rule in data.rules[::-1]:  # a parser, from the visible symbols up
        heads = np.full(data.symbols**data.branching, -1)
        heads[rule @ powers] = np.arange(len(rule))[:, None]
        row = heads[row.reshape(len(row), -1, data.branching) @ powers]
    return _told(row[:, 0], labels.numpy(), data.classes, "a parser")


@estimate.register
def _(data: SparseParity) -> FloorEstimate:
    inputs, labels = (part.numpy() for part in data.stream(SEED).batch(0, EXAMPLES))
    subsets = np.array(list(itertools.combinations(range(data.bits), data.relevant)))
    odd = (inputs > 0).astype(np.int8)
    agree = (odd[:SEARCHED, subsets].sum(-1) % 2 == labels[:SEARCHED, None]).mean(0)
    found = odd[:, subsets[agree.argmax()]].sum(1) % 2
    return _told(found, labels, 2, f"the parity that fits {SEARCHED} examples")


@estimate.register
def _(data: ModularAddition) -> FloorEstimate:
    inputs, labels = data.stream(SEED).batch(0, data.pool_size)
    pairs = inputs.view(-1, 2, data.modulus).argmax(-1)
    return _told((pairs.sum(1) % data.modulus).numpy(), labels.numpy(), data.modulus, "sums")


@estimate.register
def _(data: LinearModes | PointPairs) -> FloorEstimate:
    inputs, targets = (part.double().numpy() for part in data.stream(SEED).batch(0, EXAMPLES))
    left = targets - inputs @ np.linalg.lstsq(inputs, targets, rcond=None)[0]
    return FloorEstimate(float(np.mean(left**2)), 0.0, f"least squares on {EXAMPLES:,} examples")


@estimate.register
def _(data: PeakedSoftmax) -> FloorEstimate:
    inputs, labels = (part.numpy() for part in data.stream(SEED).batch(0, EXAMPLES))
    return _told(np.argsort(inputs, axis=1)[:, -1], labels, data.inputs, "sorting")


@estimate.register
def _(data: HalfSpace) -> FloorEstimate:
    """A plane that separates the examples, by least squares with weights on the wrong ones."""
    inputs, labels = (part.double().numpy() for part in data.stream(SEED).batch(0, EXAMPLES))
    normal = np.linalg.lstsq(inputs, 2.0 * labels - 1, rcond=None)[0]
    signed = inputs * (2.0 * labels - 1)[:, None]
    while (wrong := signed @ normal <= 0).any():
        normal += signed[wrong].mean(axis=0) / 100
    return _told((inputs @ normal > 0).astype(int), labels.astype(int), 2, "a separating plane")


def _told(found: NDArray, labels: NDArray, classes: int, rule: str) -> FloorEstimate:
    """What labels can hide from a rule that gives most of them (Fano): nothing where it gives all."""
    wrong = float(np.mean(found != labels))
    hidden = 0.0 if wrong in (0, 1) else -wrong * math.log(wrong) - (1 - wrong) * math.log(1 - wrong)
    way = f"{rule}: {np.sum(found != labels)} of {len(labels):,} wrong"
    return FloorEstimate(hidden + wrong * math.log(max(classes - 1, 1)), 0.0, way)


def _surprise(truth: torch.Tensor, labels: torch.Tensor) -> NDArray:
    return -truth.double().gather(-1, labels[..., None])[..., 0].log().numpy()


def _mean(each: NDArray, way: str) -> FloorEstimate:
    return FloorEstimate(float(each.mean()), float(each.std(ddof=1)) / math.sqrt(len(each)), way)


def row(data: KnownFloor, label: str) -> str:
    """One line of the table."""
    floor, other = data.floor(), estimate(data)
    numbers = [
        _with_error(floor.test, floor.se),
        _with_error(floor.population, floor.population_se),
        _number(floor.z),
        _with_error(other.value, other.se),
        _number(other.z(data)),
    ]
    return f"| {label} | {' | '.join(numbers)} | {other.way} |"


def _with_error(value: float, se: float) -> str:
    if se:
        return f"{value:.4f} +- {se:.4f}"
    return f"{value:.1g}" if abs(value) < 1e-4 else f"{value:.4f}"


def _number(z: float | None) -> str:
    return "-" if z is None else f"{z:.1f}"


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    print("| data set | floor on test | over all data | z | estimated | z | by |")
    print("|---|---|---|---|---|---|---|")
    for name, params in VARIANTS:
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        data = DATASETS.make(name, params)
        assert isinstance(data, KnownFloor)
        said = ", ".join(f"{key} {value}" for key, value in params.items() if key != "pool")
        print(row(data, f"{name} ({said})" if said else name), flush=True)


if __name__ == "__main__":
    main()

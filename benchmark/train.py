"""Train a pack: trials that differ in the seed alone become learning curves. Knows no Ray and no disk."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch

from ..architectures.family import FAMILIES, Family
from ..architectures.parametrization import initialise, multipliers
from ..datasets.dataset import DATASETS, Dataset, Stream, View, derived_seed
from ..datasets.subset import first_examples
from ..errors import InputError
from ..results.trials import TrialSpec, TrialStatus
from ..task import Ref
from .evaluation import Measurement, eval_steps, evaluate
from .optim import Optimizer, make_optimizer, schedule, set_rate
from .replicas import Replicas, Single, Stacked

PROTOCOL = "1"


@dataclasses.dataclass(kw_only=True)
class TrainedTrial:
    """One trial's curve while it grows, and how it ended.

    ``step``, ``test_loss``, ``test_accuracy`` and each of the ``observables`` have one entry an evaluation; seconds are
    the pack's, shared evenly. ``train_seconds`` has the updates with their data, ``data_seconds`` is that part of it,
    ``eval_seconds`` has the evaluations and the making of the test set.
    """

    spec: TrialSpec
    step: list[int] = dataclasses.field(default_factory=list)
    test_loss: list[float] = dataclasses.field(default_factory=list)
    test_accuracy: list[float] = dataclasses.field(default_factory=list)
    test_loss_se: float = 0.0
    observables: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    status: TrialStatus = "ok"
    reason: str | None = None
    train_seconds: float = 0.0
    eval_seconds: float = 0.0
    data_seconds: float = 0.0

    @property
    def last_step(self) -> int | None:
        """The last step with a finite loss."""
        return self.step[-1] if self.step else None


def train(pack: Sequence[TrialSpec], *, threads: int = 1, views: bool = False) -> list[TrainedTrial]:
    """Train trials that differ in nothing but the seed.

    A packed pack trains as one batched model, any other one trial after the other. The curves are a function of the
    specs and of the number of threads: torch's thread count, default type and determinism are set here and restored,
    and no generator is left changed.

    Parameters
    ----------
    pack : the trials; all of one cell.
    threads : torch threads.
    views : whether to record the data set's clock-free views, too; they change no curve.

    Returns
    -------
    list of TrainedTrial
        In the order of the specs. A trial whose loss stops being finite is ``diverged`` and ends there; the others of
        its pack go on, untouched.
    """
    first = pack[0]
    family, dataset = family_of(first), dataset_of(first)
    with torch_settings(threads):
        if first.packed:
            # One replica alone takes other kernels than two, so it is given company.
            padded = pack if len(pack) > 1 else [first, first]
            models = [_initialise(family, dataset, spec) for spec in padded]
            return _train(padded, family, dataset, Stacked(models, dataset.task), views)[: len(pack)]
        return [
            _train([spec], family, dataset, Single(_initialise(family, dataset, spec), dataset.task), views)[0]
            for spec in pack
        ]


def family_of(spec: TrialSpec) -> Family:
    """The family that a trial names; refuses one whose version is not the stored one."""
    content = {"content": spec.family.content} if spec.family.content else {}
    family = FAMILIES.make(spec.family.name, {**spec.family.params, **content})
    _same_version("family", spec.family, family.version)
    return family


def dataset_of(spec: TrialSpec) -> Dataset:
    """The data set that a trial names; refuses one whose version is not the stored one."""
    dataset = DATASETS.make(spec.dataset.name, spec.dataset.params)
    _same_version("data set", spec.dataset, dataset.version)
    return dataset


def _train(
    pack: Sequence[TrialSpec], family: Family, dataset: Dataset, replicas: Replicas, views: bool
) -> list[TrainedTrial]:
    spec = pack[0]
    trials = [TrainedTrial(spec=each) for each in pack]
    factors = _multipliers(family, dataset, spec)
    rate_factors = {name: factor.lr for name, factor in factors.items()}
    optimizer = make_optimizer(spec.optimizer, replicas.named_parameters(), rate_factors, packed=spec.packed)
    rates = schedule(spec.schedule, spec.horizon_steps, spec.warmup_fraction) * spec.peak_lr
    began = time.perf_counter()
    streams = [_stream(dataset, each) for each in pack]
    making = time.perf_counter() - began
    test = _as_precision(dataset.test_set(), spec.precision)
    view = dataset.views(test) if views else None
    due = set(eval_steps(spec.eval_grid, spec.horizon_steps, spec.warmup_fraction))
    evaluating = time.perf_counter() - began - making
    for step in range(spec.horizon_steps + 1):
        if step in due:
            before = time.perf_counter()
            if test.affine_only:
                check_affine(replicas.predict, family, dataset, test.inputs.dtype)
            _record(trials, step, evaluate(replicas.predict, dataset.task, test, view), view)
            evaluating += time.perf_counter() - before
            if all(trial.status != "ok" for trial in trials):
                break
        if step < spec.horizon_steps:
            before = time.perf_counter()
            batch = _batch(streams, step, spec)
            making += time.perf_counter() - before
            _update(replicas, optimizer, rates[step], *batch)
    total = time.perf_counter() - began
    for trial in trials:
        trial.eval_seconds, trial.train_seconds = evaluating / len(pack), (total - evaluating) / len(pack)
        trial.data_seconds = making / len(pack)
    return trials


def _stream(dataset: Dataset, spec: TrialSpec) -> Stream:
    if spec.train_size is None:
        return dataset.stream(spec.seed)
    return first_examples(dataset, spec.seed, spec.train_size)


def check_affine(
    predict: Callable[[torch.Tensor], torch.Tensor], family: Family, dataset: Dataset, dtype: torch.dtype
) -> None:
    """Refuse a network that is not affine in its input where the test loss is a formula for affine ones."""
    there = torch.randn((1, *dataset.task.shape), generator=torch.Generator().manual_seed(0), dtype=dtype)
    with torch.no_grad():
        left, right = predict(there) + predict(-there), 2 * predict(torch.zeros_like(there))
    finite = torch.isfinite(left) & torch.isfinite(right)  # a replica that diverged is none of its neighbours' business
    if not torch.allclose(left[finite], right[finite], rtol=1e-3, atol=1e-4):
        raise InputError(
            f"the test loss of {dataset.name!r} is a formula for networks that are affine in their input, and family "
            f"{family.name!r} is not; write the data set as {{name: {dataset.name}, test_size: 4096}}"
        )


def _batch(streams: Sequence[Stream], step: int, spec: TrialSpec) -> tuple[torch.Tensor, torch.Tensor]:
    batches = [stream.batch(step, spec.batch_size) for stream in streams]
    inputs = torch.stack([x for x, _ in batches])
    targets = torch.stack([y for _, y in batches])
    if spec.precision == "float64":
        inputs, targets = _double(inputs), _double(targets)
    return inputs, targets


def _update(replicas: Replicas, optimizer: Optimizer, rate: float, inputs: torch.Tensor, targets: torch.Tensor) -> None:
    set_rate(optimizer, float(rate))
    optimizer.zero_grad()
    replicas.losses(inputs, targets).sum().backward()
    optimizer.step()


def _record(trials: Sequence[TrainedTrial], step: int, measured: Measurement, view: View | None) -> None:
    for i, trial in enumerate(trials):
        if trial.status != "ok":
            continue
        if not np.isfinite(measured.loss[i]):
            trial.status = "diverged"
            trial.reason = f"test loss {measured.loss[i]} at step {step} of {trial.spec.horizon_steps}"
            continue
        trial.step.append(step)
        trial.test_loss.append(float(measured.loss[i]))
        trial.test_loss_se = float(measured.loss_se[i])
        if measured.accuracy is not None:
            trial.test_accuracy.append(float(measured.accuracy[i]))
        for name, value in zip(view.names if view else (), measured.observables[i], strict=True):
            trial.observables.setdefault(name, []).append(float(value))


def _initialise(family: Family, dataset: Dataset, spec: TrialSpec) -> torch.nn.Module:
    model = initialise(
        family,
        spec.rung,
        dataset.task,
        seed=derived_seed("initialisation", spec.seed),
        parametrization=spec.parametrization.name,
        optimizer=spec.optimizer.name,
    )
    return model.to(torch.float64) if spec.precision == "float64" else model


def _multipliers(family: Family, dataset: Dataset, spec: TrialSpec):
    return multipliers(
        family, spec.rung, dataset.task, parametrization=spec.parametrization.name, optimizer=spec.optimizer.name
    )


def _same_version(kind: str, stored: Ref, version: str) -> None:
    if stored.version != version:
        raise InputError(
            f"{kind} {stored.name!r} is at version {version} here, the trial was made with {stored.version}"
        )


def _as_precision(test, precision: str):
    if precision == "float32":
        return test
    return dataclasses.replace(test, inputs=_double(test.inputs), targets=_double(test.targets))


def _double(values: torch.Tensor) -> torch.Tensor:
    return values.double() if values.is_floating_point() else values


@contextlib.contextmanager
def torch_settings(threads: int = 1) -> Iterator[None]:
    """What torch keeps globally, set for one pack and put back: workers are reused."""
    before = (torch.get_num_threads(), torch.get_default_dtype(), torch.get_deterministic_debug_mode())
    torch.set_num_threads(threads)
    torch.set_default_dtype(torch.float32)  # networks are drawn in float32 and widened, so both precisions start equal
    # What use_deterministic_algorithms does, but for its import of torch's compiler, which takes seconds.
    torch.set_deterministic_debug_mode("error")
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.set_default_dtype(before[1])
        torch.set_deterministic_debug_mode(before[2])

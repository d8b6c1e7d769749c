"""Train a pack: trials that share a network's shape and its data become learning curves. Knows no Ray and no disk."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Iterator, Sequence

import torch

from ..architectures.family import FAMILIES, Family
from ..architectures.parametrization import initialise
from ..datasets.dataset import DATASETS, Dataset, derived_seed
from ..errors import InputError
from ..results.trials import TrialSpec
from ..task import Ref
from .checkpoint import Keeper, Nowhere, State
from .devices import BRANCHES, CPU, Device, captured, side_by_side, torch_settings
from .lane import Lane, TrainedTrial
from .observables.observable import Observable
from .optimisers.optimiser import optimiser_of

PROTOCOL = "1"

_NOWHERE = Nowhere()

# What trials of one pack may differ in: all else decides shapes, data or arithmetic.
MAY_DIFFER = ("seed", "peak_lr", "schedule", "warmup_fraction", "horizon_rule", "horizon_steps")


def train(
    pack: Sequence[TrialSpec],
    *,
    threads: int = 1,
    record: Sequence[Observable] = (),
    device: Device = CPU,
    replicas: int = 0,
    keeper: Keeper = _NOWHERE,
) -> list[TrainedTrial]:
    """Train trials that differ in nothing but seed, peak rate, schedule, warmup and horizon.

    A packed pack trains as one batched model. Any other trains one trial after the other on a processor; on a GPU,
    networks that do not pack are branches of one graph, each with the kernels that it has alone. The curves are a
    function of the specs, the device's kind and the number of threads: what torch keeps globally is set here and
    restored, and no generator is left changed.

    Parameters
    ----------
    pack : the trials.
    threads : torch threads.
    record : what to measure beside the loss; it changes no curve.
    device : where to train.
    replicas : networks in the batched model, which is filled up with copies of the first: on a GPU a network's bits
        depend on how many there are. 0 for as many as there are trials, at least 2. Of networks that do not pack, how
        many are branches of one graph, which changes no bits; 0 for `devices.BRANCHES`.
    keeper : asked along the updates whether the state is wanted, and before the first whether there is one.

    Returns
    -------
    list of TrainedTrial
        In the order of the specs. A trial whose loss stops being finite is ``diverged`` and ends there; the others of
        its pack go on, untouched.

    Raises
    ------
    InputError
        Trials that do not belong into one pack, a precision that the device lacks.
    """
    first = pack[0]
    _check_alike(pack)
    device.check(first.precision)
    family, dataset = family_of(first), dataset_of(first)
    make = Lanes(family, dataset, record, device)
    with torch_settings(threads, first.precision):
        if first.packed:
            # One replica alone takes other kernels than two, so it is given company.
            size = max(replicas, len(pack), 2)
            trials = run_lanes([make([*pack, *[first] * (size - len(pack))])], device, keeper)[: len(pack)]
        else:
            beside = 1 if device.kind == "cpu" else replicas or BRANCHES
            parts = [pack[start : start + beside] for start in range(0, len(pack), beside)]
            trials = [trial for part in parts for trial in run_lanes(make.beside(part), device, keeper)]
        device.release()
    return trials


@dataclasses.dataclass(frozen=True)
class Lanes:
    """Makes lanes of one family on one data set."""

    family: Family
    dataset: Dataset
    record: Sequence[Observable]
    device: Device

    def __call__(self, specs: Sequence[TrialSpec], updates: int = 0) -> Lane:
        models = [_initialise(self.family, self.dataset, spec) for spec in specs]
        return Lane(specs, models, self.family, self.dataset, self.record, self.device, updates)

    def beside(self, specs: Sequence[TrialSpec]) -> list[Lane]:
        """A lane each. They are updated together, so each goes on until the last has ended."""
        longest = max(spec.horizon_steps for spec in specs)
        return [self([spec], longest) for spec in specs]


def run_lanes(
    lanes: Sequence[Lane], device: Device, keeper: Keeper = _NOWHERE, state: State | None = None
) -> list[TrainedTrial]:
    """Train lanes beside each other: updates between evaluations, evaluations where one of their trials is due.

    Parameters
    ----------
    keeper : as for `train`.
    state : to go on from; None for what the keeper has.
    """
    began, specs = time.perf_counter(), [trial.spec for lane in lanes for trial in lane.trials]
    state = state or keeper.begins(specs, device) or State.before(specs)
    for lane in lanes:
        lane.foresee(keeper.foreseen)
        lane.settle()
    updates = [lane.update for lane in lanes]
    work = captured(side_by_side(updates, device), updates, device)
    for lane in lanes:
        lane.reached(0)
    for lane, before in zip(lanes, state.lanes, strict=False):  # a state from before has no lanes
        lane.put_back(before, state.across)
    spent = _Spent(began - state.training - state.evaluating, state.evaluating)
    done, evaluated = state.updates, state.evaluated

    def now() -> State:
        reached = {"updates": done, "evaluated": evaluated, "lanes": [lane.taken() for lane in lanes]}
        return dataclasses.replace(state, **reached, training=spent.training, evaluating=spent.evaluating)

    for stop in sorted(step for step in set().union(*(lane.due for lane in lanes)) if step > state.evaluated):
        while done < stop:
            held = min(stop - done, *(lane.load() for lane in lanes))
            for _ in range(held):
                work()
                done += 1
                if keeper.due(done):
                    _reached(lanes, done)
                    keeper.keep(now())
            _reached(lanes, done)
        device.synchronise()
        with spent.evaluation():
            for lane in lanes:
                lane.evaluate(stop)
        evaluated = stop
        if all(lane.ended for lane in lanes):
            break
    if any(lane.foresees for lane in lanes):
        keeper.ended(now())
    for lane in lanes:
        lane.share(spent.training / len(lanes), spent.evaluating / len(lanes))
        lane.forget()
    return [trial for lane in lanes for trial in lane.trials]


def _reached(lanes: Sequence[Lane], updates: int) -> None:
    for lane in lanes:
        lane.reached(updates)


@dataclasses.dataclass
class _Spent:
    """Seconds since a beginning: those of evaluations, and the others."""

    began: float
    evaluating: float

    @property
    def training(self) -> float:
        return time.perf_counter() - self.began - self.evaluating

    @contextlib.contextmanager
    def evaluation(self) -> Iterator[None]:
        """Evaluations are made inside."""
        before = time.perf_counter()
        yield
        self.evaluating += time.perf_counter() - before


def _check_alike(pack: Sequence[TrialSpec]) -> None:
    def shared(spec: TrialSpec) -> dict[str, object]:
        return {name: value for name, value in spec.to_dict().items() if name not in MAY_DIFFER}

    first = shared(pack[0])
    for spec in pack[1:]:
        other = [name for name, value in shared(spec).items() if value != first[name]]
        if other:
            raise InputError(f"trials of one pack share all but {', '.join(MAY_DIFFER)}; these differ in {other[0]}")


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


def _initialise(family: Family, dataset: Dataset, spec: TrialSpec) -> torch.nn.Module:
    model = initialise(
        family,
        spec.rung,
        dataset.task,
        seed=derived_seed("initialisation", spec.seed),
        parametrization=spec.parametrization.name,
        optimizer=optimiser_of(spec.optimizer).exponents,
    )
    return model.to(torch.float64) if spec.precision == "float64" else model


def _same_version(kind: str, stored: Ref, version: str) -> None:
    if stored.version != version:
        raise InputError(
            f"{kind} {stored.name!r} is at version {version} here, the trial was made with {stored.version}"
        )

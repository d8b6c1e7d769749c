"""Networks that are updated together, from their first weights to their curves."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..architectures.family import Family
from ..datasets.dataset import Dataset, Stream, TestSet
from ..datasets.feed import Feed
from ..datasets.subset import first_examples
from ..errors import InputError
from ..results.trials import TrialSpec, TrialStatus
from .checkpoint import LaneState
from .devices import WARM_UPS, Device
from .evaluation import Measurement, Recorder, eval_steps
from .observables.observable import Observable, Readout
from .optimisers.optimiser import optimiser_of
from .replicas import Replicas, Single, Stacked
from .update import FromFeed, update_of
from .update_clock import rate_table

_CURVES = ("step", "test_loss", "test_accuracy", "test_loss_se", "observables", "grams", "seconds", "status", "reason")
_LOOKS = 3  # evaluations at which a network is looked at: the first weights may be zeros, which are affine, too


@dataclasses.dataclass(kw_only=True)
class TrainedTrial:
    """One trial's curves while they grow, and how it ended.

    ``step``, ``test_loss``, ``test_accuracy`` and each of the ``observables`` have one entry an evaluation, None where
    an observable was not due or has no finite value; ``grams`` has those that were due, in their order. Seconds are the
    pack's, shared evenly: ``seconds`` those of each observable, which ``measured`` says of the table with the names and
    scales of its values. ``train_seconds`` has the updates with their data, ``data_seconds`` is that part of it,
    ``eval_seconds`` has the evaluations and the making of the test set. ``resumed`` says on what else it trained
    before, if it went on where bits are not kept.
    """

    spec: TrialSpec
    step: list[int] = dataclasses.field(default_factory=list)
    test_loss: list[float] = dataclasses.field(default_factory=list)
    test_accuracy: list[float | None] = dataclasses.field(default_factory=list)
    test_loss_se: float = 0.0
    observables: dict[str, list[float | None]] = dataclasses.field(default_factory=dict)
    grams: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    seconds: dict[str, float] = dataclasses.field(default_factory=dict)
    recorded: list[str] = dataclasses.field(default_factory=list)
    measured: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    status: TrialStatus = "ok"
    reason: str | None = None
    train_seconds: float = 0.0
    eval_seconds: float = 0.0
    data_seconds: float = 0.0
    device: Device | None = None
    replicas: int = 1
    resumed: str | None = None

    @property
    def last_step(self) -> int | None:
        """The last step with a finite loss."""
        return self.step[-1] if self.step else None


class Lane:
    """R trials whose networks are updated together: stacked, or one alone.

    Parameters
    ----------
    specs : the trials; they differ in what a pack's trials may.
    models : their networks, as they start.
    family, dataset, record, device : what they are, what is measured, and where.
    updates : how many there may be, where that is more than the trials' own: of lanes that are updated together.

    Attributes
    ----------
    trials : the curves so far.
    update : one update of all of them.
    due : steps at which one of them is evaluated.
    """

    def __init__(
        self,
        specs: Sequence[TrialSpec],
        models: Sequence[nn.Module],
        family: Family,
        dataset: Dataset,
        record: Sequence[Observable],
        device: Device,
        updates: int = 0,
    ) -> None:
        spec = specs[0]
        updates = max(updates, *(each.horizon_steps for each in specs), WARM_UPS + 1 if device.kind == "cuda" else 0)
        self.trials = [TrainedTrial(spec=each, device=device, replicas=len(specs)) for each in specs]
        self._steps = [set(eval_steps(each.eval_grid, each.horizon_steps, each.warmup_fraction)) for each in specs]
        self._foreseen: list[set[int]] = [set() for _ in specs]
        self.due = set().union(*self._steps)
        self._feed = Feed(
            dataset,
            [_stream(dataset, each) for each in specs],
            spec.batch_size,
            updates + 1,  # observables may look at the batch that would come next
            device.place,
            dtype=torch.float64 if spec.precision == "float64" else None,
        )
        self.update = update_of(
            family,
            spec.rung,
            _replicas(spec, models, dataset, device),
            FromFeed(self._feed, replayed=device.kind == "cuda"),
            optimiser=optimiser_of(spec.optimizer),
            rates=rate_table(specs, updates),
            parametrization=spec.parametrization.name,
            accumulate=spec.accumulate,
            seed=spec.seed,
        )
        self._family, self._dataset, self._record = family, dataset, record
        self._test = _on(dataset.test_set(), spec.precision, device)
        self._recorder = Recorder(record, self.update, family, dataset, self._test, device)
        self._unchecked = _LOOKS if self._test.affine_only else 0
        self._before = 0.0  # seconds for data before a state was put back

    @property
    def ended(self) -> bool:
        """Whether no trial goes on."""
        return all(trial.status != "ok" for trial in self.trials)

    @property
    def foresees(self) -> bool:
        """Whether longer runs may go on from here."""
        return any(self._foreseen)

    def foresee(self, steps_of: Callable[[TrialSpec], Collection[int]]) -> None:
        """Evaluate at more steps than the trials' own, for longer runs that go on from here; `forget` leaves them out.

        Only where all that is recorded is measured at each evaluation: `every` counts a trial's own ones.
        """
        if any(each.every > 1 for each in self._recorder.record):
            return
        self._foreseen = [set(steps_of(trial.spec)) for trial in self.trials]
        self.due = self.due.union(*self._foreseen)

    def forget(self) -> None:
        """Leave each trial the evaluations of its own length."""
        for trial, own in zip(self.trials, self._steps, strict=True):
            curves: list[list[Any]] = [trial.test_loss, trial.test_accuracy, *trial.observables.values(), trial.step]
            for curve in curves:  # the accuracy has no entries where there are no classes
                curve[:] = [value for value, step in zip(curve, trial.step, strict=False) if step in own]

    def load(self) -> int:
        """Make the next examples resident; for how many updates they last."""
        return self._feed.load(self.update.clock.number)

    def settle(self) -> None:
        """Load what the first updates need, and let nothing else be made meanwhile: a graph is to be captured."""
        self.load()
        self._feed.settle()

    def reached(self, step: int) -> None:
        """So many updates were made, by calls or by a graph's replays."""
        self.update.clock.number = step

    def taken(self) -> LaneState:
        """A copy of the state, from which a lane of the same trials goes on bit for bit."""
        curves = [{name: copy.deepcopy(getattr(trial, name)) for name in _CURVES} for trial in self.trials]
        return LaneState(tensors=self.update.taken(), trials=curves, data_seconds=self._before + self._feed.seconds)

    def put_back(self, state: LaneState, resumed: str | None = None) -> None:
        """Take in what `taken` gave, of a lane of as many trials.

        Raises
        ------
        ValueError
            The state of other networks, another optimiser or other followers.
        """
        self.update.put_back(state.tensors)
        self._before = state.data_seconds
        for trial, curves in zip(self.trials, state.trials, strict=True):
            trial.resumed = resumed
            for name, value in curves.items():
                setattr(trial, name, copy.deepcopy(value))

    def evaluate(self, step: int) -> None:
        """Measure the trials that are due at this step."""
        wanted_by = [own | more for own, more in zip(self._steps, self._foreseen, strict=True)]
        due = [i for i, steps in enumerate(wanted_by) if step in steps and self.trials[i].status == "ok"]
        if not due:
            return
        if self._unchecked:
            self._unchecked -= 1
            check_affine(self.update.replicas, self._family, self._dataset, self._test)
        asked = {i: self._asked(self.trials[i], step) for i in due}
        wanted = set().union(*asked.values())
        if not all(isinstance(each, Readout) for each in wanted):
            self.load()  # they may look at the next batch, which a device has only after it was loaded
        measured = self._recorder.measure(wanted)
        for trial in self.trials:
            for each, seconds in measured.seconds.items():
                trial.seconds[each.label] = trial.seconds.get(each.label, 0.0) + seconds / len(self.trials)
        for i in due:
            self._note(self.trials[i], i, step, measured, asked[i])

    def seconds_of_observables(self, clock: Callable[[], float]) -> dict[Observable, float]:
        """Measure all of them once, for nothing but the time that each takes by a clock."""
        self._recorder.clock = clock
        return self._recorder.measure(self._recorder.record).seconds

    def _asked(self, trial: TrainedTrial, step: int) -> set[Observable]:
        """What is measured at this evaluation of a trial: by its own count, whoever trains beside it."""
        last = step == trial.spec.horizon_steps
        return {each for each in self._recorder.record if last or len(trial.step) % each.every == 0}

    def share(self, training: float, evaluating: float) -> None:
        """Give each trial its part of the seconds, and say what was recorded."""
        for trial in self.trials:
            trial.train_seconds, trial.eval_seconds = training / len(self.trials), evaluating / len(self.trials)
            trial.data_seconds = (self._before + self._feed.seconds) / len(self.trials)
            trial.recorded = [each.label for each in self._record if each.label not in self._recorder.trouble]
            trial.measured = [
                {"label": each.label, "names": list(names), "scales": [each.scale_of(name) for name in names]}
                | {"seconds": trial.seconds.get(each.label, 0.0)}
                for each, names in self._recorder.names.items()
                if each.label not in self._recorder.trouble
            ]
            if trial.reason is None and self._recorder.trouble:
                told = (f"{label} was not recorded: {why}" for label, why in self._recorder.trouble.items())
                trial.reason = "; ".join(told)

    def _note(self, trial: TrainedTrial, place: int, step: int, measured: Measurement, asked: set[Observable]) -> None:
        loss = measured.loss[place]
        if not np.isfinite(loss):
            if step not in self._steps[place]:  # the trial's own evaluations alone say how it ended
                return
            trial.status = "diverged"
            trial.reason = f"test loss {loss} at step {step} of {trial.spec.horizon_steps}"
            return
        trial.step.append(step)
        trial.test_loss.append(float(loss))
        trial.test_loss_se = float(measured.loss_se[place])
        trial.grams += [{**record, "step": step} for record in measured.grams[place]]
        for observable in self._recorder.record:
            found = measured.values.get(observable) if observable in asked else None
            for k, name in enumerate(self._recorder.names[observable]):
                value = float(found[place, k]) if found is not None else math.nan
                curve = trial.test_accuracy if name == "test_accuracy" else trial.observables.setdefault(name, [])
                curve.append(value if math.isfinite(value) else None)


def _replicas(spec: TrialSpec, models: Sequence[nn.Module], dataset: Dataset, device: Device) -> Replicas:
    narrow = torch.bfloat16 if spec.precision == "bf16" else None
    if spec.packed:
        return Stacked(models, dataset.task, device.place, narrow)
    return Single(models[0], dataset.task, device.place, narrow)


def _stream(dataset: Dataset, spec: TrialSpec) -> Stream:
    if spec.train_size is None:
        return dataset.stream(spec.seed)
    return first_examples(dataset, spec.seed, spec.train_size)


def check_affine(replicas: Replicas, family: Family, dataset: Dataset, test: TestSet) -> None:
    """Refuse a network that is not affine in its input where the test loss is a formula for affine ones."""
    here = {"device": test.inputs.device, "dtype": test.inputs.dtype}
    drawn = torch.randn((1, *dataset.task.shape), generator=torch.Generator().manual_seed(0), dtype=test.inputs.dtype)
    there = drawn.to(**here)
    with torch.no_grad():
        left, right = replicas.predict(there) + replicas.predict(-there), 2 * replicas.predict(torch.zeros_like(there))
    finite = torch.isfinite(left) & torch.isfinite(right)  # a replica that diverged is none of its neighbours' business
    if not torch.allclose(left[finite], right[finite], rtol=1e-3, atol=1e-4):
        raise InputError(
            f"the test loss of {dataset.name!r} is a formula for networks that are affine in their input, and family "
            f"{family.name!r} is not; write the data set as {{name: {dataset.name}, test_size: 4096}}"
        )


def _on(test: TestSet, precision: str, device: Device) -> TestSet:
    """The test set on the device, in the precision of the trials."""
    wide = precision == "float64"

    def there(values: Tensor) -> Tensor:
        return (values.double() if wide and values.is_floating_point() else values).to(device.place)

    weights = test.weights.to(device.place) if test.weights is not None else None
    return dataclasses.replace(test, inputs=there(test.inputs), targets=there(test.targets), weights=weights)

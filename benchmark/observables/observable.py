"""What an observable is: numbers that are measured on the networks of a pack along their training."""

from __future__ import annotations

import dataclasses
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from ...architectures.family import Family
from ...catalogue import Catalogue
from ...datasets.dataset import Dataset, TestSet
from ...errors import InputError
from ...own_files import take_files
from ...results.quantity import Scale
from ..entry import Entry, entry_from
from ..replicas import Replicas
from ..update import Follower, Update

_COLUMNS = {"loss": "test_loss", "accuracy": "test_accuracy"}
# Input numbers that pass through a network at once. On a processor activations should stay in the cache; on a GPU a
# chunk should be large enough to hide its kernels' start, over all replicas.
_CACHE_NUMBERS, _GPU_NUMBERS = 2**15, 2**24


@dataclasses.dataclass(frozen=True, kw_only=True)
class Probe:
    """What an observable may look at beside the networks.

    Attributes
    ----------
    family, dataset : of the trials.
    test : the fixed test set, on the device and in the trials' precision.
    batch : gives the training examples of the next update, ``(R, batch, ...)`` each; after the last update, those that
        would come next.
    gradients : leaves the gradients of the next update's batch in the networks' parameters.
    followers : what each observable keeps along, where it does.
    step : updates done.
    update : of the networks, for what its optimiser does; whoever looks at it leaves it as it was.
    """

    family: Family
    dataset: Dataset
    test: TestSet
    batch: Callable[[], tuple[Tensor, Tensor]]
    gradients: Callable[[], None]
    followers: Mapping[Observable, Follower | None]
    step: int
    update: Update

    def outputs(self, replicas: Replicas, **weights: Any) -> Iterator[tuple[slice, Tensor, Tensor]]:
        """Rows, outputs ``(R, n, ...)`` and targets ``(R, n, ...)`` of the test set, chunk by chunk.

        ``weights`` may be a mapping that takes the place of the networks' parameters.
        """
        numbers = _CACHE_NUMBERS if self.test.inputs.device.type == "cpu" else _GPU_NUMBERS // replicas.count
        limit = 1024 if self.test.inputs.device.type == "cpu" else 2**16
        chunk = max(32, min(limit, numbers // self.dataset.task.n_inputs))
        for first in range(0, self.test.size, chunk):
            rows = slice(first, min(first + chunk, self.test.size))
            with torch.no_grad():
                outputs = replicas.predict(self.test.inputs[rows], **weights)
            targets = self.test.targets[rows]
            yield rows, outputs, targets.expand(replicas.count, *targets.shape)


class Unmeasurable(Exception):
    """Why an observable cannot be measured on these networks, in one clause. The other observables go on."""


@dataclasses.dataclass(frozen=True)
class Observable(Entry):
    """Numbers that are measured at evaluations. Subclass it as a frozen dataclass whose fields are its parameters.

    Measuring must change nothing: no weight, no buffer, no generator. It may not depend on how many replicas there are.

    Attributes
    ----------
    name : what users write under ``record`` in a sweep.
    names : what the table calls the values, in their order; see `names_on` where they depend on the data set, and
        `names_for` where they depend on the network.
    scale : on which `analyze` compares its curves: ``as-given`` for what falls towards a floor, ``as-loss`` where that
        floor is the irreducible loss, ``ratio`` for positive numbers without one, ``difference`` for what may change
        its sign. See `results.quantity`.
    summary : one line for lists.
    every : measured at each n-th evaluation, and at the last.
    """

    kind: ClassVar[str] = "observable"
    names: ClassVar[tuple[str, ...]] = ()
    scale: ClassVar[Scale] = "as-given"
    every: int = dataclasses.field(default=1, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.every < 1:
            raise self.refuse("every", "a whole number from 1")

    def names_on(self, dataset: Dataset) -> tuple[str, ...]:
        """What the table calls the values for a data set."""
        return self.names

    def names_for(self, replicas: Replicas, dataset: Dataset) -> tuple[str, ...]:
        """What the table calls the values of some networks, those of their layers among them."""
        return self.names_on(dataset)

    def scale_of(self, name: str) -> Scale:
        """The scale of one of its values."""
        return self.scale

    def misfit(self, family: Family, dataset: Dataset) -> str | None:
        """Why it cannot be measured there, in one clause, or None where it can."""
        return None

    def follower(self, replicas: Replicas) -> Follower | None:
        """What must be kept along from update to update, None where nothing is."""
        return None

    @abstractmethod
    def measure(self, replicas: Replicas, probe: Probe) -> Tensor:
        """The values of each network, ``(R, len(names))``, on the device of the networks; NaN for a missing one.

        Raises
        ------
        Unmeasurable
            Networks that it cannot be measured on, which `misfit` could not know.
        """

    @property
    def label(self) -> str:
        """Its name with the parameters that differ from their defaults, such as ``shells(every=4)``."""
        said = [
            f"{field.name}={getattr(self, field.name)}"
            for field in sorted(dataclasses.fields(self), key=lambda field: field.name)
            if getattr(self, field.name) != field.default
        ]
        return self.name + (f"({', '.join(said)})" if said else "")

    @property
    def entry(self) -> str:
        """What `observable_from` makes it from again, as JSON: a user's file travels by its content."""
        params = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        content = {"content": self.ref.content} if self.ref.content else {}
        return json.dumps({"name": self.name, **params, **content})


class Reader(ABC):
    """Takes in the outputs for the test set chunk by chunk and gives values at the end."""

    @abstractmethod
    def take(self, rows: slice, outputs: Tensor, targets: Tensor) -> None:
        """Outputs ``(R, n, ...)`` and targets of some rows of the test set."""

    @abstractmethod
    def values(self) -> Tensor:
        """The values of each network, ``(R, k)``."""


@dataclasses.dataclass(frozen=True)
class Readout(Observable):
    """An observable that is read off the outputs for the test set: all of them share one pass through it."""

    @abstractmethod
    def reader(self, probe: Probe) -> Reader:
        """A new reader for one evaluation."""

    def measure(self, replicas: Replicas, probe: Probe) -> Tensor:
        return read(replicas, probe, [self.reader(probe)])[0]


def read(replicas: Replicas, probe: Probe, readers: Sequence[Reader], **weights: Any) -> list[Tensor]:
    """Values of several readers from one pass through the test set."""
    for rows, outputs, targets in probe.outputs(replicas, **weights):
        for reader in readers:
            reader.take(rows, outputs, targets)
    return [reader.values() for reader in readers]


OBSERVABLES: Catalogue[Observable] = Catalogue("observable", "onecurve.benchmark.observables")
take_files(OBSERVABLES, Observable, "an observable")


def observable_from(given: str | dict[str, Any]) -> Observable:
    """The observable that a sweep's ``record`` names, as a name or as ``{name: ..., every: 4, parameter: value}``.

    Raises
    ------
    InputError
        An unknown name or parameter, with the nearest match.
    """
    if isinstance(given, str):
        return OBSERVABLES.make(_short(given))
    named = {**given, "name": _short(str(given["name"]))} if "name" in given else given
    return entry_from(OBSERVABLES, named)


def _short(name: str) -> str:
    """Columns of the table are understood, too: ``test_accuracy`` is recorded by ``accuracy``."""
    return next((short for short, column in _COLUMNS.items() if name == column), name)


def check_record(record: Sequence[Observable], family: Family, dataset: Dataset) -> None:
    """Refuse observables that do not fit, or whose values would be called alike.

    Raises
    ------
    InputError
        The observable, with the reason.
    """
    called: dict[str, str] = {}
    for observable in record:
        reason = observable.misfit(family, dataset)
        if reason is not None:
            raise InputError(
                f"observable {observable.name!r} cannot be recorded for {family.name!r} on {dataset.name!r}: {reason}"
            )
        for name in observable.names_on(dataset):
            if called.setdefault(name, observable.label) != observable.label:
                raise InputError(f"{called[name]} and {observable.label} would both be recorded as {name!r}")

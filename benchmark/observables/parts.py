"""The loss of parts of a task, which needs no clock: shells of wave numbers, classes of tokens."""

from __future__ import annotations

import dataclasses
import functools
from typing import ClassVar

import torch
from torch import Tensor

from ...architectures.family import Family
from ...datasets.dataset import Dataset, View
from ...datasets.views import ShellView, TokenClassView
from .observable import OBSERVABLES, Probe, Reader, Readout


@functools.lru_cache(maxsize=4)
def _view(dataset: Dataset) -> View | None:
    """A data set's parts, made once a process: they take a cosine for each wave and test example."""
    return dataset.views(dataset.test_set())


@functools.lru_cache(maxsize=4)
def _view_at(dataset: Dataset, place: torch.device) -> View | None:
    """The same for outputs that lie on a device."""
    view = _view(dataset)
    return None if view is None else view.to(place)


@dataclasses.dataclass(frozen=True)
class _Parts(Readout):
    """The losses of a data set's parts; see `datasets.views`."""

    view: ClassVar[type | tuple[type, ...]] = ()
    lacking: ClassVar[str] = ""

    def misfit(self, family: Family, dataset: Dataset) -> str | None:
        return None if isinstance(_view(dataset), self.view) else self.lacking

    def names_on(self, dataset: Dataset) -> tuple[str, ...]:
        view = _view(dataset)
        return view.names if view is not None else ()

    def reader(self, probe: Probe) -> Reader:
        view = _view_at(probe.dataset, probe.test.inputs.device)
        assert view is not None, "check_record looks first"
        return _Sums(view)


@OBSERVABLES.register
@dataclasses.dataclass(frozen=True)
class Shells(_Parts):
    """The loss of each shell of wave numbers, in the units of the loss."""

    name = "shells"
    summary = "loss of each shell of wave numbers, of targets that are sums of waves"
    view = ShellView
    lacking = "its target is no sum of waves"


@OBSERVABLES.register
@dataclasses.dataclass(frozen=True)
class TokenClasses(_Parts):
    """The cross-entropy of each class of the token that is to be predicted."""

    name = "token-classes"
    summary = "loss of each class of tokens: letters, digits, whitespace, punctuation"
    view = TokenClassView
    lacking = "its tokens have no classes"


@OBSERVABLES.register
@dataclasses.dataclass(frozen=True)
class Views(_Parts):
    """Whatever parts a data set has; what ``views: true`` in a sweep asks for. Nothing where it has none."""

    name = "views"
    summary = "the shells or token classes that a data set has, nothing where it has none"
    view = object

    def misfit(self, family: Family, dataset: Dataset) -> str | None:
        return None

    def reader(self, probe: Probe) -> Reader:
        view = _view_at(probe.dataset, probe.test.inputs.device)
        return _Nothing() if view is None else _Sums(view)


class _Sums(Reader):
    def __init__(self, view: View) -> None:
        self._view = view
        self._sums: list[Tensor] = []

    def take(self, rows: slice, outputs: Tensor, targets: Tensor) -> None:
        self._sums.append(self._view.sums(rows, outputs))

    def values(self) -> Tensor:
        return self._view.values(torch.stack(self._sums).sum(0))


class _Nothing(Reader):
    def __init__(self) -> None:
        self._count = 0

    def take(self, rows: slice, outputs: Tensor, targets: Tensor) -> None:
        self._count = len(outputs)

    def values(self) -> Tensor:
        return torch.empty((self._count, 0))

"""When a trial is evaluated, and what is measured then."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from ..architectures.family import Family
from ..datasets.dataset import Dataset, TestSet
from ..errors import InputError, first_line
from ..results.grid import common_grid, start_after
from .devices import CPU, Device
from .observables.accuracy import Accuracy
from .observables.loss import LossReader
from .observables.observable import Observable, Probe, Reader, Readout, Unmeasurable
from .observables.summary import Grams, Summary
from .update import Follower, Update

T = TypeVar("T")
EVAL_GRID = "v1"


def eval_steps(grid: str, horizon: int, warmup_fraction: float) -> list[int]:
    """Steps at which a trial is evaluated.

    ``v1``: step 0, four even points before x_min for the eye, 24 points log-spaced in x from x_min to .98 with
    x_min = max(10 warmup, .1), and x = 1. A point falls on the nearest whole step, the first on the one below, so that
    the grid on which curves are compared lies inside every curve.

    Parameters
    ----------
    grid : name of the rule.
    horizon : updates.
    warmup_fraction : share of the horizon.
    """
    if grid != EVAL_GRID:
        raise InputError(f"unknown evaluation grid {grid!r}; this version has {EVAL_GRID!r}")
    x_min = start_after([warmup_fraction])
    early = [x_min * share for share in (0.2, 0.4, 0.6, 0.8)]
    analysis = common_grid(x_min)
    steps = {0, math.floor(x_min * horizon), horizon, *(round(float(x) * horizon) for x in (*early, *analysis))}
    return sorted(steps)


@dataclasses.dataclass(frozen=True)
class Measurement:
    """What one evaluation found.

    Attributes
    ----------
    loss, loss_se : ``(R,)`` test loss of each replica, and the standard error that the finite test set leaves.
    values : ``(R, k)`` of each other observable that was measured.
    grams : what is kept of each replica beside its curves.
    seconds : that each of them took.
    """

    loss: np.ndarray
    loss_se: np.ndarray
    values: dict[Observable, np.ndarray]
    grams: Grams
    seconds: dict[Observable, float]


class Recorder:
    """Measures a pack's observables, with one pass through the test set for all that are read off it.

    Parameters
    ----------
    record : the observables beside the loss, which is always measured; accuracy is where there are classes.
    update : the pack's update, with its networks.
    family, dataset : of the trials.
    test : the test set, on the device.
    device : waited for, so that a clock tells the truth.

    Attributes
    ----------
    record : what is measured beside the loss.
    names : what the table calls the values of each, for these networks.
    trouble : observables that raised, with the reason; they are not measured again, the others go on.
    clock : what tells the seconds that observables take.
    """

    def __init__(
        self,
        record: Sequence[Observable],
        update: Update,
        family: Family,
        dataset: Dataset,
        test: TestSet,
        device: Device = CPU,
    ) -> None:
        accuracy = Accuracy()
        known = [accuracy] if accuracy.misfit(family, dataset) is None else []
        asked = [each for each in record if each.name not in ("loss", "accuracy")]
        self.record = tuple(dict.fromkeys([*known, *asked]))
        self._update, self._family, self._dataset, self._test = update, family, dataset, test
        self._device = device
        self.clock: Callable[[], float] = time.perf_counter
        self.trouble: dict[str, str] = {}
        self.names: dict[Observable, tuple[str, ...]] = {}
        self._followers: dict[Observable, Follower | None] = {}
        for each in self.record:
            self._followers[each] = update.follower_of(each.follower)
            names = self._try(each, {}, lambda each=each: each.names_for(update.replicas, dataset))
            self.names[each] = names or each.names_on(dataset)

    def measure(self, asked: Collection[Observable]) -> Measurement:
        """The loss of all replicas, and those of the observables that are asked for now."""
        replicas, probe = self._update.replicas, self._probe()
        due = [each for each in self.record if each in asked and each.label not in self.trouble]
        seconds: dict[Observable, float] = {}
        loss = LossReader(self._dataset.task, self._test)
        readers: dict[Observable, Reader] = {}
        for each in due:
            reader = self._try(each, seconds, partial(each.reader, probe)) if isinstance(each, Readout) else None
            if reader is not None:
                readers[each] = reader
        for rows, outputs, targets in probe.outputs(replicas):
            loss.take(rows, outputs, targets)
            for each, reader in readers.items():
                self._try(each, seconds, partial(reader.take, rows, outputs, targets))
        values: dict[Observable, np.ndarray] = {}
        grams: Grams = [[] for _ in range(replicas.count)]
        for each in due:
            if isinstance(each, Readout) and each not in readers:
                continue
            measure = readers[each].values if each in readers else partial(each.measure, replicas, probe)
            found = self._try(each, seconds, partial(self._values, each, measure))
            if found is not None:
                values[each] = found
            if isinstance(each, Summary):
                made = self._try(each, seconds, partial(each.grams, replicas, probe))
                grams = made if made is not None else grams
        return Measurement(*loss.mean_and_error(), values, grams, seconds)

    def _values(self, observable: Observable, measure: Callable[[], Tensor]) -> np.ndarray:
        found, wanted = measure(), (self._update.replicas.count, len(self.names[observable]))
        if tuple(found.shape) != wanted:
            raise ValueError(f"it gave values of shape {tuple(found.shape)}, not {wanted}")
        return found.detach().double().cpu().numpy()

    def _try(self, observable: Observable, seconds: dict[Observable, float], work: Callable[[], T]) -> T | None:
        """What a part of an observable's work gives, timed; None where it fails: no reason to lose the trial."""
        if observable.label in self.trouble:
            return None
        self._device.synchronise()
        began = self.clock()
        try:
            found = work()
            self._device.synchronise()
            return found
        except (MemoryError, torch.OutOfMemoryError):
            raise
        except Unmeasurable as reason:
            self.trouble[observable.label] = str(reason)
        except Exception as error:  # whatever an author's or a user's code may raise
            self.trouble[observable.label] = first_line(error)
        finally:
            seconds[observable] = seconds.get(observable, 0.0) + self.clock() - began
        return None

    def _probe(self) -> Probe:
        return Probe(
            family=self._family,
            dataset=self._dataset,
            test=self._test,
            batch=self._update.batch,
            gradients=self._update.gradients,
            followers=self._followers,
            step=self._update.clock.number,
            update=self._update,
        )

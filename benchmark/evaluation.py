"""When a trial is evaluated, and what is measured then."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Sequence

import numpy as np
import torch
from torch import Tensor

from ..architectures.family import Family
from ..datasets.dataset import Dataset, TestSet
from ..errors import InputError, first_line
from ..results.grid import common_grid, start_after
from .observables.accuracy import Accuracy
from .observables.loss import LossReader
from .observables.observable import Observable, Probe, Reader, Readout, read
from .update import Update

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
    """

    loss: np.ndarray
    loss_se: np.ndarray
    values: dict[Observable, np.ndarray]


class Recorder:
    """Measures a pack's observables, with one pass through the test set for all that are read off it.

    Parameters
    ----------
    record : the observables beside the loss, which is always measured; accuracy is where there are classes.
    update : the pack's update, with its networks.
    family, dataset : of the trials.
    test : the test set, on the device.

    Attributes
    ----------
    record : what is measured beside the loss.
    trouble : observables that raised, with the reason; they are not measured again, the others go on.
    """

    def __init__(
        self, record: Sequence[Observable], update: Update, family: Family, dataset: Dataset, test: TestSet
    ) -> None:
        accuracy = Accuracy()
        known = [accuracy] if accuracy.misfit(family, dataset) is None else []
        asked = [each for each in record if each.name not in ("loss", "accuracy")]
        self.record = tuple(dict.fromkeys([*known, *asked]))
        self._update, self._family, self._dataset, self._test = update, family, dataset, test
        self._followers = {each: update.follower_of(each.follower) for each in self.record}
        self.trouble: dict[str, str] = {}

    def measure(self, asked: Collection[Observable]) -> Measurement:
        """The loss of all replicas, and those of the observables that are asked for now."""
        replicas, probe = self._update.replicas, self._probe()
        due = [each for each in self.record if each in asked and each.label not in self.trouble]
        loss = LossReader(self._dataset.task, self._test)
        readers: dict[Observable, Reader] = {each: each.reader(probe) for each in due if isinstance(each, Readout)}
        read(replicas, probe, [loss, *readers.values()])
        values: dict[Observable, np.ndarray] = {}
        for each in due:
            found = readers[each].values() if each in readers else self._measured(each, probe)
            if found is not None:
                values[each] = found.detach().double().cpu().numpy()
        return Measurement(*loss.mean_and_error(), values)

    def _measured(self, observable: Observable, probe: Probe) -> Tensor | None:
        """Its values; None where it fails, which is no reason to lose the trial."""
        wanted = (self._update.replicas.count, len(observable.names_on(self._dataset)))
        try:
            found = observable.measure(self._update.replicas, probe)
            if tuple(found.shape) != wanted:
                raise ValueError(f"it gave values of shape {tuple(found.shape)}, not {wanted}")
        except (MemoryError, torch.OutOfMemoryError):
            raise
        except Exception as error:  # whatever an author's or a user's code may raise
            self.trouble[observable.label] = f"{type(error).__name__}: {first_line(error)}"
            return None
        return found

    def _probe(self) -> Probe:
        return Probe(
            family=self._family,
            dataset=self._dataset,
            test=self._test,
            batch=self._update.batch,
            gradients=self._update.gradients,
            followers=self._followers,
            step=self._update.clock.number,
        )

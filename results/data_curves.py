"""Curves against the size of the training set: one point a trial, from a table of trials with ``train_size``."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..errors import InputError
from .curves import CurveSet, LearningCurve
from .observed import OwnRows, lacking, values_of
from .quantity import Quantity, quantity_of
from .reading import read_tables
from .trials import TrialSpec, spec_from_dict

Against = Literal["data", "tasks"]
Loss = Literal["final", "best"]
_COLUMNS = (
    *("family", "dataset", "recipe", "leg"),
    *("trial_id", "spec", "status", "n_params", "control", "horizon_source", "irreducible_loss", "irreducible_loss_se"),
    *(
        "train_size",
        "sample_scale",
        "pool_fraction",
        "repeats",
        "running_statistics",
        "x",
        "test_loss",
        "test_accuracy",
        "observables",
        "measured",
        "attempt",
        "started_utc",
    ),
)
_SAME_SCALE = 0.02  # training sets are whole numbers, so multiples of the tasks' scales agree only so far


def read_data_curves(
    paths: Sequence[str | Path],
    against: Against = "data",
    loss: Loss = "final",
    observable: str = "loss",
    scale: str | None = None,
) -> CurveSet:
    """Read curves of the loss, or of another observable, against the number of examples ``n`` that a trial had.

    A curve has the trials of one rung and seed; ``x = n / n_max`` takes the place of the fraction of the horizon, with
    ``n_max`` the rung's largest training set. All of them made as many updates as the recipe's horizon says, so a small
    set was seen more often, and the evidence is exploratory. A seed without its trial at ``n_max`` is censored.

    Parameters
    ----------
    paths : results folders or exported ``trials.parquet`` files, of a sweep with several ``train_size``.
    against : ``data``: the rungs are the family's, on one data set. ``tasks``: the rungs are data sets of one name
        whose parameters differ, in order of the number of examples P* that each is known to need; each must go up to
        the same multiple of its P*, so that ``x`` is n / P* but for a constant.
    loss : ``final``, at the end of the horizon, without early stopping; or ``best``, the smallest along the run, which
        was chosen on the test set and is a little too small.
    observable, scale : as in `read_curves`.

    Raises
    ------
    InputError
        No trial has a training set of its own; for ``tasks``, also no known P*, or different multiples of it.
    """
    rows, margin = read_tables(paths, _COLUMNS)
    rows = [row for row in rows if row["train_size"] is not None]
    if not rows:
        raise InputError(
            "no trial has a training set of a given size; a sweep with `train_size: [500, 1000, ...]` does"
        )
    table = OwnRows(rows)
    quantity = quantity_of(observable, scale, table.names(), scales=table.scales())
    trials = [_Trial(row, _spec(row), loss, quantity) for row in table.having(quantity.observable)]
    if against == "tasks":
        trials = [trial for trial in trials if trial.row["sample_scale"] is not None]
        _check_scales(trials)
    ladders: dict[tuple[str, ...], list[_Trial]] = {}
    for trial in trials:
        ladders.setdefault(trial.rung(against), []).append(trial)
    curves = [curve for ladder in ladders.values() for curve in _curves(ladder, against)]
    axis = "share of the largest training set, x = n / n_max"
    return CurveSet.of(curves, margin, axis, lacking([table], quantity.observable))


@dataclasses.dataclass(frozen=True)
class _Trial:
    row: Mapping[str, Any]
    spec: TrialSpec
    loss: Loss
    quantity: Quantity

    @property
    def value(self) -> float:
        """The value that stands for the trial."""
        who = f"{self.spec.family.name} on {self.spec.dataset.name}, {self.row['train_size']} examples"
        seen = [value for value in self._values if value is not None]
        found = self.quantity.of(np.array(seen, dtype=float), who)
        return float(found.min() if self.loss == "best" else found[-1])

    @property
    def complete(self) -> bool:
        """Whether it reached its horizon and was measured there."""
        reached = self.row["status"] == "ok" and bool(self.row["x"]) and self.row["x"][-1] == 1.0
        return reached and bool(self._values) and self._values[-1] is not None

    @property
    def _values(self) -> list[float | None]:
        return values_of(self.row, self.quantity.observable) or []

    def shared(self, against: Against) -> TrialSpec:
        """What the trials of one ladder share."""
        free = dataclasses.replace(self.spec, train_size=None)
        return free if against == "data" else dataclasses.replace(free, dataset=_nameless(free))

    def rung(self, against: Against) -> tuple[str, ...]:
        """What the trials of one rung share."""
        shared = self.shared(against)
        return shared.recipe, str(dict(self.spec.rung)), self.spec.dataset.name, str(self.row["sample_scale"])


def _nameless(spec: TrialSpec) -> Any:
    return dataclasses.replace(spec.dataset, params={}, content="")


def _spec(row: Mapping[str, Any]) -> TrialSpec:
    return spec_from_dict(json.loads(row["spec"]))


def _check_scales(trials: Sequence[_Trial]) -> None:
    if not trials:
        raise InputError("no data set of these trials knows how many examples it needs; random-hierarchy does")
    largest: dict[float, int] = {}
    for trial in trials:
        scale = trial.row["sample_scale"]
        largest[scale] = max(largest.get(scale, 0), trial.row["train_size"])
    multiples = [size / scale for scale, size in largest.items()]
    if max(multiples) > (1 + _SAME_SCALE) * min(multiples):
        raise InputError(
            f"the largest training sets are {min(multiples):.3g} to {max(multiples):.3g} times what each data set is "
            "known to need; give all the same multiple"
        )


def _curves(rung: Sequence[_Trial], against: Against) -> Iterable[LearningCurve]:
    n_max = max(trial.row["train_size"] for trial in rung)
    seeds: dict[int, list[_Trial]] = {}
    for trial in sorted(rung, key=lambda trial: trial.row["train_size"]):
        seeds.setdefault(trial.spec.seed, []).append(trial)
    return [_curve(trials, n_max, against) for trials in seeds.values()]


def _curve(trials: Sequence[_Trial], n_max: int, against: Against) -> LearningCurve:
    ended = [trial for trial in trials if trial.complete]
    last, shared = trials[-1], trials[-1].shared(against)
    of_loss = last.quantity.has_floor_of_loss
    row, rung = last.row, ", ".join(f"{name} {value}" for name, value in last.spec.rung.items())
    return LearningCurve(
        family=last.spec.family.name,
        dataset=last.spec.dataset.name,
        recipe=shared.recipe if against == "data" else f"{shared.recipe} {rung}",
        recipe_label=f"{shared.recipe_label}, {last.loss} {last.quantity.noun} against examples",
        leg=row["leg"],
        size=float(row["n_params"] if against == "data" else row["sample_scale"]),
        seed=last.spec.seed,
        x=np.array([trial.row["train_size"] / n_max for trial in ended]),
        loss=np.array([trial.value for trial in ended]),
        irreducible_loss=row["irreducible_loss"] if of_loss else last.quantity.known_floor,
        irreducible_loss_se=(row["irreducible_loss_se"] or 0.0) if of_loss else 0.0,
        status=next((trial.row["status"] for trial in trials if not trial.complete), "ok"),
        control=row["control"],
        repeats=max((trial.row["repeats"] or 1.0 for trial in ended), default=1.0),
        pool_fraction=max((trial.row["pool_fraction"] or 0.0 for trial in ended), default=0.0),
        running_statistics=bool(row["running_statistics"]),
        horizon_source=row["horizon_source"] or "assumed",
        rung=rung if against == "data" else f"{row['sample_scale']:g} examples",
        trial_id=row["trial_id"],
        quantity=last.quantity,
    )

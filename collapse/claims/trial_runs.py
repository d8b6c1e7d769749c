"""What a claim sees of a trial: its settings and its curves, whether a network or a truth made them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ...results.grams import Gram, grams_of
from ...results.quantity import stored_name

# Columns of the result table that a claim reads.
COLUMNS = (
    *("trial_id", "family", "dataset", "seed", "n_params", "status", "leg", "spec", "irreducible_loss"),
    *("step", "x", "lr_integral", "test_loss", "test_accuracy", "observables", "grams"),
)
_FROM_SPEC = ("peak_lr", "batch_size", "horizon_steps", "warmup_fraction", "train_size")


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class TrialRun:
    """One trial.

    Attributes
    ----------
    family, dataset : what a claim's verdicts are told of; see `told_apart`.
    seed : runs of one seed share their draws, so a seed is left out everywhere at once.
    settings : numbers by name: ``size`` (parameters), the rung's knobs such as ``width``, ``peak_lr``, ``batch_size``,
        ``horizon_steps``, ``train_size``, and parameters of family, data set and optimiser as ``family.depth``.
    steps : ``(m,)`` updates done at each evaluation.
    tau : ``(m,)`` sum of the learning rates so far.
    observed : ``(m,)`` each, by the name of the observable; NaN where one was not measured.
    grams : Gram matrices of its features, where they were kept.
    floor : the known irreducible loss, None where it is not known.
    status : ``ok``, or how it ended.
    """

    family: str
    dataset: str
    seed: int
    settings: Mapping[str, float]
    steps: np.ndarray
    tau: np.ndarray
    observed: Mapping[str, np.ndarray]
    grams: Sequence[Gram] = ()
    floor: float | None = None
    status: str = "ok"

    @property
    def x(self) -> np.ndarray:
        """``(m,)`` steps over the last one."""
        return self.steps / self.steps[-1]

    def of(self, observable: str) -> np.ndarray:
        """``(m,)`` values of an observable, NaN where there are none."""
        return self.observed.get(stored_name(observable), np.full(len(self.steps), np.nan))


def runs_of(rows: Iterable[Mapping[str, Any]]) -> list[TrialRun]:
    """Runs from rows of the result table with `COLUMNS`."""
    return [_run(row) for row in rows]


def _run(row: Mapping[str, Any]) -> TrialRun:
    spec = json.loads(row["spec"])
    beside = {entry["name"]: _floats(entry["value"]) for entry in row["observables"] or []}
    own = {name: _floats(row[name]) for name in ("test_loss", "test_accuracy") if row[name]}
    return TrialRun(
        family=row["family"],
        dataset=row["dataset"],
        seed=row["seed"],
        settings=_settings(row, spec),
        steps=_floats(row["step"]),
        tau=_floats(row["lr_integral"]),
        observed={**own, **beside},
        grams=list(grams_of(row)),
        floor=row["irreducible_loss"],
        status=row["status"],
    )


def _settings(row: Mapping[str, Any], spec: Mapping[str, Any]) -> dict[str, float]:
    found: dict[str, Any] = {"size": row["n_params"], **spec["rung"]}
    found |= {name: spec.get(name) for name in _FROM_SPEC}
    for of in ("family", "dataset", "optimizer"):
        found |= {f"{of}.{name}": value for name, value in spec[of]["params"].items()}
    return {name: float(value) for name, value in found.items() if isinstance(value, (int, float))}


def told_apart(runs: Sequence[TrialRun], varied: str) -> list[TrialRun]:
    """Runs whose families and data sets are called with the parameters in which they differ from namesakes.

    ``varied`` is the setting that the claim is about: runs that differ in it are compared with each other.
    """
    for what in ("family", "dataset"):
        alike = grouped(runs, lambda run: getattr(run, what))  # noqa: B023
        runs = [run for each in alike.values() for run in _named(each, what, varied)]
    return list(runs)


def _named(runs: Sequence[TrialRun], what: str, varied: str) -> list[TrialRun]:
    def said(run: TrialRun) -> dict[str, float]:
        own = {name: value for name, value in run.settings.items() if name.startswith(f"{what}.")}
        return {name: value for name, value in own.items() if name != varied}

    different = [name for name in said(runs[0]) if len({said(run).get(name) for run in runs}) > 1]
    if not different:
        return list(runs)
    named = []
    for run in runs:
        values = [f"{name.partition('.')[2]}={said(run)[name]:g}" for name in different if name in said(run)]
        named.append(dataclasses.replace(run, **{what: f"{getattr(run, what)}({', '.join(values)})"}))
    return named


def _floats(values: Sequence[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], dtype=float)


def grouped(runs: Iterable[TrialRun], key: Callable[[TrialRun], Any]) -> dict[Any, list[TrialRun]]:
    """Runs by a key, keys in ascending order."""
    found: dict[Any, list[TrialRun]] = {}
    for run in runs:
        found.setdefault(key(run), []).append(run)
    return dict(sorted(found.items()))

"""Curves of any observable that a table holds, and who lacks it."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from .curves import LearningCurve
from .group_names import KnownGroup, full_name
from .quantity import LOSS, TEST_ACCURACY, TEST_LOSS, Quantity

Row = Mapping[str, Any]
Group = tuple[str, str, str, str]


class Source(Protocol):
    """A table of curves of one or several observables."""

    def names(self) -> set[str]:
        """Observables that some trial has."""
        ...

    def more(self) -> set[str]:
        """What else may be asked for when it is read."""
        ...

    def scales(self) -> dict[str, str]:
        """The scale on which each observable is compared, where that is said."""
        ...

    def curves(self, quantity: Quantity) -> list[LearningCurve]:
        """The curves of a quantity."""
        ...

    def trials(self, observable: str) -> Iterator[tuple[Group, bool]]:
        """The group of each trial, and whether it lacks an observable that it should have."""
        ...

    def said(self, observable: str) -> list[str]:
        """What was guessed when it was read, of what concerns an observable."""
        ...


@dataclasses.dataclass(frozen=True)
class OwnRows:
    """Rows of our result tables, one a trial."""

    rows: Sequence[Row]
    notes: Sequence[str] = ()

    def said(self, observable: str) -> list[str]:
        """What was guessed, of any observable."""
        return list(self.notes)

    def more(self) -> set[str]:
        """Nothing: such a table is read once for all observables."""
        return set()

    def names(self) -> set[str]:
        """Observables of which some row has a value."""
        found = {name for name in (TEST_LOSS, TEST_ACCURACY) if any(_measured(row.get(name)) for row in self.rows)}
        each = (entry for row in self.rows for entry in row.get("observables") or [])
        return found | {entry["name"] for entry in each if _measured(entry["value"])} | {TEST_LOSS}

    def scales(self) -> dict[str, str]:
        """As the trainer wrote them beside the values."""
        said = (entry for row in self.rows for entry in row.get("measured") or [])
        return {name: scale for each in said for name, scale in zip(each["names"], each["scales"], strict=True)}

    def curves(self, quantity: Quantity) -> list[LearningCurve]:
        """One curve a trial that has it. A trial that failed before it had any is kept as an empty curve."""
        return [_curve(row, quantity) for row in self.having(quantity.observable)]

    def having(self, observable: str) -> list[Row]:
        """Rows of the groups that have an observable, less the trials that ended well and lack it."""
        asked = {_group(row) for row in self.rows if observable == TEST_LOSS or values_of(row, observable)}
        return [row for row in self.rows if _group(row) in asked and not _lacks(row, observable)]

    def trials(self, observable: str) -> Iterator[tuple[Group, bool]]:
        """The group of each trial, and whether it ended well and has no value."""
        for row in self.rows:
            yield _group(row), _lacks(row, observable)


@dataclasses.dataclass(frozen=True)
class OtherCurves:
    """Curves that somebody else trained, of whatever their tables hold.

    Attributes
    ----------
    found : curves of all observables.
    notes : what was guessed, by the observable that it concerns; under an empty name what concerns all.
    columns : other columns of the table that may be asked for.
    """

    found: Sequence[LearningCurve]
    notes: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)
    columns: Sequence[str] = ()

    def said(self, observable: str) -> list[str]:
        """What was guessed, of what concerns an observable or all."""
        return [*self.notes.get("", ()), *self.notes.get(observable, ())]

    def more(self) -> set[str]:
        """Columns of numbers that were not read."""
        return set(self.columns)

    def names(self) -> set[str]:
        """Observables of the curves."""
        return {curve.quantity.observable for curve in self.found}

    def scales(self) -> dict[str, str]:
        """Nothing: a column is what it is."""
        return {}

    def curves(self, quantity: Quantity) -> list[LearningCurve]:
        """The curves of the observable, on the quantity's scale."""
        mine = [curve for curve in self.found if curve.quantity.observable == quantity.observable]
        if quantity.scale == "as-given":
            return mine
        plain = {"quantity": quantity, "irreducible_loss": quantity.known_floor, "irreducible_loss_se": 0.0}
        if quantity.scale == "as-loss":
            losses = {_trial(curve): curve for curve in self.found if curve.quantity == LOSS}
            return [_above_floor_of(losses.get(_trial(curve)), curve, quantity) for curve in mine]
        return [dataclasses.replace(curve, loss=quantity.of(curve.loss, curve.whose), **plain) for curve in mine]

    def trials(self, observable: str) -> Iterator[tuple[Group, bool]]:
        """The group of each trial, and whether it has no row of that observable."""
        seen: dict[tuple[Group, float, int | str], bool] = {}
        for curve in self.found:
            trial = _trial(curve)
            seen[trial] = seen.get(trial, True) and curve.quantity.observable != observable
        for (group, _, _), lacks in seen.items():
            yield group, lacks


def _trial(curve: LearningCurve) -> tuple[Group, float, int | str]:
    return (curve.family, curve.dataset, curve.recipe, curve.leg), curve.size, curve.seed


def _above_floor_of(loss: LearningCurve | None, curve: LearningCurve, quantity: Quantity) -> LearningCurve:
    floor, se = (None, 0.0) if loss is None else (loss.irreducible_loss, loss.irreducible_loss_se)
    return dataclasses.replace(curve, quantity=quantity, irreducible_loss=floor, irreducible_loss_se=se)


def lacking(sources: Iterable[Source], observable: str) -> tuple[str, ...]:
    """Who lacks an observable, in sentences: whole groups in one, groups that lack it in part in one each."""
    trials = [trial for source in sources for trial in source.trials(observable)]
    every, without = Counter(group for group, _ in trials), Counter(group for group, lacks in trials if lacks)
    if not without:
        return ()
    # Groups that share their names are told apart, unless all of them lack it.
    namesakes = Counter(group[:2] for group in every)
    some = {group[:2] for group in every if namesakes[group[:2]] > 1 and without[group] < every[group]}
    peers = [KnownGroup(*group) for group in every]
    names = {group: full_name(KnownGroup(*group), peers if group[:2] in some else []) for group in without}
    whole = dict.fromkeys(names[group] for group in without if without[group] == every[group])
    said = [f"no {observable} is in the tables of {', '.join(whole)}: left out"] if whole else []
    for group, count in without.items():
        if count < every[group]:
            said.append(f"{count} of {every[group]} trials of {names[group]} have no {observable}: left out")
    return tuple(said)


def values_of(row: Row, observable: str) -> list[float | None] | None:
    """What a row has of an observable, one entry an evaluation, None where it was not measured; None for nothing."""
    if observable in (TEST_LOSS, TEST_ACCURACY):
        return _measured(row.get(observable))
    entries = (entry for entry in row.get("observables") or [] if entry["name"] == observable)
    return next((values for entry in entries if (values := _measured(entry["value"]))), None)


def _measured(values: list[float | None] | None) -> list[float | None] | None:
    return values if values and any(value is not None for value in values) else None


def _lacks(row: Row, observable: str) -> bool:
    return observable != TEST_LOSS and row["status"] == "ok" and values_of(row, observable) is None


def _group(row: Row) -> Group:
    return row["family"], row["dataset"], row["recipe"], row["leg"]


def _curve(row: Row, quantity: Quantity) -> LearningCurve:
    x, lr, values = (_floats(given or []) for given in (row["x"], row["lr"], values_of(row, quantity.observable)))
    lr = lr if len(lr) == len(x) and np.all(np.isfinite(lr)) else None
    if quantity.observable != TEST_LOSS and len(values) == len(x):
        seen = ~np.isnan(values)
        x, lr, values = x[seen], None if lr is None else lr[seen], values[seen]
    elif not len(values):
        x, lr = values, None
    loss = quantity.has_floor_of_loss
    return LearningCurve(
        family=row["family"],
        dataset=row["dataset"],
        recipe=row["recipe"],
        recipe_label=row["recipe_label"] or "",
        leg=row["leg"],
        size=float(row["n_params"]),
        seed=row["seed"],
        x=x,
        loss=quantity.of(values, f"{row['family']} on {row['dataset']}, {row['rung']}, seed {row['seed']}"),
        lr=lr,
        irreducible_loss=row["irreducible_loss"] if loss else quantity.known_floor,
        irreducible_loss_se=(row["irreducible_loss_se"] or 0.0) if loss else 0.0,
        status=row["status"],
        control=row["control"],
        repeats=row["repeats"] or 1.0,
        pool_fraction=row["pool_fraction"] or 0.0,
        running_statistics=bool(row.get("running_statistics")),
        device=row.get("device") or "",
        warmup_fraction=row["warmup_fraction"] or 0.0,
        horizon_source=row["horizon_source"] or "assumed",
        tuned=row.get("tuned") or "unknown",
        rung=row["rung"] or "",
        trial_id=row["trial_id"],
        quantity=quantity,
    )


def _floats(values: Sequence[float | None]) -> np.ndarray:
    """An array, NaN where there is None."""
    return np.array([np.nan if value is None else value for value in values], dtype=float)

"""Families crossed with data sets: all ladders of one leg on one grid and one scale."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from ...errors import InputError
from ...results.grid import latest_start
from ..ladders.measurement import Measured
from ..ladders.rescaling import master_curve, try_rescale
from ..outcome import RescaledGroup
from ..reasons import Reason, because

Cells = Mapping[tuple[str, str], RescaledGroup]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Crossing:
    """Groups by (family, data set), one recipe each.

    Attributes
    ----------
    cells : the groups; not every family need be trained on every data set.
    x : ``(m,)`` their common grid.
    notes : what was left out, and why.
    """

    cells: Cells
    x: np.ndarray
    notes: tuple[Reason, ...] = ()

    @property
    def families(self) -> tuple[str, ...]:
        """In alphabetical order."""
        return tuple(sorted({family for family, _ in self.cells}))

    @property
    def datasets(self) -> tuple[str, ...]:
        """In alphabetical order."""
        return tuple(sorted({dataset for _, dataset in self.cells}))

    @classmethod
    def of(cls, cells: Cells) -> Crossing:
        """Groups that are on one grid and scale already.

        Raises
        ------
        InputError : there is none, or they are not.
        """
        groups = list(cells.values())
        if not groups:
            raise InputError("no group can be compared across families")
        for group in groups:
            if group.scale != groups[0].scale or not np.array_equal(group.x, groups[0].x):
                raise InputError("groups must be on one grid and one scale to be compared across families")
        return cls(dict(cells), groups[0].x)

    def curves(self) -> np.ndarray:
        """``(F, D, m)`` mean curves over rungs and seeds; NaN where a family was not trained on a data set."""
        table = np.full((len(self.families), len(self.datasets), len(self.x)), np.nan)
        for (family, dataset), group in self.cells.items():
            table[self.families.index(family), self.datasets.index(dataset)] = master_curve(group)
        return table

    def complete(self) -> Crossing:
        """The largest part in which every family has every data set, found by dropping what lacks most, one by one."""
        cells, dropped = dict(self.cells), []
        while cells:
            families, datasets = sorted({f for f, _ in cells}), sorted({d for _, d in cells})
            lacks = {("family", f): sum((f, d) not in cells for d in datasets) / len(datasets) for f in families}
            lacks |= {("data set", d): sum((f, d) not in cells for f in families) / len(families) for d in datasets}
            (kind, name), most = max(lacks.items(), key=lambda item: item[1])
            if most == 0:
                break
            dropped.append(because("cell-not-trained", kind=kind, name=name))
            cells = {key: group for key, group in cells.items() if name != key[0 if kind == "family" else 1]}
        return Crossing(cells, self.x, (*self.notes, *dropped))

    def without(self, family: str) -> Crossing:
        """All but one family."""
        return Crossing({key: group for key, group in self.cells.items() if key[0] != family}, self.x, self.notes)


def cross(measured: Sequence[Measured]) -> dict[str, Crossing]:
    """Put the comparable groups of each leg on one grid: end points where every data set knows its floor, else shapes.

    Controls are left out. Of several recipes of a family on a data set the one with most rungs is taken, then the first
    in alphabetical order, and a note says so.

    Returns
    -------
    A crossing for each leg in which there is any comparable group.
    """
    legs: dict[str, list[Measured]] = {}
    for one in measured:
        if one.control is None and one.comparable:
            legs.setdefault(one.leg, []).append(one)
    return {leg: _crossing(rows) for leg, rows in sorted(legs.items())}


def _crossing(rows: Sequence[Measured]) -> Crossing:
    chosen: dict[tuple[str, str], Measured] = {}
    notes = []
    for one in sorted(rows, key=lambda one: (-len(one.ladder.rungs), one.recipe)):
        first = chosen.setdefault((one.family, one.dataset), one)
        if first is not one:
            left = {"family": one.family, "dataset": one.dataset, "setting": one.recipe}
            notes.append(because("other-setting-compared", **left, compared=first.recipe))
    known = all(one.floor.source in ("known", "given") and one.floor_problem is None for one in chosen.values())
    start = latest_start(one.rescaled.x for one in chosen.values() if one.rescaled is not None)
    cells = {}
    for key, one in sorted(chosen.items()):
        group, problem = try_rescale(one.ladder, "end-point" if known else "shape", one.floor.value, start)
        if group is None:
            notes.append(because("cell-not-rescaled", family=key[0], dataset=key[1], why=problem))
        else:
            cells[key] = group
    return Crossing(cells, next(iter(cells.values())).x if cells else np.empty(0), tuple(notes))

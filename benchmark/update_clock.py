"""What an update knows of the time: the rate of each replica and the optimiser's own tables, read on the device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from ..results.trials import TrialSpec
from .schedules.schedule import schedule_of


class UpdateClock:
    """The number of the next update, and what an optimiser reads off it.

    The number lies on the device, and so do the tables: an update takes no argument, so a graph of it can be replayed.
    The same number is kept on the host for whoever may ask there.

    Parameters
    ----------
    rates : ``(T, R)`` learning rate of each replica at each update, before multipliers.
    tables : ``(T,)`` each, by name.
    place : the device.

    Attributes
    ----------
    number : updates done.
    at : ``(1,)`` the same, on the device.
    """

    def __init__(self, rates: np.ndarray, tables: Mapping[str, np.ndarray], place: torch.device) -> None:
        # Seeds share a schedule: each different column is kept once.
        columns, which = np.unique(rates, axis=1, return_inverse=True)
        self.number, self.at = 0, torch.zeros(1, dtype=torch.long, device=place)
        self._columns = torch.from_numpy(np.ascontiguousarray(columns)).to(place)
        self._which = torch.from_numpy(which.reshape(-1)).to(place)
        self._tables = {name: torch.from_numpy(table).to(place) for name, table in tables.items()}
        self._common = columns[:, 0].tolist() if columns.shape[1] == 1 and place.type == "cpu" else None

    @property
    def rate(self) -> Tensor:
        """``(R,)`` float64: the rate of each replica in this update."""
        return self._columns.index_select(0, self.at)[0].index_select(0, self._which)

    @property
    def common(self) -> float | None:
        """The rate that all replicas share, as a number of the host; None where they differ or a device keeps it."""
        return None if self._common is None else self._common[self.number]

    def constant(self, name: str) -> Tensor:
        """``()`` float64: this update's entry of a table."""
        return self._tables[name].index_select(0, self.at)[0]

    def rate_at(self, number: int) -> Tensor:
        """``(R,)`` float64: the rate of each replica in the update of a number, which the host knows."""
        return self._columns[number].index_select(0, self._which)

    def constant_at(self, name: str, number: int) -> Tensor:
        """``()`` float64: a table's entry of the update of a number; after the last update, its own."""
        table = self._tables[name]
        return table[min(number, len(table) - 1)]

    def tick(self) -> None:
        """One update is done."""
        self.number += 1
        self.at.add_(1)

    def set(self, number: int) -> None:
        """Go on from another update."""
        self.number = number
        self.at.fill_(number)


def relative_rates(spec: TrialSpec) -> np.ndarray:
    """``(T + 1,)`` learning rate over its peak at each update of a trial; the last is what the next one would have."""
    return schedule_of(spec.schedule).relative(spec.horizon_steps, spec.warmup_fraction)


def rate_table(specs: Sequence[TrialSpec], updates: int = 0) -> np.ndarray:
    """``(T, R)`` learning rates of trials that train together, for at least so many updates; 0 after its horizon."""
    longest = max(updates, *(spec.horizon_steps for spec in specs))
    table = np.zeros((longest, len(specs)))
    made: dict[tuple[object, ...], np.ndarray] = {}
    for place, spec in enumerate(specs):
        key = (spec.schedule, spec.horizon_steps, spec.warmup_fraction, spec.peak_lr)
        if key not in made:
            made[key] = relative_rates(spec)[:-1] * spec.peak_lr
        table[: spec.horizon_steps, place] = made[key]
    return table

"""Go on from the middle of a training under another schedule: one trunk at a constant rate, many ends.

A branch is the trial of its new schedule, bit for bit, because the rates before the branching point must be the same.
So a pilot that asks for the best horizon or decay pays for each branch alone, and not for what they share.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence

import numpy as np

from ..errors import InputError
from ..results.trials import TrialSpec
from .checkpoint import Nowhere, State
from .devices import CPU, Device, torch_settings
from .lane import TrainedTrial
from .observables.observable import Observable
from .schedules.schedule import schedule_of
from .train import Lanes, dataset_of, family_of, run_lanes, train
from .update_clock import relative_rates


class _EnoughError(Exception):
    """The trunk is long enough."""


class _At(Nowhere):
    """Takes the states after some numbers of updates, and ends the training after the last of them."""

    def __init__(self, updates: Sequence[int]) -> None:
        self._wanted, self.states = sorted(set(updates)), dict[int, State]()

    def due(self, updates: int) -> bool:
        return updates in self._wanted

    def keep(self, state: State) -> None:
        self.states[state.updates] = state
        if state.updates == self._wanted[-1]:
            raise _EnoughError


def trunk(
    pack: Sequence[TrialSpec],
    updates: Sequence[int],
    *,
    threads: int = 1,
    record: Sequence[Observable] = (),
    device: Device = CPU,
) -> list[State]:
    """Train a pack up to the last of some numbers of updates, and give its state after each of them.

    Parameters
    ----------
    pack : trials of one horizon that train as one batched model, or one trial that does not.
    updates : from 1 to the horizon.
    threads, record, device : as for `train`.

    Returns
    -------
    list of State
        In the order of ``updates``; `branch` goes on from one of them, and leaves it as it is.

    Raises
    ------
    InputError
        No update, one beyond the horizon, several trials that are not packed.
    """
    horizon = min(spec.horizon_steps for spec in pack)
    if not updates or not all(1 <= count <= horizon for count in updates):
        raise InputError(f"states are taken after 1 to {horizon} updates of this pack, got {list(updates)}")
    if len(pack) > 1 and not pack[0].packed:
        raise InputError(f"a trunk is one pack; these {len(pack)} trials do not pack: give one trunk to each")
    keeper = _At(updates)
    with contextlib.suppress(_EnoughError):
        train(pack, threads=threads, record=record, device=device, keeper=keeper)
    return [keeper.states[count] for count in updates]


def branch(
    state: State,
    schedule: str,
    horizon: int,
    *,
    warmup_fraction: float | None = None,
    threads: int = 1,
    record: Sequence[Observable] = (),
    device: Device = CPU,
) -> list[TrainedTrial]:
    """Go on from a state under another schedule, up to another horizon.

    Parameters
    ----------
    state : of `trunk`.
    schedule : as a trial has it, such as ``wsd(decay_fraction=0.2)``.
    horizon : T, updates in all, with those of the trunk.
    warmup_fraction : share of T; by default the one that gives as many updates of warmup as the trunk had.
    threads, record, device : as for the trunk.

    Returns
    -------
    list of TrainedTrial
        One a trial of the trunk. Curves have the trunk's points up to the branching point, and the branch's own after
        it; from there on they equal those of a trial that had the new schedule from the start, bit for bit.

    Raises
    ------
    InputError
        A horizon that the trunk has passed, or rates that differ before the branching point.
    """
    specs = [_bent(spec, state.updates, schedule, horizon, warmup_fraction) for spec in state.specs]
    family, dataset = family_of(specs[0]), dataset_of(specs[0])
    with torch_settings(threads, specs[0].precision):
        lane = Lanes(family, dataset, record, device)(specs)
        trained = run_lanes([lane], device, state=dataclasses.replace(state, specs=specs, evaluated=state.updates - 1))
        device.release()
    return trained


def _bent(spec: TrialSpec, updates: int, schedule: str, horizon: int, warmup_fraction: float | None) -> TrialSpec:
    """The trial of the new schedule; refuses one whose rates were others before the branching point."""
    if horizon < updates:
        raise InputError(f"the trunk has {updates} updates already, so a branch cannot end after {horizon}")
    warmup = spec.warmup_fraction * spec.horizon_steps / horizon if warmup_fraction is None else warmup_fraction
    bent = dataclasses.replace(spec, schedule=schedule_of(schedule).text, horizon_steps=horizon, warmup_fraction=warmup)
    before, after = (relative_rates(each)[:updates] for each in (spec, bent))
    differ = np.flatnonzero(before != after)
    if len(differ):
        first = int(differ[0])
        later = f"wsd(decay_fraction={max(horizon - updates, 1) / horizon:.4g})"
        raise InputError(
            f"{bent.schedule} over {horizon} updates has another rate than {spec.schedule} at update {first}, before "
            f"the branching point {updates}: {after[first]:.4g} in place of {before[first]:.4g} of the peak. Begin the "
            f"decay later, for instance with {later}, or branch earlier"
        )
    return bent

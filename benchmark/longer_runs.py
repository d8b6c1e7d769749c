"""Runs at a constant rate that may be wanted longer: their last state is kept, and the longer run goes on from it.

At a constant rate, with as many updates of warmup, runs of different length are one curve. What a longer run lacks in
the shorter one are evaluations, which fall on other steps; so the shorter one makes them, too, and its row has its own.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

from ..results.trials import TrialSpec, fingerprint
from .checkpoint import InStore, LaneState, State, load, reached, remove, save
from .evaluation import eval_steps
from .schedules.schedule import schedule_of

if TYPE_CHECKING:
    from ..results.store import Store
    from .devices import Device

FOLDER = "longer"
_LENGTH = ("horizon_rule", "horizon_steps", "warmup_fraction")  # what runs of one curve may differ in


def curve_of(spec: TrialSpec) -> str | None:
    """Fingerprint of the curve on which a trial lies, whatever its length; None where its rate is not constant."""
    if schedule_of(spec.schedule).leg != "constant":
        return None
    fields = {name: value for name, value in spec.to_dict().items() if name not in _LENGTH}
    return fingerprint({**fields, "warmup": round(spec.warmup_fraction * spec.horizon_steps)})


def wanted_later(grid: str, horizon: int, longer: Iterable[tuple[int, float]]) -> list[int]:
    """Steps up to a horizon at which longer runs are evaluated.

    Parameters
    ----------
    longer : their horizons and warmup fractions.
    """
    steps = set[int]().union(*(eval_steps(grid, length, warmup) for length, warmup in longer))
    return sorted(step for step in steps if step <= horizon)


def on_hand(store: Store, specs: Sequence[TrialSpec]) -> dict[str, int]:
    """Updates after which a shorter run's state is there, by trial id; trials without one are left out."""
    found = {}
    for spec in specs:
        curve = curve_of(spec)
        updates = reached(store, curve, FOLDER) if curve else 0
        if 0 < updates < spec.horizon_steps:
            found[spec.trial_id] = updates
    return found


def forgotten(store: Store, specs: Iterable[TrialSpec] | None = None) -> None:
    """Delete kept states: those on the curves of some trials, or all."""
    names = set(store.names(FOLDER))
    for name in names if specs is None else names & {curve_of(spec) for spec in specs}:
        remove(store, name, FOLDER)


class Longer(InStore):
    """Keeps checkpoints as `InStore` does, and beside them the last state of trials that may be wanted longer.

    Each trial has a file of its own, so that longer runs may be packed in another way. A longer run that finds the
    states of all trials of its pack goes on from there; else it starts anew.

    Parameters
    ----------
    foreseen : steps at which longer runs are evaluated, by trial id.
    For the others see `InStore`.
    """

    def __init__(self, store: Store, name: str, *, foreseen: Mapping[str, Collection[int]], **how: Any) -> None:
        super().__init__(store, name, **how)
        self._foreseen = foreseen

    def foreseen(self, spec: TrialSpec) -> Collection[int]:
        return self._foreseen.get(spec.trial_id, ())

    def begins(self, specs: Sequence[TrialSpec], device: Device) -> State | None:
        return super().begins(specs, device) or self._gone_on(specs, device)

    def ended(self, state: State) -> None:
        specs = list(state.specs)
        seconds = {"training": state.training / len(specs), "evaluating": state.evaluating / len(specs)}
        for lane in state.lanes:
            own, specs = specs[: len(lane.trials)], specs[len(lane.trials) :]
            for place, (spec, trial) in enumerate(zip(own, lane.trials, strict=True)):
                curve = curve_of(spec)
                # A pack may be filled up with copies of its first trial, which is kept once.
                if curve and trial["status"] == "ok" and self.foreseen(spec) and spec not in own[:place]:
                    alone = [_alone(lane, place, stacked=spec.packed)]
                    self._keep(curve, spec, dataclasses.replace(state, specs=[spec], lanes=alone, **seconds), len(own))

    def _keep(self, curve: str, spec: TrialSpec, state: State, replicas: int) -> None:
        with contextlib.suppress(OSError):  # a store that is away for now costs the state, not the trial
            if reached(self._store, curve, FOLDER) < state.updates:
                header = {"trials": [spec.trial_id], "bits": self._bits_of(replicas), "record": self._record}
                save(self._store, curve, state, header, FOLDER)

    def _bits_of(self, replicas: int) -> dict[str, Any]:
        """On a processor a replica's bits do not depend on how many there are."""
        return self._bits if self._bits["threads"] is not None else {**self._bits, "replicas": replicas}

    def _gone_on(self, specs: Sequence[TrialSpec], device: Device) -> State | None:
        packed = specs[0].packed
        states = [self._usable(spec, len(specs) if packed else 1) for spec in specs]
        known = [state for state in states if state is not None]
        if len(known) < len(specs) or len({state.updates for state in known}) > 1:
            return None
        lanes = [state.lanes[0] for state in known]
        self._told(f"goes on from the shorter runs' update {known[0].updates}\n")
        return State(
            specs=specs,
            updates=known[0].updates,
            evaluated=known[0].updates,
            lanes=[_together(lanes)] if packed else lanes,
            training=sum(state.training for state in known),
            evaluating=sum(state.evaluating for state in known),
        )

    def _usable(self, spec: TrialSpec, replicas: int) -> State | None:
        """The kept state on a trial's curve, if it has the bits and the evaluations that the trial needs."""
        curve = curve_of(spec)
        try:
            found = load(self._store, curve, FOLDER) if curve else None
        except OSError:
            return None
        if found is None or (found[0]["bits"], found[0]["record"]) != (self._bits_of(replicas), self._record):
            return None
        state = found[1]
        needed = {*eval_steps(spec.eval_grid, spec.horizon_steps, spec.warmup_fraction), *self.foreseen(spec)}
        there = state.lanes[0].trials[0]["step"]
        whole = {step for step in needed if step <= state.updates} <= set(there)
        return state if whole and state.updates < spec.horizon_steps else None


def _alone(lane: LaneState, place: int, *, stacked: bool) -> LaneState:
    """One trial of a lane: what is stacked along a first axis is cut there, the number of the update is shared."""
    *own, clock = lane.tensors
    tensors = [*(each[place].clone() for each in own), clock] if stacked else lane.tensors
    return LaneState(tensors=tensors, trials=[lane.trials[place]], data_seconds=lane.data_seconds / len(lane.trials))


def _together(lanes: Sequence[LaneState]) -> LaneState:
    """A lane of trials that were kept alone."""
    columns = list(zip(*(lane.tensors for lane in lanes), strict=True))
    return LaneState(
        tensors=[*(torch.stack(column) for column in columns[:-1]), columns[-1][0]],
        trials=[trial for lane in lanes for trial in lane.trials],
        data_seconds=sum(lane.data_seconds for lane in lanes),
    )

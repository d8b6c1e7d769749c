"""What a sweep was resolved to when it first ran: sizes, FLOPs, horizons, packed or looped, trial ids, margin.

Later runs read it, so that nothing that was measured once (timings, shapes) is decided a second time.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..results.trials import TrialSpec

if TYPE_CHECKING:
    from ..results.store import Store

LOCK_VERSION = 1
_WORKER_BYTES = 450 * 2**20  # Python with torch and a data set's pool
_LOOKS, _PAUSE = 10, 0.5  # whether an object store kept what was written; seconds between


@dataclasses.dataclass(frozen=True, kw_only=True)
class Resolved:
    """What measuring decided for one cell.

    Attributes
    ----------
    family, dataset, rung, recipe_label : what it is, in words.
    library : library of the family.
    n_params : trainable parameters.
    flops_per_example : training FLOPs an example.
    horizon_steps : planned updates.
    packed : whether its seeds train as one model.
    step_seconds : measured time of one update of one trial, when trained that way.
    beside_seconds : that of making its network and of all its evaluations; 0 where it was not measured.
    trials : trial id of each seed.
    memory : bytes that a worker with a pack of it takes, from one update; 0 where it was not measured.
    update_bytes : bytes of one update of one network; 0 where it was not measured.
    device : where its packs train: ``cpu`` or ``cuda``.
    replicas : networks in each batched model on a GPU, so that a trial's bits do not depend on how many there are;
        0 on a processor, where they do not.
    before : updates that a shorter run of it has made already, where it goes on from one; 0 where it starts.
    foreseen : steps at which it is evaluated for longer runs that may go on from it.
    """

    family: str
    dataset: str
    rung: str
    recipe_label: str
    library: str
    n_params: int
    flops_per_example: int
    batch_size: int
    horizon_steps: int
    packed: bool
    step_seconds: float
    trials: dict[str, str] = dataclasses.field(default_factory=dict)
    memory: int = 0
    update_bytes: int = 0
    device: str = "cpu"
    replicas: int = 0
    before: int = 0
    foreseen: list[int] = dataclasses.field(default_factory=list)
    beside_seconds: float = 0.0

    @property
    def seconds(self) -> float:
        """Expected core seconds of one trial."""
        return self.step_seconds * (self.horizon_steps - self.before) + self.beside_seconds

    @property
    def flops(self) -> float:
        """Training FLOPs of one trial."""
        return float(self.flops_per_example) * self.batch_size * (self.horizon_steps - self.before)


@dataclasses.dataclass
class Lock:
    """The lock of one sweep in one results folder.

    Attributes
    ----------
    sweep : the sweep's name.
    margin : its margin, fixed when the lock was made.
    cells : what was resolved, by cell key.
    probes : fingerprint of each family on each data set's task, to notice a family that changed.
    plans : cell keys with their seeds for each request that was run, by the request's fingerprint, so that a plan can
        be told from the lock alone.
    """

    sweep: str
    margin: float
    cells: dict[str, Resolved] = dataclasses.field(default_factory=dict)
    probes: dict[str, str] = dataclasses.field(default_factory=dict)
    plans: dict[str, dict[str, list[int]]] = dataclasses.field(default_factory=dict)

    @classmethod
    def load(cls, store: Store, sweep: str) -> Lock | None:
        """Read a sweep's lock; None where there is none yet.

        Raises
        ------
        InputError
            The folder belongs to another sweep, or the lock is damaged.
        """
        others = [name for name in store.json_names(".lock.json") if name != f"{sweep}.lock.json"]
        if others:
            owner = others[0].removesuffix(".lock.json")
            raise InputError(
                f"{store.uri!r} holds the results of the sweep {owner!r}, not of {sweep!r}; give another --out"
            )
        return read_lock(store, f"{sweep}.lock.json")

    def merge(self, store: Store) -> None:
        """Write the lock into the results folder, together with what another driver wrote there meanwhile.

        What is stored wins: two drivers that measured one cell at the same time go on with the same answer. An object
        store cannot keep another driver out between reading and writing, so there it is looked a moment later whether
        what was written is still there.
        """
        for _ in range(_LOOKS):
            with store.exclusive(f"{self.sweep}.lock.json"):
                stored = Lock.load(store, self.sweep)
                if stored is not None:
                    self._take(stored)
                if self == stored:
                    return
                self._save(store)
            if store.local:
                return
            time.sleep(_PAUSE)

    def _take(self, stored: Lock) -> None:
        for key, cell in stored.cells.items():
            ours = self.cells.get(key)
            added = ours.trials if ours and _same(ours, cell) else {}
            self.cells[key] = dataclasses.replace(cell, trials={**cell.trials, **added})
        self.plans = {**stored.plans, **self.plans}
        self.probes = {**stored.probes, **self.probes}
        self.margin = stored.margin

    def _save(self, store: Store) -> None:
        cells = {key: vars(cell) for key, cell in self.cells.items()}
        store.write_json(f"{self.sweep}.lock.json", {"lock_version": LOCK_VERSION, **vars(self), "cells": cells})

    def n_trials(self) -> int:
        """Trials that the sweep has asked for so far."""
        return sum(len(cell.trials) for cell in self.cells.values())


def _same(ours: Resolved, stored: Resolved) -> bool:
    """Whether two resolutions of one cell name the same trials."""
    return (ours.packed, ours.horizon_steps, ours.batch_size) == (
        stored.packed,
        stored.horizon_steps,
        stored.batch_size,
    )


def read_lock(store: Store, name: str) -> Lock | None:
    """Read a lock file of a results folder."""
    try:
        raw: dict[str, Any] | None = store.read_json(name)
        if raw is None:
            return None
        cells = {key: Resolved(**cell) for key, cell in raw["cells"].items()}
        return Lock(sweep=raw["sweep"], margin=raw["margin"], cells=cells, probes=raw["probes"], plans=raw["plans"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{name} in {store.uri!r} is damaged ({error}); restore it, or give another --out") from None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pack:
    """Trials that one worker trains in one go, and what the table says of all of them.

    Attributes
    ----------
    specs : the trials; they differ in what `train.MAY_DIFFER` names.
    cell : what was resolved for the first of them: sizes and costs are those of all.
    costs : expected core seconds of each trial.
    record : what is measured beside the loss, each as JSON.
    device, replicas : where it trains, and how many networks its batched model has there, or how many networks that do
        not pack are branches of one graph; 0 on a processor.
    begun : whether there is a checkpoint of just these trials.
    foreseen : steps at which they are evaluated for longer runs that may go on from them, by trial id.
    goes_on : whether they may go on from shorter runs.
    """

    specs: tuple[TrialSpec, ...]
    cell: Resolved
    control: str | None
    horizon_source: str
    tuned: str = "unknown"
    attempt: int = 1
    costs: tuple[float, ...] = ()
    record: tuple[str, ...] = ()
    cpus: float = 1
    gpus: float = 0
    device: str = "cpu"
    replicas: int = 0
    begun: bool = False
    foreseen: Mapping[str, Sequence[int]] = dataclasses.field(default_factory=dict)
    goes_on: bool = False

    @property
    def memory(self) -> int:
        """Bytes that its worker takes."""
        if self.device == "cpu" and self.cell.update_bytes and self.cell.packed:
            return worker_bytes(self.cell.update_bytes * len(self.specs))
        return self.cell.memory

    @property
    def name(self) -> str:
        """What the pack's shard and log are called."""
        return f"{self.specs[0].trial_id}x{len(self.specs)}"

    @property
    def seconds(self) -> float:
        """Expected core seconds."""
        return sum(self.costs) if self.costs else self.cell.seconds * len(self.specs)

    def smaller(self) -> list[Pack]:
        """Packs of half as many networks, for where memory did not suffice; none where there is one network."""
        networks = len(self.specs) if self.device == "cpu" else self.replicas
        size = networks // 2
        if not size:
            return []
        parts = [self.part(slice(start, start + size)) for start in range(0, len(self.specs), size)]
        on_a_gpu = {} if self.device == "cpu" else {"replicas": size}
        return [dataclasses.replace(part, attempt=self.attempt + 1, **on_a_gpu) for part in parts]

    def part(self, rows: slice) -> Pack:
        """Some of its trials as a pack of their own."""
        return dataclasses.replace(self, specs=self.specs[rows], costs=self.costs[rows])


def worker_bytes(update: int) -> int:
    """Bytes of a worker whose updates take so many, in powers of two of megabytes.

    Few sizes, so that Ray can use a worker again for others.
    """
    return 2 ** math.ceil(math.log2((_WORKER_BYTES + update) / 2**20)) * 2**20

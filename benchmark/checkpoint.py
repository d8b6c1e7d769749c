"""The state of a pack in mid-training: in memory, and as one file of the results folder that is whole or not there."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from .preemption import Preempted
from .provenance import version

if TYPE_CHECKING:
    from ..results.store import Store
    from ..results.trials import TrialSpec
    from .devices import Device

FORMAT = 1
FOLDER = "checkpoints"
KEEP_EVERY = 300.0  # seconds between two checkpoints
_WORTH = 10.0  # seconds of training that are worth a checkpoint when a process is asked to end
_SHARE = 50  # a checkpoint that took long to write comes again after so many times as long
_NEEDED = {"trials", "bits", "record", "updates", "sha256"}
_HEADER = 1 << 16  # bytes in which a header ends


@dataclasses.dataclass(frozen=True, kw_only=True)
class LaneState:
    """One lane: the tensors that its updates change, and the curves of its trials so far."""

    tensors: list[Tensor]
    trials: list[dict[str, Any]]
    data_seconds: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class State:
    """Lanes that are updated together, after some updates.

    Attributes
    ----------
    specs : the trials of all lanes, with those that fill a pack up.
    updates : updates done.
    evaluated : the last step at which evaluations were due and made; -1 before the first.
    lanes : each lane's state.
    training, evaluating : seconds so far.
    across : the kinds on which it trained before, in words, where they were others.
    """

    specs: Sequence[TrialSpec]
    updates: int
    evaluated: int
    lanes: Sequence[LaneState]
    training: float = 0.0
    evaluating: float = 0.0
    across: str | None = None

    @classmethod
    def before(cls, specs: Sequence[TrialSpec]) -> State:
        """Nothing was done yet."""
        return cls(specs=specs, updates=0, evaluated=-1, lanes=())


class Keeper(Protocol):
    """Who is asked along the updates whether the state is wanted now."""

    def begins(self, specs: Sequence[TrialSpec], device: Device) -> State | None:
        """Lanes of these trials begin: the state to go on from, if there is one."""
        ...

    def due(self, updates: int) -> bool:
        """Whether the state after so many updates is wanted. Asked after each of them, so it must be quick."""
        ...

    def keep(self, state: State) -> None:
        """Take the state; may raise, and end the training so."""
        ...

    def foreseen(self, spec: TrialSpec) -> Collection[int]:
        """Steps at which a trial is evaluated beside its own, because a longer run that goes on from it will be."""
        ...

    def ended(self, state: State) -> None:
        """All updates are made: the last state, with the evaluations that were foreseen."""
        ...


class Nowhere:
    """Keeps nothing."""

    def begins(self, specs: Sequence[TrialSpec], device: Device) -> State | None:
        return None

    def due(self, updates: int) -> bool:
        return False

    def keep(self, state: State) -> None:
        return None

    def foreseen(self, spec: TrialSpec) -> Collection[int]:
        return ()

    def ended(self, state: State) -> None:
        return None


def bits(device: Device, threads: int) -> dict[str, Any]:
    """What the bits of a curve depend on beside its trial: equal values, equal bits."""
    versions = {name: version(name) for name in ("onecurve", "torch", "numpy")}
    return {"device": device.label, "threads": threads if device.kind == "cpu" else None, **versions}


class InStore(Nowhere):
    """Keeps a pack's state in a results folder every few minutes, and when the process is asked to end.

    Parameters
    ----------
    store, name : where, and the pack's name.
    threads : torch threads, which decide bits on a processor.
    record : what is measured beside the loss, each as JSON: it is part of the state.
    every : seconds between checkpoints.
    asked : whether the process was asked to end.
    told : takes a line when training goes on from a state.
    across : go on from a state of another kind of device or another version, too, whose bits are others.
    """

    def __init__(
        self,
        store: Store,
        name: str,
        *,
        threads: int = 1,
        record: Sequence[str] = (),
        every: float = KEEP_EVERY,
        asked: Callable[[], bool] = lambda: False,
        told: Callable[[str], None] = lambda line: None,
        across: bool = False,
    ) -> None:
        self._store, self._name, self._threads, self._record = store, name, threads, list(record)
        self._every, self._asked, self._told, self._across = every, asked, told, across
        self._last, self._pause, self._bits, self._part = time.monotonic(), every, dict[str, Any](), -1

    def begins(self, specs: Sequence[TrialSpec], device: Device) -> State | None:
        self._bits, self._part, self._last = bits(device, self._threads), self._part + 1, time.monotonic()
        try:
            found = load(self._store, self._name_of(self._part))
        except OSError:  # a store that is away for now costs what was kept, not the trial
            return None
        if found is None or found[0]["trials"] != [spec.trial_id for spec in specs]:
            return None
        header, state = found
        same = header["bits"] == self._bits
        if header["record"] != self._record or not (same or self._across):
            return None
        self._told(f"goes on from update {state.updates}\n")
        if same:
            return dataclasses.replace(state, specs=specs)
        said = ", ".join(f"{key} {value}" for key, value in header["bits"].items() if value is not None)
        before = "; ".join(filter(None, (state.across, f"until update {state.updates}: {said}")))
        return dataclasses.replace(state, specs=specs, across=before)

    def _name_of(self, part: int) -> str:
        """Lanes that come one after the other have a file each."""
        return f"{self._name}-{part}" if part else self._name

    def due(self, updates: int) -> bool:
        return self._asked() or time.monotonic() - self._last > self._pause

    def keep(self, state: State) -> None:
        began = time.monotonic()
        if not self._asked() or began - self._last > min(_WORTH, self._every):
            self._write(state)
            self._last = time.monotonic()
            self._pause = max(self._every, _SHARE * (self._last - began))
        if self._asked():
            raise Preempted

    def _write(self, state: State) -> None:
        header = {"trials": [spec.trial_id for spec in state.specs], "bits": self._bits, "record": self._record}
        with contextlib.suppress(OSError):  # a store that is away for now costs the checkpoint, not the training
            save(self._store, self._name_of(self._part), state, header)

    def done(self) -> None:
        """The rows are delivered: nothing is to be gone on with."""
        with contextlib.suppress(OSError):  # it is looked for again when a run begins
            for part in range(self._part + 1):
                remove(self._store, self._name_of(part))


def save(store: Store, name: str, state: State, header: Mapping[str, Any], folder: str = FOLDER) -> None:
    """Write a state: a line of JSON with the sha256 of the rest, then the rest."""
    buffer = io.BytesIO()
    fields = {f.name: getattr(state, f.name) for f in dataclasses.fields(state) if f.name not in ("specs", "lanes")}
    torch.save({**fields, "lanes": [vars(lane) for lane in state.lanes]}, buffer)
    body = buffer.getbuffer()
    said = {**header, "format": FORMAT, "updates": state.updates, "sha256": hashlib.sha256(body).hexdigest()}
    store.write_bytes(f"{folder}/{name}", [json.dumps(said).encode() + b"\n", body])


def load(store: Store, name: str, folder: str = FOLDER) -> tuple[dict[str, Any], State] | None:
    """Header and state of a file; None where there is none, or it is damaged, foreign or of another format."""
    whole = store.read_bytes(f"{folder}/{name}")
    header = _header(whole)
    if header is None or whole is None:
        return None
    body = memoryview(whole)[whole.index(b"\n") + 1 :]
    if hashlib.sha256(body).hexdigest() != header["sha256"]:
        return None
    found = torch.load(io.BytesIO(body), weights_only=True)  # tensors and plain values: nothing that could run
    lanes = [LaneState(**lane) for lane in found.pop("lanes")]
    return header, State(specs=(), lanes=lanes, **found)


def _header(whole: bytes | None) -> dict[str, Any] | None:
    try:
        header = json.loads((whole or b"")[:_HEADER].partition(b"\n")[0])
        return header if header["format"] == FORMAT and set(header) >= _NEEDED else None
    except (ValueError, KeyError, TypeError):
        return None


def reached(store: Store, name: str, folder: str = FOLDER) -> int:
    """Updates after which a pack has a checkpoint; 0 where it has none."""
    header = _header(store.read_bytes(f"{folder}/{name}", _HEADER))
    return int(header["updates"]) if header else 0


def kept(store: Store) -> dict[str, list[str]]:
    """Trials of each checkpoint of a results folder, by its name."""
    found = {}
    for name in store.names(FOLDER):
        header = _header(store.read_bytes(f"{FOLDER}/{name}", _HEADER))
        found[name] = header["trials"] if header else []
    return found


def remove(store: Store, name: str, folder: str = FOLDER) -> None:
    """Delete a checkpoint, if it is there."""
    store.remove(f"{folder}/{name}")


def tidied(store: Store, ended: Collection[str], stale: Collection[str]) -> list[list[str]]:
    """Trials of each checkpoint that can be gone on with. Others are deleted: those of trials that have ended, or whose
    family is another one now, and what is damaged."""
    found = []
    for name, trials in kept(store).items():
        if not trials or all(trial in ended for trial in trials) or any(trial in stale for trial in trials):
            remove(store, name)
        else:
            found.append(list(dict.fromkeys(trials)))
    return found

"""Where examples come from: a pool that a node makes once and each seed reorders, or new draws by counter."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from ..errors import InputError
from .dataset import derived_seed

if TYPE_CHECKING:
    from filelock import BaseFileLock
    from torch import Tensor

    from ..task import Ref

DIGEST_BYTES = 32
BLOCK_EXAMPLES = 2048  # drawn at once; large enough to hide the call, small enough to keep 16 seeds in cache


def cache_directory() -> Path:
    """Folder of the pools: ``$ONECURVE_CACHE``, or ``~/.cache/onecurve``."""
    return Path(os.environ.get("ONECURVE_CACHE") or Path.home() / ".cache" / "onecurve").expanduser()


def cached_array(ref: Ref, part: str, make: Callable[[], np.ndarray]) -> np.ndarray:
    """Return the array that ``make()`` returns, memory-mapped from a file that this node makes once.

    Any number of processes may ask at once: one makes the file, the others wait. The sha256 of the array follows it in
    the file, so a truncated or changed file is made anew.

    Parameters
    ----------
    ref : the data set, with everything that decides the array.
    part : which of its arrays, where it has several.
    make : returns the array; called at most once.
    """
    key = hashlib.sha256(json.dumps(ref.to_dict(), sort_keys=True).encode()).hexdigest()[:16]
    path = cache_directory() / f"{ref.name}-{part}-{key}.npy"
    found = _read(path)
    if found is None:
        lock = _lock(path)
        try:
            if _read(path) is None:  # nobody made it while we waited
                _write(path, make())
        finally:
            lock.release()
        found = _read(path)
    if found is None:
        raise InputError(f"{path} changed while it was read. Does another program write to this folder?")
    return found


def _lock(path: Path) -> BaseFileLock:
    from filelock import FileLock

    lock = FileLock(path.with_suffix(".lock"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        raise _not_writable(path, error) from error
    return lock


def _write(path: Path, array: np.ndarray) -> None:
    array = np.ascontiguousarray(array)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            np.save(file, array)
            file.write(hashlib.sha256(array.data).digest())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _not_writable(path, error) from error


def _not_writable(path: Path, error: OSError) -> InputError:
    reason = error.strerror or error
    return InputError(f"cannot write {path}: {reason}. Let ONECURVE_CACHE name a folder with space that you own.")


def _read(path: Path) -> np.ndarray | None:
    """Map the array in ``path``; None where there is none, or where it is not what was written."""
    try:
        state = path.stat()
        return _checked(path, state.st_size, state.st_mtime_ns, state.st_ino)
    except (OSError, ValueError, EOFError):
        return None


@lru_cache(maxsize=8)
def _checked(path: Path, size: int, *_state: int) -> np.ndarray:
    array = np.load(path, mmap_mode="c")  # "c": torch warns of arrays that cannot be written; nothing goes to disk
    with path.open("rb") as file:
        file.seek(size - DIGEST_BYTES)
        digest = file.read()
    if hashlib.sha256(array.data).digest() != digest:
        raise ValueError("the file is not what was written")
    return array


class SeededOrder:
    """A fresh order of ``0 .. size - 1`` for each pass, readable at any place.

    Parameters
    ----------
    size : how many things are ordered.
    key : what decides the order, for example the data set's name and the seed.
    """

    def __init__(self, size: int, *key: object) -> None:
        self.size = size
        self._key = key
        self._passes: dict[int, np.ndarray] = {}

    def indices(self, start: int, count: int) -> np.ndarray:
        """Return entries ``start .. start + count - 1`` of the passes one after the other: ``(count,)``, int32."""
        number, first = divmod(start, self.size)
        if first + count <= self.size:
            return self._pass(number)[first : first + count]
        passes = range(number, (start + count - 1) // self.size + 1)
        return np.concatenate([self._pass(each) for each in passes])[first : first + count]

    def _pass(self, number: int) -> np.ndarray:
        if number not in self._passes:
            order = np.arange(self.size, dtype=np.int32)
            np.random.default_rng(derived_seed(*self._key, "pass", number)).shuffle(order)
            while len(self._passes) > 1:  # a batch touches two passes at most, unless it is larger than the pool
                self._passes.pop(next(iter(self._passes)))
            self._passes[number] = order
        return self._passes[number]


class PoolStream:
    """Batches from a pool, without replacement within a pass, in an order of the seed's own.

    Parameters
    ----------
    order : the seed's order.
    gather : from positions in the pool, ``(size,)``, to inputs and targets.
    """

    def __init__(self, order: SeededOrder, gather: Callable[[np.ndarray], tuple[Tensor, Tensor]]) -> None:
        self._order = order
        self._gather = gather

    def batch(self, step: int, size: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets of update ``step``."""
        return self._gather(self._order.indices(step * size, size))


def gather_from(inputs: Tensor, targets: Tensor) -> Callable[[np.ndarray], tuple[Tensor, Tensor]]:
    """What a `PoolStream` takes from a pool that is held in memory."""

    def gather(places: np.ndarray) -> tuple[Tensor, Tensor]:
        rows = torch.from_numpy(places)
        return inputs.index_select(0, rows), targets.index_select(0, rows)  # faster than indexing

    return gather


class CounterStream:
    """Batches that are drawn anew, each from a generator that seed, step and size decide.

    Some steps are drawn at once, as a block, because many small draws are slow. Batches are views of the block: do not
    write to them.

    Parameters
    ----------
    draw : from a generator and a count to inputs and targets.
    key : what decides the draws, for example the data set's name and the seed.
    """

    def __init__(self, draw: Callable[[torch.Generator, int], tuple[Tensor, Tensor]], *key: object) -> None:
        self._draw = draw
        self._key = key
        self._held: tuple[int, int] | None = None
        self._block: tuple[Tensor, Tensor] | None = None

    def batch(self, step: int, size: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets of update ``step``."""
        steps = max(1, BLOCK_EXAMPLES // size)
        number, row = divmod(step, steps)
        if self._block is None or self._held != (number, size):
            self._block = self._draw(seeded_generator(*self._key, size, number), steps * size)
            self._held = (number, size)
        inputs, targets = self._block
        rows = slice(row * size, (row + 1) * size)
        return inputs[rows], targets[rows]


def seeded_generator(*key: object) -> torch.Generator:
    """Return a torch generator that ``key`` decides."""
    return torch.Generator().manual_seed(derived_seed(*key))

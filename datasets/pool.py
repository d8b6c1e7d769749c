"""Where examples come from: a pool that a node makes once and each seed reorders, or new draws by counter."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from ..errors import InputError
from .dataset import derived_seed
from .order import SeededOrder
from .table import ExampleTable

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


class PoolStream:
    """Batches from a pool, without replacement within a pass, in an order of the seed's own.

    Parameters
    ----------
    order : the seed's order.
    table : the pool.
    first, stride : where the pool holds what the order numbers: number ``i`` at ``first + stride * i``.
    shared : whether the pool is the data set's, the same for all seeds, so that a device holds it once.
    """

    def __init__(
        self, order: SeededOrder, table: ExampleTable, *, first: int = 0, stride: int = 1, shared: bool = False
    ) -> None:
        self.table = table
        self.shared = shared
        self._order = order
        self._first, self._stride = first, stride

    def expect(self, examples: int) -> None:
        """Say that no more than this many examples will be asked for: less of the order is kept."""
        self._order.expect(examples)

    def places(self, step: int, size: int, count: int = 1) -> np.ndarray:
        """Positions in the pool of the examples of updates ``step .. step + count - 1``: ``(count, size)``, int32.

        Do not write to them. They are int64 where the pool has more than 2^31 positions.
        """
        found = self._order.indices(step * size, size * count).reshape(count, size)
        if (self._first, self._stride) == (0, 1):
            return found
        last = self._first + self._stride * self._order.size
        return self._first + self._stride * found.astype(np.int32 if last < 2**31 else np.int64)

    def batch(self, step: int, size: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets of update ``step``."""
        return self.table.gather(self.table.tensors() or (), torch.from_numpy(self.places(step, size)[0]))


class CounterStream:
    """Batches that are drawn anew, each from a generator that seed, step and size decide.

    Some steps are drawn at once, as a block, because many small draws are slow. Batches are views of the block: do not
    write to them.

    Parameters
    ----------
    draw : from a generator and a count to inputs and targets.
    key : what decides the draws, for example the data set's name and the seed.
    block : examples that are drawn at once, or those of one batch where it has more.
    """

    def __init__(
        self,
        draw: Callable[[torch.Generator, int], tuple[Tensor, Tensor]],
        *key: object,
        block: int = BLOCK_EXAMPLES,
    ) -> None:
        self._draw = draw
        self._key = key
        self._size = block
        self._held: tuple[int, int] | None = None
        self._block: tuple[Tensor, Tensor] | None = None

    def steps(self, size: int) -> int:
        """How many updates are drawn at once."""
        return max(1, self._size // size)

    def batch(self, step: int, size: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets of update ``step``."""
        number, row = divmod(step, self.steps(size))
        inputs, targets = self._drawn(number, size)
        rows = slice(row * size, (row + 1) * size)
        return inputs[rows], targets[rows]

    def batches(self, step: int, size: int, count: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Inputs ``(n, size, ...)`` and targets of updates ``step .. step + count - 1``, in pieces of ``n`` updates."""
        steps = self.steps(size)
        while count > 0:
            number, row = divmod(step, steps)
            taken = min(count, steps - row)
            inputs, targets = (part.unflatten(0, (steps, size)) for part in self._drawn(number, size))
            if row + taken == steps:  # read to its end: the next one is drawn into the same memory
                self._block = None
            yield inputs[row : row + taken], targets[row : row + taken]
            step, count = step + taken, count - taken

    def _drawn(self, number: int, size: int) -> tuple[Tensor, Tensor]:
        if self._block is None or self._held != (number, size):
            self._block = self._draw(seeded_generator(*self._key, size, number), self.steps(size) * size)
            self._held = (number, size)
        return self._block


def seeded_generator(*key: object) -> torch.Generator:
    """Return a torch generator that ``key`` decides."""
    return torch.Generator().manual_seed(derived_seed(*key))

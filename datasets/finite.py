"""Finite real data sets: read once a node, split once for all, standardised by their training part."""

from __future__ import annotations

import dataclasses
import tempfile
from abc import abstractmethod
from typing import ClassVar

import numpy as np
import torch

from ..errors import InputError
from ..task import Ref
from .dataset import Dataset, TestSet, check_integer, derived_seed
from .order import SeededOrder
from .pool import PoolStream, cached_array
from .table import Scaled

CHUNK = 4096  # rows taken at once where all are passed through
IN_MEMORY = 2**26  # bytes; larger arrays are made on disk


@dataclasses.dataclass(frozen=True)
class Finite(Dataset):
    """A fixed number of examples, kept as one memory-mapped array a part and seen again and again.

    Subclasses say in `_read` where they come from. Inputs are shifted and scaled to zero mean and unit variance on the
    training part: images by channel, sequences by one number, vectors by feature. So are the targets of regression: a
    loss of 1 is that of predicting the mean. Each seed passes through the training part in fresh orders.

    Attributes
    ----------
    test_size : how many examples of the fixed test part to use; its order is random, fixed, and by turns over the
        classes where the split is ours.
    """

    scaled_over: ClassVar[tuple[int, ...]] = (0,)
    held_out: ClassVar[int] = 10_000
    train_rows: ClassVar[int | None] = None

    test_size: int = 10_000

    def __post_init__(self) -> None:
        check_integer("test_size", self.test_size, 1, self.held_out)

    @abstractmethod
    def _read(self, part: str) -> np.ndarray:
        """The `records` of ``train`` or ``test``: raw inputs, and classes ``()`` or targets ``(outputs,)``."""

    @property
    def pool_size(self) -> int:
        return self.train_rows if self.train_rows is not None else len(self._rows("train"))

    def prepare(self) -> None:
        self._rows("test")
        self._scale()

    def test_set(self) -> TestSet:
        rows = self._rows("test")
        if self.test_size > len(rows):
            raise InputError(f"test_size is {self.test_size}; {self.name} holds {len(rows)} test examples.")
        table = _table(rows[: self.test_size], *self._scale())
        inputs, targets = table.gather(table.tensors(), torch.arange(self.test_size))
        return TestSet(inputs=inputs, targets=targets)

    def stream(self, seed: int) -> PoolStream:
        rows = self._rows("train")
        return PoolStream(
            SeededOrder(len(rows), self.name, self.version, seed), _table(rows, *self._scale()), shared=True
        )

    def class_shares(self) -> np.ndarray | None:
        """Share of each class among the training examples, ``(classes,)``; None for regression."""
        if self.task.loss == "squared_error":
            return None
        rows = self._rows("train")
        return np.bincount(rows["y"], minlength=self.task.outputs) / len(rows)

    @property
    def _source(self) -> Ref:
        """What decides the rows: all but how many of them are used for testing."""
        ref = self.ref
        return dataclasses.replace(ref, params={k: v for k, v in ref.params.items() if k != "test_size"})

    def _rows(self, part: str) -> np.ndarray:
        rows = cached_array(self._source, part, lambda: self._read(part))
        if part == "train" and self.train_rows not in (None, len(rows)):
            raise InputError(f"{self.name} holds {len(rows)} training examples where {self.train_rows} were expected.")
        return rows

    def _scale(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Mean and standard deviation over the training part: of the inputs, and of the targets of regression."""
        inputs = self._moments("x", self.scaled_over)
        return inputs, self._moments("y", (0,)) if self.task.loss == "squared_error" else None

    def _moments(self, field: str, over: tuple[int, ...]) -> np.ndarray:
        return cached_array(self._source, f"scale-{field}", lambda: moments(self._rows("train"), field, over))


def _table(rows: np.ndarray, scale: np.ndarray, target_scale: np.ndarray | None) -> Scaled:
    """Records as a table. What is large in them, the inputs, stays where it is, such as in a mapped file."""
    whole = target_scale is None
    return Scaled(
        inputs=torch.from_numpy(rows["x"] if rows["x"].dtype in (np.uint8, np.float32) else np.float32(rows["x"])),
        targets=torch.from_numpy(rows["y"].astype(np.int64 if whole else np.float32)),
        scale=torch.from_numpy(scale),
        target_scale=None if whole else torch.from_numpy(target_scale),
    )


def moments(rows: np.ndarray, field: str, over: tuple[int, ...]) -> np.ndarray:
    """Mean and standard deviation of a field over the axes ``over`` (0 is that of the rows), in one pass: ``(2, ...)``.

    They keep the axes, of length 1, but that of the rows; a constant has the standard deviation 1. float32.
    """
    shift = rows[field][:CHUNK].mean(axis=over, keepdims=True, dtype=np.float64)
    count, total, squares = 0, np.zeros_like(shift), np.zeros_like(shift)
    for start in range(0, len(rows), CHUNK):
        values = rows[field][start : start + CHUNK] - shift
        count += values.size // shift.size
        total += values.sum(axis=over, keepdims=True)
        squares += (values**2).sum(axis=over, keepdims=True)
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 0))
    deviation[deviation < 1e-9] = 1
    return np.stack([(mean + shift)[0], deviation[0]]).astype(np.float32)


def empty_records(count: int, inputs: np.dtype, shape: tuple[int, ...], targets: str = "<i8", outputs: int = 0):
    """Room for examples, as records of ``x`` (``shape``) and ``y`` (a class, or ``outputs`` numbers): ``(count,)``.

    Where it is large it lies in a file without a name in the temporary folder, not in memory.
    """
    dtype = np.dtype([("x", inputs, shape), ("y", targets, (outputs,) if outputs else ())])
    if count * dtype.itemsize < IN_MEMORY:
        return np.zeros(count, dtype)
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, dtype, mode="w+", shape=(count,))


def records(inputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Inputs ``(n, ...)`` and targets ``(n,)`` or ``(n, outputs)`` as records of ``x`` and ``y``: ``(n,)``."""
    kind = "<f4" if targets.dtype.kind == "f" else "<i8"
    rows = empty_records(len(inputs), inputs.dtype, inputs.shape[1:], kind, *targets.shape[1:])
    rows["x"], rows["y"] = inputs, targets
    return rows


def split(rows: np.ndarray, held_out: int, *key: object) -> dict[str, np.ndarray]:
    """Cut records into ``train`` and ``test``, in an order that ``key`` decides.

    Classes come into the test part as often as in all rows, to one example. Examples whose input stands in the test
    part are taken out of the training part.

    Parameters
    ----------
    rows : records.
    held_out : size of the test part.
    key : what decides the order.
    """
    rows = rows[np.random.default_rng(derived_seed(*key, "split")).permutation(len(rows))]
    place = np.arange(len(rows), dtype=float)
    if rows["y"].ndim == 1:  # each class spread evenly over the order
        for label in np.unique(rows["y"]):
            members = np.flatnonzero(rows["y"] == label)
            place[members] = (np.arange(len(members)) + 0.5) * len(rows) / len(members)
    rows = rows[np.argsort(place, kind="stable")]
    test, train = rows[:held_out], rows[held_out:]
    known = {row.tobytes() for row in test["x"]}
    return {"train": train[[row.tobytes() not in known for row in train["x"]]], "test": test}

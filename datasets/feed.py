"""Batches of many streams at once, on the device that trains."""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor

from .blocks import Blocks, Each
from .dataset import Dataset, Stream
from .pool import CounterStream, PoolStream
from .table import ExampleTable, Tensors, joined

MOVABLE = 2**31  # bytes of a pool that is put on a device; examples of a larger one are gathered on the host
POSITIONS, EXAMPLES = 2**22, 2**24  # bytes of a block
LONGEST = 256  # updates in a block
KEPT = 2  # pools that stay on a device when a pack has ended

_moved: OrderedDict[str, Tensors] = OrderedDict()


class Feed:
    """Inputs and targets of each update for R streams of a data set: ``(R, size, ...)``.

    They have the bits of ``stream.batch``, stacked; scaled pools rely on IEEE subtraction and
    division for that. Where all streams draw from pools, the pool lies on the device, once a process, and positions
    alone are made on the host, a block of updates at a time; otherwise the examples are made there. On another device
    than the CPU threads make the next block while one is in use.

    Parameters
    ----------
    dataset : the data set of all streams.
    streams : one for each replica; the same object may stand for several, and is then asked once.
    batch_size, horizon : examples an update, and updates.
    device : where the batches are wanted.
    dtype : what inputs and targets that are no whole numbers are widened to; None leaves them.
    threads : that shuffle and draw; None for torch's threads on a CPU, else for up to 16 of the machine's.

    Attributes
    ----------
    seconds : of the host, spent here by the caller: making data, or waiting for those that make it.
    """

    def __init__(
        self,
        dataset: Dataset,
        streams: Sequence[Stream],
        batch_size: int,
        horizon: int,
        device: torch.device | str = "cpu",
        *,
        dtype: torch.dtype | None = None,
        threads: int | None = None,
    ) -> None:
        began = time.perf_counter()
        self._device, self._dtype, self._size, self._horizon = torch.device(device), dtype, batch_size, horizon
        self._streams = list({id(stream): stream for stream in streams}.values())
        place = {id(stream): i for i, stream in enumerate(self._streams)}
        self._which = np.array([place[id(stream)] for stream in streams])
        self._each = Each(threads, self._device)
        for stream in self._streams:
            if (expect := getattr(stream, "expect", None)) is not None:
                expect(batch_size * horizon)
        pools = [stream for stream in self._streams if isinstance(stream, PoolStream)]
        self._table: ExampleTable | None = None
        if len(pools) == len(self._streams) and (found := _on_device(dataset, pools, self._device)) is not None:
            self._pools, self._table, (self._tensors, self._first) = pools, pools[0].table, found
            updates = min(LONGEST, POSITIONS // (4 * batch_size * len(streams)))
            self._blocks = Blocks(self._positions, max(1, min(updates, horizon)), self._device)
        else:
            like = self._streams[0].batch(0, batch_size)
            updates = self._updates(like)
            # Written again and again, by numpy: new memory costs as much as the copy, and torch may be set to fill it.
            shapes = [(updates, len(self._streams), *part.shape) for part in like]
            kinds = [part.numpy().dtype for part in like]
            self._room = tuple(torch.from_numpy(np.empty(*each)) for each in zip(shapes, kinds, strict=True))
            self._blocks = Blocks(self._examples, updates, self._device)
            self._of = torch.from_numpy(self._which).to(self._device) if len(streams) > len(self._streams) else None
        self.seconds = time.perf_counter() - began

    def load(self, step: int) -> int:
        """Have the block that holds update ``step`` on the device; returns how many updates it holds from there on.

        What `at` reads stays at its address. Call it on the stream that runs the updates: a block is written after all
        that was asked of the one before.
        """
        began = time.perf_counter()
        held = self._blocks.load(step, self._horizon)
        self.seconds += time.perf_counter() - began
        return held

    def settle(self) -> None:
        """Wait until no thread makes anything, for instance before a graph is captured."""
        self._blocks.settle()

    def at(self, step: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs and targets of an update of the block that is loaded; nothing is asked of the host.

        Parameters
        ----------
        step : the update's number, ``()`` or ``(1,)``, int64, on the device. Its place in the block will do as well.
        """
        row = (step % self._blocks.rows).reshape(1)
        return self._made(tuple(part.index_select(0, row)[0] for part in self._blocks.tensors))

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets of update ``step``. Do not write to them, nor keep them while others are asked for."""
        began = time.perf_counter()
        self._blocks.load(step, self._horizon)
        made = self._made(tuple(part[step % self._blocks.rows] for part in self._blocks.tensors))
        self.seconds += time.perf_counter() - began
        return made

    def _made(self, parts: Tensors) -> tuple[Tensor, Tensor]:
        """From a row of a block to inputs and targets."""
        if self._table is not None:
            inputs, targets = self._table.gather(self._tensors, parts[0])
        else:
            inputs, targets = parts if self._of is None else (part.index_select(0, self._of) for part in parts)
        return self._widened(inputs), self._widened(targets)

    def _widened(self, values: Tensor) -> Tensor:
        return values.to(self._dtype) if self._dtype is not None and values.is_floating_point() else values

    def _updates(self, like: Tensors) -> int:
        """Examples of how many updates to hold: as many as a stream draws at once, which it then need not hold."""
        bytes_an_update = sum(part.nbytes for part in like) * len(self._streams)
        updates = max(1, min(LONGEST, EXAMPLES // bytes_an_update))
        drawn = {stream.steps(self._size) for stream in self._streams if isinstance(stream, CounterStream)}
        if len(drawn) == 1:  # they are streams of one data set
            updates = max(1, updates // min(drawn)) * min(drawn)
        return max(1, min(updates, self._horizon))

    def _positions(self, step: int, count: int) -> Tensors:
        """Positions of updates ``step .. step + count - 1``: ``(count, R, size)``."""
        found: list[np.ndarray] = [np.empty(0)] * len(self._pools)

        def fill(i: int) -> None:
            places = self._pools[i].places(step, self._size, count)
            found[i] = places + places.dtype.type(self._first[i]) if self._first[i] else places

        self._each(fill, len(found))
        return (torch.from_numpy(np.stack([found[i] for i in self._which], axis=1)),)

    def _examples(self, step: int, count: int) -> Tensors:
        """Examples of updates ``step .. step + count - 1``: ``(count, streams, size, ...)`` twice."""
        whole = tuple(part[:count] for part in self._room)

        def fill(i: int) -> None:
            stream, row = self._streams[i], 0
            if isinstance(stream, CounterStream):
                pieces = stream.batches(step, self._size, count)
            else:
                pieces = (tuple(part[None] for part in stream.batch(step + k, self._size)) for k in range(count))
            for piece in pieces:
                for place, part in zip(whole, piece, strict=True):
                    place[row : row + len(part), i] = part
                row += len(piece[0])

        self._each(fill, len(self._streams))
        return whole


def _on_device(dataset: Dataset, pools: Sequence[PoolStream], device: torch.device) -> tuple[Tensors, list[int]] | None:
    """The pool that the streams share, or their own pools one after the other, and where each stream's begins; None
    where that cannot be moved."""
    tensors = [stream.table.tensors() for stream in pools]
    own = not all(stream.shared for stream in pools)
    if device.type == "cpu" and not own:
        return tensors[0] or (), [0] * len(pools)
    if any(each is None for each in tensors):
        return None
    known = cast("list[Tensors]", tensors)
    if sum(part.nbytes for each in (known if own else known[:1]) for part in each) > MOVABLE:
        return None
    if own:
        first = np.cumsum([0, *(len(each[0]) for each in known[:-1])])
        return joined(known, device), first.tolist()
    return _kept(dataset, known[0], device), [0] * len(pools)


def _kept(dataset: Dataset, tensors: Tensors, device: torch.device) -> Tensors:
    """A data set's pool on a device, where it may lie already."""
    key = json.dumps([dataset.ref.to_dict(), str(device)], sort_keys=True)
    if key not in _moved:
        while len(_moved) >= KEPT:
            _moved.popitem(last=False)
        _moved[key] = tuple(part.to(device) for part in tensors)
    _moved.move_to_end(key)
    return _moved[key]

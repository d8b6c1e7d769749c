"""What a device will need, made by the host some updates ahead."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import torch

from .table import Tensors

MOST_THREADS = 16


class Each:
    """Does something for ``0 .. n - 1``, in threads where there are several: torch and numpy work in parallel there.

    Parameters
    ----------
    threads : how many; None for torch's threads on a CPU, else for those of the machine, up to 16.
    device : what the work is for.
    """

    def __init__(self, threads: int | None, device: torch.device) -> None:
        own = torch.get_num_threads() if device.type == "cpu" else len(os.sched_getaffinity(0))
        self._threads = min(MOST_THREADS, own) if threads is None else threads
        self._workers: ThreadPoolExecutor | None = None

    def __call__(self, do: Callable[[int], None], n: int) -> None:
        """Do it; each thread takes every k-th number. An error of any is raised."""
        threads = min(self._threads, n)
        if threads < 2:
            _share(do, range(n))
            return
        if self._workers is None:
            self._workers = ThreadPoolExecutor(threads, thread_name_prefix="onecurve-data")
        for share in [self._workers.submit(_share, do, range(i, n, threads)) for i in range(threads)]:
            share.result()


def _share(do: Callable[[int], None], numbers: range) -> None:
    for number in numbers:
        do(number)


class Blocks:
    """Blocks of updates, one at a time on a device, at one address, while the next is made.

    Parameters
    ----------
    make : from the first update and how many to tensors with these along the first axis, on the host.
    rows : updates in a block.
    device : where they are wanted. On the CPU they stay as they are made, and nothing is made ahead.

    Attributes
    ----------
    tensors : the block that is loaded; update ``step`` is in row ``step % rows``.
    """

    def __init__(self, make: Callable[[int, int], Tensors], rows: int, device: torch.device) -> None:
        self.rows, self.tensors = rows, ()
        self._make, self._device = make, device
        self._held: int | None = None
        self._next: tuple[int, Future[Tensors]] | None = None
        self._worker: ThreadPoolExecutor | None = None

    def load(self, step: int, horizon: int) -> int:
        """Have the block of update ``step``; returns how many updates it holds from there on."""
        number = step // self.rows
        count = min(self.rows, horizon - number * self.rows)
        if number != self._held:
            self._held = None  # until all is well
            self._place(self._taken(number, count))
            self._held = number
            if self._device.type != "cpu" and (number + 1) * self.rows < horizon:
                self._begin(number + 1, min(self.rows, horizon - (number + 1) * self.rows))
        return number * self.rows + count - step

    def settle(self) -> None:
        """Wait until the next block is made."""
        if self._next is not None:
            self._next[1].exception()

    def _taken(self, number: int, count: int) -> Tensors:
        """A block on the host: the one that is under way, or another."""
        begun, self._next = self._next, None
        if begun is not None:
            made = begun[1].result()  # whatever it is: streams are not asked twice at a time
            if begun[0] == number:
                return made
        return self._ready(number, count)

    def _begin(self, number: int, count: int) -> None:
        if self._worker is None:
            self._worker = ThreadPoolExecutor(1, thread_name_prefix="onecurve-next")
        self._next = number, self._worker.submit(self._ready, number, count)

    def _ready(self, number: int, count: int) -> Tensors:
        made = self._make(number * self.rows, count)
        return tuple(part.pin_memory() for part in made) if self._device.type == "cuda" else made

    def _place(self, made: Tensors) -> None:
        if self._device.type == "cpu":
            self.tensors = made
            return
        if not self.tensors:
            shapes = [(self.rows, *part.shape[1:]) for part in made]
            self.tensors = tuple(
                torch.zeros(shape, dtype=part.dtype, device=self._device)
                for shape, part in zip(shapes, made, strict=True)
            )
        for place, part in zip(self.tensors, made, strict=True):
            # In the order of the device's work, so after all that reads the block before. Pinned memory that is freed
            # is not given out again before the copy is done.
            place[: len(part)].copy_(part, non_blocking=True)

"""Where packs run. One small interface; running in this process is the default of the tests."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, Protocol


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of one item: a value, or why there is none.

    ``killed``: the worker or its node died; ``oom``: it was ended because the node ran out of memory; ``timeout``: it
    was ended because it took too long; ``error``: it raised.
    """

    item: Any
    value: Any = None
    status: Literal["ok", "killed", "oom", "timeout", "error"] = "ok"
    reason: str | None = None
    exception: BaseException | None = None


@dataclasses.dataclass(frozen=True)
class Needs:
    """What an item takes of a node.

    Attributes
    ----------
    cpus, gpus : processors and graphics processors.
    memory : bytes.
    alone : nothing else runs on the node meanwhile.
    seconds : it is ended as ``timeout`` after so long; None for never.
    """

    cpus: float = 1
    gpus: float = 0
    memory: int = 0
    alone: bool = False
    seconds: float | None = None


class Executor(Protocol):
    """Runs a function over items, here or elsewhere.

    Attributes
    ----------
    slots : items that run at once.
    gpus : GPUs that items may ask for.
    """

    slots: int

    @property
    def gpus(self) -> float: ...

    def map(
        self, function: Callable[[Any], Any], items: Iterable[Any], needs: Callable[[Any], Needs] | None = None
    ) -> Iterator[Outcome]:
        """Outcomes as they finish, in any order. A failure is an outcome; it does not end the others.

        Items are taken from the left. Where they are a deque, the caller may change it between outcomes: add an item
        that is to be tried again, or take away what is no longer wanted.
        """
        ...

    def close(self) -> None:
        """Give back what the executor holds."""
        ...


def queue_of(items: Iterable[Any]) -> deque[Any]:
    """The caller's own deque, or a new one with its items."""
    return items if isinstance(items, deque) else deque(items)


class InProcess:
    """One item after the other, in this process. Memory and processors are what they are."""

    slots = 1

    @property
    def gpus(self) -> float:
        from torch import cuda

        return float(cuda.device_count()) if cuda.is_available() else 0.0

    def map(
        self, function: Callable[[Any], Any], items: Iterable[Any], needs: Callable[[Any], Needs] | None = None
    ) -> Iterator[Outcome]:
        waiting = queue_of(items)
        while waiting:
            item = waiting.popleft()
            limit = needs(item).seconds if needs else None
            try:
                with _deadline(limit):
                    value = function(item)
            except _OverdueError:
                yield Outcome(item, status="timeout", reason=overdue(limit))
            except Exception as error:
                yield Outcome(item, status="error", reason=f"{type(error).__name__}: {error}", exception=error)
            else:
                yield Outcome(item, value)

    def close(self) -> None:
        return None


class _OverdueError(BaseException):
    """Not an Exception, so that no handler in the work takes it for a failure of its own."""


def overdue(seconds: float | None) -> str:
    """Why an item was ended."""
    return f"took longer than {seconds:.0f} s"


@contextlib.contextmanager
def _deadline(seconds: float | None) -> Iterator[None]:
    """Interrupt what runs too long. Only a main thread can be interrupted, and only between calls into C."""
    if seconds is None or threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: object) -> None:
        raise _OverdueError

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def make_executor(address: str) -> Executor:
    """The executor at an address.

    Parameters
    ----------
    address : ``local`` starts Ray on this machine, ``in-process`` uses no Ray, anything else joins that Ray cluster.
    """
    if address == "in-process":
        return InProcess()
    from .ray_executor import RayExecutor

    return RayExecutor(None if address == "local" else address)


def carrying(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The function, with what a worker elsewhere has not: the texts of users' networks, and where users' data are.

    It is a nested function, so it travels by value with them.
    """
    from ..architectures.user import remember, sources

    texts, data = sources(), os.environ.get("ONECURVE_DATA")

    def call(item: Any) -> Any:
        remember(texts)
        if data is not None:
            os.environ["ONECURVE_DATA"] = data
        return function(item)

    return call


def usable_cpus() -> int:
    """CPUs that this process may use: its affinity, less where a control group grants less."""
    granted = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
    except (OSError, ValueError):
        return granted
    return granted if quota == "max" else max(1, min(granted, int(quota) // int(period)))

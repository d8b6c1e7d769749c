"""Where packs run. One small interface; running in this process is the default of the tests."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, Protocol

from .backlog import Backlog, Needs, backlog_of

__all__ = ["Backlog", "Executor", "Failure", "InProcess", "Needs", "Outcome", "Where", "carrying", "make_executor"]

FailureStatus = Literal["killed", "oom", "timeout", "error"]


@dataclasses.dataclass(frozen=True)
class Where:
    """The process that worked on an item: its node, the name of that machine, and its number there."""

    node: str
    host: str
    process: int


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of one item: a value, or why there is none.

    ``killed``: the worker, its node or its device is lost; ``oom``: memory did not suffice; ``timeout``: it was ended
    because it took too long; ``error``: it raised. ``where`` is None for an item that no worker began.
    """

    item: Any
    value: Any = None
    status: Literal["ok", "killed", "oom", "timeout", "error"] = "ok"
    reason: str | None = None
    exception: BaseException | None = None
    where: Where | None = None


class Failure(Exception):
    """What a function raises to say with which status it failed.

    Parameters
    ----------
    status, reason : as the outcome will have them.
    broken : the device or the allocator of this process cannot be trusted any more.
    """

    def __init__(self, status: FailureStatus, reason: str, broken: bool = False) -> None:
        super().__init__(status, reason, broken)
        self.status: FailureStatus = status
        self.reason, self.broken = reason, broken


def failed(item: Any, error: BaseException, where: Where | None = None) -> Outcome:
    """The outcome of an item whose function raised."""
    if isinstance(error, Failure):
        return Outcome(item, status=error.status, reason=error.reason, exception=error, where=where)
    return Outcome(item, status="error", reason=f"{type(error).__name__}: {error}", exception=error, where=where)


class Executor(Protocol):
    """Runs a function over items, here or elsewhere.

    Attributes
    ----------
    slots : items of one processor that run at once.
    gpus : GPUs that items may ask for.
    elsewhere : whether what failed in one process can be tried in another.
    stopping : whether `stop` was called.
    """

    slots: int
    elsewhere: bool
    stopping: bool

    @property
    def gpus(self) -> float: ...

    def slots_of(self, needs: Needs) -> int:
        """How many items that need this run at once."""
        ...

    def map(
        self,
        function: Callable[[Any], Any],
        items: Iterable[Any] | Backlog,
        needs: Callable[[Any], Needs] | None = None,
    ) -> Iterator[Outcome]:
        """Outcomes as they finish, in any order. A failure is an outcome; it does not end the others.

        To a backlog of its own the caller may add between outcomes what is to be tried again, or take out what is no
        longer wanted. What waits when `stop` is called is left there.
        """
        ...

    def leave_out(self, nodes: frozenset[str]) -> None:
        """Give these nodes nothing more, as long as there are others."""
        ...

    def stop(self) -> None:
        """Begin nothing more, and ask what is at work to keep what it has and end."""
        ...

    def close(self) -> None:
        """Give back what the executor holds."""
        ...


class InProcess:
    """One item after the other, in this process. Memory and processors are what they are."""

    slots = 1
    elsewhere = False

    def __init__(self) -> None:
        self.stopping = False

    @property
    def gpus(self) -> float:
        from torch import cuda

        return float(cuda.device_count()) if cuda.is_available() else 0.0

    def slots_of(self, needs: Needs) -> int:
        return 1

    def map(
        self,
        function: Callable[[Any], Any],
        items: Iterable[Any] | Backlog,
        needs: Callable[[Any], Needs] | None = None,
    ) -> Iterator[Outcome]:
        backlog, here = backlog_of(items, needs), Where("", os.uname().nodename, os.getpid())
        while not self.stopping and (taken := backlog.take()):
            item, wanted = taken
            try:
                with _deadline(wanted.seconds):
                    value = function(item)
            except _OverdueError:
                yield Outcome(item, status="timeout", reason=overdue(wanted.seconds), where=here)
            except Exception as error:
                self.stopping |= isinstance(error, Failure) and error.broken  # there is no other process
                yield failed(item, error, here)
            else:
                yield Outcome(item, value, where=here)

    def leave_out(self, nodes: frozenset[str]) -> None:
        return None

    def stop(self) -> None:
        self.stopping = True

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

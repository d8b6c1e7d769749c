"""Packs on Ray: long-lived workers, a window of packs in flight for each shape of needs. The one file that imports ray.

A task is a stream of two: that its worker has begun it, and what became of it. So the clock of a pack starts when it
does, and a failure is known with its node. A process in which something failed waits to be ended: it is not used again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import logging
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

# Read by ray when it is imported or started.
for _name, _value in {
    "RAY_DEDUP_LOGS": "0",  # it takes numbers for equal, so lines that differ in a loss would vanish
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}.items():
    os.environ.setdefault(_name, _value)

import ray  # noqa: E402
from ray.exceptions import OutOfMemoryError, RayError, RayTaskError  # noqa: E402

from ..errors import InputError  # noqa: E402
from .backlog import Backlog, Needs, backlog_of  # noqa: E402
from .executors import Outcome, Where, carrying, failed, overdue, usable_cpus  # noqa: E402
from .nodes import Node, options, room, unmet  # noqa: E402

_OBJECT_STORE = 200 * 1024**2  # bytes; packs return a small status, so little is kept
_TICK = 2.0  # seconds between looks at what runs too long
_WINDOW = 2  # packs in flight for each slot: the next one waits at the worker
_TO_END = 60.0  # seconds for which what is asked to end may go on
_DEVICES = "ONECURVE_DEVICES"  # what a process saw of its node's GPUs when it first had one


@dataclasses.dataclass
class _Flight:
    """An item that was handed to Ray; ``began`` and ``where`` are None until its worker says so."""

    item: Any
    needs: Needs
    shape: Needs
    began: float | None = None
    where: Where | None = None

    def overdue(self, now: float) -> bool:
        return self.needs.seconds is not None and self.began is not None and now - self.began > self.needs.seconds


class RayExecutor:
    """Runs items as Ray tasks; Ray reuses the worker processes, so torch is imported once in each.

    A task that dies with its worker is an outcome ``killed``, never retried in silence: the runner decides.

    Parameters
    ----------
    address : a running cluster, or None to start Ray on this machine.
    """

    elsewhere = True

    def __init__(self, address: str | None = None) -> None:
        self._started = not ray.is_initialized()
        if self._started:
            _start(address)
        self.stopping, self._left_out = False, frozenset[str]()
        self._largest = Node("", {})
        self._look()

    def _look(self) -> None:
        """See which nodes there are: they come and go."""
        alive = [Node(node["NodeID"], node["Resources"]) for node in ray.nodes() if node["Alive"]]
        self._nodes = alive
        self._largest = self._largest.at_least(alive)
        self.slots = max(1, int(sum(node.has("CPU") for node in alive)))
        self._room = functools.cache(lambda shape: max(1, room(shape, alive, self._left_out)))
        self._options = functools.cache(lambda shape: json.dumps(options(shape, alive, self._left_out)))

    @property
    def gpus(self) -> float:
        return sum(node.has("GPU") for node in self._nodes)

    def slots_of(self, needs: Needs) -> int:
        return self._room(needs.shape)

    def leave_out(self, nodes: frozenset[str]) -> None:
        if nodes != self._left_out:
            self._left_out = nodes
            self._look()

    def map(
        self,
        function: Callable[[Any], Any],
        items: Iterable[Any] | Backlog,
        needs: Callable[[Any], Needs] | None = None,
    ) -> Iterator[Outcome]:
        bare = ray.remote(max_retries=0, max_calls=0, num_returns="streaming")(_told(carrying(function)))
        task = functools.lru_cache(maxsize=256)(lambda asked: bare.options(**json.loads(asked)))
        backlog, flying, end = backlog_of(items, needs), dict[Any, _Flight](), None
        while flying or (len(backlog) and not self.stopping):
            if self.stopping and end is None:
                end = time.monotonic() + _TO_END
                for reference in flying:
                    ray.cancel(reference, force=False)
            if end is None:
                yield from self._launch(task, backlog, flying)
            elif time.monotonic() > end:
                break
            for reference in self._ready(flying):
                flight = flying[reference]
                outcome = _heard(reference, flight)
                if outcome is None and flight.began is not None:
                    continue  # it has begun
                del flying[reference]
                if outcome is None:  # its process had another device before
                    backlog.add(flight.item)
                elif not self.stopping:
                    yield outcome
            yield from self._overdue(flying)

    def _launch(self, task: Any, backlog: Backlog, flying: dict[Any, _Flight]) -> Iterator[Outcome]:
        """Fill the window of each shape."""
        held = Counter(flight.shape for flight in flying.values())
        while taken := backlog.take(lambda shape: held[shape] < _WINDOW * self._room(shape)):
            item, wanted = taken
            missing = unmet(wanted, self._largest)
            if missing:
                yield Outcome(item, status="error", reason=missing)
                continue
            shape = wanted.shape
            held[shape] += 1
            flying[task(self._options(shape)).remote(item, wanted.gpus)] = _Flight(item, wanted, shape)

    def _ready(self, flying: dict[Any, _Flight]) -> list[Any]:
        """All of which something is heard, once there is one."""
        if not flying:
            return []
        found, _ = ray.wait(list(flying), num_returns=1, timeout=_TICK, fetch_local=False)
        if not found:
            self._look()
            return []
        return ray.wait(list(flying), num_returns=len(flying), timeout=0, fetch_local=False)[0]

    def _overdue(self, flying: dict[Any, _Flight]) -> Iterator[Outcome]:
        """End what runs too long."""
        now = time.monotonic()
        for reference in [reference for reference, flight in flying.items() if flight.overdue(now)]:
            ray.cancel(reference, force=True)
            flight = flying.pop(reference)
            yield Outcome(flight.item, status="timeout", reason=overdue(flight.needs.seconds), where=flight.where)

    def stop(self) -> None:
        self.stopping = True

    def close(self) -> None:
        """Stop Ray if this executor started it."""
        if self._started:
            ray.shutdown()


def _told(function: Callable[[Any], Any]) -> Callable[[Any, float], Iterator[Any]]:
    """The function as a stream: where it is at work, None where it may not be, and its value or its error."""

    def stream(item: Any, gpus: float) -> Iterator[Any]:
        here = Where(ray.get_runtime_context().get_node_id(), socket.gethostname(), os.getpid())
        visible = ",".join(map(str, ray.get_gpu_ids()))
        if gpus and os.environ.setdefault(_DEVICES, visible) != visible:
            yield None  # CUDA keeps the first device that a process saw
            _wait_for_the_end()
        yield here
        with _asked_by_interrupt():
            try:
                value, error = function(item), None
            except Exception as raised:
                value, error = None, raised
        yield value, error
        if error is not None:
            _wait_for_the_end()

    return stream


@contextlib.contextmanager
def _asked_by_interrupt() -> Iterator[None]:
    """Ray asks a task to end as Ctrl-C does; whoever is at work heeds a cluster's own signal."""
    before = signal.signal(signal.SIGINT, lambda *_: signal.raise_signal(signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _wait_for_the_end() -> None:
    """The driver ends this process; where the driver is gone, it ends itself."""
    time.sleep(60)
    os._exit(1)


def _heard(reference: Any, flight: _Flight) -> Outcome | None:
    """What a task said: nothing but that it has begun, or what became of it."""
    try:
        said: Any = ray.get(next(reference))
        if flight.began is None and said is not None:
            flight.began, flight.where = time.monotonic(), said
            return None
        value, error = said or (None, None)
        if said is None or error is not None:
            ray.cancel(reference, force=True)
        if said is None:
            return None
        if error is not None:
            return failed(flight.item, error, flight.where)
        return Outcome(flight.item, value, where=flight.where)
    except RayTaskError as error:
        cause = error.cause if isinstance(error.cause, Exception) else error
        return failed(flight.item, cause, flight.where)
    except OutOfMemoryError as error:
        status = "oom"
        reason = error
    except (RayError, StopIteration) as error:
        status, reason = "killed", error
    return Outcome(flight.item, status=status, reason=" ".join(str(reason).split())[:300], where=flight.where)


def bare(function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
    """Values of a function by Ray's own tasks, all handed over at once: what the executor's overhead is measured by."""
    task = ray.remote(max_retries=0)(function)
    for reference in [task.remote(item) for item in items]:
        yield ray.get(reference)


def _start(address: str | None) -> None:
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "include_dashboard": False}
    if address is None:
        # "local", or Ray joins whatever cluster it finds on this machine
        ray.init("local", num_cpus=usable_cpus(), object_store_memory=_OBJECT_STORE, **quiet)
        return
    _knock(address)
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise InputError(f"no Ray cluster answers at {address!r}: {' '.join(str(error).split())[:200]}") from None


def _knock(address: str) -> None:
    """Say at once that nobody answers; Ray itself goes on trying for minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not port.isdigit():  # "auto", which Ray resolves on this machine
        return
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except (OSError, OverflowError) as error:
        raise InputError(
            f"no Ray cluster answers at {address!r}: {error}. Give HOST:PORT, local or in-process"
        ) from None

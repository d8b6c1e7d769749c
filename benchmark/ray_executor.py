"""Packs on Ray: long-lived workers, a bounded window of packs in flight. The one file that imports ray."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import logging
import os
import socket
import time
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
from .executors import Needs, Outcome, carrying, overdue, queue_of, usable_cpus  # noqa: E402

_OBJECT_STORE = 200 * 1024**2  # bytes; packs return a small status, so little is kept
_TICK = 2.0  # seconds between looks at what runs too long
_WINDOW = 2  # packs in flight for each slot: the next one waits at the worker


@dataclasses.dataclass
class _Flight:
    """An item that was handed to Ray; ``began`` when it probably started, None while others are before it."""

    item: Any
    needs: Needs
    began: float | None = None

    def overdue(self, now: float) -> bool:
        return self.needs.seconds is not None and self.began is not None and now - self.began > self.needs.seconds


class RayExecutor:
    """Runs items as Ray tasks; Ray reuses the worker processes, so torch is imported once in each.

    A task that dies with its worker is an outcome ``killed``, never retried in silence: the runner decides.

    Parameters
    ----------
    address : a running cluster, or None to start Ray on this machine.
    """

    def __init__(self, address: str | None = None) -> None:
        self._started = not ray.is_initialized()
        if self._started:
            _start(address)
        self.slots = _slots()

    @property
    def gpus(self) -> float:
        return float(ray.cluster_resources().get("GPU", 0))

    def map(
        self, function: Callable[[Any], Any], items: Iterable[Any], needs: Callable[[Any], Needs] | None = None
    ) -> Iterator[Outcome]:
        task = ray.remote(max_retries=0, max_calls=0)(carrying(function))
        shaped = functools.lru_cache(maxsize=256)(lambda shape: task.options(**_options(shape)))
        waiting, flying = queue_of(items), dict[Any, _Flight]()
        while waiting or flying:
            while waiting and len(flying) < _WINDOW * self.slots:
                item = waiting.popleft()
                wanted = needs(item) if needs else Needs()
                missing = _missing(wanted)
                if missing:
                    yield Outcome(item, status="error", reason=missing)
                    continue
                flying[shaped(dataclasses.replace(wanted, seconds=None)).remote(item)] = _Flight(item, wanted)
            if not flying:
                continue
            done, _ = ray.wait(list(flying), num_returns=1, timeout=_TICK)
            for reference in done:
                yield _outcome(flying.pop(reference).item, reference)
            for reference in self._overdue(flying):
                ray.cancel(reference, force=True)
                flight = flying.pop(reference)
                yield Outcome(flight.item, status="timeout", reason=overdue(flight.needs.seconds))
            if not done:
                self.slots = _slots()  # nodes come and go

    def _overdue(self, flying: dict[Any, _Flight]) -> list[Any]:
        """Items that run too long. Ray starts them in the order in which they came, so the first ones run."""
        now = time.monotonic()
        for flight in itertools.islice(flying.values(), self.slots):
            flight.began = flight.began or now
        return [reference for reference, flight in flying.items() if flight.overdue(now)]

    def close(self) -> None:
        """Stop Ray if this executor started it."""
        if self._started:
            ray.shutdown()


def bare(function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
    """Values of a function by Ray's own tasks, all handed over at once: what the executor's overhead is measured by."""
    task = ray.remote(max_retries=0)(function)
    for reference in [task.remote(item) for item in items]:
        yield ray.get(reference)


def _slots() -> int:
    return max(1, int(ray.cluster_resources().get("CPU", 1)))


def _largest() -> dict[str, float]:
    """The most that one living node has of each resource."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return {name: max(node.get(name, 0) for node in nodes) for name in ("CPU", "GPU", "memory")} if nodes else {}


def _options(needs: Needs) -> dict[str, Any]:
    node = _largest()
    cpus = node.get("CPU", 1) if needs.alone else needs.cpus
    memory = min(needs.memory, int(node.get("memory", 0)))
    return {"num_cpus": cpus, "num_gpus": needs.gpus, **({"memory": memory} if memory else {})}


def _missing(needs: Needs) -> str | None:
    """What no node has, which would be waited for without end."""
    if needs == Needs(seconds=needs.seconds, memory=needs.memory, alone=needs.alone):
        return None
    node = _largest()
    for name, wanted in (("CPU", needs.cpus), ("GPU", needs.gpus)):
        if wanted > node.get(name, 0):
            return f"needs {wanted:g} {name}s on one node, the largest node has {node.get(name, 0):g}"
    return None


def _outcome(item: Any, reference: Any) -> Outcome:
    try:
        return Outcome(item, ray.get(reference))
    except RayTaskError as error:
        cause = error.cause if isinstance(error.cause, Exception) else error
        return Outcome(item, status="error", reason=f"{type(cause).__name__}: {cause}", exception=cause)
    except OutOfMemoryError as error:
        return Outcome(item, status="oom", reason=" ".join(str(error).split())[:300])
    except RayError as error:
        return Outcome(item, status="killed", reason=" ".join(str(error).split())[:300])


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

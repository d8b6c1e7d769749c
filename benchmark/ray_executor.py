"""Packs on Ray: long-lived workers, a bounded window of packs in flight. The one file that imports ray."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any

# Read by ray when it is imported or started.
for _name, _value in {
    "RAY_DEDUP_LOGS": "0",  # it takes numbers for equal, so lines that differ in a loss would vanish
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}.items():
    os.environ.setdefault(_name, _value)

import ray  # noqa: E402
from ray.exceptions import RayActorError, RayError, RayTaskError  # noqa: E402

from ..errors import InputError  # noqa: E402
from .executors import Outcome, carrying, usable_cpus  # noqa: E402

_OBJECT_STORE = 200 * 1024**2  # bytes; packs return a small status, so little is kept
_WINDOW = 2  # packs in flight for each slot: the next one waits at the worker


class RayExecutor:
    """Runs items as Ray tasks of one CPU each; Ray reuses the worker processes, so torch is imported once in each.

    A task that dies with its worker is an outcome ``killed``, never retried in silence: the runner decides.

    Parameters
    ----------
    address : a running cluster, or None to start Ray on this machine.
    """

    def __init__(self, address: str | None = None) -> None:
        self._started = not ray.is_initialized()
        if self._started:
            _start(address)
        self.slots = max(1, int(ray.cluster_resources().get("CPU", 1)))

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Outcome]:
        task = ray.remote(num_cpus=1, max_retries=0, max_calls=0)(carrying(function))
        waiting, flying = list(reversed(items)), {}
        while waiting or flying:
            while waiting and len(flying) < _WINDOW * self.slots:
                item = waiting.pop()
                flying[task.remote(item)] = item
            done, _ = ray.wait(list(flying), num_returns=1)
            for reference in done:
                yield _outcome(flying.pop(reference), reference)

    def close(self) -> None:
        """Stop Ray if this executor started it."""
        if self._started:
            ray.shutdown()


def _outcome(item: Any, reference: Any) -> Outcome:
    try:
        return Outcome(item, ray.get(reference))
    except RayTaskError as error:
        cause = error.cause if isinstance(error.cause, Exception) else error
        return Outcome(item, status="error", reason=f"{type(cause).__name__}: {cause}", exception=cause)
    except (RayActorError, RayError) as error:
        return Outcome(item, status="killed", reason=" ".join(str(error).split())[:300])


def _start(address: str | None) -> None:
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "include_dashboard": False}
    if address is None:
        ray.init(num_cpus=usable_cpus(), object_store_memory=_OBJECT_STORE, **quiet)
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

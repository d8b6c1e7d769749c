"""Where packs run. One small interface; running in this process is the default of the tests."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of one item: a value, or why there is none."""

    item: Any
    value: Any = None
    status: Literal["ok", "killed", "error"] = "ok"
    reason: str | None = None
    exception: BaseException | None = None


class Executor(Protocol):
    """Runs a function over items, here or elsewhere."""

    slots: int

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Outcome]:
        """Outcomes as they finish, in any order. A failure is an outcome; it does not end the others."""
        ...

    def close(self) -> None:
        """Give back what the executor holds."""
        ...


class InProcess:
    """One item after the other, in this process."""

    slots = 1

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Outcome]:
        for item in items:
            try:
                yield Outcome(item, function(item))
            except Exception as error:
                yield Outcome(item, status="error", reason=f"{type(error).__name__}: {error}", exception=error)

    def close(self) -> None:
        return None


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
    """The function, with the texts of users' networks that this process has read, for a worker that has no such files.

    It is a nested function, so it travels by value with them.
    """
    from ..architectures.user import remember, sources

    texts = sources()

    def call(item: Any) -> Any:
        remember(texts)
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

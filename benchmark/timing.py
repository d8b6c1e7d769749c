"""The time that work takes, whatever else the machine does."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch


def shortest(work: Callable[[], object], seconds: float, *, least: int = 3, most: int = 500) -> float:
    """Shortest time of a call, after a first one that warms up.

    It is the calling thread's own time, in which no other process is counted. Where torch has several threads it is
    the clock's, as they all work.

    Parameters
    ----------
    work : what is called.
    seconds : for how long it is called again.
    least, most : bounds on the calls that are timed.
    """
    clock = time.thread_time if torch.get_num_threads() == 1 else time.perf_counter
    work()
    best, start, calls = float("inf"), clock(), 0
    while calls < least or (calls < most and clock() - start < seconds):
        began = clock()
        work()
        best, calls = min(best, clock() - began), calls + 1
    return best

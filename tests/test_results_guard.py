"""Guards: one process at a time, for as long as it lives; who died is passed over, by one of those who wait."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest
from onecurve.results.guard import guarded
from onecurve.results.store import Store

# Enters, stays for some seconds, and says when it came and went.
ONE = """
import sys, time
from pathlib import Path
from onecurve.results.guard import guarded
with guarded(Path(sys.argv[1]), float(sys.argv[2])):
    came = time.time()
    time.sleep(float(sys.argv[3]))
    print(came, time.time(), flush=True)
    if len(sys.argv) > 4:
        import os
        os._exit(9)
"""


def enter(guard, patience, seconds, *dies):
    command = [sys.executable, "-c", ONE, str(guard), str(patience), str(seconds), *dies]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def visits(processes):
    return sorted(tuple(map(float, process.communicate(timeout=120)[0].split())) for process in processes)


def test_who_waits_does_not_pass_over_a_holder_that_is_alive(tmp_path):
    guard = tmp_path / ".x.guard"
    stays = visits([enter(guard, 0.6, 1.5) for _ in range(3)])
    assert all(before[1] <= after[0] for before, after in zip(stays, stays[1:], strict=False))
    assert all(gone - came > 2 * 0.6 for came, gone in stays) and not list(tmp_path.iterdir())


def test_a_holder_that_died_is_passed_over_by_one_at_a_time(tmp_path):
    guard = tmp_path / ".x.guard"
    assert len(visits([enter(guard, 0.6, 0.0, "dies")])) == 1 and guard.exists()
    inside, most, stays = [], [], []

    def wait():
        began = time.monotonic()
        with guarded(guard, 0.6):
            inside.append(1)
            most.append(len(inside))
            stays.append(time.monotonic() - began)
            time.sleep(0.1)
            inside.pop()

    threads = [threading.Thread(target=wait) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 6 and min(stays) > 0.6 and not list(tmp_path.iterdir())


def test_a_guard_that_was_lost_is_not_taken_from_who_has_it_now(tmp_path):
    guard = tmp_path / ".x.guard"
    with guarded(guard, 30.0):
        guard.unlink()
        guard.write_text("another's")
    assert guard.read_text() == "another's"


@pytest.mark.parametrize("n", [40])
def test_many_who_start_together_lose_nothing(n, tmp_path):
    def add(i):
        store = Store(tmp_path)
        with store.exclusive("x"):
            store.write_json("x", [*(store.read_json("x") or []), i])

    threads = [threading.Thread(target=add, args=(i,)) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(Store(tmp_path).read_json("x")) == list(range(n))

"""The stand-in for a GPU, in its own process: autograd counts devices at its first backward pass, once a process."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

CASES = Path(__file__).with_name("standin.py")


def passed(which: str, timeout: float) -> int:
    """Run the cases that are slow, or that are not; returns how many passed."""
    command = [sys.executable, "-m", "pytest", str(CASES), "-q", "-p", "no:cacheprovider", "-n", "0", "-m", which]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, cwd=CASES.parent.parent)
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-2000:]}"
    found = re.search(r"(\d+) passed", done.stdout)
    assert found, done.stdout
    return int(found.group(1))


def test_some_families_and_all_optimisers_and_observables_stay_on_the_device():
    assert passed("not slow", timeout=1800) >= 40


@pytest.mark.slow
def test_every_family_and_data_set_stays_on_the_device():
    assert passed("slow", timeout=3600) >= 50

"""What several tests need: a cache of their own, a tiny sweep, the command line in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

# Before torch is imported, here and in what tests start: several threads on two busy cores cost more than they give.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import yaml

TINY_FOURIER = {"name": "fourier", "inputs": 2, "modes": 64, "pool": 8192, "test_size": 256}


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory):
    """Data made by tests never reaches the user's cache."""
    folder = str(tmp_path_factory.mktemp("cache"))
    before = os.environ.get("ONECURVE_CACHE")
    os.environ["ONECURVE_CACHE"] = folder
    yield folder
    if before is None:
        os.environ.pop("ONECURVE_CACHE")
    else:
        os.environ["ONECURVE_CACHE"] = before


@pytest.fixture
def tiny(tmp_path):
    """Writes a sweep of seconds: the ``linear`` control and an ``mlp``; keywords replace keys of both groups."""

    def write(name: str = "tiny", **changes) -> Path:
        common = {"seeds": 3, "batch_size": 16, "horizon": {"rule": "steps", "steps": 40}, "pack": True, **changes}
        control = {
            "families": "linear",
            "datasets": "power-law-regression",
            "rungs": [4, 8, 16],
            "optimizer": "sgd",
            "parametrization": "standard",
            "peak_lr": 0.05,
            "control": "holds",
        }
        network = {"families": "mlp", "datasets": TINY_FOURIER, "rungs": [8, 12, 16], "peak_lr": 0.01}
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump({"name": name, "groups": [{**control, **common}, {**network, **common}]}))
        return path

    return write


@pytest.fixture
def onecurve(tmp_path):
    """Runs the command line in a process of its own, in a temporary folder."""

    def call(*arguments: str, timeout: float = 240, cwd: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "onecurve.scripts.cli", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout, cwd=cwd, check=False)

    return call

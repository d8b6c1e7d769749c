"""Faults of the driver: killed, interrupted, cut off in the middle of a write, not alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from onecurve.benchmark import runner
from onecurve.benchmark.executors import InProcess
from onecurve.benchmark.sweep import load_sweep
from onecurve.results.live import under_way
from onecurve.results.store import Store

PATIENCE = 400  # seconds; on a busy machine what takes ten takes minutes
LONGER = {"pack": False, "horizon": {"rule": "steps", "steps": 200}}
# The command line, in a process that heeds Ctrl-C even where its parent does not.
COMMAND = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from onecurve.scripts.cli import main; main()"
)


def run(path, folder):
    return runner.run(load_sweep(str(path)), Store(folder), InProcess())


@pytest.fixture
def drive():
    """Starts drivers in processes of their own."""
    started = []

    def start(path, folder, code=COMMAND) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", code, "run", str(path), "--out", str(folder), "--address", "in-process"]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def shards(folder: Path) -> list[Path]:
    return sorted((folder / "trials").glob("*.parquet"))


def until(there, seconds: float = PATIENCE) -> None:
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        pytest.param(signal.SIGKILL, -9, marks=pytest.mark.slow),  # see the power cut below
        pytest.param(signal.SIGTERM, -15, marks=pytest.mark.slow),
        (signal.SIGINT, 130),
    ],
)
def test_a_driver_that_ends_in_mid_run_keeps_what_was_finished(sent, code, tiny, tmp_path, drive, undisturbed, rows_of):
    folder = tmp_path / "run"
    driver = drive(tiny(**LONGER), folder)
    until(lambda: len(shards(folder)) >= 4)
    assert under_way(Store(folder))["workers"] == 1
    driver.send_signal(sent)
    said = driver.communicate(timeout=PATIENCE)[1]
    assert driver.returncode == code
    assert ("stopped: what was finished is kept" in said) == (sent == signal.SIGINT)
    with pytest.raises(ProcessLookupError):
        os.kill(driver.pid, 0)
    finished = shards(folder)
    assert 4 <= len(finished) < 18
    assert (under_way(Store(folder)) is None) == (sent != signal.SIGKILL)  # who was killed cannot say so
    assert rows_of(folder).items() <= undisturbed(**LONGER).items()
    again = run(tiny(**LONGER), folder)
    assert (again.found, again.statuses) == (len(finished), {"ok": 18})
    assert len(shards(folder)) == 18 and set(finished) <= set(shards(folder))
    assert rows_of(folder) == undisturbed(**LONGER)


@pytest.mark.slow
def test_the_same_command_goes_on_after_its_driver_was_killed(tiny, tmp_path, drive, undisturbed, rows_of):
    folder = tmp_path / "run"
    driver = drive(tiny(**LONGER), folder)
    until(lambda: len(shards(folder)) >= 4)
    driver.kill()
    driver.communicate()
    left = 18 - len(shards(folder))
    said = drive(tiny(**LONGER), folder).communicate(timeout=PATIENCE)[0]
    assert f"18 trials: {18 - left} were in the table, {left} trained now" in said
    assert rows_of(folder) == undisturbed(**LONGER)


CUT = """
import os, signal
replace, written = os.replace, []
def cut(source, target):
    written.append(str(target).endswith(".parquet"))
    if sum(written) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target)
os.replace = cut
"""


def test_power_cut_between_write_and_rename_loses_that_pack_only(tiny, tmp_path, drive, undisturbed, rows_of):
    driver = drive(tiny(), tmp_path / "run", CUT + COMMAND)
    driver.communicate(timeout=PATIENCE)
    assert driver.returncode == -signal.SIGKILL
    assert under_way(Store(tmp_path / "run"))["workers"] == 1  # who was killed cannot say so
    (half,) = (tmp_path / "run" / "trials").glob("*.tmp")
    assert half.stat().st_size > 1000 and len(rows_of(tmp_path / "run")) == 6
    again = run(tiny(), tmp_path / "run")
    assert (again.found, again.statuses) == (6, {"ok": 18})
    assert rows_of(tmp_path / "run") == undisturbed()


MEET = """
import sys, time
from pathlib import Path
import onecurve.benchmark.runner
place = Path(sys.argv[sys.argv.index("--out") + 1]).parent
(place / f"ready-{sys.argv[2].rsplit('/', 1)[1]}-{time.time_ns()}").touch()
while len(list(place.glob("ready-*"))) < 2:
    time.sleep(0.001)
"""


@pytest.mark.slow
def test_two_drivers_on_one_folder_make_one_table(tiny, tmp_path, drive, undisturbed, rows_of):
    changes = {**LONGER, "pack": "auto"}
    folder = tmp_path / "run"
    drivers = [drive(tiny(**changes), folder, MEET + COMMAND) for _ in range(2)]
    for driver in drivers:
        assert driver.communicate(timeout=PATIENCE)[0].startswith("18 trials")
        assert driver.returncode == 0
    first, second = (json.loads(path.read_text()) for path in sorted((folder / "runs").iterdir()))
    assert max(first["started_utc"], second["started_utc"]) < min(first["ended_utc"], second["ended_utc"])
    assert [path.name for path in folder.glob("*.lock.json")] == ["tiny.lock.json"]
    assert not list(folder.glob(".*.guard")) and not (folder / "quarantine").exists()
    cells = json.loads((folder / "tiny.lock.json").read_text())["cells"].values()
    decided = {trial for cell in cells for trial in cell["trials"].values()}
    alone = {**undisturbed(**LONGER), **undisturbed(**{**LONGER, "pack": True})}  # whatever packing was decided
    assert len(decided) == 18
    assert rows_of(folder) == {trial: alone[trial] for trial in decided}
    assert run(tiny(**changes), folder).found == 18

"""Ray's own memory monitor: a worker that takes too much of the node is ended, and its pack trained again, alone."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from onecurve.benchmark import dispatch, runner, worker
from onecurve.benchmark.sweep import load_sweep
from onecurve.results.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.filterwarnings("ignore::ResourceWarning")]
ROOM, TAKEN = 2 * 2**30, 4 * 2**30  # bytes that the node may take more than now; bytes that a greedy worker asks for


def memory() -> tuple[int, int]:
    """Bytes of this machine that are taken, and all of them."""
    lines = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
    kilobytes = {line[0]: int(line[1]) for line in lines}
    return 1024 * (kilobytes["MemTotal:"] - kilobytes["MemAvailable:"]), 1024 * kilobytes["MemTotal:"]


@pytest.fixture
def watched_ray():
    """A Ray whose monitor looks often, and ends workers at two gigabytes more than what the machine has taken now."""
    from onecurve.benchmark.ray_executor import RayExecutor

    taken, whole = memory()
    if taken + TAKEN + 2**30 > whole:
        pytest.skip(f"{TAKEN} bytes of memory are not free here")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_memory_usage_threshold", f"{(taken + ROOM) / whole:.4f}")
        patch.setenv("RAY_memory_monitor_refresh_ms", "100")
        executor = RayExecutor()
        yield executor
        executor.close()


def greedy(folder):
    """Work whose packs of one rung take ever more memory, unless they are alone."""

    def work(job):
        if job.pack.cell.rung == "width 12" and not job.alone:
            (folder / str(os.getpid())).touch()
            kept = []
            while sum(map(len, kept)) < TAKEN:
                kept.append(b"\1" * (64 * 2**20))
                time.sleep(0.05)
            time.sleep(30)
        return worker.work(job)

    return work


def test_a_worker_that_rays_memory_monitor_ends(watched_ray, tiny, tmp_path, monkeypatch, undisturbed, rows_of):
    began, outcomes = tmp_path / "began", []
    began.mkdir()
    monkeypatch.setattr(dispatch, "work", greedy(began))
    judge = dispatch.Dispatch._judge
    monkeypatch.setattr(
        dispatch.Dispatch, "_judge", lambda self, o, executor: outcomes.append(o) or judge(self, o, executor)
    )
    summary = runner.run(load_sweep(str(tiny())), Store(tmp_path / "run"), watched_ray)
    (pid,) = (int(path.name) for path in began.iterdir())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert [o.item.pack.cell.rung for o in outcomes if o.status == "oom"] == ["width 12"]
    assert ["memory" in o.reason for o in outcomes if o.status != "ok"] == [True]
    assert summary.statuses == {"ok": 18}
    rows = Store(tmp_path / "run").table(["rung", "attempt"]).to_pylist()
    assert {row["rung"] for row in rows if row["attempt"] == 2} == {"width 12"}
    assert rows_of(tmp_path / "run") == undisturbed()

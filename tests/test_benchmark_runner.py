"""The runner: trains once, goes on, extends, keeps failures, and gives the same table wherever it runs."""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import yaml
from onecurve.architectures.mlp import PlainMLP
from onecurve.benchmark import dispatch, runner, worker
from onecurve.benchmark.executors import InProcess
from onecurve.benchmark.sweep import load_sweep
from onecurve.benchmark.sweep_plan import plan_sweep
from onecurve.errors import InputError
from onecurve.results.store import Store

# Columns that say when and how fast, not what.
INCIDENTAL = ("started_utc", "train_seconds", "eval_seconds", "data_seconds")


def run(path, folder, executor=None, **options):
    return runner.run(load_sweep(str(path)), Store(folder), executor or InProcess(), **options)


def table(folder):
    rows = Store(folder).table().drop_columns(list(INCIDENTAL)).to_pylist()
    return {row["trial_id"]: row for row in rows}


def test_a_sweep_trains_once_and_goes_on(tiny, tmp_path):
    first = run(tiny(), tmp_path / "run")
    assert (first.asked, first.found, first.failed) == (18, 0, 0)
    shards = Store(tmp_path / "run").shards()
    again = run(tiny(), tmp_path / "run")
    assert (again.asked, again.found) == (18, 18)
    assert Store(tmp_path / "run").shards() == shards


@pytest.fixture
def copied(kept, tmp_path):
    """A folder with the tiny sweep, trained already."""
    return shutil.copytree(kept(), tmp_path / "run")


def test_more_seeds_extend_and_leave_what_is_there(tiny, tmp_path, copied, kept):
    before = table(tmp_path / "run")
    more = run(tiny(seeds=5), tmp_path / "run")
    after = table(tmp_path / "run")
    assert (more.asked, more.found) == (30, 18)
    assert {k: after[k] for k in before} == before
    assert table(kept(seeds=5)) == after


def test_rows_say_what_was_trained(kept):
    rows = table(kept()).values()
    control = next(row for row in rows if row["family"] == "linear" and row["rung"] == "features 8")
    assert (control["control"], control["n_params"], control["horizon_steps"]) == ("holds", 8, 40)
    assert (control["irreducible_loss"], control["irreducible_loss_source"], control["test_loss_se"]) == (
        0.0,
        "known",
        0.0,
    )
    assert (control["status"], control["last_step"], control["packed"], control["threads"]) == ("ok", 40, True, 1)
    assert control["x"][0] == 0 and control["x"][-1] == 1
    assert control["examples"][-1] == 40 * 16
    assert control["compute"][-1] == control["examples"][-1] * control["flops_per_example"]
    network = next(row for row in rows if row["family"] == "mlp")
    assert network["control"] is None
    assert network["pool_fraction"] == 40 * 16 / 8192
    assert network["test_loss_se"] > 0


def test_shards_are_the_whole_and_keep_packs_together(tiny, tmp_path, kept):
    assert sum(run(tiny(), tmp_path / "parts", shard=(part, 5)).asked for part in range(1, 6)) == 18
    assert table(tmp_path / "parts") == table(kept())


def test_a_run_leaves_a_manifest_and_one_log_a_pack(kept):
    (path,) = (kept() / "runs").iterdir()
    told = json.loads(path.read_text())
    assert told["started_utc"] < told["ended_utc"] and told["cpu_kind"] and told["host"]
    assert (told["torch"], told["python"]) == (metadata.version("torch"), platform.python_version())
    assert [group["peak_lr"] for group in told["sweep"]["groups"]] == [0.05, 0.01]
    resolved = {(cell["family"], cell["rung"]): (cell["horizon_steps"], cell["trials"]) for cell in told["resolved"]}
    assert len(resolved) == 6 and set(resolved.values()) == {(40, 3)}
    packs = {Path(shard).name.split("-")[0] for shard in Store(kept()).shards()}
    logs = {log.stem: log.read_text() for log in (kept() / "logs").iterdir()}
    assert set(logs) == packs and len(packs) == 6
    assert all(text.count(" ok loss ") == 3 for text in logs.values())


def test_a_failing_pack_is_rows_and_is_tried_again_when_asked(tiny, tmp_path, monkeypatch):
    train = worker.train

    def fail(pack, **options):
        if pack[0].family.name == "mlp" and pack[0].rung["width"] == 12:
            raise RuntimeError("the disk of the moon is full")
        return train(pack, **options)

    monkeypatch.setattr(worker, "train", fail)
    summary = run(tiny(), tmp_path / "run")
    assert summary.statuses == {"ok": 15, "error": 3}
    assert any("the disk of the moon is full" in reason for reason in summary.reasons)
    failed = [row for row in table(tmp_path / "run").values() if row["status"] != "ok"]
    assert {row["rung"] for row in failed} == {"width 12"}
    assert all(row["reason"] == "RuntimeError: the disk of the moon is full" and row["x"] == [] for row in failed)
    monkeypatch.setattr(worker, "train", train)
    again = run(tiny(), tmp_path / "run")
    assert (again.found, again.statuses) == (18, {"ok": 15, "error": 3})
    mended = run(tiny(), tmp_path / "run", retry="failed")
    assert (mended.found, mended.statuses) == (15, {"ok": 18})
    assert {row["attempt"] for row in table(tmp_path / "run").values()} == {1, 2}
    assert {row["status"] for row in table(tmp_path / "run").values()} == {"ok"}


def test_memory_exhausted_is_said_so(tiny, tmp_path, monkeypatch):
    def exhaust(pack, **options):
        raise RuntimeError(
            "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9e12 bytes"
        )

    monkeypatch.setattr(worker, "train", exhaust)
    assert run(tiny(), tmp_path / "run").statuses == {"oom": 18}
    assert {row["attempt"] for row in table(tmp_path / "run").values()} == {3}  # of three, of one, alone


@pytest.mark.parametrize(("most", "tried"), [(1, [(3, False), (1, False)]), (0, [(3, False), (1, False), (1, True)])])
def test_memory_exhausted_is_tried_in_smaller_packs_then_alone(most, tried, tiny, tmp_path, monkeypatch):
    train, asked = worker.train, []

    def exhausted(pack, **options):
        if len(pack) > most and not (len(pack) == 1 and asked[-1][1]):
            raise MemoryError("can't allocate memory")
        return train(pack, **options)

    work = worker.work
    monkeypatch.setattr(worker, "train", exhausted)
    monkeypatch.setattr(dispatch, "work", lambda job: asked.append((len(job.pack.specs), job.alone)) or work(job))
    assert run(tiny(), tmp_path / "run", only={"family": "mlp"}).statuses == {"ok": 9}
    assert sorted(set(asked), key=lambda each: (-each[0], each[1])) == tried
    monkeypatch.undo()
    run(tiny(), tmp_path / "whole", only={"family": "mlp"})
    mended, whole = table(tmp_path / "run"), table(tmp_path / "whole")
    assert {trial: {**row, "attempt": 1} for trial, row in mended.items()} == whole


def test_divergence_is_a_row_with_its_last_step(tiny, tmp_path):
    path = tiny(optimizer="sgd", peak_lr=50.0, parametrization="standard", horizon={"rule": "steps", "steps": 400})
    summary = run(path, tmp_path / "run", only={"family": "linear"})
    assert summary.statuses == {"diverged": 9}
    for row in table(tmp_path / "run").values():
        assert row["status"] == "diverged"
        assert 0 <= row["last_step"] < 400
        assert np.all(np.isfinite(row["test_loss"])) and row["step"][-1] == row["last_step"]


def test_a_family_that_changed_is_noticed(tiny, tmp_path, monkeypatch, copied):
    build = PlainMLP.build

    def other(self, rung, task):
        net = build(self, rung, task)
        for parameter in net.parameters():
            parameter.data.mul_(1.5)
        return net

    monkeypatch.setattr(PlainMLP, "build", other)
    with pytest.raises(
        InputError, match="mlp changed since 9 trials were stored: raise its version, or pass --refresh"
    ):
        run(tiny(), tmp_path / "run")
    before = table(tmp_path / "run")
    assert run(tiny(), tmp_path / "run", refresh=True).found == 9
    after = table(tmp_path / "run")
    changed = {row["family"] for trial, row in after.items() if row["test_loss"] != before[trial]["test_loss"]}
    assert changed == {"mlp"}
    assert run(tiny(), tmp_path / "run").found == 18


def test_the_lock_keeps_what_was_decided(tiny, tmp_path, monkeypatch):
    run(tiny(pack="auto"), tmp_path / "run")
    packed = {trial: row["packed"] for trial, row in table(tmp_path / "run").items()}
    monkeypatch.setattr("onecurve.benchmark.resolve.packing_gain", lambda *_, **__: pytest.fail("measured twice"))
    run(tiny(pack="auto", seeds=4), tmp_path / "run")
    assert {trial: table(tmp_path / "run")[trial]["packed"] for trial in packed} == packed


def test_a_table_that_came_without_its_lock_is_gone_on_from(tiny, tmp_path, monkeypatch):
    """Packed or not as there, whatever a measurement says here: another packing would be another trial."""
    gain = 9.0
    monkeypatch.setattr("onecurve.benchmark.resolve.packing_gain", lambda *_, **__: (gain, 0.0))
    first = run(tiny(pack="auto"), tmp_path / "run")
    assert first.found == 0 and any(row["packed"] for row in table(tmp_path / "run").values())
    (tmp_path / "run" / "tiny.lock.json").unlink()
    gain = 0.1
    again = run(tiny(pack="auto"), tmp_path / "run")
    assert again.found == first.asked
    (tmp_path / "run" / "tiny.lock.json").unlink()
    assert run(tiny(pack=False), tmp_path / "run").found < first.asked  # what the sweep says is done


def test_a_folder_of_another_sweep_is_refused_and_left_alone(tiny, tmp_path):
    run(tiny("one"), tmp_path / "run", only={"family": "linear"})
    before = sorted(path.name for path in (tmp_path / "run").rglob("*"))
    with pytest.raises(InputError, match="holds the results of the sweep 'one', not of 'two'"):
        run(tiny("two"), tmp_path / "run")
    assert sorted(path.name for path in (tmp_path / "run").rglob("*")) == before


def test_a_margin_chosen_later_does_not_replace_the_planned_one(tiny, tmp_path, copied):
    later = load_sweep(str(tiny())).model_copy(update={"margin": 0.2})
    with pytest.warns(UserWarning, match="the margin stays 0.03"):
        runner.run(later, Store(tmp_path / "run"), InProcess(), only={"family": "linear"})
    assert Store(tmp_path / "run").read_json("tiny.lock.json")["margin"] == 0.03


def test_a_damaged_lock_is_named(tiny, tmp_path, copied):
    (copied / "tiny.lock.json").write_text('{"sweep": "tiny"')
    with pytest.raises(InputError, match="tiny.lock.json.*is damaged"):
        run(tiny(), tmp_path / "run")


def test_the_plan_counts_what_the_run_then_does(tiny, tmp_path):
    planned = plan_sweep(load_sweep(str(tiny())), Store(tmp_path / "run"), {})
    assert (planned["n_trials"], planned["n_done"]) == (18, 0)
    assert not (tmp_path / "run").exists()
    run(tiny(), tmp_path / "run", only={"family": "mlp"})
    planned = plan_sweep(load_sweep(str(tiny())), Store(tmp_path / "run"), {})
    assert (planned["n_trials"], planned["n_done"]) == (18, 9)
    spent = sum(row["compute"][-1] for row in table(tmp_path / "run").values())
    assert (
        sum(
            c["flops_per_example"] * 16 * c["horizon_steps"] * c["trials"]
            for c in planned["cells"]
            if c["family"] == "mlp"
        )
        == spent
    )


def test_a_plan_of_what_was_run_needs_no_torch(tiny, copied):
    code = (
        "import sys\nfrom onecurve.benchmark.sweep_plan import plan_sweep\n"
        "from onecurve.benchmark.sweep import load_sweep\n"
        "from onecurve.results.store import Store\n"
        f"planned = plan_sweep(load_sweep({str(tiny())!r}), Store({str(copied)!r}), {{}})\n"
        "print(planned['n_trials'], planned['n_done'], 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["18", "18", "False"]


def _kill_mlp_of_width_12(job):
    """Stands in for the runner's work in a worker: the machine takes one worker away."""
    if job.pack.cell.rung == "width 12":
        os.kill(os.getpid(), signal.SIGKILL)
    return worker.work(job)


@pytest.fixture(scope="module")
def local_ray():
    from onecurve.benchmark.ray_executor import RayExecutor

    executor = RayExecutor()
    yield executor
    executor.close()


def test_ray_and_this_process_give_identical_tables(tiny, tmp_path, local_ray, kept):
    summary = run(tiny(), tmp_path / "ray", local_ray)
    assert (summary.asked, summary.failed) == (18, 0)
    assert table(tmp_path / "ray") == table(kept())


def test_looped_on_ray_equals_looped_here(tiny, tmp_path, local_ray):
    run(tiny(pack=False), tmp_path / "here", only={"family": "mlp"})
    run(tiny(pack=False), tmp_path / "ray", local_ray, only={"family": "mlp"})
    assert table(tmp_path / "ray") == table(tmp_path / "here")


def test_a_killed_worker_leaves_rows_and_the_next_run_mends_them(tiny, tmp_path, local_ray, monkeypatch, kept):
    with monkeypatch.context() as patch:
        patch.setattr(dispatch, "work", _kill_mlp_of_width_12)
        summary = run(tiny(), tmp_path / "run", local_ray)
    assert summary.statuses["killed"] == 3
    killed = [row for row in table(tmp_path / "run").values() if row["status"] == "killed"]
    assert {row["rung"] for row in killed} == {"width 12"} and all(row["reason"] for row in killed)
    assert {row["attempt"] for row in killed} == {3}  # a lost worker is no fault of the trial
    assert run(tiny(), tmp_path / "run", local_ray).failed == 0
    mended, whole = table(tmp_path / "run"), table(kept())
    assert {trial: {**row, "attempt": 1} for trial, row in mended.items()} == whole


NET = """from torch import nn


class MyNet(nn.Module):
    def __init__(self, width, task):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(task.n_inputs, width), nn.Tanh(), nn.Linear(width, task.outputs))

    def forward(self, x):
        return self.net(x)
"""


def test_a_users_file_trains_on_ray_as_it_does_here(tiny, tmp_path, local_ray, monkeypatch):
    (tmp_path / "my_net.py").write_text(NET)
    sweep = yaml.safe_load(tiny().read_text())
    mine = f"{tmp_path / 'my_net.py'}:MyNet"
    network = {**sweep["groups"][1], "families": mine, "pack": "auto"}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({"name": "mine", "groups": [network]}))
    monkeypatch.chdir(tmp_path)
    for name, executor in (("here", None), ("ray", local_ray)):
        assert run("mine.yaml", tmp_path / name, executor, only={"family": mine}).statuses == {"ok": 9}
    assert table(tmp_path / "ray") == table(tmp_path / "here")
    assert {row["family"] for row in table(tmp_path / "ray").values()} == {"my_net.py:MyNet"}

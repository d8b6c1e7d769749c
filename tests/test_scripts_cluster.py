"""The launchers for clusters, as far as they can be tried without one: real parsers, real bash, stand-ins for Slurm."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from onecurve.results.store import Store

CLUSTER = Path(__file__).resolve().parent.parent / "scripts" / "cluster"
INCIDENTAL = ["started_utc", "train_seconds", "eval_seconds", "data_seconds"]


def table(folder):
    rows = Store(folder).table()
    return rows.drop_columns([name for name in INCIDENTAL if name in rows.column_names]).to_pylist()


@pytest.fixture
def slurm(tmp_path):
    """Runs a batch script with ``srun`` and ``scontrol`` that stand for one node, this machine."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "srun").write_text('#!/bin/bash\nwhile [[ $1 == --* ]]; do shift; done\nexec "$@"\n')
    (folder / "scontrol").write_text("#!/bin/bash\necho 127.0.0.1\n")
    for path in folder.iterdir():
        path.chmod(0o755)

    def start(script: str, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        path = f"{folder}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        return subprocess.Popen(
            ["bash", str(CLUSTER / script), *map(str, arguments)],
            env={**os.environ, "PATH": path, "HOME": str(tmp_path), **variables},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def submit(script: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        started = start(script, *arguments, **variables)
        said = started.communicate(timeout=240)
        return subprocess.CompletedProcess(started.args, started.returncode, *said)

    submit.start = start
    return submit


def test_rays_own_parser_takes_the_cluster_file():
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = prepare_config(yaml.safe_load((CLUSTER / "ray-cluster.yaml").read_text()))
    validate_config(config)
    assert config["max_workers"] == 2
    assert all("RAY_AUTH_MODE=token" in config[f"{kind}_start_ray_commands"][1] for kind in ("head", "worker"))


@pytest.mark.parametrize("script", ["slurm.sbatch", "job-array.sbatch"])
def test_bash_reads_the_batch_scripts(script):
    assert subprocess.run(["bash", "-n", str(CLUSTER / script)], capture_output=True, check=False).returncode == 0
    asked = subprocess.run(["bash", str(CLUSTER / script)], capture_output=True, text=True, check=False)
    assert asked.returncode != 0 and "usage: sbatch" in asked.stderr
    checked = [Path(sys.executable).parent / "shellcheck", CLUSTER / script]
    assert subprocess.run(checked, capture_output=True, text=True, check=False).stdout == ""


def test_the_ray_job_has_what_kuberay_asks_for():
    job = yaml.safe_load((CLUSTER / "rayjob.yaml").read_text())
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    cluster = job["spec"]["rayClusterSpec"]
    assert cluster["authOptions"] == {"mode": "token"}
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        spec = group["template"]["spec"]
        mounted = {mount["name"]: mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]}
        assert mounted["memory"] == "/dev/shm"
        assert set(mounted) == {volume["name"] for volume in spec["volumes"]}
    assert job["spec"]["entrypoint"].startswith("onecurve run ")


def test_a_job_array_in_any_order_gives_the_table_of_one_run(tiny, tmp_path, slurm, onecurve, kept):
    """What the script asks for is run in this process, which has imported torch already."""
    sweep, parts, said = tiny(), tmp_path / "parts", tmp_path / "said"
    stand_in = tmp_path / "bin" / "onecurve"
    stand_in.write_text(f'#!/bin/bash\nprintf "%s\\n" "$@" > {said}\n')
    stand_in.chmod(0o755)
    shards = []
    for task in (4, 3):
        numbers = {"SLURM_ARRAY_TASK_ID": task, "SLURM_ARRAY_TASK_MIN": 3, "SLURM_ARRAY_TASK_COUNT": 2}
        assert slurm("job-array.sbatch", sweep, parts, **{name: str(n) for name, n in numbers.items()}).returncode == 0
        words = said.read_text().splitlines()
        shards.append(words[words.index("--shard") + 1])
        done = onecurve(*words)
        assert done.returncode == 0 or "holds no trials" in done.stderr, done.stderr
    assert shards == ["2/2", "1/2"]
    assert table(parts) == table(kept())


@pytest.mark.slow
@pytest.mark.parametrize("script", ["job-array.sbatch", "slurm.sbatch"])
def test_a_job_that_is_preempted_twice_ends_and_repeats_little(script, tiny, tmp_path, slurm, onecurve):
    """Stand-ins for Slurm and Ray; the signal, the driver, its checkpoints and the table are real."""
    long = {"horizon": {"rule": "steps", "steps": 2000}, "pool": 32_768}
    sweep, out, queue = tiny(pack=True, **long), tmp_path / "run", tmp_path / "queued"
    (tmp_path / "bin" / "ray").write_text('#!/bin/bash\nwhile [[ $1 != -- ]]; do shift; done\nshift\n"$@"\n')
    (tmp_path / "bin" / "scontrol").write_text(
        f'#!/bin/bash\nif [[ $1 == requeue ]]; then echo "$2" >>{queue}; else echo 127.0.0.1; fi\n'
    )
    for path in (tmp_path / "bin").iterdir():
        path.chmod(0o755)
    job = {"SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_COUNT": "1"}
    job |= {"SLURM_JOB_NODELIST": "node[1-1]", "SLURM_JOB_ID": "78", "SLURM_JOB_NUM_NODES": "1"}
    arguments = (sweep, out, "--address", "in-process", "--keep-every", "0.003")
    kept, codes = [], []
    for attempt in range(3):
        started = slurm.start(script, *arguments, **job)
        if attempt < 2:
            before, end = updates(out), time.monotonic() + 120
            while (now := updates(out)) <= before or now % 2000 < 200:
                assert time.monotonic() < end and started.poll() is None
                time.sleep(0.01)
            started.send_signal(signal.SIGTERM)
        said = started.communicate(timeout=240)[1]
        codes.append(started.returncode)
        kept.append(len(list((out / "checkpoints").iterdir())))
        assert ("trials are left: what was finished is kept" in said) == (attempt < 2), said
    assert codes == [143, 143, 0] and queue.read_text().split() == ["78", "78"]
    assert kept == [1, 1, 0]
    assert onecurve("run", sweep, "--out", tmp_path / "whole", "--address", "in-process").returncode == 0
    assert table(out) == table(tmp_path / "whole")


def updates(out) -> int:
    """Updates of the packs that are in the table and of the one that has a checkpoint; a pack has 2000."""
    from onecurve.benchmark.checkpoint import kept, reached

    if not out.exists():
        return 0
    store = Store(out)
    return 2000 * len(store.shards()) + sum(reached(store, name) for name in kept(store))


@pytest.mark.alone  # ends with `ray stop`, which stops every Ray of this machine
def test_the_slurm_script_runs_a_sweep_on_a_cluster_with_a_token(tiny, tmp_path, slurm, kept):
    job = {
        "SLURM_JOB_NODELIST": "node[1-1]",
        "SLURM_JOB_ID": "77",
        "SLURM_JOB_NUM_NODES": "1",
        "SLURM_CPUS_ON_NODE": "2",
    }
    done = slurm("slurm.sbatch", tiny(), tmp_path / "slurm", **job)
    assert done.returncode == 0, done.stdout + done.stderr
    assert table(tmp_path / "slurm") == table(kept())
    assert not list(tmp_path.glob(".onecurve-token-*"))

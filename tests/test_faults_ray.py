"""Faults of a cluster: workers, nodes and the driver killed, packs that hang, memory that runs out. One cluster."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time

import pytest
from onecurve.benchmark import dispatch, runner, worker
from onecurve.benchmark.dispatch import Terms
from onecurve.benchmark.sweep import load_sweep
from onecurve.results.store import Store
from processes import alive

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.filterwarnings("ignore::ResourceWarning")]
LONGER = {"pack": False, "horizon": {"rule": "steps", "steps": 200}}


@pytest.fixture(scope="module")
def cluster():
    """Three nodes of one processor each on this machine, and an executor that has joined them."""
    from onecurve.benchmark.ray_executor import RayExecutor
    from ray.cluster_utils import Cluster

    memory = {"object_store_memory": 100 * 2**20}
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, **memory})
    for _ in range(2):
        nodes.add_node(num_cpus=1, **memory)
    nodes.wait_for_nodes()
    executor = RayExecutor(nodes.address)
    yield nodes, executor
    executor.close()
    nodes.shutdown()


def run(path, folder, executor, **options):
    return runner.run(load_sweep(str(path)), Store(folder), executor, **options)


def told(folder):
    """Work that says which process and node do it, and takes a moment longer."""

    def work(job):
        import ray

        node = ray.get_runtime_context().get_node_id()
        (folder / f"{job.pack.name}-{job.pack.attempt}-{os.getpid()}-{node}").touch()
        time.sleep(0.5)
        return worker.work(job)

    return work


def hung():
    """Work that does not end for one size. Nested, so that it travels by value: a worker cannot import this file."""

    def work(job):
        if job.pack.cell.rung == "width 12":
            time.sleep(600)
        return worker.work(job)

    return work


def pids(folder):
    """Process and node of each attempt that began, the earliest first."""
    paths = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    return [(int(path.name.split("-")[2]), path.name.split("-")[3]) for path in paths]


def done(run, name):
    """Whether a pack's rows are in the table."""
    return bool(list((run / "trials").glob(f"{name}-*")))


def when(many, act):
    """A report that acts once, when so many trials are in the table."""
    acted = []

    def report(progress):
        if progress.stage == "train" and progress.done >= many and not acted:
            acted.append(act())

    return report


def poisoned(folder, where):
    """Work that fails at once in one process, or on one node, and trains elsewhere: a device that broke there.

    A broken node needs a new process for each of its failures. The others wait for three of them, or they might be
    done with everything before.
    """

    def work(job):
        import ray
        from onecurve.benchmark.executors import Failure

        here = str(os.getpid()) if where == "process" else ray.get_runtime_context().get_node_id()
        with contextlib.suppress(FileExistsError), open(folder / "mark", "x") as mark:
            mark.write(here)
        if (folder / "mark").read_text() == here:
            (folder / f"{time.time_ns()}-{os.getpid()}").touch()
            raise Failure("killed", "RuntimeError: CUDA error: an illegal memory access was encountered", broken=True)
        end = time.monotonic() + 120
        while where == "node" and len(list(folder.iterdir())) < 4 and time.monotonic() < end:
            time.sleep(0.05)
        return worker.work(job)

    return work


@pytest.mark.parametrize("where", ["process", "node"])
def test_a_worker_that_fails_everything_costs_no_trial(
    where, cluster, tiny, tmp_path, monkeypatch, undisturbed, rows_of
):
    many, began = {"pack": False, "seeds": 10}, tmp_path / "began"
    wanted = undisturbed(**many)  # before this process does what a worker is to do
    began.mkdir()
    monkeypatch.setattr(dispatch, "work", poisoned(began, where))
    summary = run(tiny(**many), tmp_path / "run", cluster[1])
    failed = [path.name.partition("-")[2] for path in began.iterdir() if path.name != "mark"]
    assert summary.statuses == {"ok": 60}
    assert rows_of(tmp_path / "run") == wanted
    assert len(set(failed)) == len(failed)  # a process in which a device broke is not used again
    if where == "process":
        assert len(failed) == 1 and summary.left_out == {}
    else:
        assert 3 <= len(failed) <= 6
        assert [reason[:24] for reason in summary.left_out.values()] == ["RuntimeError: CUDA error"]


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_kill_9_of_a_long_trial_repeats_what_its_checkpoint_lacks(
    share, cluster, tiny, tmp_path, monkeypatch, undisturbed, rows_of
):
    long = {"pack": False, "seeds": 1, "horizon": {"rule": "steps", "steps": 3000}, "pool": 65_536}
    counted, sweep, wanted = tmp_path / "updates", tiny(**long), undisturbed(**long)
    counted.mkdir()

    def work(job):
        from onecurve.benchmark.checkpoint import InStore

        due, mark = InStore.due, counted / f"{job.pack.name}-{job.pack.attempt}-{os.getpid()}"

        def told(self, updates):
            if updates % 100 == 0:
                mark.write_text(str(updates))
            return due(self, updates)

        InStore.due = told
        try:
            return worker.work(job)
        finally:
            InStore.due = due

    monkeypatch.setattr(dispatch, "work", work)
    killed = []

    def kill():
        while not killed:
            for path in counted.iterdir():
                if int(path.read_text() or 0) >= share * 3000 and path.name.split("-")[1] == "1":
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(int(path.name.split("-")[2]), signal.SIGKILL)
                        killed.append(path)
                        break
            time.sleep(0.002)

    thread = threading.Thread(target=kill)
    thread.start()
    summary = run(sweep, tmp_path / "run", cluster[1], terms=Terms(keep_every=0.1))
    thread.join()
    assert summary.statuses == {"ok": 6} and rows_of(tmp_path / "run") == wanted
    assert not list((tmp_path / "run" / "checkpoints").iterdir())
    name, reached = killed[0].name.split("-")[0], int(killed[0].read_text())
    (again,) = [path for path in counted.iterdir() if path.name.startswith(f"{name}-2-")]
    began = int((tmp_path / "run" / "logs" / f"{name}.log").read_text().partition("goes on from update ")[2].split()[0])
    assert again.read_text() == "3000" and share * 3000 <= reached and 0 < began <= reached + 100
    print(f"killed after {reached} of 3000 updates, went on from {began}")


def test_kill_9_of_a_worker_costs_one_attempt(cluster, tiny, tmp_path, monkeypatch, undisturbed, rows_of):
    began, killed = tmp_path / "began", []
    began.mkdir()
    monkeypatch.setattr(dispatch, "work", told(began))

    def kill():
        """End a process whose pack has begun and is not in the table yet."""
        end = time.monotonic() + 300
        while not killed and time.monotonic() < end:
            for path in began.iterdir():
                name, pid = path.name.split("-")[0], int(path.name.split("-")[2])
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)  # or it might be done before it is ended
                    if done(tmp_path / "run", name):
                        os.kill(pid, signal.SIGCONT)
                    else:
                        os.kill(pid, signal.SIGKILL)
                        killed.append(pid)
                        break

    thread = threading.Thread(target=kill)
    summary = run(tiny(**LONGER), tmp_path / "run", cluster[1], report=when(4, thread.start))
    thread.join()
    assert killed and not alive(killed[0])
    assert summary.statuses == {"ok": 18}
    assert any(path.name.split("-")[1] == "2" for path in began.iterdir())
    assert rows_of(tmp_path / "run") == undisturbed(**LONGER)


def test_a_pack_that_hangs_on_ray_is_ended(cluster, tiny, tmp_path, monkeypatch, undisturbed, rows_of):
    limit = Terms(limit=lambda pack: 6.0 if pack.cell.rung == "width 12" else 300.0)
    with monkeypatch.context() as patch:
        patch.setattr(dispatch, "work", hung())
        began = time.monotonic()
        summary = run(tiny(), tmp_path / "run", cluster[1], terms=limit)
    assert 6 < time.monotonic() - began < 300
    assert summary.statuses == {"ok": 15, "timeout": 3}
    rows = rows_of(tmp_path / "run").values()
    assert {row["reason"] for row in rows if row["status"] != "ok"} == {"took longer than 6 s"}
    assert run(tiny(), tmp_path / "run", cluster[1], retry="failed").found == 15
    assert rows_of(tmp_path / "run") == undisturbed()


def test_one_of_three_nodes_killed_while_it_trains(cluster, tiny, tmp_path, monkeypatch, undisturbed, rows_of):
    nodes, executor = cluster
    began, lost = tmp_path / "began", []
    began.mkdir()
    monkeypatch.setattr(dispatch, "work", told(began))

    def busy():
        """Node and process of a pack that has begun, on a node that is not the head, and is not in the table yet."""
        for path in began.iterdir():
            name, _, pid, node = path.name.split("-")
            if node == nodes.head_node.node_id or not alive(int(pid)):
                continue
            os.kill(int(pid), signal.SIGSTOP)  # or it might be done before its node is gone
            if not done(tmp_path / "run", name):
                yield node, int(pid)
            os.kill(int(pid), signal.SIGCONT)

    def kill():
        end = time.monotonic() + 300
        while not (found := next(busy(), None)) and time.monotonic() < end:
            time.sleep(0.01)
        (doomed,) = [node for node in nodes.list_all_nodes() if found and node.node_id == found[0]]
        raylet = doomed.all_processes["raylet"][0].process.pid
        lost.append((raylet, found[1]))
        threading.Thread(target=perish, args=(doomed, found[1])).start()

    def perish(node, worker):
        nodes.remove_node(node, allow_graceful=False)
        with contextlib.suppress(ProcessLookupError):  # Ray may have been quicker
            os.kill(worker, signal.SIGKILL)

    summary = run(tiny(**LONGER), tmp_path / "run", executor, report=when(4, kill))
    assert lost and not any(map(alive, lost[0]))
    assert len({node for _, node in pids(began)}) == 3
    assert summary.statuses == {"ok": 18}
    assert any(path.name.split("-")[1] == "2" for path in began.iterdir())
    assert rows_of(tmp_path / "run") == undisturbed(**LONGER)

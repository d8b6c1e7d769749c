"""Faults of nodes and devices: a worker that fails everything, and long trials that are killed and go on."""

from __future__ import annotations

import pytest
from onecurve.benchmark import runner, worker
from onecurve.benchmark.dispatch import Terms
from onecurve.benchmark.executors import InProcess, Outcome, Where
from onecurve.benchmark.sweep import load_sweep
from onecurve.results.store import Store

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


def run(path, folder, executor=None, **options):
    return runner.run(load_sweep(str(path)), Store(folder), executor or InProcess(), **options)


class Several(InProcess):
    """Nodes that are simulated: one item after the other, each on the next node that is not left out."""

    elsewhere = True

    def __init__(self, nodes, broken) -> None:
        super().__init__()
        self.nodes, self.broken, self.out, self.worked = nodes, broken, frozenset(), []

    def leave_out(self, nodes):
        self.out = nodes

    def map(self, function, items, needs=None):
        backlog = items if hasattr(items, "take") else None
        if backlog is None:
            yield from super().map(function, items, needs)
            return
        turn = 0
        while taken := backlog.take():
            item, wanted = taken
            able = [node for node in self.nodes if node not in self.out | wanted.elsewhere] or self.nodes
            node = able[turn % len(able)]
            turn += 1
            self.worked.append(node)
            where = Where(node, f"host-{node}", 1)
            if node in self.broken:
                yield self.broken[node](item, where)
            else:
                (outcome,) = super().map(function, [item])
                self.stopping = False  # there are other processes
                yield Outcome(item, outcome.value, outcome.status, outcome.reason, outcome.exception, where)


def gives(status, reason):
    return lambda item, where: Outcome(item, status=status, reason=reason, where=where)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("error", "RuntimeError: this library is not here"),
        ("killed", "CUDA error: an illegal memory access"),
        ("oom", "full"),
    ],
)
def test_a_broken_node_is_left_out_and_costs_no_trial(status, reason, tiny, tmp_path, undisturbed, rows_of):
    executor = Several(["a", "b", "c"], {"b": gives(status, reason)})
    summary = run(tiny(pack=False), tmp_path / "run", executor)
    assert summary.statuses == {"ok": 18} and executor.worked.count("b") == 3
    assert summary.left_out == {"host-b": reason}
    assert rows_of(tmp_path / "run") == undisturbed(pack=False)


def test_a_trial_that_fails_everywhere_is_a_row_and_no_node_is_left_out(tiny, tmp_path, monkeypatch):
    train = worker.train

    def fail(pack, **options):
        if pack[0].rung.get("width") == 12:
            raise RuntimeError("no such layer")
        return train(pack, **options)

    monkeypatch.setattr(worker, "train", fail)
    executor = Several(["a", "b"], {})
    summary = run(tiny(pack=False), tmp_path / "run", executor)
    assert summary.statuses == {"ok": 15, "error": 3} and summary.left_out == {}
    assert len(executor.worked) <= 18 + 3
    rows = [row for row in Store(tmp_path / "run").table().to_pylist() if row["status"] == "error"]
    assert {row["reason"] for row in rows} == {"RuntimeError: no such layer"} and all(row["host"] for row in rows)


def test_a_run_ends_after_so_many_failures(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "train", lambda *_, **__: (_ for _ in ()).throw(RuntimeError("broken")))
    summary = run(tiny(pack=False), tmp_path / "run", terms=Terms(stop_after=4))
    assert (summary.statuses, summary.left) == ({"error": 4}, 14)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("CUDA out of memory. Tried to allocate 20.00 GiB", "oom"),
        ("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", "oom"),
        ("cuDNN error: CUDNN_STATUS_ALLOC_FAILED", "oom"),
        ("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED", "oom"),
        ("[Errno 12] Cannot allocate memory", "oom"),
        ("CUDA error: an illegal memory access was encountered", "killed"),
        ("CUDA error: uncorrectable ECC error encountered", "killed"),
        ("No CUDA GPUs are available", "killed"),
        ("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm`", "killed"),
        ("HIP error: invalid device function", "killed"),
        ("cuDNN error: CUDNN_STATUS_NOT_SUPPORTED", "error"),
        ("mat1 and mat2 shapes cannot be multiplied", "error"),
    ],
)
def test_what_an_error_says_decides_what_follows(text, status):
    failure = worker._failure(RuntimeError(text), "cpu")
    assert (failure.status, failure.broken) == (status, status == "killed") and text in failure.reason


def test_a_device_that_breaks_in_this_process_ends_the_run_and_leaves_the_rest_open(tiny, tmp_path, monkeypatch):
    train, done = worker.train, []

    def fail(pack, **options):
        if done:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
        done.append(pack)
        return train(pack, **options)

    with monkeypatch.context() as patch:
        patch.setattr(worker, "train", fail)
        summary = run(tiny(), tmp_path / "run")
    assert 3 <= summary.left < 18 and summary.statuses["ok"] == 18 - summary.left and len(summary.statuses) == 1
    assert any("illegal memory access" in reason for reason in summary.reasons)
    assert run(tiny(), tmp_path / "run").statuses == {"ok": 18}


@pytest.mark.parametrize("there", ["cuda 12.4", ""])
def test_a_worker_with_other_libraries_refuses(there, tiny, tmp_path, monkeypatch):
    here = worker.libraries()
    monkeypatch.setattr(worker, "libraries", lambda: {"torch": "1.0", **({"cuda": there} if there else {})})
    summary = run(tiny(), tmp_path / "run", only={"family": "linear"})
    assert summary.statuses == {"error": 9}
    assert f"this worker has torch 1.0, the driver has {here['torch']}: curves would differ" in summary.reasons[0]


def test_a_try_that_moved_a_checkpoint_forward_is_no_failure(tiny, tmp_path, monkeypatch, rows_of, undisturbed):
    """Five losses, more than the three tries of a pack that gets nowhere."""
    long = {"pack": False, "seeds": 1, "horizon": {"rule": "steps", "steps": 60}}
    train, lost, updates = worker.train, [], []

    def mortal(pack, *, keeper, **options):
        due = keeper.due

        def counted(done):
            updates.append(done)
            if done % 10 == 0 and done < 60 and pack[0].rung.get("width") == 12 and (done not in lost):
                lost.append(done)
                keeper._pause = 0.0
                keeper_keep = keeper.keep

                def keep(state):
                    keeper_keep(state)
                    raise RuntimeError("CUDA error: an illegal memory access was encountered")

                keeper.keep = keep
                return True
            return due(done)

        keeper.due = counted
        return train(pack, keeper=keeper, **options)

    monkeypatch.setattr(worker, "train", mortal)
    executor = Several(["a", "b"], {})
    summary = run(tiny(**long), tmp_path / "run", executor)
    assert summary.statuses == {"ok": 6} and sorted(lost) == [10, 20, 30, 40, 50]
    assert len(updates) == 6 * 60  # none was repeated
    assert rows_of(tmp_path / "run") == undisturbed(**long)
    assert not list((tmp_path / "run" / "checkpoints").iterdir())

"""Devices: what is refused, and the path of a GPU with its graphs simulated on a processor.

No GPU has run this code. What is simulated is what a graph does: it keeps the operations and the addresses, forgets all
of Python, and does them again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import types

import pytest
import torch
import yaml
from onecurve.benchmark import devices, dispatch, runner, worker
from onecurve.benchmark.devices import CPU, Device, captured, device_of, side_by_side, torch_settings
from onecurve.benchmark.executors import InProcess
from onecurve.benchmark.observables.observable import observable_from
from onecurve.benchmark.sweep import load_sweep
from onecurve.benchmark.train import train
from onecurve.benchmark.update_clock import UpdateClock
from onecurve.datasets import blocks
from onecurve.errors import InputError
from onecurve.results.store import Store
from onecurve.results.trials import TrialSpec
from small_trials import small_trial
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

SMALL = {
    "fourier": {"inputs": 2, "modes": 64, "pool": 8192, "test_size": 256},
    "glyphs": {"classes": 3, "test_size": 60},
    "markov-text": {"test_size": 32},
}
SIMULATED = Device("cuda", torch.device("cpu"))


def spec(family="mlp", dataset="fourier", optimiser="adam", **changes) -> TrialSpec:
    return small_trial(family, (dataset, SMALL[dataset]), optimiser, **changes)


class Tape(TorchDispatchMode):
    """Stands in for `torch.cuda.graph`: the operations of a block with the tensors they read and wrote."""

    def __init__(self, graph, stream=None) -> None:
        super().__init__()
        self._steps = graph.steps

    def __torch_dispatch__(self, function, kinds, given=(), named=None):
        assert function.overloadpacket.__name__ not in READS, f"a graph cannot hold {function}"
        found = function(*given, **(named or {}))
        self._steps.append((function, given, named or {}, found))
        return found


READS = {"_local_scalar_dense", "nonzero", "equal", "masked_select", "is_nonzero"}


class Graph:
    """Stands in for `torch.cuda.CUDAGraph`."""

    def __init__(self) -> None:
        self.steps: list = []

    @torch.no_grad()
    def replay(self) -> None:
        for function, given, named, found in self.steps:
            again = function(*given, **named)
            for place, value in zip(tree_flatten(found)[0], tree_flatten(again)[0], strict=True):
                if isinstance(place, torch.Tensor) and place.data_ptr() != value.data_ptr():
                    place.copy_(value)


class Stream:
    """Stands in for `torch.cuda.Stream`; notes what waited for what."""

    waits: list = []

    def __init__(self, place=None) -> None:
        self.name = "here" if place is None else "side"

    def wait_stream(self, other) -> None:
        Stream.waits.append((self, other))


@pytest.fixture
def cuda(monkeypatch):
    """`SIMULATED` trains: graphs are tapes, and pools and blocks stay at one address, as on a GPU."""
    current = [Stream()]

    @contextlib.contextmanager
    def stream(wanted):
        current.append(wanted)
        yield
        current.pop()

    def place(self, made) -> None:
        if not self.tensors:
            self.tensors = tuple(torch.zeros((self.rows, *part.shape[1:]), dtype=part.dtype) for part in made)
        for there, part in zip(self.tensors, made, strict=True):
            there[: len(part)].copy_(part)

    monkeypatch.setattr(
        UpdateClock, "common", None
    )  # a GPU keeps the rates: the host's number would be frozen into a graph
    seen = types.SimpleNamespace(name="Simulated", major=9, minor=0)
    for name, value in {
        "graph": Tape,
        "CUDAGraph": Graph,
        "Stream": Stream,
        "stream": stream,
        "current_stream": lambda place=None: current[-1],
        "synchronize": lambda place=None: None,
        "empty_cache": lambda: None,
        "get_device_properties": lambda place: seen,
    }.items():
        monkeypatch.setattr(torch.cuda, name, value)
    monkeypatch.setattr(blocks.Blocks, "_place", place)
    Stream.waits.clear()
    return current


def curves(trials) -> list:
    return [(t.step, t.test_loss, t.test_accuracy, t.observables, t.status) for t in trials]


RECORD = [observable_from(each) for each in ("training-loss", "gradient-norm", "ema-loss", "views")]


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "lion", "muon", {"name": "sgd", "momentum": 0.9}], ids=str)
def test_a_replayed_graph_trains_bit_for_bit_as_the_update_itself(cuda, optimiser):
    # Examples come in blocks of 256 updates: the last evaluation looks at the first batch of the second block.
    horizon = 256 if optimiser == "adam" else 24
    pack = [spec(optimiser=optimiser, seed=s, horizon_steps=horizon) for s in range(2)]
    there = train(pack, device=SIMULATED, record=RECORD)
    assert curves(there) == curves(train(pack, record=RECORD))
    assert there[0].recorded == [each.label for each in RECORD] and there[0].reason is None


@pytest.mark.parametrize(
    ("family", "dataset"),
    [("decoder", "markov-text"), ("vit", "glyphs"), ("gru", "markov-text"), ("encoder", "fourier")],
)
def test_families_replay_bit_for_bit(cuda, family, dataset):
    pack = [spec(family, dataset, seed=s, horizon_steps=12, batch_size=4) for s in range(2)]
    assert curves(train(pack, device=SIMULATED)) == curves(train(pack))


def test_trials_of_one_graph_differ_in_rate_schedule_warmup_and_horizon(cuda):
    pack = [
        spec(seed=0),
        spec(seed=0, peak_lr=0.003),
        spec(seed=1, schedule="cosine"),
        spec(seed=1, horizon_steps=28, warmup_fraction=0.2),
    ]
    assert curves(train(pack, device=SIMULATED)) == curves(train(pack))


@pytest.mark.parametrize("horizon", [1, 2, 3])
def test_a_horizon_that_is_shorter_than_the_warm_up(cuda, horizon):
    pack = [spec(seed=s, horizon_steps=horizon, warmup_fraction=0.0) for s in range(2)]
    assert curves(train(pack, device=SIMULATED)) == curves(train(pack))


def test_branches_of_one_graph_go_on_until_the_last_has_ended(cuda):
    sgd = {"name": "sgd", "momentum": 0.9}
    pack = [spec("cnn", "glyphs", sgd, seed=s, packed=False, horizon_steps=h) for s, h in enumerate((6, 12, 9))]
    assert curves(train(pack, device=SIMULATED)) == curves(train(pack))
    assert curves(train(pack, device=SIMULATED, replicas=2)) == curves(train(pack))


def test_running_statistics_are_put_back_after_a_capture(cuda):
    pack = [spec("shufflenetv2", "glyphs", {"name": "sgd"}, packed=False, horizon_steps=4, batch_size=4)]
    assert curves(train(pack, device=SIMULATED, record=RECORD)) == curves(train(pack, record=RECORD))


def test_every_branch_waits_for_the_stream_it_left_and_is_waited_for(cuda):
    done = []
    side_by_side([lambda i=i: done.append((i, cuda[-1])) for i in range(3)], SIMULATED)()
    here, streams = cuda[0], [stream for _, stream in done]
    assert [i for i, _ in done] == [0, 1, 2] and len({*streams, here}) == 4
    assert Stream.waits == [*((stream, here) for stream in streams), *((here, stream) for stream in streams)]


class Counter:
    """A state with one number."""

    def __init__(self) -> None:
        self.number = torch.zeros(1)

    def tensors(self):
        return [self.number]

    def __call__(self) -> None:
        self.number.add_(1)


def test_capturing_leaves_no_trace(cuda):
    count = Counter()
    replay = captured(count, [count], SIMULATED)
    assert count.number.item() == 0
    replay()
    replay()
    assert count.number.item() == 2
    assert captured(count, [count], CPU) is count


def test_a_number_of_the_host_is_frozen_and_a_read_is_refused(cuda):
    """The simulation finds what it is there to find."""
    count = Counter()
    rates = iter([1.0, 1.0, 1.0, 10.0, 100.0])
    replay = captured(lambda: count.number.add_(next(rates)), [count], SIMULATED)
    replay()
    replay()
    assert count.number.item() == 20  # the fourth rate again and again, where a processor would go on
    with pytest.raises(AssertionError, match="a graph cannot hold aten._local_scalar_dense"):
        captured(lambda: count.number.mul_(count.number.item()), [count], SIMULATED)


def test_the_current_stream_is_put_back_where_a_capture_fails(cuda, monkeypatch):
    @contextlib.contextmanager
    def failing(graph, stream):
        cuda.append(stream)  # torch's own block does not put it back if the end of a capture fails
        try:
            yield
        finally:
            raise RuntimeError("operation failed due to a previous error during capture")

    monkeypatch.setattr(torch.cuda, "graph", failing)

    @contextlib.contextmanager
    def stream(wanted):
        before = list(cuda)
        cuda.append(wanted)
        try:
            yield
        finally:
            cuda[:] = before

    monkeypatch.setattr(torch.cuda, "stream", stream)
    runs = []

    def work():
        runs.append(1)
        if len(runs) > devices.WARM_UPS:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")

    with pytest.raises(RuntimeError, match="during capture") as failed:
        captured(work, [], SIMULATED)
    assert [each.name for each in cuda] == ["here"]
    found = devices.memory_error(failed.value)
    assert isinstance(found, torch.OutOfMemoryError)  # which the worker's rows say, not the error of the capture


def test_what_torch_keeps_is_set_and_put_back():
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32, torch.get_default_dtype()
    for precision, narrow in (("float32", False), ("tf32", True)):
        with torch_settings(1, precision):
            assert torch.backends.cuda.matmul.allow_tf32 is torch.backends.cudnn.allow_tf32 is narrow
            assert torch.get_deterministic_debug_mode() == 2 and not torch.backends.cudnn.benchmark
    after = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32, torch.get_default_dtype()
    assert before == after


# Bad input: sentences.


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mps", "device mps is not supported: it has no float64"),
        ("cud", r"unknown device 'cud'. Did you mean '\w+'\? Allowed: auto, cpu, cuda"),
        ("cuda", "device cuda was asked for, and torch .* sees no GPU here; use --device cpu"),
    ],
)
def test_devices_that_are_refused(name, said, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match=said):
        device_of(name)
    assert device_of("auto") == CPU


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"device": "mps"}, "mps is not supported"),
        ({"device": "gpu"}, "unknown device 'gpu'"),
        (
            {"resources": {"gpus": 2}},
            "gpus: a pack trains on one GPU or on a share of it: a number from 0 to 1",
        ),
        ({"resources": {"gpus": [0, 0.5, 4]}}, "a pack trains on one GPU or on a share of it"),
        ({"resources": {"gpus": True}}, "a pack trains on one GPU or on a share of it"),
        ({"precision": "fp8"}, "precision: Input should be 'float32', 'float64', 'tf32' or 'bf16', got 'fp8'"),
    ],
    ids=str,
)
def test_a_sweep_says_what_is_wrong(tiny, changes, said):
    with pytest.raises(InputError) as refused:
        load_sweep(str(tiny(**changes)))
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_a_share_of_a_gpu_is_taken(tiny):
    groups = load_sweep(str(tiny(resources={"gpus": [0, 0.5, 1]}))).groups
    assert groups[0].resources.at(1, 3) == (1.0, 0.5)


class WithoutGPUs(InProcess):
    gpus = 0.0  # pyright: ignore


@pytest.mark.parametrize(
    ("changes", "device", "said"),
    [
        ({}, "cuda", "device cuda was asked for, and there is no GPU here that torch or Ray sees; use --device cpu"),
        ({}, "mps", "device mps is not supported"),
        ({}, "tpu", "unknown device 'tpu'"),
        ({"device": "cuda"}, None, "device cuda was asked for"),
        ({"precision": "tf32"}, None, "precision tf32 is a GPU's"),
        ({"precision": "tf32"}, "cpu", "precision tf32 is a GPU's"),
        ({"precision": "tf32"}, "cuda", "device cuda was asked for"),
    ],
    ids=str,
)
def test_a_run_refuses_before_it_begins(tiny, tmp_path, changes, device, said):
    with pytest.raises(InputError, match=said):
        runner.run(load_sweep(str(tiny(**changes))), Store(tmp_path / "run"), WithoutGPUs(), device=device)
    assert not Store(tmp_path / "run").shards()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_ray_without_a_gpu_says_so(tiny, onecurve):
    done = onecurve("run", tiny(), "--device", "cuda", "--out", "run")
    assert done.returncode != 0 and "device cuda was asked for, and there is no GPU" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_trial_of_a_precision_that_a_processor_lacks():
    with pytest.raises(InputError, match="precision tf32 is a GPU's"):
        train([spec(precision="tf32")])
    with pytest.raises(InputError, match="unknown precision 'float16'"):
        CPU.check("float16")


def test_an_old_gpu_has_no_bf16(cuda, monkeypatch):
    seen = types.SimpleNamespace(name="Old", major=7, minor=5)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda place: seen)
    with pytest.raises(InputError, match="Old has no bf16; it has float32 and float64"):
        SIMULATED.check("bf16")
    SIMULATED.check("float64")


# Memory that is exhausted on the device.


SHORT = {"rule": "steps", "steps": 2}


class WithGPU(InProcess):
    gpus = 1.0  # pyright: ignore


def on_a_gpu(tiny, folder, monkeypatch, fits, **changes):
    """Run the tiny sweep as on a GPU whose memory suffices for so many networks; returns rows and packs."""
    packs = []

    def crowded(specs, *, threads, record, replicas, **_):
        packs.append((len(specs), replicas))
        if replicas > fits:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9.00 GiB.")
        return train(specs, threads=threads, record=record)

    monkeypatch.setattr(worker, "train", crowded)
    monkeypatch.setattr(worker, "device_of", lambda name: Occupied("cuda"))
    monkeypatch.setattr(dispatch, "work", worker.work)
    sweep = load_sweep(str(tiny(**changes)))
    summary = runner.run(sweep, Store(folder / "run"), WithGPU(), device="cuda")
    return summary, Store(folder / "run").table().to_pylist(), packs


@dataclasses.dataclass(frozen=True)
class Occupied(Device):
    """A GPU most of which another process holds."""

    def taken(self) -> str:
        return "the GPU has 80.0 GB, of which 0.1 GB are free"

    def release(self) -> None:
        return None


def test_a_pack_that_does_not_fit_is_halved_until_it_does(tiny, tmp_path, monkeypatch):
    summary, rows, packs = on_a_gpu(tiny, tmp_path, monkeypatch, fits=2, seeds=6, horizon=SHORT)
    assert summary.statuses == {"ok": 36} and {row["status"] for row in rows} == {"ok"}
    sizes = [replicas for _, replicas in packs]
    assert max(sizes) == 256 and {2, 4, 8} <= set(sizes)
    assert all(trials <= max(2, replicas) for trials, replicas in packs)
    assert sum(trials for trials, replicas in packs if replicas == 2) == 36


def test_a_gpu_that_another_process_fills_is_a_row_with_a_sentence(tiny, tmp_path, monkeypatch):
    summary, rows, packs = on_a_gpu(tiny, tmp_path, monkeypatch, fits=0)
    assert summary.statuses == {"oom": 18}
    assert min(replicas for _, replicas in packs) == 1
    assert {row["reason"] for row in rows} == {
        "OutOfMemoryError: CUDA out of memory. Tried to allocate 9.00 GiB. "
        "(the GPU has 80.0 GB, of which 0.1 GB are free)"
    }
    assert {row["device"] for row in rows} == {"cuda"}


def test_networks_that_do_not_pack_train_as_branches_and_share_the_cure(tiny, tmp_path, monkeypatch):
    summary, _, packs = on_a_gpu(tiny, tmp_path, monkeypatch, fits=4, seeds=20, pack=False, horizon=SHORT)
    assert summary.statuses == {"ok": 120}
    assert {size for size in packs if size[1] == 16} == {(16, 16), (4, 16)}
    assert all(trials <= replicas for trials, replicas in packs)


@pytest.mark.parametrize(
    "text", ["CUDA out of memory", "CUBLAS_STATUS_ALLOC_FAILED when calling", "CUDA error: out of memory"]
)
def test_words_for_exhausted_memory(text):
    assert devices.memory_error(RuntimeError(text)) is not None
    try:
        try:
            raise RuntimeError(text)
        finally:
            raise ValueError("the end of a capture")
    except ValueError as error:
        assert str(devices.memory_error(error)) == text
    assert devices.memory_error(RuntimeError("an illegal memory access was encountered")) is None


def test_who_holds_the_memory(cuda, monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda place: (int(2e9), int(80e9)))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda place: int(8e9))
    assert SIMULATED.taken() == (
        "the GPU has 80.0 GB, of which 2.0 GB are free, this process holds 8.0 GB, and 70.0 GB are with contexts and "
        "other processes"
    )
    assert CPU.taken() == ""


def test_a_sweep_file_may_name_the_device(tiny):
    path = tiny(device="cuda", precision="tf32")
    assert yaml.safe_load(path.read_text())["groups"][0]["device"] == "cuda"
    assert {group.device for group in load_sweep(str(path)).groups} == {"cuda"}

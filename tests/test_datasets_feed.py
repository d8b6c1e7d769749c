"""Batches of many streams at once are those of the streams, bit for bit, and ask nothing of the host on a device."""

import subprocess
import sys
import threading

import numpy as np
import pytest
import torch
from onecurve.datasets import feed as feeds
from onecurve.datasets.data_root import MissingData
from onecurve.datasets.dataset import DATASETS, TestSet
from onecurve.datasets.feed import Feed
from onecurve.datasets.finite import Finite
from onecurve.datasets.order import SeededOrder
from onecurve.datasets.pool import CounterStream, PoolStream
from onecurve.datasets.subset import first_examples
from onecurve.datasets.table import Rows, Windows
from onecurve.datasets.views import _class_sums, _shell_sums
from onecurve.errors import InputError
from PIL import Image
from torch.utils._python_dispatch import TorchDispatchMode

WAVES = {"modes": 64, "pool": 5000, "test_size": 256}
SMALL = {
    "fourier": WAVES,
    "noisy-fourier": WAVES,
    "manifold-teacher": WAVES,
    "manifold-images": WAVES,
    "glyphs": {"test_size": 64},
    "letters-in-noise": {"classes": 3, "test_size": 64},
    "mnist-1d": {"pool": 3000},
    "image-folder": {"folder": "pets", "classes": 2, "pixels": 8, "test_size": 50},
    "text-file": {"path": "tale.txt", "test_size": 64},
}
MORE = {
    "fourier, unlimited": ("fourier", {**WAVES, "pool": "unlimited"}),
    "noisy-fourier, unlimited": ("noisy-fourier", {**WAVES, "pool": "unlimited"}),
    "glyphs, a pool": ("glyphs", {"pool": 3000, "test_size": 64}),
    "modular-addition, computed": ("modular-addition", {"modulus": 200}),
    "modular-addition, tokens": ("modular-addition", {"view": "tokens"}),
    "pysource, short": ("pysource", {"length": 7}),
}
ASKS = {"_local_scalar_dense", "nonzero", "equal", "masked_select", "is_nonzero", "unique"}


class NothingAsked(TorchDispatchMode):
    """Fails where an operation must read what a device holds."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        assert name not in ASKS, f"{name} reads from the device"
        return func(*args, **(kwargs or {}))


@pytest.fixture(scope="module", autouse=True)
def _own(tmp_path_factory, catalogue_cache):
    """One torch thread, a cache, and what a user might have: images of two classes, and a text."""
    threads, root = torch.get_num_threads(), tmp_path_factory.mktemp("data")
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    for name, colour in (("cats", 40), ("dogs", 200)):
        (root / "pets" / name).mkdir(parents=True)
        for i in range(300):
            pixels = rng.integers(0, 55, (8, 8, 3), dtype=np.uint8) + np.uint8(colour)
            Image.fromarray(pixels).save(root / "pets" / name / f"{i}.bmp")
    (root / "tale.txt").write_text(" ".join(f"The {i}th of {i * i} houses." for i in range(5000)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ONECURVE_CACHE", str(catalogue_cache))
        patch.setenv("ONECURVE_DATA", str(root))
        yield
    torch.set_num_threads(threads)


def same(first, second) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.fixture(params=[*DATASETS.names(), *MORE])
def data(request):
    name, params = MORE.get(request.param, (request.param, SMALL.get(request.param)))
    made = DATASETS.make(name, params)
    try:
        made.prepare()
    except MissingData as missing:
        pytest.skip(str(missing))
    return made


def one_by_one(streams, step, size):
    batches = [stream.batch(step, size) for stream in streams]
    return tuple(torch.stack(parts) for parts in zip(*batches, strict=True))


def streams_of(data, seeds, train_size=None):
    if train_size is None:
        return [data.stream(seed) for seed in seeds]
    return [first_examples(data, seed, train_size) for seed in seeds]


def check(data, replicas, size, horizon, steps, train_size=None):
    feed = Feed(data, streams_of(data, range(replicas), train_size), size, horizon)
    alone = streams_of(data, range(replicas), train_size)
    for step in steps:
        found, expected = feed.batch(step), one_by_one(alone, step, size)
        assert same(found, expected), step
        assert [part.dtype for part in found] == [part.dtype for part in expected]
        assert all(part.is_contiguous() for part in found)  # what a network multiplies has the layout it always had
        held = feed.load(step)
        assert 0 < held <= horizon - step
        assert same(feed.at(torch.tensor(step)), expected) and same(feed.at(torch.tensor([step])), expected)
    assert feed.seconds > 0


@pytest.mark.parametrize("replicas", [1, 3])
def test_a_feed_has_the_bits_of_the_streams(data, replicas, monkeypatch):
    check(data, replicas, 24, 300, (0, 1, 70, 2, 255, 256, 257, 299))
    monkeypatch.setattr(feeds, "LONGEST", 4)  # borders of blocks, each way
    check(data, replicas, 24, 300, (3, 4, 5, 250, 3, 299))


def test_a_feed_goes_over_the_borders_of_passes(data):
    if data.pool_size is None or data.pool_size > 10_000:
        pytest.skip("new draws, or a large pool")
    size = data.pool_size // 3 + 1  # the third update begins in one pass and ends in the next
    check(data, 2, size, 9, (1, 2, 3, 5, 8, 0))


def test_each_seed_has_a_training_set_of_its_own(data):
    check(data, 3, 32, 60, (0, 9, 10, 59), train_size=300)


def test_a_pool_goes_to_a_device_once_and_nothing_mixes_devices(data):
    feeds._moved.clear()
    feed = Feed(data, streams_of(data, (0, 1)), 8, 1000, "meta")
    inputs, targets = one_by_one(streams_of(data, (0, 1)), 0, 8)
    feed.load(990)
    for found in (feed.batch(0), feed.batch(999), feed.at(torch.zeros(1, dtype=torch.int64, device="meta"))):
        for part, like in zip(found, (inputs, targets), strict=True):
            assert (part.device.type, part.shape, part.dtype) == ("meta", like.shape, like.dtype)
    pooled = isinstance(data.stream(0), PoolStream) and data.stream(0).table.tensors() is not None
    assert len(feeds._moved) == pooled
    kept = list(feeds._moved.values())
    again = Feed(type(data)(**data.ref.params), streams_of(data, (5,)), 4, 10, "meta")
    assert not pooled or (again._tensors is kept[0] and len(feeds._moved) == 1)


def test_an_update_asks_nothing_of_the_host(data):
    streams = streams_of(data, (0, 1))
    if isinstance(streams[0], PoolStream) and streams[0].table.tensors() is None:
        pytest.skip("examples that the host makes of positions: for a device they are made ahead")
    feed = Feed(data, streams, 8, 40)
    assert feed.load(6) == 34
    step = torch.tensor([6])
    with NothingAsked():
        feed.at(step)


def test_the_watch_sees_a_question_to_the_host():
    with pytest.raises(AssertionError, match="_local_scalar_dense"), NothingAsked():
        torch.ones(1).item()


def test_test_sets_and_views_lie_on_the_device_that_is_asked(data):
    test = data.test_set()
    there = test.to("meta")
    assert isinstance(there, TestSet) and (there.size, there.offset) == (test.size, test.offset)
    assert {each.device.type for each in (there.inputs, there.targets)} == {"meta"}
    assert test.weights is None or there.weights.device.type == "meta"
    if (view := data.views(test)) is None:
        return
    shape = (3, 20, *data.task.shape) if data.task.kind == "tokens" else (3, 20)
    outputs = torch.empty(*shape, data.task.outputs, device="meta")
    with NothingAsked():
        sums = view.to("meta").sums(slice(10, 30), outputs)
    assert (sums.device.type, sums.dtype) == ("meta", torch.float64)
    assert sums.shape == view.sums(slice(10, 30), torch.zeros_like(outputs, device="cpu")).shape
    assert view.to("cpu") is view and view.to("meta").names == view.names
    with pytest.raises(RuntimeError, match="device"):
        view.to("meta").sums(slice(10, 30), torch.zeros_like(outputs, device="cpu"))


def test_the_sums_of_a_device_are_those_of_the_cpu_to_rounding():
    generator = torch.Generator().manual_seed(0)
    waves = DATASETS.make("fourier", SMALL["fourier"])
    view, outputs = waves.views(waves.test_set()), torch.randn(5, 100, 1, generator=generator)
    rows = slice(50, 150)
    parts, targets = torch.from_numpy(view.parts[rows]), torch.from_numpy(view.targets[rows])
    found = _shell_sums(parts, targets, outputs)
    np.testing.assert_allclose(found, view.sums(rows, outputs), rtol=1e-12, atol=1e-10)
    text = DATASETS.make("pysource", {"test_size": 64})
    view, outputs = text.views(text.test_set()), torch.randn(5, 40, 32, 98, generator=generator)
    rows = slice(10, 50)
    member = torch.from_numpy(view.classes[rows])[..., None] == torch.arange(len(view.names))
    found = _class_sums(view.targets[rows], member, outputs)
    np.testing.assert_allclose(found, view.sums(rows, outputs), rtol=1e-12)


def test_an_accelerator_of_its_own_kind_never_sees_the_cpu():
    """On a stand-in for a GPU that computes nothing: gathers and sums, in a process of its own, as it has one name."""
    program = """
import dataclasses
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend
from onecurve.datasets.dataset import DATASETS
_setup_privateuseone_for_python_backend("standin")
waves = {"modes": 64, "pool": 500, "test_size": 64}
for name, params in (("fourier", waves), ("digits", {}), ("photo", {}), ("pysource", {}), ("mnist", {})):
    data = DATASETS.make(name, params)
    table, test = data.stream(0).table, data.test_set()
    view, task = data.views(test), data.task
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        tensors = tuple(mode.from_tensor(each).to("standin") for each in table.tensors())
        places = torch.zeros(2, 3, 8, dtype=torch.int32, device="standin")
        for part, shape in zip(table.gather(tensors, places), (task.shape, test.targets.shape[1:]), strict=True):
            assert (part.device.type, part.shape) == ("standin", (2, 3, 8, *shape)), (name, part)
        try:
            table.gather(tensors, torch.zeros(2, 3, 8, dtype=torch.int32))
            raise SystemExit(f"{name} took positions on the CPU")
        except RuntimeError:
            pass
        if view is not None:
            if isinstance(view.targets, torch.Tensor):
                view = dataclasses.replace(view, targets=mode.from_tensor(view.targets))
            shape = (*task.shape, task.outputs) if task.kind == "tokens" else (task.outputs,)
            sums = view.to("standin").sums(slice(0, 16), torch.zeros(2, 16, *shape, device="standin"))
            assert (sums.device.type, sums.dtype) == ("standin", torch.float64), (name, sums)
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_stream_that_stands_for_several_replicas_is_asked_once():
    for name in ("fourier", "gaussian-mixture"):
        data = DATASETS.make(name, SMALL.get(name))
        few = [data.stream(seed) for seed in (0, 1)]
        feed, expected = Feed(data, [few[i] for i in (0, 1, 0, 0)], 8, 40), one_by_one(few, 7, 8)
        assert same(feed.batch(7), [part[[0, 1, 0, 0]] for part in expected])
    asked = []

    class Counted:
        def batch(self, step, size):
            asked.append(step)
            return few[0].batch(step, size)

    counted = Counted()
    Feed(data, [counted] * 3, 8, 4).batch(0)
    assert asked == [0, 0, 1, 2, 3]  # one to learn the shapes, then a block


def test_streams_of_any_kind_go_together():
    data = DATASETS.make("fourier", SMALL["fourier"])

    class Poisoned:
        def __init__(self, whole):
            self.whole = whole

        def batch(self, step, size):
            inputs, targets = self.whole.batch(step, size)
            return inputs, targets * (2 if step == 3 else 1)

    mixed = [data.stream(0), Poisoned(data.stream(1)), first_examples(data, 2, 300)]
    feed = Feed(data, mixed, 16, 20)
    for step in (2, 3, 19):
        assert same(feed.batch(step), one_by_one(mixed, step, 16))
    pools = [data.stream(0), first_examples(data, 2, 300), first_examples(data, 3, 200)]
    assert same(Feed(data, pools, 16, 20).batch(5), one_by_one(pools, 5, 16))


def test_pools_of_the_seeds_own_that_nobody_called_shared_are_not_mixed_up():
    rows = [Rows(torch.full((10, 1), float(seed)), torch.zeros(10, 1)) for seed in range(3)]
    streams = [PoolStream(SeededOrder(10, "own", seed), table) for seed, table in enumerate(rows)]
    inputs, _ = Feed(DATASETS.make("fourier", SMALL["fourier"]), streams, 4, 5).batch(0)
    assert inputs[:, :, 0].tolist() == [[float(seed)] * 4 for seed in range(3)]


def test_a_pool_too_large_for_a_device_is_read_on_the_host(monkeypatch):
    monkeypatch.setattr(feeds, "MOVABLE", 10_000)
    data = DATASETS.make("digits")
    feed = Feed(data, streams_of(data, (0, 1)), 8, 10, "meta")
    assert feed._table is None and feed.batch(3)[0].shape == (2, 8, 1, 8, 8)
    check(data, 2, 8, 10, (0, 9), train_size=300)


def test_both_precisions_see_the_same_numbers():
    for name, kind in (("fourier", torch.float64), ("pysource", torch.int64)):
        data = DATASETS.make(name, SMALL.get(name))
        wide = Feed(data, streams_of(data, (0,)), 8, 10, dtype=torch.float64).batch(2)
        assert [part.dtype for part in wide] == [kind, kind]
        assert same(wide, [part.to(kind) for part in one_by_one(streams_of(data, (0,)), 2, 8)])


def test_threads_change_no_bits():
    for name in ("fourier", "noisy-teacher"):
        data = DATASETS.make(name, SMALL.get(name))
        feed, alone = Feed(data, streams_of(data, range(5)), 32, 100, threads=3), streams_of(data, range(5))
        assert all(same(feed.batch(step), one_by_one(alone, step, 32)) for step in (0, 64, 99, 1))


def test_the_next_block_is_made_while_one_is_used_and_errors_come_through(monkeypatch):
    monkeypatch.setattr(feeds, "LONGEST", 2)
    here, made = threading.get_ident(), []
    data = DATASETS.make("fourier", SMALL["fourier"])

    class Watched:
        def batch(self, step, size):
            made.append((step, threading.get_ident() == here))
            if step == 5:
                raise ValueError("five")
            return data.stream(0).batch(step, size)

    feed = Feed(data, [Watched()], 8, 6, "meta")
    made.clear()
    assert feed.load(0) == 2
    feed.settle()
    assert made == [(0, True), (1, True), (2, False), (3, False)]
    assert feed.load(2) == 2 and feed.load(3) == 1
    feed.settle()
    with pytest.raises(ValueError, match="five"):
        feed.load(4)
    assert feed.load(1) == 1  # and it goes on


def test_an_order_keeps_what_is_needed_and_stays_the_same():
    whole, cut = SeededOrder(1000, "x", 1), SeededOrder(1000, "x", 1)
    cut.expect(1300)
    for start, count in ((0, 64), (990, 64), (1236, 64), (10, 5)):
        np.testing.assert_array_equal(cut.indices(start, count), whole.indices(start, count))
    assert (whole.nbytes, cut.nbytes) == (2 * 4000, 4 * 1300)
    assert len(cut.indices(1000, 300).base) == 300  # memory of its own, not a part of the whole pass
    np.testing.assert_array_equal(cut.indices(1290, 900), whole.indices(1290, 900))  # more than was said
    np.testing.assert_array_equal(cut.indices(0, 1000), whole.indices(0, 1000))
    late = SeededOrder(1000, "x", 1)
    late.indices(0, 10)
    late.expect(50)
    assert late.nbytes == 200


def test_a_feed_holds_orders_of_its_horizon_alone():
    data = DATASETS.make("noisy-fourier", {**SMALL["noisy-fourier"], "pool": 100_000})
    for streams in (streams_of(data.teacher, (0, 1)), streams_of(data, (0, 1))):
        Feed(data, streams, 32, 100).batch(0)
        inner = [getattr(stream, "_inner", stream) for stream in streams]
        assert [stream._order.nbytes for stream in inner] == [4 * 3200] * 2


def test_what_a_stream_drew_is_not_held_twice():
    data = DATASETS.make("gaussian-mixture")
    streams = streams_of(data, (0, 1))
    Feed(data, streams, 32, 1000).batch(0)
    assert all(isinstance(stream, CounterStream) and stream._block is None for stream in streams)


def test_few_pools_stay_on_a_device():
    feeds._moved.clear()
    for pool in (100, 200, 300):
        data = DATASETS.make("fourier", {**SMALL["fourier"], "pool": pool})
        Feed(data, streams_of(data, (0,)), 4, 5, "meta")
    assert len(feeds._moved) == feeds.KEPT


def test_the_trial_ids_of_glyphs_know_no_pool_unless_there_is_one():
    assert dict(DATASETS.make("glyphs").ref.params) == {"pixels": 16, "classes": 10, "test_size": 4096}
    pooled = DATASETS.make("glyphs", {"pool": 500})
    assert pooled.ref.params["pool"] == 500 == pooled.pool_size
    assert DATASETS.make("glyphs", pooled.ref.params) == pooled
    for wrong in (0, -1, 2.5, True):
        with pytest.raises(InputError, match="pool is"):
            DATASETS.make("glyphs", {"pool": wrong})


def test_a_pool_of_glyphs_begins_a_larger_one_and_is_drawn_like_the_others():
    small, large = (DATASETS.make("glyphs", {"pool": pool, "test_size": 64}) for pool in (1000, 5000))
    tables = [each.stream(0).table for each in (small, large)]
    assert same(tables[0].tensors(), [part[:1000] for part in tables[1].tensors()])
    images, labels = tables[1].tensors()
    anew = DATASETS.make("glyphs").stream(0).batch(0, 5000)
    assert len({row.numpy().tobytes() for row in images}) == 5000
    assert float(images.mean()) == pytest.approx(float(anew[0].mean()), abs=0.02)
    assert float(images.std()) == pytest.approx(float(anew[0].std()), abs=0.02)
    assert (torch.bincount(labels, minlength=10) / 5000 - 0.1).abs().max() < 0.02


def test_scaled_pools_stay_small_until_they_are_taken():
    for name in ("digits", "photo", "breast-cancer"):
        data = DATASETS.make(name)
        assert isinstance(data, Finite)
        table = data.stream(0).table
        inputs, targets = table.gather(table.tensors(), torch.arange(50).reshape(5, 10))
        rows, (scale, target_scale) = data._rows("train")[:50], data._scale()
        by_numpy = (rows["x"].astype(np.float32) - scale[0]) / scale[1]
        np.testing.assert_array_equal(inputs.reshape(by_numpy.shape).numpy(), by_numpy)
        if target_scale is not None:
            by_numpy = (rows["y"].astype(np.float32) - target_scale[0]) / target_scale[1]
            np.testing.assert_array_equal(targets.reshape(by_numpy.shape).numpy(), by_numpy)
    assert DATASETS.make("digits").stream(0).table.tensors()[0].dtype == torch.uint8


def test_a_vocabulary_may_need_all_of_sixteen_bits():
    tokens = np.array([0, 1, 40_000, 65_535, 7, 32_768], dtype=np.uint16)
    windows = Windows(torch.from_numpy(tokens.view(np.int16)), 3)
    inputs, targets = windows.gather(windows.tensors(), torch.tensor([[0], [2]], dtype=torch.int32))
    assert inputs.tolist() == [[[0, 1, 40_000]], [[40_000, 65_535, 7]]]
    assert targets.tolist() == [[[1, 40_000, 65_535]], [[65_535, 7, 32_768]]]


def test_many_streams_hold_one_pool():
    for name in ("digits", "photo", "pysource", "fourier", "mnist", "modular-addition"):
        data = DATASETS.make(name, SMALL.get(name))
        first, second = (data.stream(seed).table.tensors() for seed in (0, 1))
        assert [part.data_ptr() for part in first[:2]] == [part.data_ptr() for part in second[:2]], name

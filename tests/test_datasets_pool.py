"""The cache of pools, and orders over them."""

import multiprocessing
import os
import time

import numpy as np
import pytest
from onecurve.datasets.pool import SeededOrder, cache_directory, cached_array
from onecurve.errors import InputError
from onecurve.task import Ref

REF = Ref(name="numbers", params={"n": 1000})


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ONECURVE_CACHE", str(tmp_path / "cache"))


class Maker:
    """Counts how often the array was made."""

    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return np.arange(1000, dtype=np.float32).reshape(250, 4)


def stored():
    (path,) = cache_directory().glob("numbers-all-*.npy")
    return path


def overwrite(data):
    path = stored()
    path.write_bytes(data)
    os.utime(path, ns=(0, 0))  # clocks of file systems are coarse


def test_an_array_is_made_once_and_then_mapped():
    make = Maker()
    first, second = cached_array(REF, "all", make), cached_array(REF, "all", make)
    assert make.calls == 1
    np.testing.assert_array_equal(first, make())
    assert isinstance(second, np.memmap) and second.dtype == np.float32


def test_other_parameters_or_content_are_another_file():
    make = Maker()
    for ref in (REF, Ref(name="numbers", params={"n": 1}), Ref(name="numbers", params={"n": 1000}, content="ab")):
        cached_array(ref, "all", make)
    cached_array(REF, "some", make)
    assert make.calls == 4


@pytest.mark.parametrize("keep", [0, 5, 200, -1, -40])
def test_a_truncated_file_is_made_anew(keep):
    make = Maker()
    cached_array(REF, "all", make)
    data = stored().read_bytes()
    overwrite(data[:keep])
    np.testing.assert_array_equal(cached_array(REF, "all", make), make())
    assert stored().read_bytes() == data
    assert make.calls == 3  # two for the cache, one for the comparison


@pytest.mark.parametrize("place", [3, 400, -1])
def test_a_changed_byte_is_noticed(place):
    make = Maker()
    cached_array(REF, "all", make)
    data = bytearray(stored().read_bytes())
    data[place] ^= 1
    overwrite(data)
    np.testing.assert_array_equal(cached_array(REF, "all", make), make())


def test_a_failure_while_making_leaves_nothing_behind():
    def fail():
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        cached_array(REF, "all", fail)
    assert not [path for path in cache_directory().iterdir() if path.suffix != ".lock"]


def test_a_folder_that_cannot_be_written_is_said(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ONECURVE_CACHE", str(tmp_path / "file" / "below"))
    with pytest.raises(InputError, match="ONECURVE_CACHE"):
        cached_array(REF, "all", Maker())


def make_slowly():
    (cache_directory() / f"made-by-{os.getpid()}").write_text("")
    time.sleep(0.5)
    return np.ones((1000, 100), dtype=np.float32)


def prepare_in_another_process(folder, queue):
    os.environ["ONECURVE_CACHE"] = folder
    queue.put(float(cached_array(REF, "all", make_slowly).sum()))


def test_processes_that_prepare_at_once_make_one_file(tmp_path):
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    workers = [context.Process(target=prepare_in_another_process, args=(str(tmp_path), queue)) for _ in range(3)]
    for worker in workers:
        worker.start()
    assert [queue.get(timeout=300) for _ in workers] == [100_000.0] * 3
    for worker in workers:
        worker.join(timeout=300)
    assert len(list(tmp_path.glob("made-by-*"))) == 1
    assert not list(tmp_path.glob("*.tmp"))


def test_an_order_is_readable_anywhere_and_new_in_each_pass():
    whole = SeededOrder(100, "seed", 0).indices(0, 350)
    for i in range(3):
        assert sorted(whole[100 * i : 100 * i + 100]) == list(range(100))
    assert not np.array_equal(whole[:100], whole[100:200])
    order = SeededOrder(100, "seed", 0)
    for start, count in ((320, 30), (0, 7), (95, 20), (150, 200), (3, 1)):
        np.testing.assert_array_equal(order.indices(start, count), whole[start : start + count])
    assert not np.array_equal(SeededOrder(100, "seed", 1).indices(0, 100), whole[:100])
    assert np.bincount(SeededOrder(3, "seed", 0).indices(3, 6000)).tolist() == [2000] * 3  # a batch of many passes


def test_places_in_an_order_are_uniform():
    first = np.array([SeededOrder(10, "seed", seed).indices(0, 1)[0] for seed in range(2000)])
    counts = np.bincount(first, minlength=10)
    assert ((counts - 200) ** 2 / 200).sum() < 33  # chi-square with 9 degrees of freedom, p = .0001

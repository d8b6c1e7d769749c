"""The scheduler on a Ray of this machine with GPUs that are not there: clocks, windows, devices, broken processes."""

from __future__ import annotations

import os
import time
from collections import defaultdict

import pytest
from onecurve.benchmark.backlog import Backlog, Needs
from onecurve.benchmark.executors import Failure
from onecurve.benchmark.nodes import Node, NodeRecord, options, room, unmet
from processes import alive

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture(scope="module")
def fake():
    """Eight processors and two GPUs, none of which are there."""
    import ray
    from onecurve.benchmark.ray_executor import RayExecutor

    ray.init("local", num_cpus=8, num_gpus=2, object_store_memory=80 * 2**20, include_dashboard=False)
    executor = RayExecutor()
    list(executor.map(_idle(0.0), range(8)))
    yield executor
    ray.shutdown()


def _idle(seconds):
    def idle(item):
        time.sleep(seconds)
        return item

    return idle


def ended(outcomes):
    return sorted((outcome.item, outcome.status) for outcome in outcomes)


def test_the_clock_of_an_item_starts_when_its_worker_says_so(fake):
    needs = Needs(cpus=4, seconds=1.6)
    assert ended(fake.map(_idle(0.8), range(6), lambda _: needs)) == [(i, "ok") for i in range(6)]


@pytest.mark.slow
@pytest.mark.parametrize("needs", [Needs(gpus=1, seconds=9), Needs(cpus=4, seconds=9)])
def test_items_that_wait_for_what_they_need_are_not_timed_out(fake, needs):
    assert ended(fake.map(_idle(4.0), range(8), lambda _: needs)) == [(i, "ok") for i in range(8)]


def test_an_item_that_takes_too_long_is_ended_and_the_others_are_not(fake):
    def work(item):
        time.sleep(60 if item == 1 else 0.1)

    outcomes = list(fake.map(work, range(3), lambda _: Needs(seconds=1.5)))
    assert ended(outcomes) == [(0, "ok"), (1, "timeout"), (2, "ok")]
    assert {o.reason for o in outcomes} == {None, "took longer than 2 s"} and all(o.where for o in outcomes)


def test_items_without_a_gpu_do_not_wait_behind_those_that_want_one(fake):
    items = [("gpu", i) for i in range(12)] + [("cpu", i) for i in range(6)]
    order = [
        outcome.item[0]
        for outcome in fake.map(_idle(0.5), items, lambda item: Needs(gpus=2 if item[0] == "gpu" else 0))
    ]
    assert order.count("cpu") == 6 and "cpu" not in order[-5:]


def test_a_process_has_one_device(fake):
    def seen(item):
        import ray

        time.sleep(0.1)
        return os.getpid(), tuple(ray.get_gpu_ids())

    devices = defaultdict(set)
    for share in (0.5, 1, 0.5, 1):
        for outcome in fake.map(seen, range(4), lambda _, share=share: Needs(gpus=share)):
            assert outcome.status == "ok"
            devices[outcome.value[0]].add(outcome.value[1])
    assert all(len(held) == 1 for held in devices.values())
    assert len(set().union(*devices.values())) == 2


def test_a_process_in_which_something_failed_is_not_used_again(fake):
    def work(item):
        if item < 3:
            raise Failure("killed", "CUDA error: an illegal memory access was encountered", broken=True)
        time.sleep(0.2)
        return os.getpid()

    outcomes = list(fake.map(work, range(20)))
    broken = {outcome.where.process for outcome in outcomes if outcome.status == "killed"}
    assert len(broken) == 3 and {o.item for o in outcomes if o.status == "killed"} == {0, 1, 2}
    assert not broken & {outcome.value for outcome in outcomes if outcome.status == "ok"}
    time.sleep(0.2)
    assert not any(alive(pid) for pid in broken)


def test_what_no_node_has_is_said_at_once(fake):
    (outcome,) = fake.map(_idle(0), [0], lambda _: Needs(gpus=3))
    assert (outcome.status, outcome.reason) == ("error", "needs 3 GPUs on one node, the largest node has 2")


def test_a_backlog_gives_the_first_of_what_has_room():
    big, small = Needs(cpus=4), Needs(cpus=1, seconds=5)
    backlog = Backlog("aBcD", lambda item: big if item.isupper() else small)
    assert len(backlog) == 4 and backlog.take(lambda shape: shape.cpus > 2) == ("B", big)
    assert backlog.take(lambda shape: shape.cpus > 4) is None and backlog.take() == ("a", small)
    backlog.add("e")
    assert backlog.drop(lambda item: item == "c") == ["c"]
    assert [backlog.take()[0] for _ in range(2)] == ["D", "e"] and backlog.take() is None and not len(backlog)


NODES = [Node("a", {"CPU": 8, "memory": 100}), Node("b", {"CPU": 16, "GPU": 4, "memory": 100})]


def test_slots_are_what_items_take():
    none = frozenset()
    assert room(Needs(), NODES, none) == 24 and room(Needs(cpus=6), NODES, none) == 3
    assert room(Needs(gpus=1), NODES, none) == 4 and room(Needs(gpus=0.25), NODES, none) == 16
    assert room(Needs(memory=40), NODES, none) == 4 and room(Needs(alone=True), NODES, none) == 2
    assert room(Needs(gpus=0.5, alone=True), NODES, none) == 4  # a whole GPU
    assert room(Needs(), NODES, frozenset("b")) == 8 and room(Needs(elsewhere=frozenset("a")), NODES, none) == 16
    assert room(Needs(gpus=1), NODES, frozenset("b")) == 4  # there is no other
    assert options(Needs(gpus=0.5, alone=True), NODES, none)["num_gpus"] == 1
    assert options(Needs(alone=True), NODES, none)["num_cpus"] == 16
    assert options(Needs(), NODES, frozenset("a"))["label_selector"] == {"ray.io/node-id": "!in(a)"}
    assert "label_selector" not in options(Needs(gpus=1), NODES, frozenset("b"))


def test_what_a_node_had_before_it_died_is_waited_for():
    seen = Node("", {}).at_least(NODES)
    assert unmet(Needs(gpus=4), seen.at_least(NODES[:1])) is None
    assert unmet(Needs(gpus=5), seen) == "needs 5 GPUs on one node, the largest node has 4"


def test_a_node_is_left_out_for_packs_that_nobody_else_failed():
    standing = NodeRecord()
    for pack in "abc":
        assert standing.left_out == {}
        standing.failed("n1", "host1", pack, f"broke {pack}")
    assert standing.left_out == {"n1": "broke c"} and standing.hosts["n1"] == "host1"
    standing.did_well("n2")
    assert standing.left_out == {"n1": "broke c"}
    standing.failed("n2", "host2", "a", "broke a")  # so it was the pack
    assert standing.left_out == {} and standing.nodes_of("a") == {"n1", "n2"}
    standing.failed("n1", "host1", "d", "broke d")
    assert standing.left_out == {"n1": "broke d"}
    standing.did_well("n1")
    assert standing.left_out == {}

"""The packing benchmark measures what it says."""

import time

import pytest
from onecurve.architectures.family import FAMILIES
from onecurve.benchmark.checks.tasks import home, images
from onecurve.scripts.bench import packing_gain as bench_packing
from onecurve.scripts.bench.packing_gain import Speed, measure, row, task_of

pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_packed_perceptron_is_faster_than_a_loop():
    family = FAMILIES.make("mlp")
    speed = measure(family, family.ladder[0], home(family), rounds=3)
    assert speed.packed is not None
    assert 1.2 < speed.looped / speed.packed < 30  # 2.8 to 5 when it was tried


def test_a_family_that_does_not_pack_has_its_loop():
    family = FAMILIES.make("cnn")
    speed = measure(family, family.ladder[0], images(1, 8), seeds=2, rounds=1)
    assert speed.looped > 0 and speed.packed is None
    assert "| 4,174 |" in row("cnn", family, family.ladder[0], images(1, 8), speed)
    assert row("cnn", family, family.ladder[0], images(1, 8), speed).endswith("| - | does not pack |")


def test_times_are_the_medians_a_network(monkeypatch):
    clock = iter([0.0, 100.0, 0.0, 100.0, 0.0, 4.0, 0.0, 1.0, 0.0, 8.0, 0.0, 3.0, 0.0, 6.0, 0.0, 2.0])
    monkeypatch.setattr(time, "process_time", lambda: next(clock))
    family = FAMILIES.make("linear")
    assert measure(family, {"features": 4}, home(family), seeds=2, batch=2, rounds=3) == Speed(looped=3.0, packed=1.0)


def test_images_have_16_pixels_a_side():
    assert task_of(FAMILIES.make("encoder")).kind == "vector"
    assert task_of(FAMILIES.make("vit")) == images(1, 16)
    assert task_of(FAMILIES.make("gru")).kind == "tokens"


def test_the_table_names_the_machine_first(monkeypatch):
    monkeypatch.setattr(bench_packing, "measure", lambda *_, **__: Speed(2e-3, 1e-3))
    table = list(bench_packing.lines(["linear"]))
    assert table[0].startswith("32 seeds, batch 32, one thread")
    assert table[4:] == [
        "| linear | vector 128 | features 16 | 16 | 2.00 | 1.00 | 2.0 |",
        "| linear | vector 128 | features 128 | 128 | 2.00 | 1.00 | 2.0 |",
    ]

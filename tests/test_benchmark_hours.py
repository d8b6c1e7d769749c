"""Hours on other machines: from what trials took where some have ended, else estimates that say so."""

from __future__ import annotations

import pytest
from onecurve.benchmark.cards import CARDS, places
from onecurve.benchmark.hours import forecast
from onecurve.benchmark.lock import Resolved
from onecurve.errors import InputError


def cell(rung: str, flops: float, **changes) -> Resolved:
    """A cell whose trials have so many FLOPs and take 100 s of a core."""
    known = {"family": "mlp", "dataset": "fourier", "recipe_label": "adam", "library": "torch", "n_params": 10}
    sizes = {"flops_per_example": int(flops / 1e6), "batch_size": 100, "horizon_steps": 10_000, "step_seconds": 0.01}
    return Resolved(**{**known, **sizes, "rung": rung, "packed": False, "update_bytes": 10**6, **changes})


def ids(name, n):
    return [f"{name}{i}" for i in range(n)]


def test_places_are_read_and_others_refused():
    assert places("a100:8+cpu:512") == {"a100": 8, "cpu": 512}
    for wrong, said in (("h10:4", "Did you mean 'h100'"), ("h100", "each place once"), ("h100:1+a100:1", "one kind")):
        with pytest.raises(InputError, match=said):
            places(wrong)


def test_cores_share_what_is_left_and_wait_for_the_longest():
    cells = [(cell("w1", 1e9), ids("a", 10)), (cell("w2", 1e9, step_seconds=0.1), ids("b", 2))]
    found = forecast(cells, {"cpu": 4}, {"a0", "a1"}, {})
    assert found["core_hours"] == pytest.approx((8 * 100 + 2 * 1000) / 3600) and found["device_hours"] == 0
    assert found["clock_hours"] == pytest.approx(1000 / 3600)  # two trials cannot use four cores
    assert found["last"] == {"cell": "mlp w2 on fourier", "hours": pytest.approx(1000 / 3600)}
    assert found["trials_estimated"] == 10


def test_a_ladder_goes_to_a_card_where_its_largest_trial_is_worth_one():
    small = [(cell("w1", 1e9, recipe_label="small"), ids("a", 4))]
    large = [(cell("w1", 1e9), ids("b", 4)), (cell("w2", 1e15), ids("c", 4))]
    found = forecast([*small, *large], {"h100": 8, "cpu": 2}, (), {})
    assert found["core_hours"] == pytest.approx(4 * 100 / 3600) and found["device_hours"] > 0


def test_what_was_measured_there_replaces_the_estimate_and_corrects_the_others():
    cells = [(cell("w1", 1e15), ids("a", 16)), (cell("w2", 2e15), ids("b", 16))]
    guessed = forecast(cells, {"h100": 1}, (), {})
    measured = {"a0": ("nvidia h100 80gb hbm3 9.0, cuda 13.0", 50.0), "a1": ("cpu", 1.0)}
    found = forecast(cells, {"h100": 1}, (), measured)
    alone = forecast(cells[:1], {"h100": 1}, (), measured)
    assert alone["device_hours"] == pytest.approx(16 * 50 / 3600) and alone["trials_estimated"] == 0
    assert found["trials_estimated"] == 16
    ratio = alone["device_hours"] / forecast(cells[:1], {"h100": 1}, (), {})["device_hours"]
    assert found["device_hours"] == pytest.approx(guessed["device_hours"] * ratio)


def test_a_card_is_not_taken_for_one_whose_name_begins_alike():
    cells = [(cell("w1", 1e15), ids("a", 16))]
    measured = {"a0": ("nvidia a100-sxm4-80gb 8.0, cuda 13.0", 50.0)}
    assert forecast(cells, {"a10": 1}, (), measured)["trials_estimated"] == 16
    assert forecast(cells, {"a100": 1}, (), measured)["trials_estimated"] == 0


def test_a_card_is_as_fast_as_its_precision():
    times = [
        forecast([(cell("w", 1e18, recipe_label=f"adam{end}"), ids("a", 1))], {"h100": 1}, (), {})["device_hours"]
        for end in ("", ", tf32", ", bf16")
    ]
    assert times[0] > 5 * times[1] > 5 * 1.5 * times[2]
    assert {CARDS["h100"].peak(p) for p in ("float32", "tf32", "bf16")} == {67e12, 494e12, 989e12}

"""Ladders that trained on several kinds of device: a verdict only where one size shows that they agree."""

import dataclasses

import numpy as np
import pytest
from onecurve.collapse.analysis import analyze
from onecurve.collapse.ladders.mixed_devices import least_p
from onecurve.collapse.reasons import because
from onecurve.results.curves import CurveSet, LearningCurve

X = np.geomspace(0.1, 1, 30)


def _curve(size, seed, device, factor=1.0):
    noise = np.random.default_rng([int(size), seed]).normal(0, 0.005)
    loss = size**-0.3 * (X**-0.5 + 0.2) * (1 + noise * (1 + 0.3 * np.sin(7 * X + seed))) * factor
    return LearningCurve(
        family="mlp",
        dataset="waves",
        recipe="r",
        size=size,
        seed=seed,
        x=X,
        loss=loss,
        irreducible_loss=0.0,
        device=device,
    )


def _ladder(devices, factor=1.0, seeds=6):
    """Sizes with the device of each seed; what trained on a GPU is off by a factor."""
    return CurveSet.of(
        [
            _curve(size, seed, device, factor if device == "cuda" else 1.0)
            for size, kinds in zip((1e3, 2e3, 4e3, 8e3), devices, strict=True)
            for seed, device in zip(range(seeds), kinds * seeds, strict=False)
        ]
    )


def _group(curves):
    return analyze(curves, rng=np.random.default_rng(0)).groups[0]


def test_devices_that_were_not_compared_give_no_verdict():
    group = _group(_ladder([["cpu"], ["cpu"], ["cuda"], ["cuda"]]))
    assert group.verdict == "cannot-tell"
    assert group.reason == because("devices-not-compared", devices=("cpu", "cuda"), seeds=3)


def test_one_size_on_both_that_agrees_opens_the_ladder():
    mixed = _group(_ladder([["cpu"], ["cpu", "cuda"], ["cuda"], ["cuda"]]))
    alone = _group(_ladder([["cpu"], ["cpu"], ["cpu"], ["cpu"]]))
    assert mixed.verdict == alone.verdict != "cannot-tell"


def test_one_size_on_both_that_differs_is_named():
    group = _group(_ladder([["cpu"], ["cpu", "cuda"], ["cuda"], ["cuda"]], factor=1.05))
    assert group.verdict == "cannot-tell"
    assert group.reason == because("devices-differ", devices=("cpu", "cuda"), sizes=("size 2k",))


def test_curves_without_a_device_are_not_asked():
    curves = [dataclasses.replace(curve, device="") for curve in _ladder([["cpu"], ["cuda"], ["cpu"], ["cuda"]])]
    assert _group(CurveSet.of(curves)).verdict != "cannot-tell"


@pytest.mark.parametrize(("factor", "low", "high"), [(1.0, 0.0, 0.09), (1.03, 0.85, 1.0)])
def test_level_and_power(factor, low, high):
    """400 comparisons of 4 with 4 seeds at .5 % noise: the level holds, and 3 % are seen."""
    found = 0
    for repeat in range(400):
        one = [_curve(1e3, 8 * repeat + i, "cpu") for i in range(4)]
        other = [_curve(1e3, 8 * repeat + 4 + i, "cuda", factor) for i in range(4)]
        found += least_p(one, other) < 0.05
    assert low <= found / 400 <= high

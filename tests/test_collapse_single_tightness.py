"""Single runs: the bound from reruns covers, and the tightest floor is not read as the irreducible loss."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from onecurve.collapse.calibration.simulation import FLOOR, Scenario, simulate
from onecurve.collapse.irreducible.end_points import fit_means
from onecurve.collapse.ladders.ladder import Ladder
from onecurve.collapse.ladders.raw_losses import loss_on
from onecurve.collapse.reasons import because
from onecurve.collapse.single.from_reruns import single_runs
from onecurve.collapse.single.tightness import assess_tightness, bound_single_runs, variation
from onecurve.errors import InputError
from onecurve.results.curves import LearningCurve
from onecurve.results.grid import common_grid

EXTERNAL = Path(os.environ.get("ONECURVE_EXTERNAL_CURVES", Path(__file__).parents[2] / "shared" / "data"))
OLMO = EXTERNAL / "olmo_ladder"
SIZES, RATIOS = ("190M", "370M", "760M", "1B", "3B"), ("0.5xC", "1xC", "2xC", "5xC", "10xC")
GRID = common_grid(0.3)


def single(cell, seed):
    """One run a rung, and two runs of every rung as reruns."""
    curves = simulate(dataclasses.replace(cell, seeds=3), 1, np.random.default_rng(seed)).curves(0)
    pairs = [(curves[i + 1], curves[i + 2]) for i in range(0, len(curves), 3)]
    return curves[::3], pairs


def test_the_bound_from_reruns_covers():
    x, truth = common_grid(), simulate(Scenario(gamma_error=0.1), 1, np.random.default_rng(0)).deviation
    bounds = []
    for seed in range(60):
        curves, pairs = single(Scenario(gamma_error=0.1), seed)
        bounds.append(bound_single_runs(curves, pairs, x, irreducible_loss=FLOOR))
    assert np.mean([one.upper_bound >= truth for one in bounds]) >= 0.93
    assert np.mean([one.upper_bound for one in bounds]) < truth + 0.04
    assert bounds[0].df == 6 and 0.002 < np.mean([one.noise for one in bounds]) < 0.012


def test_without_reruns_there_is_no_bound():
    curves, _ = single(Scenario(), 0)
    alone = bound_single_runs(curves, [], common_grid(), irreducible_loss=FLOOR)
    assert alone.upper_bound is None and alone.status == because("no-reruns") and alone.deviation > 0
    with pytest.raises(InputError, match="not below"):
        bound_single_runs(curves, [], common_grid(), irreducible_loss=5.0)


def test_an_exact_collapse_is_tightest_at_its_floor_throughout():
    x = np.append(common_grid(0.3), 1.0)
    curves = [
        LearningCurve(family="f", dataset="d", recipe="r", size=2.0**k, seed=0, x=x, loss=1 + 0.5**k * (x**-0.5 + 1))
        for k in range(5)
    ]
    found = assess_tightness(curves, x[:-1], np.linspace(-2, 1.05, 306))
    assert found.tightest == pytest.approx(1.0, abs=0.01) and found.status == because("tightest-throughout")
    with pytest.raises(InputError, match="below the smallest loss"):
        assess_tightness(curves, x[:-1], np.array([0.0, 2.0]))


def test_the_end_points_floor_stands_beside_the_tightest():
    curves, _ = single(Scenario(), 0)
    assert single_runs(Ladder.of(curves)).end_point == pytest.approx(FLOOR, abs=0.03)
    assert single_runs(Ladder.of(curves[:3])).end_point is None
    same = [dataclasses.replace(curve, loss=curves[0].loss) for curve in curves]
    assert single_runs(Ladder.of(same)).end_point is None


def test_curves_that_share_no_floor_are_tightest_at_the_edge():
    """Losses that fall equally much at all sizes: the lower the floor, the tighter, and it means nothing."""
    x = np.append(common_grid(0.3), 1.0)
    curves = [
        LearningCurve(family="f", dataset="d", recipe="r", size=2.0**k, seed=0, x=x, loss=2 - 0.2 * k + 0.3 * x**-0.5)
        for k in range(5)
    ]
    found = assess_tightness(curves, x[:-1], np.linspace(-5, 1.0, 61))
    assert found.tightest == -5.0 and found.status == because("tightest-at-the-edge")


needs_olmo = pytest.mark.skipif(not OLMO.is_dir(), reason=f"no curves of others at {OLMO}")


def olmo(size, ratio):
    table = pl.read_csv(OLMO / f"{size}-{ratio}.csv")
    tokens, rate = table["throughput/total_tokens"].to_numpy(), table["optim/learning_rate_group0"].to_numpy()
    parameters = tokens[-1] / 20 / float(ratio.split("x")[0])
    return LearningCurve(
        family="olmo",
        dataset="c4",
        recipe=ratio,
        size=parameters,
        seed=int(ratio.endswith("rerun")),
        x=tokens / tokens[-1],
        loss=table["c4_en-validation_CE"].to_numpy(),
        lr=rate / rate.max(),
    )


def ladder_at(ratio):
    return [olmo(size, ratio) for size in SIZES]


def reruns():
    return list(zip(ladder_at("1xC"), ladder_at("1xC-rerun"), strict=True))


# Coefficient of variation over the five sizes at x = .3, .5, .7, .9, for each ratio, and for all 25 runs together.
VARIATION = {
    0.0: (
        (0.0048, 0.0022, 0.0007, 0.0004),
        (0.0023, 0.0011, 0.0004, 0.0001),
        (0.0018, 0.0018, 0.0006, 0.0001),
        (0.0018, 0.0015, 0.0006, 0.0004),
        (0.0018, 0.0016, 0.0011, 0.0003),
        (0.0192, 0.0071, 0.0022, 0.0006),
    ),
    1.5: (
        (0.0048, 0.0031, 0.0016, 0.0010),
        (0.0067, 0.0042, 0.0021, 0.0006),
        (0.0069, 0.0028, 0.0022, 0.0005),
        (0.0069, 0.0042, 0.0027, 0.0007),
        (0.0067, 0.0047, 0.0020, 0.0005),
        (0.0295, 0.0104, 0.0033, 0.0011),
    ),
    2.0: (
        (0.0190, 0.0109, 0.0052, 0.0019),
        (0.0224, 0.0135, 0.0063, 0.0016),
        (0.0228, 0.0113, 0.0066, 0.0014),
        (0.0229, 0.0137, 0.0078, 0.0014),
        (0.0227, 0.0149, 0.0062, 0.0011),
        (0.0383, 0.0153, 0.0063, 0.0016),
    ),
}


@needs_olmo
@pytest.mark.parametrize("floor", VARIATION)
def test_the_published_variation_is_reproduced(floor):
    """The row at one time Chinchilla is that of the reruns, which were evaluated twice as often."""
    x = np.array([0.3, 0.5, 0.7, 0.9])
    ratios = [ratio if ratio != "1xC" else "1xC-rerun" for ratio in RATIOS]
    losses = [np.stack([loss_on(curve, x) for curve in ladder_at(ratio)]) for ratio in ratios]
    for one, expected in zip([*losses, np.concatenate(losses)], VARIATION[floor], strict=True):
        assert variation(one, floor) == pytest.approx(expected, abs=1.5e-4)


@needs_olmo
def test_the_ladder_collapses_at_a_fixed_ratio_and_not_across_ratios():
    pairs = reruns()
    fixed = [bound_single_runs(ladder_at(ratio), pairs, GRID, irreducible_loss=0.0) for ratio in RATIOS]
    every = [curve for ratio in RATIOS for curve in ladder_at(ratio)]
    across = bound_single_runs(every, pairs, GRID, irreducible_loss=0.0)
    assert max(one.upper_bound for one in fixed) < 0.01
    assert across.deviation > 0.03 > 4 * np.median([one.upper_bound for one in fixed])


@needs_olmo
def test_the_tightest_floor_is_not_the_irreducible_loss():
    """Floors that are as tight as noise allows lie far below those of the end points, and the tightest of all where
    every curve is erased."""
    pairs = reruns()
    for ratio in RATIOS:
        curves = ladder_at(ratio)
        found = assess_tightness(curves, GRID, np.linspace(-6, 2.5, 86), reruns=pairs)
        assert found.status != because("tightest-throughout")
        ends, sizes = (np.array([getter(curve) for curve in curves]) for getter in (_end, _size))
        assert found.high < fit_means(ends, np.ones(5), sizes).floor[0] - 0.4
        assert found.tightest < 1.2


def _end(curve):
    return curve.loss[-1]


def _size(curve):
    return curve.size

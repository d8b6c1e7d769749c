"""Did curves change? The level of the tests under no change, what they detect, and when they say nothing."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from onecurve.collapse.outcome import RescaledGroup
from onecurve.collapse.reasons import because
from onecurve.collapse.result_sets import shift, side_by_side
from onecurve.collapse.result_sets.shift import Shift, curve_shift, last_shift, shared_runs
from onecurve.collapse.result_sets.unequal import largest, p_exchanged, p_normal
from onecurve.collapse.within.bootstrap import moments
from onecurve.results.grid import common_grid
from scipy.stats import ttest_ind

X = common_grid()
M = len(X)


def runs(rng, sizes, n, spread=1.0, common=None, weight=0.0):
    """Noise of 1 % with a slow part along x and one of the whole run; ``common`` is what seeds share with others."""
    steps = rng.standard_normal((sizes, n, M))
    for i in range(1, M):
        steps[..., i] = 0.9 * steps[..., i - 1] + np.sqrt(1 - 0.81) * steps[..., i]
    noise = 0.0071 * (steps + rng.standard_normal((sizes, n, 1)))
    if common is not None:
        noise = np.sqrt(weight) * common + np.sqrt(1 - weight) * noise
    return noise * np.geomspace(spread**-0.5, spread**0.5, sizes)[:, None, None]


def group(values, first_seed=0):
    seeds = tuple(tuple(range(first_seed, first_seed + len(rows))) for rows in values)
    names = tuple(f"width {i}" for i in range(len(values)))
    sizes = 2.0 ** np.arange(len(values))
    return RescaledGroup(scale="end-point", x=X, sizes=sizes, rungs=names, values=tuple(values), seeds=seeds,
                         phase=None, rate=None)  # fmt: skip


def both(rng, left, right, *, paired, change=0.0):
    """The test of the curves and that of the last values of two sets, the largest size of mine changed."""
    left = left.copy()
    left[-1] += change * np.linspace(1, 0.5, M)
    mine, published = group(left), group(right, 0 if paired else 100)
    ends = [
        {size: (np.exp(rows[:, -1:]), seeds) for size, rows, seeds in zip(g.sizes, g.values, g.seeds, strict=True)}
        for g in (mine, published)
    ]
    return curve_shift(mine, published, rng, 199), last_shift(shared_runs(*ends))


def rejected(cell, repetitions, change=0.0):
    """Shares of repetitions in which the curves and the last values changed at 5 %, and in which bounds hold."""
    sizes, n, m, more = cell
    rng = np.random.default_rng([sizes, n, m, round(1000 * change)])
    counts = np.zeros(4)
    for _ in range(repetitions):
        common = runs(rng, sizes, n) if more.get("paired") else None
        weight, paired = more.get("weight", 0.9), bool(more.get("paired"))
        left = runs(rng, sizes, n, more.get("spread", 1.0), common, weight)
        right = runs(rng, sizes, m, more.get("spread", 1.0), common, weight) * more.get("noisier", 1.0)
        curve, last = both(rng, left, right, paired=paired, change=change)
        counts += [curve.p <= 0.05, last.p <= 0.05, curve.low <= change + 1e-12, curve.high >= change]
    return counts / repetitions


CELLS = {
    "3 seeds": (4, 3, 3, {}),
    "8 seeds": (4, 8, 8, {}),
    "unequal": (4, 3, 16, {}),
    "unequal noise": (4, 4, 8, {"noisier": 3.0}),
    "few of more noise": (4, 3, 16, {"noisier": 1 / 3}),
    "sizes of unequal noise": (6, 5, 5, {"spread": 4.0}),
    "paired": (4, 5, 5, {"paired": True}),
    "3 seeds that would pair": (4, 3, 3, {"paired": True}),
}


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_level_and_bounds_without_a_change(cell):
    """1,000 repetitions: .05 plus three Monte Carlo standard errors is .071, .018 is what a wild bootstrap costs, .03
    three runs of three times the noise of the other set's."""
    curve, last, low, high = rejected(cell, 1000)
    equal_noise = "noisier" not in cell[3]
    assert curve <= (0.071 if cell[1] != cell[2] and equal_noise else 0.089 if equal_noise else 0.1)
    assert last <= 0.071
    assert low >= 0.92 and high >= 0.95


@pytest.mark.parametrize("cell", [CELLS["3 seeds"], CELLS["paired"]], ids=["3 seeds", "paired"])
def test_level_in_a_few_repetitions(cell):
    """120 repetitions: five standard errors above .05 is .15."""
    curve, last, *_ = rejected(cell, 120)
    assert curve <= 0.15 and last <= 0.15


def test_a_change_is_detected_and_bounded():
    curve, _, low, high = rejected((4, 8, 8, {}), 40, change=0.03)
    assert curve >= 0.9 and low >= 0.9 and high >= 0.9


def test_pairing_seeds_detects_what_is_hidden_else():
    paired, *_ = rejected((4, 6, 6, {"paired": True}), 30, change=0.012)
    alone, *_ = rejected((4, 6, 6, {}), 30, change=0.012)
    assert paired >= 0.8 > alone + 0.3


def test_the_largest_difference_is_told_with_its_sign_and_place():
    rng = np.random.default_rng(0)
    noise = runs(rng, 3, 6) * 1e-3
    changed = noise.copy()
    changed[1, :, 5] -= 0.2
    curve, last = both(rng, changed, noise, paired=True)
    assert (curve.size, curve.x, curve.paired) == (2.0, X[5], True)
    assert curve.difference == pytest.approx(-0.2, abs=0.01)
    assert last.reason.code == "set-runs-equal"


@pytest.mark.parametrize(("left", "right", "code"), [
    (np.zeros((2, 3, M)), np.zeros((2, 3, M)), "set-runs-equal"),
    (np.zeros((2, 2, M)), np.ones((2, 3, M)), "set-needs-three-seeds"),
    (np.ones((2, 3, M)), np.zeros((2, 3, M)), "set-runs-without-noise"),
])  # fmt: skip
def test_where_nothing_can_be_tested_the_reason_is_said(left, right, code):
    for found in both(np.random.default_rng(0), left, right, paired=True):
        assert (found.p, found.reason.code) == (None, code)


def test_sets_without_a_common_size():
    found = shared_runs({1.0: (np.zeros((3, 1)), (0, 1, 2))}, {2.0: (np.zeros((3, 1)), (0, 1, 2))})
    assert last_shift(found) == Shift(reason=found) and found.code == "set-no-common-size"


def small_sets(rng, n, m, points=2):
    return [rng.standard_normal((n, points))], [rng.standard_normal((m, points))]


def test_exchanged_runs_give_the_share_of_all_exchanges():
    rng = np.random.default_rng(3)
    mine, published = small_sets(rng, 3, 12)
    mine[0] += 1.0
    pooled, weights = np.concatenate([mine[0], published[0]]), np.array([0.4, 0.6])
    every = []
    for chosen in itertools.combinations(range(15), 3):
        first = np.isin(np.arange(15), chosen)
        every.append(largest([moments([pooled[first]]), moments([pooled[~first]])], weights)[0].item())
    share = np.mean(np.array(every) >= every[0] * (1 - 1e-9))
    assert 0.02 < share < 0.5
    assert p_exchanged(mine, published, weights, rng, 9999) == pytest.approx(share, abs=0.015)


def test_too_few_ways_to_exchange_runs_decide_nothing():
    rng = np.random.default_rng(0)
    assert p_exchanged(*small_sets(rng, 3, 4), np.array([0.5, 0.5]), rng, 99) == 0.0
    assert p_exchanged(*small_sets(rng, 3, 16), np.array([0.5, 0.5]), rng, 99) > 0.0


@pytest.mark.parametrize(("change", "noise"), [(0.0, 1.0), (0.7, 1.0), (1.2, 3.0)])
def test_normal_curves_of_one_point_give_a_t_test(change, noise):
    rng = np.random.default_rng(7)
    mine, published = small_sets(rng, 12, 30, points=1)
    mine[0] = noise * mine[0] + change
    wanted = ttest_ind(mine[0][:, 0], published[0][:, 0], equal_var=False).pvalue
    assert p_normal(mine, published, np.array([1.0]), rng, 9999) == pytest.approx(wanted, abs=0.02)


def test_sets_of_unequal_numbers_take_the_largest_of_three_p(monkeypatch):
    rng = np.random.default_rng(1)
    left, right = runs(rng, 3, 3), runs(rng, 3, 8)
    for name in ("p_exchanged", "p_normal"):
        with monkeypatch.context() as patch:
            patch.setattr(shift, name, lambda *_: 2.0)
            assert curve_shift(group(left), group(right, 100), rng, 99).p == 2.0
            assert curve_shift(group(left), group(right[:, :3], 100), rng, 99).p <= 1.0


@pytest.mark.parametrize(("mine", "published", "wanted"), [
    ((0.3, "known", "end-point"), (0.3, "known", "end-point"), ("end-point", 0.3)),
    ((0.3, "known", "end-point"), (0.4, "given", "end-point"), ("shape", None)),  # two floors: two different curves
    ((0.3, "known", "end-point"), (None, "none", "shape"), ("shape", None)),
])  # fmt: skip
def test_curves_are_compared_above_one_floor_or_by_shape(monkeypatch, mine, published, wanted):
    asked = []

    def noted(ladder, scale, floor, start):
        asked.append((scale, floor))
        return None, because("set-not-rescaled")

    def measured(value, source, scale):
        rescaled = SimpleNamespace(x=X, scale=scale)
        return SimpleNamespace(rescaled=rescaled, floor=SimpleNamespace(value=value, source=source), ladder=None)

    monkeypatch.setattr(side_by_side, "try_rescale", noted)
    found = side_by_side._curve(measured(*mine), measured(*published), None, None)
    assert asked == [wanted, wanted] and found.reason.code == "set-not-rescaled"

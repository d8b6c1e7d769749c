"""Curves onto one grid: closed forms that interpolation reproduces exactly, and everything that is left out."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from onecurve.collapse.calibration.simulation import Scenario, simulate
from onecurve.collapse.ladders.ladder import Ladder
from onecurve.collapse.ladders.measurement import measure
from onecurve.collapse.ladders.raw_losses import grid_of
from onecurve.collapse.ladders.rescaling import overlap, rescale, to_shape
from onecurve.collapse.reasons import because
from onecurve.collapse.within.envelope import departures
from onecurve.errors import InputError
from onecurve.results.curves import CurveSet, LearningCurve
from onecurve.results.grid import bands, common_grid, latest_start, log_weights, mean_over, start_after
from onecurve.results.rates import risen

FLOOR = 2.0


def curve(size=100.0, seed=0, x=None, loss=None, **more) -> LearningCurve:
    x = np.geomspace(0.03, 1.0, 17) if x is None else np.asarray(x)
    loss = FLOOR + 0.1 * x**-0.4 if loss is None else loss
    return LearningCurve(family="f", dataset="d", recipe="r", size=size, seed=seed, x=x, loss=loss, **more)


def ladder_of(exponents=(0.4, 0.3), ends=(0.5, 0.2), seeds=(3, 2), **more) -> Ladder:
    """Pure power laws on a different evaluation grid for each curve; seed s has its exponent raised by s/100."""
    curves = []
    for k, (mu, end, n) in enumerate(zip(exponents, ends, seeds, strict=True)):
        for seed in range(n):
            x = np.append(np.geomspace(0.02 + 0.01 * seed, 0.9 + 0.01 * k, 5 + seed + k), 1.0)
            curves.append(curve(100.0 * 2**k, seed, x, FLOOR + end * x ** -(mu + 0.01 * seed), **more))
    return Ladder.of(curves)


def test_end_point_scale_of_power_laws_is_exact_on_any_evaluation_grid():
    group = rescale(ladder_of(), scale="end-point", irreducible_loss=FLOOR)
    assert group.x == pytest.approx(common_grid())
    assert [len(rows) for rows in group.values] == [3, 2]
    for mu, end, rows, unit in zip((0.4, 0.3), (0.5, 0.2), group.values, group.units, strict=True):
        for seed, z in enumerate(rows):
            assert z == pytest.approx(-(mu + 0.01 * seed) * np.log(group.x), abs=1e-12)
        assert unit == pytest.approx(end)
    assert group.sizes.tolist() == [100.0, 200.0]
    assert group.seeds == ((0, 1, 2), (0, 1))
    assert group.rungs == ("size 100", "size 200")


def test_shape_scale_of_logarithmic_curves_is_exact_and_free_of_any_affine_map():
    x = np.array([0.05, 0.2, 0.6, 1.0])
    curves = [curve(100.0, s, x, 1.0 + s - (2.0 + s) * np.log(x)) for s in range(3)]
    group = rescale(Ladder.of(curves), scale="shape")
    expected = 2 * np.log(group.x) / (np.log(0.1) + np.log(0.98))
    for row in group.values[0]:
        assert row == pytest.approx(expected, abs=1e-12)
    assert mean_over(group.values[0], group.x) == pytest.approx(1.0)
    assert group.units[0] == pytest.approx(-(2.0 + np.arange(3)) * (np.log(0.1) + np.log(0.98)) / 2)


def test_both_scales_tell_the_same_curve():
    ends = rescale(ladder_of(), scale="end-point", irreducible_loss=FLOOR)
    x = np.append(common_grid(), 1.0)
    dense = Ladder.of([curve(100.0, s, x, FLOOR + 0.5 * x ** -(0.4 + 0.01 * s)) for s in range(3)])
    shape = rescale(dense, scale="shape")
    assert to_shape(ends.values[0], ends.x) == pytest.approx(shape.values[0], abs=1e-12)


def test_grid_starts_where_the_last_curve_starts():
    late = curve(400.0, 0, [0.2, 0.5, 1.0]), curve(400.0, 1, [0.0, 0.25, 0.5, 1.0], np.array([9.0, 4.0, 3.0, 2.5]))
    ladder = Ladder.of([*ladder_of().curves, *late])
    group = rescale(ladder, scale="end-point", irreducible_loss=FLOOR)
    assert group.x[0] == pytest.approx(0.25)
    assert group.x[-1] == pytest.approx(0.98)
    assert overlap(ladder) == pytest.approx(np.log(0.98 / 0.25) / np.log(0.98 / 0.1))
    assert rescale(ladder, scale="end-point", irreducible_loss=FLOOR, x_min=0.4).x[0] == pytest.approx(0.4)


def test_no_common_x_is_an_error():
    ladder = Ladder.of([curve(1.0, s, [0.985, 1.0]) for s in range(2)])
    assert overlap(ladder) == 0.0
    with pytest.raises(InputError, match="no common x"):
        rescale(ladder, scale="shape")


def test_censored_curves_are_counted_and_never_normalised_by_their_last_point():
    short = curve(100.0, 7, [0.1, 0.5, 0.9])
    diverged = curve(100.0, 8, status="diverged")
    ladder = Ladder.of([short, diverged, *ladder_of().curves])
    assert [c.seed for c in ladder.censored] == [7, 8]
    assert rescale(ladder, scale="shape").seeds == ((0, 1, 2), (0, 1))


def test_a_rung_with_one_seed_stands_alone():
    ladder = Ladder.of([*ladder_of().curves, curve(900.0, 3)])
    assert [c.size for c in ladder.alone] == [900.0]
    assert ladder.sizes.tolist() == [100.0, 200.0]


def test_floor_above_a_loss_names_the_curve():
    with pytest.raises(InputError, match="2.3 is not below the loss of size 200, seed 0, at x = "):
        rescale(ladder_of(), scale="end-point", irreducible_loss=FLOOR + 0.3)


def test_a_missing_floor_is_an_error():
    with pytest.raises(InputError, match="needs the irreducible loss"):
        rescale(ladder_of(), scale="end-point")


def test_a_curve_that_does_not_improve_has_no_shape():
    x = np.array([0.1, 0.5, 1.0])
    with pytest.raises(InputError, match="does not improve"):
        rescale(Ladder.of([curve(1.0, s, x, np.array([1.0, 1.0, 1.1])) for s in range(2)]), scale="shape")


def test_phase_of_linear_decay_survives_a_warmup_that_no_evaluation_resolves():
    x = np.concatenate([[0.0], np.linspace(0.08, 1.0, 24)])
    lr = np.concatenate([[0.0], 1 - x[1:]])
    ladder = Ladder.of([curve(100.0, s, x[1:], 1 / x[1:]) for s in range(2)])
    cold = Ladder.of([curve(100.0, s, x, 1 / (x + 0.01), lr=lr) for s in range(2)])
    group = rescale(cold, scale="shape")
    assert group.phase == pytest.approx(1 - (1 - group.x) ** 2)
    assert group.rate == pytest.approx(1 - group.x)
    assert group.end_rate == 0.0
    blind = rescale(ladder, scale="shape")
    assert blind.phase is None and blind.rate is None and blind.end_rate is None


def test_raw_rates_are_taken_over_their_peak():
    x = np.linspace(0.05, 1.0, 20)
    group = rescale(Ladder.of([curve(1.0, s, x, 1 / x, lr=3e-4 * (1.05 - x)) for s in range(2)]), scale="shape")
    assert group.rate == pytest.approx(1.05 - group.x)
    assert group.end_rate == pytest.approx(0.05)


def test_phase_with_a_resolved_warmup():
    x = np.array([0.1, 0.2, 0.5, 1.0])
    group = rescale(Ladder.of([curve(1.0, s, x, 1 / x, lr=[0.5, 1.0, 1.0, 1.0]) for s in range(2)]), scale="shape")
    integral = np.where(group.x < 0.2, 2.5 * group.x**2, group.x - 0.1)
    assert group.phase == pytest.approx(integral / 0.9)


def test_constant_rate_needs_no_rates():
    group = rescale(Ladder.of([curve(1.0, s, leg="constant") for s in range(2)]), scale="shape")
    assert group.phase == pytest.approx(group.x)
    assert group.rate == pytest.approx(np.ones(24)) and group.end_rate == 1.0


def test_measure_and_bands_of_the_grid():
    x = common_grid()
    assert log_weights(x).sum() == pytest.approx(np.log(9.8))
    assert mean_over(np.log(x), x) == pytest.approx((np.log(0.1) + np.log(0.98)) / 2)
    assert sum(mask.sum() for _, mask in bands(x)) == len(x)
    assert [edges for edges, _ in bands(x)] == [(0.1, 0.3), (0.3, 0.7), (0.7, 0.98)]
    (_, early), (_, middle), _ = bands(common_grid(0.35))
    assert not early.any() and middle.any()


def test_copies_are_named():
    twin = curve(100.0, 1)
    found = Ladder.of([curve(100.0, 0), twin, curve(200.0, 5), curve(200.0, 6, None, 3 - np.geomspace(0.03, 1, 17))])
    assert found.copies() == [
        because("equals-another", seed=1, size="size 100", first_seed=0, first_size="size 100"),
        because("equals-another", seed=5, size="size 200", first_seed=0, first_size="size 100"),
    ]


def test_names_of_rungs_without_one():
    sizes = (950.0, 12_300.0, 4.56e6, 2e9)
    ladder = Ladder.of([curve(size, s) for size in sizes for s in range(2)])
    assert ladder.names == ("size 950", "size 12.3k", "size 4.56M", "size 2G")


@pytest.mark.parametrize(
    ("warmups", "x_min", "start"),
    [([], 0.1, 0.1), ([0.0, 0.005], 0.1, 0.1), ([0.02, 0.03], 0.1, 0.3), ([0.02], 0.4, 0.4), ([0.2], 0.1, 0.9)],
)
def test_curves_are_compared_after_ten_warmups_and_from_nine_tenths_at_the_latest(warmups, x_min, start):
    assert start_after(warmups, x_min) == pytest.approx(start, rel=1e-15)


def test_a_long_warmup_leaves_a_grid_that_increases():
    """Ten warmups of .15 end after the curve does: the raw losses' grid starts at .9, as every other one."""
    ladder = Ladder.of(
        dataclasses.replace(c, warmup_fraction=0.15)
        for c in simulate(Scenario(), 1, np.random.default_rng(0)).curves(0)
    )
    x = grid_of(ladder)
    assert x[0] == pytest.approx(0.9) and np.all(np.diff(x) > 0)


def test_several_grids_start_together_at_the_latest_of_them():
    assert latest_start([]) == 0.1
    assert latest_start([common_grid(0.2), common_grid(0.3)]) == pytest.approx(0.3)


def rare(ratio=2.0, sizes=(1000, 1830, 3349), sd=0.001, seeds=3) -> Ladder:
    """One cosine curve for all sizes, evaluated at powers of ``ratio`` of the updates."""
    rng = np.random.default_rng(0)
    curves = []
    for k, horizon in enumerate(sizes):
        steps = np.unique(np.round(ratio ** np.arange(150)))
        x = np.append(steps[(steps > 0.02 * horizon) & (steps < 0.98 * horizon)], horizon) / horizon
        for seed in range(seeds):
            loss = FLOOR + 0.5**k * np.exp(cosine(x) + sd * rng.normal())
            curves.append(curve(100.0 * 2**k, seed, x, loss * (1 + 1e-9 * rng.normal(size=len(x)))))
    return Ladder.of(curves)


def cosine(x) -> np.ndarray:
    phase, rate = x + np.sin(np.pi * x) / np.pi, (1 + np.cos(np.pi * x)) / 2
    return np.log((phase**-0.5 + 1) / 2) - np.log(1 - 0.17 * rate)


def test_between_rare_points_the_error_of_interpolation_holds_what_equal_curves_seem_to_differ_by():
    group = rescale(rare(), scale="end-point", irreducible_loss=FLOOR)
    assert group.error is not None and group.evaluations < 8
    means = np.stack([rows.mean(axis=0) for rows in group.values])
    error = group.error / 3 + group.error.sum(axis=0) / 3
    assert np.abs(means - means.mean(axis=0)).max() > 0.002
    assert np.all(np.abs(means - means.mean(axis=0)) <= error)
    assert np.abs(means - cosine(group.x)).max() < 2 * group.error.max()
    assert group.error.max() > 0.008


def test_dense_and_shared_points_are_joined_by_lines():
    for ladder in (rare(1.1), rare(sizes=(1000, 1000, 1000))):
        group = rescale(ladder, scale="end-point", irreducible_loss=FLOOR)
        assert group.error is None
        first = ladder.curves[0]
        expected = np.interp(np.log(group.x), np.log(first.x), np.log((first.loss - FLOOR) / (first.loss[-1] - FLOOR)))
        assert group.values[0][0] == pytest.approx(expected, abs=1e-12)


def test_rare_points_carry_no_test_and_widen_the_bound():
    ladder = rare()
    found = measure(CurveSet.of(ladder.curves), choice=FLOOR, resamples=199, x_min=0.1, rng=np.random.default_rng(0))
    assert found.exact is not None and found.exact.p is None
    assert found.exact.reason is not None and found.exact.reason.code == "points-too-rare"
    assert found.deviations is not None and found.rescaled is not None
    assert found.deviations.upper() > np.abs(found.deviations.d).max() + 0.5 * found.rescaled.error.max()
    assert np.all(np.abs(found.deviations.d) <= found.deviations.band())
    where = departures(found.rescaled, rng=np.random.default_rng(0))
    assert where.reason is not None and where.reason.code == "points-too-rare"


def test_a_warmup_is_read_off_the_rates_and_offered():
    x = np.append(np.linspace(0.01, 0.99, 50), 1.0)
    rate = np.minimum(x / 0.043, 1.0) * (1 + np.cos(np.pi * x)) / 2
    assert risen(x, rate) == pytest.approx(0.043, rel=0.05)
    assert risen(x, (1 + np.cos(np.pi * x)) / 2) == 0.0
    rng = np.random.default_rng(0)
    curves = [
        curve(100.0 * 2**k, s, x, FLOOR + np.exp(-0.4 * np.log(x) + 0.01 * rng.normal(size=51)), lr=rate)
        for k in range(3)
        for s in range(3)
    ]
    found = measure(CurveSet.of(curves), choice=FLOOR, resamples=99, x_min=0.1, rng=rng)
    (said,) = [one for one in found.warnings if one.code == "warmup-seen"]
    assert said.values["start"] == pytest.approx(0.43, rel=0.05) and said.values["x"] == pytest.approx(0.1)
    later = measure(CurveSet.of(curves), choice=FLOOR, resamples=99, x_min=said.values["start"], rng=rng)
    assert "warmup-seen" not in [one.code for one in later.warnings]


def test_evaluations_at_rounded_steps_are_shared():
    """Twentieths of three training lengths, each to the nearest step: no interpolation error is added."""
    x = np.arange(1, 21) / 20
    ladder = [
        curve(size=size, seed=seed, x=np.round(x * steps) / steps, loss=FLOOR + x**-0.4 * (1 + 0.01 * seed * x))
        for size, steps in ((1e3, 1003), (2e3, 1777), (4e3, 2501))
        for seed in (0, 1)
    ]
    assert rescale(Ladder.of(ladder), scale="end-point", irreducible_loss=FLOOR).error is None
    late = [dataclasses.replace(c, x=np.append(c.x[:-1] ** 1.1, 1.0)) if c.size > 3e3 else c for c in ladder]
    assert rescale(Ladder.of(late), scale="end-point", irreducible_loss=FLOOR).error is not None

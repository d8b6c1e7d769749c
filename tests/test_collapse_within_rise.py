"""Does one ladder deviate more than another? Size, power and bounds on ladders whose answer is known."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from onecurve import read
from onecurve.collapse.calibration.simulation import Scenario, autoregression, simulate
from onecurve.collapse.composing import Missing
from onecurve.collapse.controls.otherwise import trained_otherwise
from onecurve.collapse.ladders.measurement import measure
from onecurve.collapse.outcome import RescaledGroup
from onecurve.collapse.planning.telling import chance_to_tell, least_told
from onecurve.collapse.sentences.of_controls import otherwise_lines
from onecurve.collapse.within.rise import rise
from onecurve.results.curves import CurveSet
from onecurve.results.grid import common_grid
from scipy.special import stdtrit as student_quantile

ROOT = Path(__file__).resolve().parent.parent
X = common_grid()
SIZES = 1e3 * 2.0 ** np.arange(5)
EARLY = np.log(X) / np.log(X[0])  # 1 at the start, 0 at the end
TREND = np.linspace(-1, 1, 5)[:, None] * EARLY
ODD = np.array([-0.25, -0.25, -0.25, -0.25, 1])[:, None] * EARLY


def noise(seeds, rng, shape=(5,)):
    series = autoregression((*shape, seeds), len(X) + 1, rng)
    return 0.05 / np.sqrt(2) * (series[..., :-1] - series[..., -1:])


def ladder(values, seeds=None):
    own = tuple(range(values.shape[1])) if seeds is None else seeds
    return RescaledGroup(
        scale="end-point",
        x=X,
        sizes=SIZES,
        rungs=tuple(f"{size:g}" for size in SIZES),
        values=tuple(values),
        seeds=(own,) * len(values),
        phase=X,
        rate=np.ones_like(X),
    )


def share(truth, other, *, louder=1.0, seeds=8, groups=300, common=0.0):
    """How often the one is told to deviate more."""
    rng = np.random.default_rng(0)
    told = 0
    for _ in range(groups):
        both = np.sqrt(common) * noise(seeds, rng)
        mine, theirs = (np.sqrt(1 - common) * noise(seeds, rng) + both for _ in range(2))
        pair = ladder(truth[:, None] + louder * mine), ladder(other[:, None] + theirs)
        found = rise(*pair, rng=rng, resamples=99)
        told += not isinstance(found, Missing) and found.worse is True
    return told / groups


@pytest.mark.parametrize(
    ("amount", "louder", "common"),
    [(0.0, 1.0, 0.0), (0.0, 2.0, 0.0), (0.06, 1.0, 0.0), (0.06, 2.0, 0.0), (0.06, 1.0, 0.5), (0.2, 1.0, 0.0)],
)
def test_what_deviates_no_more_is_not_told_to(amount, louder, common):
    """Also where it is noisier, which would raise its largest deviation: that is told in .13 to .5 of them."""
    assert share(amount * TREND, amount * TREND, louder=louder, common=common) <= 0.07


def test_the_standard_error_is_that_of_fresh_ladders():
    """Four seeds drawn with replacement scatter by a factor sqrt(3/4) too little; here that is put back."""
    rng = np.random.default_rng(6)
    found = [
        rise(*(ladder(0.2 * TREND[:, None] + noise(4, rng)) for _ in range(2)), rng=rng, resamples=99)
        for _ in range(300)
    ]
    reach = np.sqrt(np.mean([(one.high - one.rise) ** 2 for one in found])) / student_quantile(3, 0.95)
    assert reach == pytest.approx(np.std([one.rise for one in found]), rel=0.07)


def test_another_pattern_of_equal_mean_square_is_not_told():
    as_large = 0.06 * ODD * np.sqrt(np.square(TREND).mean() / np.square(ODD).mean())
    assert share(as_large, 0.06 * TREND) <= 0.07 and share(-0.06 * TREND, 0.06 * TREND) <= 0.07


def test_what_deviates_more_is_told_as_often_as_planned():
    """The plan is made of one pair of ladders and holds for fresh ones."""
    rng = np.random.default_rng(1)
    one, other = (ladder(a * TREND[:, None] + noise(64, rng)) for a in (0.09, 0.06))
    planned = chance_to_tell(one, other, [8] * 5, rng=rng)
    fresh = share(0.09 * TREND, 0.06 * TREND)
    assert planned.value == pytest.approx(fresh, abs=0.1) and 0.3 < fresh < 0.9
    assert chance_to_tell(one, other, [24] * 5, rng=rng).value > planned.value + 0.1
    assert chance_to_tell(other, other, [8] * 5, rng=rng).value <= 0.07


def test_the_least_that_is_told_is_told_with_the_power_that_was_asked_for():
    rng = np.random.default_rng(1)
    group = ladder(0.06 * TREND[:, None] + noise(8, rng))
    least = least_told(group, [8] * 5, rng=rng)
    factor = least / np.sqrt(np.square(0.06 * TREND).mean())
    assert 1.3 < factor < 2.5
    assert share(0.06 * factor * TREND, 0.06 * TREND) == pytest.approx(0.8, abs=0.12)
    flat = ladder(noise(8, rng))
    assert least_told(flat, [8] * 5, rng=rng) > np.sqrt(np.square(flat.values[0].mean(axis=0)).mean())


def test_the_numbers_are_those_of_the_formula():
    rng = np.random.default_rng(2)
    one, other = (ladder(a * TREND[:, None] + 1e-4 * noise(8, rng)) for a in (0.09, -0.06))
    found = rise(one, other, rng=rng)
    rms = np.sqrt(np.square(TREND).mean())
    assert (found.rms, found.rms_of_other) == pytest.approx((0.09 * rms, 0.06 * rms), rel=1e-3)
    assert found.rise == pytest.approx(0.03 * rms, rel=1e-3) and found.worse and found.paired
    assert found.low < found.rise < found.high and found.high - found.low < 1e-4
    back = rise(other, one, rng=rng)
    assert back.worse is False and back.rise == pytest.approx(-found.rise, rel=1e-3)


def test_noise_is_taken_off_the_squares():
    rng = np.random.default_rng(3)
    found = [
        rise(ladder(0.1 * TREND[:, None] + noise(4, rng)), ladder(noise(4, rng)), rng=rng, resamples=2)
        for _ in range(200)
    ]
    squares = [one.rms**2 for one in found if one.rms > 0]
    assert np.mean(squares) == pytest.approx(0.01 * np.square(TREND).mean(), rel=0.04)


def test_seeds_that_both_have_are_drawn_together():
    rng = np.random.default_rng(4)
    shared = noise(8, rng)
    one, other = (ladder(a * TREND[:, None] + shared) for a in (0.07, 0.06))
    apart = dataclasses.replace(other, seeds=(tuple(range(8, 16)),) * 5)
    together, alone = (rise(one, each, rng=np.random.default_rng(0)) for each in (other, apart))
    assert together.paired and not alone.paired
    assert together.high - together.low < 0.5 * (alone.high - alone.low)


def test_what_cannot_be_compared_says_so():
    rng = np.random.default_rng(5)
    few, enough = ladder(noise(2, rng)), ladder(0.1 * TREND[:, None] + noise(8, rng))
    assert rise(few, enough, rng=rng).status.code == "rise-needs-three-seeds"
    silent = ladder(np.zeros((5, 4, len(X))))
    assert rise(silent, enough, rng=rng).status.code == "rise-needs-three-seeds"


def measured(cell, seed=0, **changes):
    curves = simulate(cell, 1, np.random.default_rng(seed)).curves(0)
    curves = CurveSet.of(dataclasses.replace(c, **changes) for c in curves)
    return measure(curves, choice="known", resamples=99, x_min=0.1, rng=np.random.default_rng(seed))


def test_ladders_that_a_sweep_marks_are_held_against_the_one_that_it_does_not():
    one = measured(Scenario(gamma_error=0.1))
    wrong = measured(Scenario(gamma_error=0.4), seed=1, recipe="b", recipe_label="times 1.4", control="fails")
    alike = measured(Scenario(gamma_error=0.1), seed=2, recipe="c", control="holds")
    late = measured(Scenario(gamma_error=0.4), seed=3, recipe="d", control="fails", warmup_fraction=0.03)
    broken = measured(Scenario(), seed=4, recipe="e", control="fails", irreducible_loss=None)
    foreign = measured(Scenario(), seed=5, recipe="f", control="fails", family="other")
    plain = measured(Scenario(gamma_error=0.4), seed=6, recipe="g")
    groups = [one, wrong, alike, late, broken, foreign, plain]
    found = trained_otherwise(one, groups, rng=np.random.default_rng(0))
    assert [row.recipe for row in found.ladders] == ["b", "c", "d", "e"]
    b, c, d, e = (row.rise for row in found.ladders)
    assert b.worse and c.worse is None and d.worse and isinstance(e, Missing)
    assert d.rms_of_other < b.rms_of_other  # what is compared later deviates less, on both sides
    assert b.rms_of_other < found.least < b.rms
    lines = list(otherwise_lines(found))
    assert len(lines) == 5 and "times 1.4" in lines[0]
    assert trained_otherwise(wrong, groups, rng=np.random.default_rng(0)) is None
    assert trained_otherwise(one, [one, plain], rng=np.random.default_rng(0)) is None


def test_what_the_page_says_of_the_network_is_in_its_table():
    """The stored ladders of the sweep `negatives`: which of its mistakes are told, and which are not."""
    curves = read(ROOT / "results/reference/negatives.parquet")
    groups = [
        measure(group, choice="known", resamples=99, x_min=0.1, rng=np.random.default_rng(0))
        for group in curves.groups().values()
    ]
    (right,) = [one for one in groups if one.control is None]
    found = trained_otherwise(right, groups, rng=np.random.default_rng(0)).ladders
    told = {row.recipe_label.removeprefix("adam "): row.rise for row in found}
    worse = {label: one.worse for label, one in told.items()}
    assert worse == {
        "0.0134, constant, muP, batch 128, horizon 140 (p/p1)^1.698, p1 at width 12": True,
        "0.0134, constant, standard, batch 128, horizon 280 (p/p1)^1.213, p1 at width 12": True,
        "0.0134, constant, muP, batch 128, horizon 280 (p/p1)^1.213, p1 at width 12, warmup 3 updates": None,
        "0.00335, constant, muP, batch 128, horizon 280 (p/p1)^1.213, p1 at width 12": True,
        "0.0067, constant, muP, batch 128, horizon 280 (p/p1)^1.213, p1 at width 12": None,
        "0.0268, constant, muP, batch 128, horizon 280 (p/p1)^1.213, p1 at width 12": None,
        "0.0536, constant, muP, batch 128, horizon 280 (p/p1)^1.213, p1 at width 12": False,
    }
    assert all(one.paired for one in told.values())
    text = (ROOT / "docs/method.md").read_text()
    for one in told.values():
        assert f"| {100 * one.rms:.1f} % | {100 * one.rise:+.1f} % (".replace("+0.", "+.").replace("-0.", "-.") in text

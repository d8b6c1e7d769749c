"""Controls from other data sets."""

from __future__ import annotations

import numpy as np
import pytest
from onecurve.collapse.calibration.simulation import autoregression
from onecurve.collapse.composing import Missing
from onecurve.collapse.controls.other_data_sets import (
    CONTROLS,
    Foreign,
    end_slope,
    foreign_controls,
    one_number,
    one_number_curve,
)
from onecurve.collapse.families.crossing import Crossing
from onecurve.collapse.forms.clock import Clock
from onecurve.collapse.forms.sum_of_power_laws import log_sum
from onecurve.collapse.ladders.rescaling import to_shape
from onecurve.collapse.outcome import RescaledGroup
from onecurve.collapse.reasons import because
from onecurve.results.grid import common_grid

X = common_grid()
PHASE, RATE = 1 - (1 - X) ** 2, 1 - X


def group(mean, rng, sd=1e-6, rungs=3, seeds=4, scale="end-point", phase=PHASE) -> RescaledGroup:
    noise = -sd * np.log(X) * autoregression((rungs, seeds), len(X), rng)
    return RescaledGroup(
        scale=scale,
        x=X,
        sizes=2.0 ** np.arange(rungs),
        rungs=tuple("abcdef"[:rungs]),
        values=tuple(mean + noise),
        seeds=(tuple(range(seeds)),) * rungs,
        phase=phase,
        rate=None if phase is None else RATE,
        end_rate=None if phase is None else 0.0,
    )


def test_curves_of_other_data_sets():
    rng = np.random.default_rng(0)
    level = {"one": 0.5, "two": 0.3, "three": 0.1, "four": -0.1}
    cells = {("a", d): group(-delta * np.log(X), rng) for d, delta in level.items()}
    other, matched, _ = foreign_controls(Crossing.of(cells), "a", "one", rng=rng)
    assert (other.control, matched.known["control"]) == CONTROLS[:2]
    assert other.deviation == pytest.approx(0.2 * np.log(10), rel=1e-3)  # .3, .1, -.1 about their mean, at x = .1
    assert other.n_curves == 3
    assert [band > 0 for band in other.bands] == [True] * 3
    assert other.bands[2] == pytest.approx(0.2 * -np.log(X[X >= 0.7][0]), rel=1e-3)
    assert isinstance(matched, Missing) and matched.status == because("fewer-than-two-of-this-end-slope")


def test_curves_of_equal_end_slope_are_matched():
    rng = np.random.default_rng(1)
    bend = {"one": 0.0, "two": 0.1, "three": 0.2}
    cells = {("a", d): group(-0.4 * np.log(X) + b * np.log(X) ** 2, rng) for d, b in bend.items()}
    cells["b", "two"] = group(-0.9 * np.log(X), rng)
    _, matched, _ = foreign_controls(Crossing.of(cells), "a", "one", rng=rng)
    assert matched.n_curves == 2
    assert isinstance(matched, Foreign)


def test_end_slope_and_one_number():
    assert end_slope(-0.4 * np.log(X) + 0.2 * np.log(X) ** 2, X) == pytest.approx(-0.4)
    rng = np.random.default_rng(2)
    pure = group(-0.37 * np.log(PHASE), rng)
    assert one_number(pure) == pytest.approx(0.37, abs=1e-4)
    shape = group(to_shape(-0.37 * np.log(PHASE), X), rng, scale="shape")
    assert one_number(shape) == pytest.approx(0.37, rel=0.03)
    assert one_number_curve(0.37, pure) == pytest.approx(-0.37 * np.log(PHASE))


def test_one_number_curves_agree_where_the_schedule_makes_them():
    rng = np.random.default_rng(3)
    cells = {("a", str(d)): group(log_sum(0.3 + 0.1 * d, 0.5, 0.15, Clock(X, PHASE, RATE, 0.0)), rng) for d in range(4)}
    third = foreign_controls(Crossing.of(cells), "a", "0", rng=rng)[2]
    assert isinstance(third, Foreign)
    assert third.bands[2] < 0.05 * third.bands[0]
    blind = {key: group(np.zeros(24), rng, phase=None) for key in cells}
    assert foreign_controls(Crossing.of(blind), "a", "0", rng=rng)[2].status == because("control-needs-schedule")


def test_noise_counts_in_the_control():
    rng = np.random.default_rng(4)
    cells = {("a", d): group(np.zeros(24), rng, sd=0.05) for d in ("one", "two", "three")}
    loud = foreign_controls(Crossing.of(cells), "a", "one", rng=rng)[0]
    cells = {("a", d): group(np.zeros(24), rng, sd=1e-6) for d in ("one", "two", "three")}
    assert loud.deviation > 0.01
    assert foreign_controls(Crossing.of(cells), "a", "one", rng=rng)[0].deviation < 1e-4

"""Rescalings against each other: on ladders built to share one thing only, that thing wins."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from onecurve.collapse.calibration.simulation import FLOOR, Scenario, autoregression, simulate
from onecurve.collapse.composing import OK, Missing
from onecurve.collapse.ladders.ladder import Ladder
from onecurve.collapse.laws.ranking import independent_values, rank_rescalings
from onecurve.collapse.reasons import because
from onecurve.collapse.sentences.of_laws import ranking_sentence
from onecurve.results.curves import LearningCurve
from onecurve.results.grid import common_grid

SIZES = 1e4 * 2.0 ** np.arange(6)


def ladder(loss_of, noise=0.003, seed=0, lr=None):
    """Six rungs of five seeds with losses ``loss_of(k, x)``, noise on the improvement."""
    x, rng = np.append(common_grid(0.05), 1.0), np.random.default_rng(seed)
    curves = []
    for k, size in enumerate(SIZES):
        mean = loss_of(k, x)
        for s, wiggle in enumerate(noise * autoregression((5,), len(x), rng)):
            loss = mean + (mean - mean[-1] + 0.2) * wiggle
            rate = np.ones_like(x) if lr is None else lr(k, x)
            row = LearningCurve(family="f", dataset="d", recipe="r", size=size, seed=s, x=x, loss=loss, lr=rate)
            curves.append(row)
    return Ladder.of(curves)


def end(k):
    return 0.8 * 2.0 ** (-0.3 * k)


def uneven(k):
    return end(k) * (1 + 0.2 * np.sin(5 * k))


def phase_of(k, x):
    """Linear decay to a rate that depends on the rung."""
    low = 0.15 * k
    return (x - (1 - low) * x**2 / 2) / (1 - (1 - low) / 2)


TRUTHS = {
    "end point with L0": lambda k, x: FLOOR + uneven(k) * (x**-0.4 + 1) / 2,
    "end point without L0": lambda k, x: uneven(k) * (x**-0.4 + 1) / 2,
    "two anchors": lambda k, x: 1 + 0.2 * np.sin(5 * k) + (1 + 0.5 * np.cos(7 * k)) * x**-0.4,
    "power-law axes": lambda k, x: FLOOR + end(k) * (1 + 0.6 * (x * 1.25 ** (k - 2.5)) ** -0.4),
    "compute": lambda k, x: FLOOR + (1 + 3 / (1 + x * 4.0 ** (k - 2.5))) * (x * 4.0 ** (k - 2.5)) ** -0.2,
    "nothing shared": lambda k, x: FLOOR + 0.5 * (1 + 0.4 * np.sin(9 * k)) * x ** -(0.5 + 0.3 * np.sin(5 * k)),
}


@pytest.mark.parametrize("name", TRUTHS)
def test_what_the_rungs_share_wins(name):
    floor = 0.05 if name == "end point without L0" else FLOOR
    found = rank_rescalings(ladder(TRUTHS[name]), irreducible_loss=floor)
    assert found.best == name, [(one.name, one.error, one.score) for one in found.rescalings]
    assert found.status == OK and ranking_sentence(found)


def test_the_learning_rate_integral_wins_where_schedules_differ():
    found = rank_rescalings(
        ladder(
            lambda k, x: FLOOR + end(k) * (phase_of(k, x) ** -0.4 + 1) / 2,
            lr=lambda k, x: 1 - (1 - 0.15 * k) * x,
        ),
        irreducible_loss=FLOOR,
    )
    assert found.best == "learning-rate integral"
    same = rank_rescalings(ladder(TRUTHS["end point with L0"]), irreducible_loss=FLOOR)
    status = {one.name: one.status for one in same.rescalings}
    assert status["learning-rate integral"].code == "one-schedule-for-all"


def test_an_anchor_has_its_price():
    """Two anchors pin the curve twice and so err less; they may not win for that."""
    best = [rank_rescalings(Ladder.of(simulate(Scenario(), 1, np.random.default_rng(i)).curves(0))) for i in range(10)]
    known = [
        rank_rescalings(Ladder.of(simulate(Scenario(), 1, np.random.default_rng(i)).curves(0)), irreducible_loss=FLOOR)
        for i in range(10)
    ]
    assert not any(one.best in ("two anchors", "nothing shared") for one in known)
    assert not any(one.best in ("nothing shared", "compute") for one in best)
    assert all(1 <= one.independent <= 8 for one in known)


def test_independent_values_count_directions_of_the_noise():
    rng = np.random.default_rng(0)
    assert independent_values([np.outer(rng.normal(size=6), np.ones(10)) for _ in range(4)]) == pytest.approx(1.0)
    assert independent_values([rng.normal(size=(400, 5)) for _ in range(2)]) == pytest.approx(5.0, rel=0.05)


def test_what_cannot_be_ranked_is_said():
    few = simulate(Scenario(rungs=3), 1, np.random.default_rng(0)).curves(0)
    assert rank_rescalings(Ladder.of(few)).status.code == "ranking-needs-four-sizes"
    rising = rank_rescalings(ladder(lambda k, x: 4 - end(k) * x**-0.4))
    assert isinstance(rising, Missing) and rising.status == because("no-rescaling-predicts")
    assert because("size-does-not-improve") in [one.status for one in rising.known["rescalings"]]
    curves = simulate(Scenario(), 1, np.random.default_rng(0)).curves(0)
    high = rank_rescalings(Ladder.of(curves), irreducible_loss=5.0)
    assert isinstance(high, Missing) and high.status == because("floor-not-below-losses")
    decayed = simulate(Scenario(decay=True), 1, np.random.default_rng(0)).curves(0)
    blind = Ladder.of(dataclasses.replace(curve, lr=None) for curve in decayed)
    status = {one.name: one.status for one in rank_rescalings(blind, irreducible_loss=FLOOR).rescalings}
    assert status["learning-rate integral"] == because("law-needs-schedule")

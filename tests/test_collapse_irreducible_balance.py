"""The floor that a collapse implies beside that of the end points: bias, spread, size and power on known ladders."""

from __future__ import annotations

import numpy as np
import pytest
from onecurve.collapse.calibration.simulation import FLOOR, Scenario, simulate
from onecurve.collapse.composing import OK
from onecurve.collapse.irreducible.balance import _implied, balance, balance_of
from onecurve.collapse.irreducible.joint import joint, joint_of
from onecurve.collapse.ladders.ladder import Ladder
from onecurve.collapse.reasons import because


def balances(cell, groups, seed=1, shift=0.0):
    rng = np.random.default_rng(seed)
    batch = simulate(cell, groups, rng)
    return [
        balance(list(loss + shift), batch.x[:-1], batch.sizes, rng=rng, known=FLOOR, resamples=99)
        for loss in batch.loss
    ]


# Mean of L0_collapse - L0, share rejected against the end points' floor and against the known one (low, high).
EXPECTED = {
    "null": (Scenario(), 0.0, (0.0, 0.05), (0.03, 0.08)),
    "4x noise": (Scenario(noise_ratio=4), 0.0001, (0.0, 0.05), (0.03, 0.11)),
    "gamma +5 %": (Scenario(gamma_error=0.05), 0.007, (0.25, 0.37), (0.87, 0.89)),
    "gamma +10 %": (Scenario(gamma_error=0.1), 0.0128, (0.82, 0.88), (1.0, 1.0)),
    "gamma +20 %": (Scenario(gamma_error=0.2), 0.0229, (1.0, 1.0), (1.0, 1.0)),
    "gamma +40 %": (Scenario(gamma_error=0.4), 0.0377, (1.0, 1.0), (1.0, 1.0)),
    "drift .01": (Scenario(drift=0.01), -0.0270, (1.0, 1.0), (1.0, 1.0)),
    "drift .02": (Scenario(drift=0.02), -0.0606, (1.0, 1.0), (1.0, 1.0)),
}


# Rejections with 1.96 in the place of t's quantile: powers of .37 and .88 are bought with a level of .05 to .08.
LIBERAL = {"null": 0.065, "gamma +5 %": 0.37, "gamma +10 %": 0.88}


def check(name, groups):
    cell, bias, own, known = EXPECTED[name]
    found = [one for one in balances(cell, groups) if one.status == OK]
    assert len(found) > 0.9 * groups
    floors = np.array([one.floor for one in found]) - FLOOR
    assert floors.mean() == pytest.approx(bias, abs=3 * 0.003 / np.sqrt(groups) + 2e-4)
    for (low, high), comparisons in (
        (own, [one.against_end_point for one in found]),
        (known, [one.against_known for one in found]),
    ):
        share = np.mean([one.rejected for one in comparisons if one.status == OK])
        error = 3 * np.sqrt(max(high * (1 - low), 0.02) * 0.5 / groups)
        assert low - error <= share <= high + error, share
    return found


@pytest.mark.parametrize("name", ["null", "gamma +10 %"])
def test_bias_size_and_power(name):
    check(name, 20)


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPECTED)
def test_bias_size_and_power_closely(name):
    found = check(name, 250)
    if name in LIBERAL:
        share = np.mean([abs(one.against_end_point.z) > 1.96 for one in found])
        assert share == pytest.approx(LIBERAL[name], abs=0.09)


def test_the_sd_of_the_difference_is_the_spread_over_groups():
    found = balances(Scenario(), 40, seed=4)
    spread = np.std([one.against_end_point.difference for one in found])
    assert np.mean([one.against_end_point.sd for one in found]) == pytest.approx(spread, rel=0.3)
    assert sum(one.low <= FLOOR <= one.high for one in found) >= 35


@pytest.mark.parametrize(
    "cell, sd", [(Scenario(), 0.0021), (Scenario(noise_ratio=4), 0.0029)], ids=["null", "4x noise"]
)
def test_the_floor_itself_has_no_bias_and_little_spread(cell, sd):
    batch = simulate(cell, 150, np.random.default_rng(1))
    cubes = [[rows[..., None] for rows in loss] for loss in batch.loss]
    floors = np.array([_implied(cube, batch.x[:-1], batch.sizes)[0][0] for cube in cubes])
    assert floors.mean() == pytest.approx(FLOOR, abs=3 * sd / np.sqrt(150))
    assert floors.std() == pytest.approx(sd, rel=0.2)


def test_a_family_with_a_floor_of_its_own_is_above_bayes():
    (one,) = balances(Scenario(), 1, shift=0.05)
    assert one.conclusion.code == "floor-above-known"
    assert one.against_known.difference == pytest.approx(0.05, abs=0.01)
    assert one.against_end_point.rejected is False


def test_the_end_points_lack_of_fit_stands_beside_the_comparison():
    """End losses with a correction to scaling are no power law: the comparison fails and the misfit says why."""
    rng = np.random.default_rng(0)
    batch = simulate(Scenario(seeds=12), 1, rng)
    bent = 1 + np.array([0.2, -0.1, 0.1, -0.1, 0.05, 0.1])[:, None, None]
    loss = FLOOR + (batch.loss[0] - FLOOR) * bent
    one = balance(list(loss), batch.x[:-1], batch.sizes, rng=rng, known=FLOOR)
    assert one.end_point.floor is None or one.p_lack_of_fit < 0.01
    assert not one.against_known.rejected


def test_missing_pieces_are_said():
    batch = simulate(Scenario(rungs=3), 1, np.random.default_rng(0))
    three = balance_of(Ladder.of(batch.curves(0)), rng=np.random.default_rng(0), resamples=99)
    assert three.status == OK and three.end_point.status == because("end-points-few")
    assert three.against_end_point.rejected is None and three.against_end_point.status.root.code == "end-points-few"
    assert three.against_known.status.code == "floor-unknown" and three.conclusion is None
    two = simulate(Scenario(seeds=2), 1, np.random.default_rng(0)).curves(0)
    assert balance_of(Ladder.of(two), rng=np.random.default_rng(0)).status == because("implied-floor-needs-seeds")


def test_curves_and_ends_together_see_a_wrong_horizon_that_curves_alone_do_not():
    def rejected(cell, groups):
        batch = simulate(cell, groups, np.random.default_rng(0))
        rng = np.random.default_rng(1)
        found = [joint(list(loss), batch.x[:-1], batch.sizes, rng=rng, resamples=99) for loss in batch.loss]
        return np.mean([one.p < 0.05 for one in found])

    assert rejected(Scenario(), 40) <= 0.15  # .048
    assert rejected(Scenario(gamma_error=0.2), 12) >= 0.8  # .99, and .70 by T2


def test_ends_off_their_power_law_are_rejected_by_the_joint_test():
    batch = simulate(Scenario(), 1, np.random.default_rng(0))
    factors = np.exp(0.03 * (-1) ** np.arange(6))
    bent = [FLOOR + f * (rows - FLOOR) for f, rows in zip(factors, batch.loss[0], strict=True)]
    found = joint(bent, batch.x[:-1], batch.sizes, rng=np.random.default_rng(0), resamples=99)
    assert found.status == OK and found.p <= 0.02
    two = Ladder.of(simulate(Scenario(seeds=2), 1, np.random.default_rng(0)).curves(0))
    few = joint_of(two, rng=np.random.default_rng(0))
    assert few.p is None and few.status == because("joint-floor-needs-seeds")

"""The three estimates of delta: right and in agreement on an optimal ladder, in conflict on a wrong one."""

from __future__ import annotations

import numpy as np
import pytest
from onecurve.collapse.calibration.simulation import FLOOR, Scenario, simulate
from onecurve.collapse.composing import OK
from onecurve.collapse.ladders.ladder import Ladder
from onecurve.collapse.ladders.rescaling import rescale
from onecurve.collapse.laws.frontier import estimate_deltas
from onecurve.collapse.reasons import because
from onecurve.errors import InputError


def deltas(cell, seed=0, scale="end-point", **options):
    curves = simulate(cell, 1, np.random.default_rng(seed)).curves(0)
    group = rescale(Ladder.of(curves), scale=scale, irreducible_loss=FLOOR)
    return estimate_deltas(group, rng=np.random.default_rng(seed), **options)


def test_an_optimal_ladder_gives_one_delta_three_times():
    found = [deltas(Scenario(mu=0.4, nu=0.6), seed, horizon_exponent=1.5) for seed in range(30)]
    true = 0.4 * 0.6 / (0.4 + 0.6)
    for name in ("frontier", "composed", "end_slope"):
        estimates = [getattr(one, name).estimate for one in found]
        spread = np.std([one.value for one in estimates])
        assert np.mean([one.value for one in estimates]) == pytest.approx(true, abs=spread + 0.002), name
        assert sum(one.low <= true <= one.high for one in estimates) >= 26, name
    assert sum(one.agree for one in found) >= 27
    assert np.mean([one.gamma.estimate.value for one in found]) == pytest.approx(1.5, rel=0.05)
    assert found[0].proxy == "size" and found[0].frontier.status == because("size-as-proxy")


def test_a_wrong_horizon_is_seen_as_disagreement():
    """The curves' exponents say 1; a ladder whose compute was planned with 1.6 has another frontier."""
    found = [deltas(Scenario(), seed, horizon_exponent=1.6) for seed in range(10)]
    assert sum(one.agree is False for one in found) >= 9
    assert np.mean([one.frontier.estimate.value for one in found]) == pytest.approx(0.5 / 2.6, rel=0.02)


def test_compute_that_is_given_takes_the_place_of_size():
    compute = 6.0 * (1e4 * 2.0 ** np.arange(6)) ** 2
    given, proxy = deltas(Scenario(), compute=compute), deltas(Scenario())
    assert given.frontier.estimate.value == pytest.approx(proxy.frontier.estimate.value)
    assert (given.frontier.status, given.proxy) == (OK, "compute")
    half = deltas(Scenario(), theta=0.5, horizon_exponent=1.0)
    assert half.composed.estimate.value == pytest.approx(0.5 * 0.5 / 0.75, rel=0.05)


def test_a_decaying_rate_has_no_end_slope():
    found = deltas(Scenario(decay=True, gain=(0.15, 0.15)))
    assert found.end_slope.estimate is None
    assert found.end_slope.status == because("end-slope-needs-constant-rate")
    assert found.composed.estimate is not None and found.composed.status == because("gain-fitted-beside-mu")
    assert found.agree is True


def test_what_cannot_be_estimated_is_said():
    assert deltas(Scenario(), scale="shape").frontier.status == because("exponent-needs-a-floor")
    assert deltas(Scenario(rungs=2)).agree is None
    with pytest.raises(InputError, match="theta"):
        deltas(Scenario(), theta=0.0)
    with pytest.raises(InputError, match="6 positive"):
        deltas(Scenario(), compute=[1.0, 2.0])

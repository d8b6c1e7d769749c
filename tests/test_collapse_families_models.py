"""Which nested model is found, on families whose truth is known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from onecurve.collapse.calibration.simulation import autoregression
from onecurve.collapse.families.covariance import pool_noise
from onecurve.collapse.families.mean_curve import Member
from onecurve.collapse.families.models import FORM_NOT_IDENTIFIED, smallest_model
from onecurve.collapse.forms.clock import Clock
from onecurve.collapse.forms.sum_of_power_laws import log_sum
from onecurve.collapse.ladders.rescaling import to_shape
from onecurve.collapse.outcome import RescaledGroup
from onecurve.results.grid import common_grid

X = common_grid()


def member(family, mean, rng, *, rungs=4, seeds=4, sd=0.004, decay=True) -> Member:
    phase, rate = (1 - (1 - X) ** 2, 1 - X) if decay else (X, np.ones_like(X))
    noise = sd * -(np.log(X) ** 1) * autoregression((rungs, seeds), len(X), rng)
    group = RescaledGroup(
        scale="end-point",
        x=X,
        sizes=2.0 ** np.arange(rungs),
        rungs=tuple(f"width {k}" for k in range(rungs)),
        values=tuple(mean + noise),
        seeds=(tuple(range(seeds)),) * rungs,
        phase=phase,
        rate=rate,
        end_rate=0.0 if decay else 1.0,
    )
    return Member(family, "r", family, group)


def truth(mu, share, gain, decay=True):
    clock = Clock(X, 1 - (1 - X) ** 2, 1 - X, 0.0) if decay else Clock.constant(X)
    return log_sum(mu, share, gain if decay else 0.0, clock)


def found(curves, seed=0, margin=0.03, **options):
    rng = np.random.default_rng(seed)
    return smallest_model([member(f"f{i}", c, rng, **options) for i, c in enumerate(curves)], margin=margin, rng=rng)


FORMS = [(0.3, 0.3, 0.1), (0.5, 0.45, 0.15), (0.7, 0.6, 0.2), (0.9, 0.7, 0.12)]


@pytest.mark.parametrize("decay", [True, False])
def test_one_curve_for_all_is_m0(decay):
    result = found([truth(0.5, 0.5, 0.15, decay)] * 4, decay=decay)
    assert result.model == "M0"
    assert [score.model for score in result.scores] == (
        ["M0", "M2'", "M2", "M3"] if decay else ["M0", "M1", "M2'", "M2", "M3"]
    )


def test_a_factor_on_time_is_m1_at_constant_rate():
    shifted = [truth(0.7, c**-0.7 / (1 + c**-0.7), 0, False) for c in (0.85, 1.0, 1.1, 1.2)]
    assert found(shifted, decay=False, sd=0.006).model == "M1"


def test_equal_exponents_are_m2_prime_and_own_exponents_m2():
    equal = [truth(0.6, share, gain) for _, share, gain in FORMS]
    assert found(equal).model == "M2'"
    result = found([truth(*form) for form in FORMS])
    assert result.model == "M2"
    assert all(rival.shortfall > 2 * rival.shortfall_se for rival in result.rivals)


def test_curves_outside_the_form_are_m3():
    wiggles = [truth(0.5, 0.5, 0.15) + 0.04 * np.sin(k * np.log(X) + k) * np.log(X) for k in (2, 4, 6, 8)]
    result = found(wiggles)
    assert result.model == "M3"
    assert next(score for score in result.scores if score.model == "M2").shortfall > 0


def test_a_form_that_noise_cannot_tell_from_its_rivals_is_not_identified():
    result = found([truth(*form) for form in FORMS], sd=0.03, margin=0.2)
    assert result.model == FORM_NOT_IDENTIFIED
    assert result.reason.code == "rival-forms-predict-as-well"


@pytest.mark.parametrize("seed", range(3))
def test_one_odd_family_is_not_predicted_by_the_others(seed):
    """Its shortfall is the whole sum, so a standard error from the scatter of families would excuse it."""
    curves = [truth(0.5, 0.5, 0.15)] * 5
    curves[2] = curves[2] - 0.05 * np.log(X)
    result = found(curves, seed=seed)
    m0 = result.scores[0]
    assert m0.shortfall > 2 * m0.shortfall_se
    assert result.model != "M0" and "M0" not in [one.model for one in result.uncertified]


def test_too_much_noise_is_said_and_not_called_a_curve_of_its_own():
    result = found([truth(0.5, 0.5, 0.15)] * 3, sd=0.1)
    assert result.model is None
    assert result.reason.code == "noise-leaves-too-much"


def test_two_families_are_too_few():
    assert found([truth(0.5, 0.5, 0.15)] * 2).model is None


def test_the_size_of_m0():
    """Under one curve for all the smallest model is M0 in nearly all tries."""
    models = [found([truth(0.5, 0.5, 0.15)] * 4, seed=seed).model for seed in range(3)]
    assert models.count("M0") >= 2


def test_pooled_noise_is_the_truth():
    rng = np.random.default_rng(0)
    groups = [member("a", 0 * X, rng, seeds=60, sd=0.01).group, member("b", 0 * X, rng, seeds=60, sd=0.03).group]
    noise = pool_noise(groups)
    true = np.outer(np.log(X), np.log(X)) * 0.9 ** np.abs(np.subtract.outer(np.arange(24), np.arange(24)))
    for i, sd in enumerate((0.01, 0.03)):
        mean = noise.of_mean(i, np.full(4, 60))
        assert np.diag(mean)[:-2] == pytest.approx(np.diag(true)[:-2] * sd**2 / 240, rel=0.25)
        assert mean[0, 6] == pytest.approx(true[0, 6] * sd**2 / 240, rel=0.35)


def test_shapes_are_compared_though_their_mean_is_fixed():
    rng = np.random.default_rng(0)

    def shaped(one):
        return dataclasses.replace(one, scale="shape", values=tuple(to_shape(rows, X) for rows in one.values))

    forms = [(0.2, 0.45, 0.1), (0.5, 0.45, 0.15), (1.0, 0.45, 0.2), (1.5, 0.45, 0.25)]
    members = [member(f"f{i}", truth(*form), rng) for i, form in enumerate(forms)]
    members = [dataclasses.replace(one, group=shaped(one.group)) for one in members]
    assert len(pool_noise([one.group for one in members]).blocks) == 7
    assert smallest_model(members, margin=0.05, rng=rng).model not in ("M0", None)
    same = [member(name, truth(*forms[0]), rng) for name in "abc"]
    same = [dataclasses.replace(one, group=shaped(one.group)) for one in same]
    assert smallest_model(same, margin=0.1, rng=rng).model == "M0"
    narrow = smallest_model(same, margin=0.05, rng=rng)
    assert narrow.model != "M0"
    assert narrow.uncertified[0].model == "M0" and narrow.uncertified[0].upper_bound > 0.05


def test_curves_evaluated_rarely_have_fewer_blocks():
    rng = np.random.default_rng(1)
    group = member("a", truth(0.5, 0.5, 0.15), rng, seeds=8).group
    few = np.append(np.geomspace(0.1, 0.9, 4), 1.0)
    rows = tuple(
        np.stack([np.interp(np.log(X), np.log(few), np.append(np.interp(few[:-1], X, row), 0.0)) for row in values])
        for values in group.values
    )
    noise = pool_noise([dataclasses.replace(group, values=rows)])
    assert 2 <= len(noise.blocks) <= 4

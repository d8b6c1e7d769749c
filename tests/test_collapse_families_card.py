"""Deviation cards: amplitude, sign, place, trend, causes and rank of families whose oddity is known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from onecurve.collapse.calibration.simulation import autoregression
from onecurve.collapse.families.card import deviation_cards
from onecurve.collapse.families.deviation import compare_families, left_out
from onecurve.collapse.families.mean_curve import Member
from onecurve.collapse.forms.clock import Clock
from onecurve.collapse.forms.sum_of_power_laws import log_sum
from onecurve.collapse.outcome import RescaledGroup
from onecurve.collapse.reasons import because
from onecurve.results.grid import common_grid

X = common_grid()
PHASE, RATE = 1 - (1 - X) ** 2, 1 - X
FORM = (0.6, 0.45, 0.15)


def member(family, rng, form=FORM, *, trend=0.0, extra=0.0, sd=0.002, phase=PHASE, rungs=4) -> Member:
    step = (np.arange(rungs) - (rungs - 1) / 2)[:, None, None]
    noise = -sd * np.log(X) * autoregression((rungs, 5), 24, rng)
    values = log_sum(*form, Clock(X, PHASE, RATE, 0.0)) + extra + trend * step * (-np.log(X)) + noise
    group = RescaledGroup(
        scale="end-point",
        x=X,
        sizes=2.0 ** np.arange(rungs),
        rungs=tuple("abcdef"[:rungs]),
        values=tuple(values),
        seeds=(tuple(range(5)),) * rungs,
        phase=phase,
        rate=None if phase is None else RATE,
        end_rate=None if phase is None else 0.0,
        units=(np.ones(5),) * rungs,
    )
    return Member(family, "r", family, group)


def cards(members, margin=0.03, extra_rows=()):
    rng = np.random.default_rng(0)
    across = compare_families("d", "decayed", members, margin=margin, rng=rng, resamples=199)
    across = dataclasses.replace(across, per_family=(*across.per_family, *extra_rows))
    return {card.row.family: card for card in deviation_cards(members, across, margin=margin)}


@pytest.mark.parametrize(
    ("form", "cause"), [((0.6, 0.6, 0.15), "delta"), ((0.9, 0.3, 0.15), "mu"), ((0.6, 0.45, 0.3), "G")]
)
def test_the_cause_that_was_changed_is_named(form, cause):
    rng = np.random.default_rng(1)
    found = cards([member("odd", rng, form), *(member(name, rng) for name in "abc")])["odd"].standing
    shares = {one.name: one.share for one in found.causes}
    assert max(shares, key=shares.__getitem__) == cause
    assert shares[cause] > 0.8
    assert sum(shares.values()) == pytest.approx(1.0)
    assert (found.explained.code, found.explained.values["cause"]) == ("main-cause", cause)
    values = {one.name: (one.own, one.others) for one in found.causes if one.own is not None}
    assert values["mu"] == (pytest.approx(form[0], rel=0.06), pytest.approx(0.6, rel=0.06))
    assert values["delta"] == (pytest.approx(form[0] * form[1], rel=0.06), pytest.approx(0.27, rel=0.06))


def test_parts_add_up_to_the_difference():
    rng = np.random.default_rng(2)
    members = [member("odd", rng, (0.8, 0.6, 0.2)), *(member(name, rng) for name in "ab")]
    rows = compare_families("d", "decayed", members, margin=0.03, rng=rng, resamples=99)
    card = deviation_cards(members, rows, margin=0.03)[0].standing
    total = np.sum([cause.curve for cause in card.causes], axis=0)
    assert total == pytest.approx(rows.per_family[0].difference, abs=1e-12)
    assert np.abs(card.causes[-1].curve).max() < 0.05 * abs(card.amplitude)


def test_amplitude_sign_place_and_rank():
    rng = np.random.default_rng(3)
    hump = 0.2 * np.exp(-((np.log(X) + 1.2) ** 2) / 0.02)
    found = cards([member("odd", rng, extra=-hump), *(member(name, rng) for name in "abc")])
    odd, row = found["odd"].standing, found["odd"].row
    assert odd.amplitude == pytest.approx(-0.2, abs=0.02)
    assert odd.at == pytest.approx(np.exp(-1.2), rel=0.1)
    assert odd.sign == "below"
    assert row.where[0] < odd.at < row.where[1]
    assert (odd.rank, found["odd"].n_ranked) == (1, 4)
    assert odd.typical < 0.03  # the others' master curve is without the odd one
    assert {found[name].row.verdict for name in "abc"} <= {"collapse", "cannot-tell"}
    assert all(found[name].row.where is None for name in "abc")
    assert row.verdict == "no-collapse"
    assert odd.explained == because("form-does-not-describe")


def test_trend_with_size():
    rng = np.random.default_rng(4)
    found = cards([member("odd", rng, trend=0.02, extra=-0.1 * np.log(X)), *(member(n, rng) for n in "ab")])
    odd = found["odd"].standing
    assert odd.trend.low < 0.02 * np.log(10) < odd.trend.high
    assert odd.trend.direction == "grows"
    assert found["a"].standing.trend.direction == "no trend"
    shrinking = cards([member("odd", rng, trend=-0.02, extra=-0.1 * np.log(X)), *(member(n, rng) for n in "ab")])
    assert shrinking["odd"].standing.trend.direction == "shrinks"


def test_families_that_agree():
    rng = np.random.default_rng(5)
    for card in cards([member(name, rng) for name in "abcd"]).values():
        assert card.row.verdict == "collapse" and card.row.high < card.margin
        assert card.row.where is None and card.standing.explained is None


def test_what_cannot_be_had_is_said():
    rng = np.random.default_rng(6)
    found = cards([member(name, rng, phase=None, rungs=1) for name in "ab"], extra_rows=[left_out("c", "r", "c")])
    assert found["a"].standing.causes == ()
    assert found["a"].standing.trend is None
    assert found["c"].standing is None and found["c"].n_ranked == 2
    assert found["c"].row.reason == because("not-on-the-others-grid")


def test_errors_of_the_causes_and_what_noise_hides():
    rng = np.random.default_rng(7)
    pulls = []
    for _ in range(40):
        members = [member("odd", rng, (0.6, 0.6, 0.15)), *(member(name, rng) for name in "abc")]
        rows = compare_families("d", "decayed", members, margin=0.03, rng=rng, resamples=99)
        causes = deviation_cards(members, rows, margin=0.03)[0].standing.causes[:3]
        truth = (0.6 * 0.6 - 0.6 * 0.45, 0.0, 0.0)
        pulls.append([(c.own - c.others - t) / c.se for c, t in zip(causes, truth, strict=True)])
    assert np.all(np.abs(np.mean(pulls, axis=0)) < 0.5)
    assert np.all(np.std(pulls, axis=0) < 1.2)  # below 1: the others' curve has less noise than is assumed
    rng = np.random.default_rng(7)
    hidden = cards([member("odd", rng, (0.65, 0.45, 0.2), sd=0.05), *(member(n, rng, sd=0.05) for n in "ab")], 0.005)
    assert hidden["odd"].standing.explained == because("seeds-do-not-tell-cause")


def test_on_the_shape_scale_nothing_is_attributed_and_the_unit_is_named():
    rng = np.random.default_rng(8)
    members = [member("odd", rng, extra=-0.3 * np.log(X)), *(member(name, rng) for name in "ab")]
    members = [dataclasses.replace(m, group=dataclasses.replace(m.group, scale="shape")) for m in members]
    odd = cards(members)["odd"].standing
    assert (odd.causes, odd.explained, odd.scale) == ((), None, "shape")

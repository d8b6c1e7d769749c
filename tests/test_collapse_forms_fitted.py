"""The closed form of a learning curve, its fit, the resolution of a ladder, and unrelated curves."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from onecurve.collapse.calibration.simulation import FLOOR, Scenario, simulate
from onecurve.collapse.composing import OK
from onecurve.collapse.controls.discrimination import discriminates
from onecurve.collapse.controls.prior import prior_curves
from onecurve.collapse.controls.unrelated import unrelated
from onecurve.collapse.forms.clock import Clock
from onecurve.collapse.forms.fitted import fit_form
from onecurve.collapse.forms.resolving import resolution, resolution_of_any_schedule
from onecurve.collapse.forms.sum_of_power_laws import log_sum
from onecurve.collapse.ladders.ladder import Ladder
from onecurve.collapse.ladders.rescaling import rescale, to_shape
from onecurve.collapse.outcome import FittedForm, RescaledGroup
from onecurve.collapse.reasons import because
from onecurve.results.grid import common_grid, mean_over

X = common_grid()
LINEAR = Clock(X, 1 - (1 - X) ** 2, 1 - X, 0.0)
CONSTANT = Clock.constant(X)
COSINE = Clock(X, X + np.sin(np.pi * X) / np.pi, (1 + np.cos(np.pi * X)) / 2, 0.0)


def group(z, schedule=CONSTANT, scale="end-point", span=32.0, rungs=2) -> RescaledGroup:
    known = schedule is not None
    return RescaledGroup(
        scale=scale,
        x=X,
        sizes=np.geomspace(1.0, span, rungs),
        rungs=tuple(f"width {k}" for k in range(rungs)),
        values=tuple(np.stack([z, z]) for _ in range(rungs)),
        seeds=((0, 1),) * rungs,
        phase=schedule.phase if known else None,
        rate=schedule.rate if known else None,
        end_rate=schedule.end_rate if known else None,
    )


def test_form_in_closed_form():
    r, mu, gain = 3.0, 0.4, 0.2
    y, rate, end = LINEAR.phase, LINEAR.rate, LINEAR.end_rate
    expected = (r * y**-mu + 1) / (1 + r) * (1 - gain * end) / (1 - gain * rate)
    assert np.exp(log_sum(mu, r / (1 + r), gain, LINEAR)) == pytest.approx(expected)
    assert log_sum(mu, 0.75, gain, CONSTANT) == pytest.approx(np.log((r * X**-mu + 1) / (1 + r)))
    assert log_sum(mu, 1.0, 0.0, CONSTANT) == pytest.approx(-mu * np.log(X))


@pytest.mark.parametrize("schedule", [CONSTANT, LINEAR], ids=["constant", "linear"])
@pytest.mark.parametrize("mu, share, gain", [(0.5, 0.5, 0.15), (0.3, 0.8, 0.0), (1.2, 0.2, 0.3)])
def test_fit_recovers_the_form(schedule, mu, share, gain):
    gain = gain if schedule is LINEAR else 0.0
    fit = fit_form(group(log_sum(mu, share, gain, schedule), schedule))
    assert fit.status == OK
    assert (fit.mu, fit.share, fit.gain) == pytest.approx((mu, share, gain), rel=2e-3, abs=2e-3)
    assert fit.error < 1e-5


def test_fit_on_the_shape_scale():
    shape = to_shape(log_sum(0.5, 0.5, 0.2, LINEAR), X)
    fit = fit_form(group(shape, LINEAR, scale="shape"))
    assert fit.status == OK
    assert (fit.mu, fit.gain) == pytest.approx((0.5, 0.2), rel=2e-3)


def test_fit_says_what_it_could_not_have():
    assert fit_form(group(-0.3 * np.log(X), None)).status.code == "law-needs-schedule"
    assert fit_form(group(-0.3 * np.log(X), None)).mu is None
    assert fit_form(group(-0.3 * np.log(X))).status.code == "time-share-at-the-edge"
    assert fit_form(group(0.3 * (1 - X) ** 30 * X)).status != OK


@pytest.mark.parametrize(
    "schedule, error, span, percent",
    [(LINEAR, 0.2, 2.7, 0.4), (LINEAR, 0.4, 2.7, 0.7), (LINEAR, 0.2, 20, 1.1), (LINEAR, 0.4, 20, 2.2)]
    + [(LINEAR, 0.2, 32, 1.3), (LINEAR, 0.4, 32, 2.6)],
)
def test_resolution_as_tabulated(schedule, error, span, percent):
    form = FittedForm(mu=0.3, share=0.5, gain=0.0, error=0.0, status=OK)
    ladder = group(np.zeros_like(X), schedule, span=span)
    assert 100 * resolution(form, ladder, error) == pytest.approx(percent, abs=0.08)


def test_resolution_is_what_a_wrong_horizon_does():
    form = FittedForm(mu=0.5, share=0.5, gain=0.0, error=0.0, status=OK)
    for error in (0.05, 0.1):
        true = simulate(Scenario(gamma_error=error), 1, np.random.default_rng(0)).deviation
        assert resolution(form, group(np.zeros_like(X)), error) == pytest.approx(true, rel=0.02)


def test_resolution_is_not_known_without_a_fit_or_a_floor():
    form = FittedForm(mu=0.5, share=0.5, gain=0.0, error=0.0, status=OK)
    assert resolution(dataclasses.replace(form, status=because("time-exponent-at-the-edge")), group(X)) is None
    assert resolution(dataclasses.replace(form, status=because("time-share-at-the-edge")), group(X)) == 0
    assert resolution(form, group(X, scale="shape")) is None


def test_fitted_resolution_of_a_simulated_ladder():
    curves = simulate(Scenario(seeds=20), 1, np.random.default_rng(4)).curves(0)
    ladder = rescale(Ladder.of(curves), scale="end-point", irreducible_loss=FLOOR)
    assert resolution(fit_form(ladder), ladder) == pytest.approx(0.0455, rel=0.1)


def test_a_floor_that_is_free_hides_most_of_a_wrong_horizon():
    """4.5 % at a known irreducible loss is 1.03 % at the one that hides it best; a range in between, in between."""
    curves = simulate(Scenario(seeds=20), 1, np.random.default_rng(4)).curves(0)
    ladder = rescale(Ladder.of(curves), scale="end-point", irreducible_loss=FLOOR)
    form = fit_form(ladder)
    free = resolution(form, ladder, floors=(-np.inf, np.inf))
    near = resolution(form, ladder, floors=(-0.002, 0.002))
    assert free == pytest.approx(0.0103, abs=0.001)
    assert free < near < resolution(form, ladder)
    assert resolution(form, ladder, floors=(-1e-9, 1e-9)) == pytest.approx(resolution(form, ladder), rel=1e-5)


@pytest.mark.parametrize("schedule", [CONSTANT, LINEAR, COSINE], ids=["c", "lin", "cos"])
def test_less_information_resolves_no_more(schedule):
    """Without its schedule a ladder resolves at most what it resolves with it; a pure power law nothing, whatever is
    said."""
    for share, gain in ((0.5, 0.15), (0.8, 0.1), (1.0, 0.15)):
        z = log_sum(0.4, share, gain if schedule.varying else 0.0, schedule)
        known, blind = group(z, schedule), group(z, None)
        whole = resolution(fit_form(known), known)
        assert resolution_of_any_schedule(blind) <= whole + 1e-4
        assert (whole == 0) == (share == 1.0)


# ---- unrelated curves


def test_unrelated_curves_are_those_of_the_prior_through_the_schedule():
    """The exponents of the prior have the median and the spread that it says; a decay brings curves together late."""
    curves = prior_curves(CONSTANT)
    assert curves.shape == (255, 24) and np.array_equal(curves, prior_curves(CONSTANT))
    early = {name: np.median(np.abs(prior_curves(clock)[:, 0])) for name, clock in (("c", CONSTANT), ("l", LINEAR))}
    assert early["c"] == pytest.approx(np.log(0.5 * 10**0.35 + 0.5), rel=0.03) and early["l"] != early["c"]
    late = {
        name: prior_curves(clock).std(axis=0)[-6] for name, clock in (("c", CONSTANT), ("l", LINEAR), ("o", COSINE))
    }
    assert late["c"] > late["l"] > late["o"] > 0
    found = unrelated(group(np.zeros_like(X), LINEAR, rungs=5), [], rng=np.random.default_rng(0))
    assert found.warning is None and found.suite_deviation is None
    assert {tuple(row) for row in found.curves} <= {tuple(row) for row in prior_curves(LINEAR)}
    assert found.bands[0] > found.bands[1] > found.bands[2]


def test_the_suites_own_fits_stand_beside_and_spread_as_these_do():
    """Where all fits are one curve their spread is nothing, and the control is what it was."""
    rng = np.random.default_rng(0)
    ladder = group(np.zeros_like(X), LINEAR, rungs=5)

    def fits(spread):
        return [FittedForm(mu=0.5 + spread * i, share=0.5, gain=0.1, error=0.0, status=OK) for i in (-2, -1, 0, 1, 2)]

    same, near, far = (unrelated(ladder, fits(s), rng=rng) for s in (0.0, 0.02, 0.2))
    assert same.suite_deviation == pytest.approx(0.0, abs=1e-12)
    assert near.suite_deviation < 0.1 < far.suite_deviation
    assert same.deviation == pytest.approx(far.deviation, rel=0.15) and same.deviation > 0.15


@pytest.mark.parametrize("schedule, up_to", [(CONSTANT, 0.66), (LINEAR, 0.54), (COSINE, 0.49)], ids=["c", "lin", "cos"])
def test_agreement_says_something_where_unrelated_curves_differ(schedule, up_to):
    found = discriminates(group(np.zeros_like(X), schedule), 0.03)
    assert found.up_to == pytest.approx(up_to, abs=0.06) and found.enough
    assert np.array_equal(found.informs, found.difference > 0.03) and found.share == found.informs.mean()
    assert not discriminates(group(np.zeros_like(X), schedule), 0.5).enough


def test_unrelated_curves_on_the_shape_scale_and_without_a_schedule():
    found = unrelated(group(np.zeros_like(X), scale="shape", rungs=4), [], rng=np.random.default_rng(0))
    assert mean_over(found.curves, X) == pytest.approx(np.ones(len(found.curves)))
    blind = unrelated(group(np.zeros_like(X), None, rungs=4), [], rng=np.random.default_rng(0))
    assert blind.warning == because("control-at-constant-rate")

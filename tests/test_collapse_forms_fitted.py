"""The closed form of a learning curve, its fit, the resolution of a ladder, and unrelated curves."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from onecurve.collapse.calibration.simulation import FLOOR, Cell, simulate
from onecurve.collapse.composing import OK
from onecurve.collapse.controls.unrelated import unrelated
from onecurve.collapse.forms.clock import Clock
from onecurve.collapse.forms.fitted import fit_form, resolution
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
    assert 100 * resolution(form, ladder, error) == pytest.approx(percent, abs=0.07)


def test_resolution_is_what_a_wrong_horizon_does():
    form = FittedForm(mu=0.5, share=0.5, gain=0.0, error=0.0, status=OK)
    for error in (0.05, 0.1):
        true = simulate(Cell(gamma_error=error), 1, np.random.default_rng(0)).deviation
        assert resolution(form, group(np.zeros_like(X)), error) == pytest.approx(true, rel=0.02)


def test_resolution_is_not_known_without_a_fit_or_a_floor():
    form = FittedForm(mu=0.5, share=0.5, gain=0.0, error=0.0, status=OK)
    assert resolution(dataclasses.replace(form, status=because("time-share-at-the-edge")), group(X)) is None
    assert resolution(form, group(X, scale="shape")) is None


def test_fitted_resolution_of_a_simulated_ladder():
    curves = simulate(Cell(seeds=20), 1, np.random.default_rng(4)).curves(0)
    ladder = rescale(Ladder.of(curves), scale="end-point", irreducible_loss=FLOOR)
    assert resolution(fit_form(ladder), ladder) == pytest.approx(0.0455, rel=0.1)


# ---- unrelated curves


def test_generous_control_in_closed_form():
    for k, mean in ((6, 0.257), (4, 0.294)):
        found = unrelated(group(np.zeros_like(X), rungs=k), [], rng=np.random.default_rng(0))
        assert found.deviation == pytest.approx(0.3 * np.log(10))
        assert found.warning == because("generous-control")
        curves = np.exp(found.curves)
        assert curves.shape == (k, 24)
        spread = curves.std(axis=0, ddof=1) / curves.mean(axis=0)
        assert mean_over(spread, X) == pytest.approx(mean, abs=0.002)


@pytest.mark.parametrize(
    "schedule, at_73, at_89", [(CONSTANT, 5.5, 2.1), (LINEAR, 1.3, 0.22), (COSINE, 0.56, 0.04)], ids=["c", "lin", "cos"]
)
def test_the_control_passes_through_the_schedule(schedule, at_73, at_89):
    """Exponents spread evenly over .2 to .8 differ by so many percent (standard deviation) late in training."""
    found = unrelated(group(np.zeros_like(X), schedule, rungs=400), [], rng=np.random.default_rng(0), shown=400)
    spread = 100 * found.curves.std(axis=0)
    assert np.interp([0.73, 0.89], X, spread) == pytest.approx([at_73, at_89], rel=0.08, abs=0.006)


def test_unrelated_curves_are_drawn_from_the_fits_and_spread_as_these_do():
    rng = np.random.default_rng(0)
    ladder = group(np.zeros_like(X), LINEAR, rungs=5)

    def fits(spread):
        return [FittedForm(mu=0.5 + spread * i, share=0.5, gain=0.1, error=0.0, status=OK) for i in (-2, -1, 0, 1, 2)]

    same, near, far = (unrelated(ladder, fits(s), rng=rng) for s in (0.0, 0.02, 0.2))
    assert same.deviation == pytest.approx(0.0, abs=1e-12)
    assert same.curves[0] == pytest.approx(log_sum(0.5, 0.5, 0.1, LINEAR))
    assert near.deviation < 0.1 < far.deviation
    assert near.warning is None and near.curves.shape == (60, 24)
    assert len(np.unique(near.curves, axis=0)) == 60  # perturbed, not five curves over and over
    assert near.bands[0] > near.bands[1] > near.bands[2]


def test_unrelated_curves_on_the_shape_scale_and_without_a_schedule():
    found = unrelated(group(np.zeros_like(X), scale="shape", rungs=4), [], rng=np.random.default_rng(0))
    assert mean_over(found.curves, X) == pytest.approx(np.ones(4))
    blind = unrelated(group(np.zeros_like(X), None, rungs=4), [], rng=np.random.default_rng(0))
    assert blind.warning == because("control-at-constant-rate")

"""Forms of the catalogue: each is found again where it is the truth, and none is named where rivals do as well."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from onecurve.collapse.calibration.simulation import FLOOR, Scenario, autoregression, simulate
from onecurve.collapse.composing import OK, Missing
from onecurve.collapse.forms.form import FORMS
from onecurve.collapse.forms.posed import Posed
from onecurve.collapse.ladders.ladder import Ladder
from onecurve.collapse.ladders.rescaling import rescale
from onecurve.collapse.laws.comparison import compare_forms
from onecurve.collapse.laws.search import fit_many
from onecurve.collapse.reasons import because
from onecurve.results.grid import log_weights
from scipy.optimize import least_squares


def group_of(cell=None, scale="end-point", seed=0):
    curves = simulate(cell or Scenario(), 1, np.random.default_rng(seed)).curves(0)
    return rescale(Ladder.of(curves), scale=scale, irreducible_loss=FLOOR)


def group_with(name, theta, decay, noise=0.002, seed=0):
    """Six rungs that share a form exactly, with the usual noise."""
    group = group_of(Scenario(decay=decay))
    z = Posed.of(FORMS.make(name), group).curve(np.array([theta]))[0]
    noises = noise * autoregression((6, 5), len(group.x), np.random.default_rng(seed))
    return dataclasses.replace(group, values=tuple(z + rows for rows in noises))


TRUTHS = {
    "sum of power laws": ((np.log(0.6), 0.5, 0.15), True),
    "stretched exponential": ((np.log(2.0), np.log(0.7), 0.15), True),
    "logarithmic": ((np.log(1.5), np.log(0.2)), False),
    "logistic": ((np.log(8.0), 0.6), False),
    "broken power law": ((np.log(0.3), 0.9, np.log(0.4)), False),
}


@pytest.mark.parametrize("name", TRUTHS)
def test_the_true_form_is_found_again(name):
    theta, decay = TRUTHS[name]
    theta = theta if decay else theta[: len(FORMS.make(name).parameters)]
    found = compare_forms(group_with(name, theta, decay), rng=np.random.default_rng(1), resamples=19)
    assert found.best == name and found.status == OK and found.stability > 0.8
    fit = next(fit for fit in found.fits if fit.name == name)
    truth = Posed.of(FORMS.make(name), group_with(name, theta, decay)).natural(np.array(theta))
    for estimate, true in zip(fit.parameters.values(), truth, strict=True):
        assert estimate.low - 0.05 * abs(true) <= true <= estimate.high + 0.05 * abs(true)


def test_rivals_on_noise_leave_the_form_unidentified():
    loud = compare_forms(
        group_with("sum of power laws", (np.log(0.5), 0.5), False, noise=0.3), rng=np.random.default_rng(0)
    )
    assert loud.status == because("form-not-identified", rivals=loud.rivals) and loud.rivals
    quiet = compare_forms(group_of(), rng=np.random.default_rng(0), resamples=19)
    assert (quiet.best, quiet.status, quiet.rivals) == ("sum of power laws", OK, ())


def test_a_richer_form_with_the_truth_inside_does_not_win():
    found = compare_forms(group_of(Scenario(decay=True, gain=(0.17, 0.17))), rng=np.random.default_rng(0), resamples=9)
    assert found.best == "sum of power laws"


def test_a_rung_is_held_against_forms_that_did_not_see_it():
    """One rung lies .1 above the others: left out it misses by .1, and each of the others by .1/5."""
    group = group_with("sum of power laws", (np.log(0.6), 0.5), False, noise=1e-5)
    values = (*group.values[:2], group.values[2] - 0.1 * np.log(group.x), *group.values[3:])
    found = compare_forms(dataclasses.replace(group, values=values), rng=np.random.default_rng(0), resamples=5)
    fit = next(fit for fit in found.fits if fit.name == "two power laws")
    weights = log_weights(group.x) / log_weights(group.x).sum()
    odd = (0.1 * np.log(group.x)) ** 2 @ weights
    assert fit.left_out_error**2 == pytest.approx(odd * (1 + 5 / 25) / 6, rel=0.02)


def test_forms_that_coincide_are_named_not_ranked():
    found = compare_forms(group_of(), rng=np.random.default_rng(0), resamples=9)
    silent = {fit.name: fit.status for fit in found.fits if fit.left_out_error is None}
    same = because("coincides-with", form="sum of power laws")
    assert silent == {"power law with offset": same, "multi-power law": same}


def test_on_shapes_the_share_is_not_identified():
    found = compare_forms(group_of(scale="shape"), rng=np.random.default_rng(0), resamples=29)
    fit = next(fit for fit in found.fits if fit.name == "sum of power laws")
    assert any("share" in names for names in fit.status.values.values())
    assert fit.parameters["mu"].low <= 0.5 <= fit.parameters["mu"].high


def test_intervals_cover():
    covered = []
    forms = [FORMS.make("sum of power laws")]
    for seed in range(40):
        found = compare_forms(group_of(seed=seed), rng=np.random.default_rng(seed), resamples=49, forms=forms)
        mu = found.fits[0].parameters["mu"]
        covered.append(mu.low <= 0.5 <= mu.high)
    assert np.mean(covered) >= 0.85


def test_the_batched_search_equals_a_general_one():
    group = group_of(seed=3)
    posed = Posed.of(FORMS.make("sum of power laws"), group)
    targets = np.stack([rows.mean(axis=0) for rows in group.values])
    starts = np.tile([np.log(0.3), 0.3], (6, 1))
    theta, cost = fit_many(posed.curve, starts, targets, np.ones(24), posed.low, posed.high)
    for k in range(6):
        slow = least_squares(lambda t, k=k: posed.curve(t[None])[0] - targets[k], starts[k], xtol=1e-14, ftol=1e-14)
        assert cost[k] == pytest.approx(2 * slow.cost, rel=1e-5)
        assert theta[k] == pytest.approx(slow.x, abs=1e-3)


def test_what_cannot_be_compared_is_said():
    two = compare_forms(group_of(Scenario(rungs=2)), rng=np.random.default_rng(0))
    assert isinstance(two, Missing) and two.status == because("forms-need-three-sizes", sizes=2)
    blind = dataclasses.replace(group_of(), phase=None)
    assert compare_forms(blind, rng=np.random.default_rng(0)).status == because("law-needs-schedule")

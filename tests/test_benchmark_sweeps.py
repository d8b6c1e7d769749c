"""What the built-in sweeps say of their controls, where it is known exactly; and that negatives ask one pilot."""

from __future__ import annotations

import numpy as np
import pytest
from onecurve.benchmark.pilots.horizon_pilot import HorizonPilot
from onecurve.benchmark.pilots.of_sweep import pilots_of
from onecurve.benchmark.schedules.schedule import schedule_from
from onecurve.benchmark.sweep import load_sweep
from onecurve.collapse.truths.least_squares import Spectrum, sgd_excess
from onecurve.results.grid import common_grid, start_after

NEGATIVES = load_sweep("negatives")
REGRESSIONS = [group for group in NEGATIVES.groups if group.families == ["linear"]]


def deviation(group):
    """The largest deviation of the exact mean curves from their average, in ln l. The recursion is of half the squared
    error, so its rate is twice the trainer's."""
    sizes = group.rungs
    horizons = [group.horizon.horizon(n, sizes[0], group.batch_size) for n in sizes]
    warmups = [group.warmup_updates / t if group.warmup_updates else group.warmup_fraction for t in horizons]
    x, curves = common_grid(start_after(warmups)), []
    for size, horizon, warmup in zip(sizes, horizons, warmups, strict=True):
        rates = 2 * group.peak_lr * schedule_from(group.schedule).relative(horizon, warmup)[:-1]
        loss = sgd_excess(Spectrum(capacity=1.5, source=1.8), size, rates, batch=group.batch_size)
        curves.append(np.interp(x, np.arange(horizon + 1) / horizon, np.log(loss / loss[-1])))
    return float(np.abs(np.array(curves) - np.mean(curves, axis=0)).max())


@pytest.mark.parametrize(
    ("place", "control", "exact"), [(0, None, 0.0017), (1, "fails", 0.1035), (2, "holds", 0.0104), (3, "holds", 0.0020)]
)
def test_what_negatives_says_of_the_regression_is_exact(place, control, exact):
    """Wrong growth of the training lengths breaks the collapse; a fixed warmup and twice the rate do not."""
    group = REGRESSIONS[place]
    assert group.control == control and deviation(group) == pytest.approx(exact, rel=0.02)
    assert (deviation(group) > NEGATIVES.margin) == (control == "fails")


def test_negatives_of_the_network_share_one_pilot():
    (pilot,) = pilots_of(NEGATIVES)
    networks = [group for group in NEGATIVES.groups if group.families == ["mlp"]]
    assert [group.control for group in networks] == [None, *["fails"] * 7]
    answered = {"updates": {"value": 1000}, "exponent": {"value": 1}}
    assert pilot.answered(answered).horizon.steps == round(1000 * 541 / 1021)  # the law, one size below the pilot's
    laws = [group.horizon.found(100, 1) for group in networks]
    assert [(law.steps, law.exponent) for law in laws] == [(100, 1), (50, 1.4), *[(100, 1)] * 6]


def test_the_pilot_of_the_network_is_that_of_the_core_sweep():
    """Trial by trial, once the rate is found: who has run one has the other's pilot."""
    (pilot,) = pilots_of(NEGATIVES)
    core = next(each for each in pilots_of(load_sweep("core")) if each.family == "mlp")
    found = HorizonPilot(group=core.group.model_copy(update={"peak_lr": 0.0134}), rule=core.group.horizon)
    assert pilot.key == found.key and pilot.trials(pilot.stages[0]) == found.trials(found.stages[0])


def test_each_negative_of_the_network_has_one_thing_wrong():
    right, *wrong = [group.model_dump(exclude={"control"}) for group in NEGATIVES.groups if group.families == ["mlp"]]
    changed = [{name for name in group if group[name] != right[name]} - {"horizon"} for group in wrong]
    assert changed == [set(), {"parametrization"}, {"warmup_updates"}, *[{"peak_lr"}] * 4]
    assert [group["peak_lr"] / right["peak_lr"] for group in wrong[3:]] == [2, 1 / 4, 1 / 2, 4]

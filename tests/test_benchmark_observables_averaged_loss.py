"""The loss of weights averaged over a share of the training: which weights, how wide, and that it has no time scale."""

import numpy as np
import pytest
import torch
from onecurve.benchmark.observables.averaged_loss import PowerAverage
from onecurve.benchmark.observables.observable import observable_from
from onecurve.benchmark.train import train
from onecurve.errors import InputError
from small_trials import small_trial


class OneNumber:
    """Networks whose one weight is set from outside."""

    count = 3

    def __init__(self):
        self.number = torch.nn.Parameter(torch.zeros(3, 1, dtype=torch.float64))

    def named_parameters(self):
        return [("number", self.number)]


def averaged(values, power):
    networks = OneNumber()
    average = PowerAverage(networks, power)
    for value in values:
        networks.number.data.fill_(value)
        average.after_update()
    return float(average.weights["number"][1, 0])


def test_the_average_has_the_stated_weights_and_forgets_the_start():
    values, power = np.random.default_rng(0).normal(size=50), 6.9
    t = np.arange(51.0)
    weights = np.diff(t ** (power + 1)) / 50 ** (power + 1)
    assert weights.sum() == pytest.approx(1)
    assert averaged(values, power) == pytest.approx(weights @ values, rel=1e-12)
    assert averaged([7.0], power) == 7.0


@pytest.mark.parametrize("share", [0.02, 0.05, 0.2])
def test_its_width_is_the_share_asked_for_at_any_length(share):
    power = observable_from({"name": "averaged-loss", "share": share}).power
    for updates in (2000, 8000):
        t = np.arange(1.0, updates + 1) / updates
        mean, square = averaged(t, power), averaged(t**2, power)
        assert np.sqrt(square - mean**2) == pytest.approx(share, rel=0.01)
        assert mean == pytest.approx((power + 1) / (power + 2), rel=0.001)


def test_it_is_the_loss_of_the_average_that_the_trainer_keeps():
    specs = [small_trial(horizon_steps=40, seed=s) for s in range(2)]
    narrow, wide = (
        train(specs, record=[observable_from({"name": "averaged-loss", "share": share})]) for share in (1e-4, 0.05)
    )
    for last_only, each in zip(narrow, wide, strict=True):
        # So narrow an average is the last weights; a wide one lags behind, but is where they are before any update.
        np.testing.assert_allclose(last_only.observables["averaged_loss"], each.test_loss, rtol=1e-5)
        found = each.observables["averaged_loss"]
        assert found[0] == each.test_loss[0] and abs(found[-1] / each.test_loss[-1] - 1) > 1e-4


@pytest.mark.parametrize("share", [0, -0.1, 0.5])
def test_a_share_beyond_an_equal_weight_for_all_is_refused(share):
    with pytest.raises(InputError, match="share"):
        observable_from({"name": "averaged-loss", "share": share})

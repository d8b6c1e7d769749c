"""Networks that draw random numbers while they train: what is drawn is a function of seed and step alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from onecurve.architectures.draws import secluded
from onecurve.architectures.family import FAMILIES
from onecurve.benchmark.chance import Chance
from onecurve.benchmark.naming import check_device_of
from onecurve.benchmark.observables.observable import observable_from
from onecurve.benchmark.train import train
from onecurve.datasets.dataset import DATASETS
from onecurve.errors import InputError
from onecurve.results.trials import TrialSpec
from small_trials import FOURIER, small_trial

NET = """from torch import nn


class Drops(nn.Module):
    def __init__(self, width, task, rate=0.2):
        super().__init__()
        inner = nn.Linear(task.n_inputs, width), nn.ReLU(), nn.Dropout(rate), nn.Linear(width, task.outputs)
        self.net = nn.Sequential(nn.Flatten(), *inner)

    def forward(self, x):
        return self.net(x)
"""


@pytest.fixture
def spec(tmp_path):
    """Makes a trial of a network with dropout."""
    (tmp_path / "nets.py").write_text(NET)

    def make(seed=0, rate=0.2, **changes) -> TrialSpec:
        family, data = (f"{tmp_path}/nets.py:Drops", {"rate": rate}), ("fourier", FOURIER[1] | {"test_size": 128})
        return small_trial(family, data, **{"rung": {"width": 16}, "packed": False, "seed": seed} | changes)

    return make


def test_masks_depend_on_seed_and_step_alone(spec):
    with secluded(5):
        one = train([spec()])[0].test_loss
    with secluded(6):  # another state of the generator, another seed before, and gradients measured along the way
        before = torch.get_rng_state()
        other, again = train([spec(1), spec(0)], record=[observable_from("gradient-norm")])
        assert torch.equal(before, torch.get_rng_state())
    assert again.test_loss == one and other.test_loss != one
    assert len(again.observables["gradient_norm"]) == len(again.step)


def test_every_trial_has_the_masks_of_its_seed(spec, monkeypatch):
    asked, made = [], Chance.at
    monkeypatch.setattr(Chance, "at", lambda self, step: asked.append((self._seed, step)) or made(self, step))
    train([spec(3), spec(4)])
    assert asked == [(seed, step) for seed in (3, 4) for step in range(40)]


def test_dropout_trains_otherwise_and_is_off_where_it_is_evaluated(spec):
    dropped, plain = (train([spec(rate=rate)])[0].test_loss for rate in (0.2, 0.0))
    assert dropped[0] == plain[0]  # before the first update, with all units
    assert dropped[-1] != plain[-1] and dropped[-1] < dropped[0]


def test_parts_of_a_batch_have_masks_of_their_own(spec):
    whole, parts = (train([spec(rate=0.0, accumulate=n)])[0].test_loss for n in (1, 2))
    np.testing.assert_allclose(parts, whole, rtol=1e-3)
    with_masks = train([spec(accumulate=2)])[0].test_loss
    assert with_masks == train([spec(accumulate=2)])[0].test_loss


def test_steps_and_seeds_draw_apart_and_the_generator_stays():
    def drawn(seed, step):
        with Chance(seed).at(step):
            return torch.rand(4).tolist()

    before = torch.get_rng_state()
    assert drawn(0, 3) == drawn(0, 3)
    assert len({tuple(drawn(*each)) for each in ((0, 3), (0, 4), (1, 3), (1, 4))}) == 4
    assert torch.equal(before, torch.get_rng_state())


def test_a_gpu_would_draw_others(spec):
    family, task = FAMILIES.make(spec().family.name, {"content": spec().family.content}), DATASETS.make("digits").task
    assert check_device_of(family, {"width": 16}, task, "auto") == "cpu"
    with pytest.raises(InputError, match="it draws random numbers while it trains, and a GPU would draw others; use"):
        check_device_of(family, {"width": 16}, task, "cuda")

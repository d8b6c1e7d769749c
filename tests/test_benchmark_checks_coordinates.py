"""The coordinate check sees what is wrong with a parametrisation, and passes what is right."""

import dataclasses

import numpy as np
import pytest
import torch
from onecurve.architectures.family import FAMILIES, Family, widths
from onecurve.architectures.parametrization import width_growth
from onecurve.benchmark.checks.coordinates import coordinate_check, is_affine, spread_rungs
from onecurve.benchmark.checks.layers import layers_of
from onecurve.benchmark.checks.slopes import judged, slope_of_seeds
from onecurve.benchmark.checks.small_data import label_of, small_dataset
from onecurve.datasets.dataset import DATASETS
from onecurve.errors import InputError
from onecurve.task import Task
from torch import nn

SMALL = {"inputs": 4, "modes": 64, "pool": 4096, "test_size": 128}
VECTOR = Task(kind="vector", shape=(4,), outputs=1, loss="squared_error")
IMAGE = Task(kind="image", shape=(1, 8, 8), outputs=4, loss="cross_entropy")


def fourier():
    dataset = DATASETS.make("fourier", SMALL)
    dataset.prepare()
    return dataset


class Scaled(nn.Module):
    """Multiplies by the root of the width: a factor that shapes cannot tell."""

    def forward(self, x):
        return x * x.shape[-1] ** 0.5


@dataclasses.dataclass(frozen=True)
class Broken(Family):
    """A perceptron with a frozen first layer, whose third is given numbers that grow as the root of the width."""

    name = "broken"
    ladder = widths(32, 64, 128, 256)

    def misfit(self, task):
        return None

    def build(self, rung, task):
        width = rung["width"]
        return nn.Sequential(
            nn.Linear(task.n_inputs, width).requires_grad_(False),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            Scaled(),
            nn.Linear(width, width),
            nn.Tanh(),
            nn.Linear(width, task.outputs),
        )


def check(family, parametrization, **changes):
    how = {"n_seeds": 8, "batch_size": 32, **changes}
    return coordinate_check(family, fourier(), parametrization=parametrization, **how)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_residual_perceptron_passes_in_its_own_parametrisation_alone(optimizer):
    family = FAMILIES.make("resmlp")
    how = {"optimizer": optimizer, "peak_lr": {"adam": 2.0**-10, "sgd": 2.0**-6}[optimizer], "n_seeds": 12}
    mine, control = (check(family, key, **how) for key in ("mup", "standard"))
    assert abs(mine.hidden.value) < 0.1 and mine.hidden.status == "pass"
    assert mine.growth == (1.0, 2.0, pytest.approx(2.83, abs=0.01), pytest.approx(5.67, abs=0.01))
    kinds = [layer.kind for layer in mine.layers]
    assert kinds == ["input", *["hidden"] * 6, "output"]
    assert control.status == "fail"
    output = control.layers[-1].slope
    assert output.status == "fail" and output.value > 0.6
    if optimizer == "adam":
        assert control.hidden.low > 0.5
        assert mine.status == "pass"


def test_a_factor_that_shapes_do_not_show_fails_in_the_layer_it_reaches_and_frozen_layers_do_not_count():
    found = check(Broken(), "mup", n_seeds=6)
    by_name = {layer.layer: layer.slope for layer in found.layers}
    assert (by_name["0"].status, by_name["0"].reason, by_name["0"].value) == ("none", "frozen", None)
    assert by_name["2"].status == "pass"
    assert by_name["5"].status == "fail" and by_name["5"].value == pytest.approx(0.5, abs=0.2)
    assert found.status == "fail"


class Faint(nn.Module):
    """What is behind it has gradients near Adam's usual epsilon."""

    def forward(self, x):
        return 3e-6 * x


@dataclasses.dataclass(frozen=True)
class Gained(Broken):
    """A perceptron with a branch that counts for next to nothing, as one whose gain has just left zero."""

    name = "gained"

    def build(self, rung, task):
        width = rung["width"]
        first, second = nn.Linear(task.n_inputs, width), nn.Linear(width, width)
        return nn.Sequential(first, nn.ReLU(), second, Faint(), nn.Linear(width, task.outputs))


def test_small_gradients_are_no_fault_of_the_parametrisation():
    slope = check(Gained(), "mup", n_seeds=6).layers[0].slope
    assert slope.status == "pass" and abs(slope.value) < 0.15  # with an epsilon of 1e-8 it is -0.46


def test_the_same_check_gives_the_same_numbers_and_leaves_torch_as_it_was():
    state, family = torch.get_rng_state(), FAMILIES.make("mlp")
    first, again = (check(family, "mup", n_seeds=2, rungs=family.ladder[:3]) for _ in range(2))
    assert first == again
    assert torch.equal(state, torch.get_rng_state())
    other = check(family, "mup", n_seeds=3, rungs=family.ladder[:3])
    assert [layer.slope.seeds for layer in first.layers] == [layer.slope.seeds[:2] for layer in other.layers]


def test_slopes_and_verdicts_of_known_numbers():
    slope = slope_of_seeds([0.1, 0.2, 0.3])
    assert slope.value == pytest.approx(0.2)
    assert slope.high - slope.value == pytest.approx(4.302653 * 0.1 / 3**0.5, rel=1e-5)  # Student's t at 2 degrees
    assert slope.status == "unclear"
    assert [judged(v, v - 0.1, v + 0.1).status for v in (0.0, -0.14, 0.2, 0.4, -0.36)] == [
        "pass",
        "pass",
        "unclear",
        "fail",
        "fail",
    ]
    assert judged(0.4, 0.3, 0.45, bound=0.5).status == "pass"
    assert slope_of_seeds([0.1]).value is None


def test_kinds_of_layers():
    task = Task(kind="image", shape=(1, 16, 16), outputs=4, loss="cross_entropy")

    def kinds(name, task):
        family = FAMILIES.make(name)
        return {layer.name: layer.kind for layer in layers_of(family, family.ladder[-1], task)}

    vit = kinds("vit", task)
    assert (vit["patch_embed.proj"], vit["blocks.0.attn.qkv"], vit["blocks.0.mlp.fc1"], vit["head"]) == (
        "input",
        "attention",
        "hidden",
        "output",
    )
    assert set(kinds("sequencer", task).values()) >= {"recurrent", "output"}
    assert "depthwise" in kinds("convmixer", task).values()


def test_growth_is_read_off_the_layers():
    family = FAMILIES.make("resnet")
    assert width_growth(family, {"width": 20}, IMAGE) == 2.0
    assert width_growth(family, family.ladder[0], IMAGE) == 1.0
    assert [rung["width"] for rung in spread_rungs(widths(1, 2, 3, 4, 5, 6, 7))] == [1, 3, 5, 7]
    assert [rung["width"] for rung in spread_rungs(widths(1, 2, 3))] == [1, 2, 3]


def test_only_what_maps_inputs_linearly_is_affine():
    task = Task(kind="vector", shape=(128,), outputs=1, loss="squared_error")
    assert [is_affine(FAMILIES.make(name), task) for name in ("linear", "deeplinear", "mlp")] == [True, True, False]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rungs": widths(24, 34)}, "needs 3 rungs, 2 seeds and 3 steps, got 2, 8 and 4"),
        ({"n_seeds": 1}, "got 4, 1 and 4"),
        ({"steps": 2}, "got 4, 8 and 2"),
        ({"rungs": widths(24, 24, 34)}, "no hidden layer that grows"),
    ],
)
def test_what_cannot_be_measured_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        check(FAMILIES.make("mlp"), "mup", **changes)


def test_a_misfit_and_a_readout_of_the_inputs_are_refused():
    with pytest.raises(InputError, match="does not fit data set 'fourier'"):
        check(FAMILIES.make("vit"), "mup")
    dataset = DATASETS.make("power-law-regression", {"test_size": 64})
    with pytest.raises(InputError, match="readout of its inputs"):
        coordinate_check(FAMILIES.make("linear"), dataset, parametrization="mup")


@pytest.mark.parametrize(
    ("name", "dataset"),
    [("mlp", "fourier"), ("vit", "digits"), ("decoder", "markov-text (order 1"), ("linear", "power-law-regression")],
)
def test_a_small_data_set_for_every_kind_of_family(name, dataset):
    family = FAMILIES.make(name)
    found = small_dataset(family)
    assert dataset.startswith(found.name) and family.misfit(found.task) is None
    assert label_of(found).startswith(dataset)


def test_a_diverged_seed_leaves_no_number():
    with np.errstate(all="ignore"):
        found = check(FAMILIES.make("resmlp"), "standard", peak_lr=1e18, optimizer="sgd", n_seeds=2, steps=8)
    slope = found.layers[-1].slope
    assert (slope.value, slope.status) == (None, "none") and slope.reason
    assert found.status == "unclear"

"""Maximal-update multipliers: golden values, and what they do to features as networks widen."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from onecurve.architectures.family import FAMILIES, Family, widths
from onecurve.architectures.flops import example_inputs
from onecurve.architectures.parametrization import initialise, multipliers
from onecurve.errors import InputError
from onecurve.task import Task
from torch import nn

VECTOR = Task(kind="vector", shape=(3,), outputs=5, loss="squared_error")


class Parts(nn.Module):
    """One layer of every sort, never run."""

    def __init__(self, width):
        super().__init__()
        self.entrance = nn.Linear(3, width)
        self.hidden = nn.Linear(width, width)
        self.constant = nn.Linear(width, width, bias=False)
        nn.init.normal_(self.constant.weight, std=0.02)
        self.exit = nn.Linear(width, 5)
        self.embedding = nn.Embedding(7, width)
        self.position = nn.Parameter(torch.randn(1, 11, width))
        self.norm = nn.LayerNorm(width)
        self.depthwise = nn.Conv2d(width, width, 3, groups=width, bias=False)
        self.spread = nn.ConvTranspose2d(3, width, 2, bias=False)
        self.recurrent = nn.LSTM(width, width, bias=False)
        self.silent = nn.Linear(width, 5, bias=False)
        nn.init.zeros_(self.silent.weight)
        self.temperature = nn.Parameter(torch.tensor(2.0))
        self.grouped = nn.Conv2d(width, width, 3, groups=4, bias=False)  # four groups: they grow
        self.cardinal = nn.Conv2d(width, width, 3, groups=width // 4, bias=False)  # groups of four: more of them
        self.depthwise_up = nn.ConvTranspose2d(width, width, 2, groups=width, bias=False)
        self.gates = nn.GRU(3, width)
        self.cell = nn.GRUCell(width, width, bias=False)
        self.heads = nn.MultiheadAttention(width, 4, bias=False, add_bias_kv=True)
        self.relative = nn.Parameter(torch.zeros(9, width // 4))  # of each pair of places, for each head
        self.scale = nn.Parameter(torch.full((width,), 1e-4))
        self.token = nn.Parameter(torch.randn(1, 1, width))
        self.places_up = nn.Linear(16, width // 2, bias=False)  # a mixer's: 16 places, hidden units in step with width
        self.places_down = nn.Linear(width // 2, 16, bias=False)
        self.places = nn.Linear(16, 16, bias=False)
        self.matrix = nn.Parameter(torch.randn(width, width) / width**0.5)


@dataclasses.dataclass(frozen=True)
class Toy(Family):
    name = "toy"
    ladder = widths(16, 32, 64)

    def misfit(self, task):
        return None

    def build(self, rung, task):
        return Parts(rung["width"])


# parameter: role, then powers of the width ratio: initial values, Adam's rate, SGD's rate
GOLDEN = {
    "entrance.weight": ("input", 0, 0, 1),
    "entrance.bias": ("vector", 0, 0, 1),
    "hidden.weight": ("hidden", 0, -1, 0),
    "hidden.bias": ("vector", 0.5, 0, 1),
    "constant.weight": ("hidden", -0.5, -1, 0),
    "exit.weight": ("output", -0.5, -1, -1),
    "exit.bias": ("fixed", 0.5, 0, 0),
    "embedding.weight": ("input", 0, 0, 1),
    "position": ("vector", 0, 0, 1),
    "norm.weight": ("vector", 0, 0, 1),
    "norm.bias": ("vector", 0, 0, 1),
    "depthwise.weight": ("input", 0, 0, 1),
    "spread.weight": ("input", 0.5, 0, 1),  # torch takes the output axis of a transposed convolution for fan-in
    "recurrent.weight_ih_l0": ("hidden", 0, -1, 0),
    "recurrent.weight_hh_l0": ("hidden", 0, -1, 0),
    "silent.weight": ("output", 0, -1, -1),
    "temperature": ("fixed", 0, 0, 0),
    "grouped.weight": ("hidden", 0, -1, 0),
    "cardinal.weight": ("input", 0, 0, 1),
    "depthwise_up.weight": ("input", 0, 0, 1),
    "gates.weight_ih_l0": ("input", 0.5, 0, 1),  # torch draws all four by the number of units
    "gates.weight_hh_l0": ("hidden", 0, -1, 0),
    "gates.bias_ih_l0": ("vector", 0.5, 0, 1),
    "gates.bias_hh_l0": ("vector", 0.5, 0, 1),
    "cell.weight_ih": ("hidden", 0, -1, 0),
    "cell.weight_hh": ("hidden", 0, -1, 0),
    "heads.in_proj_weight": ("hidden", 0, -1, 0),
    "heads.out_proj.weight": ("hidden", 0, -1, 0),
    "heads.bias_k": ("vector", 0.5, 0, 1),
    "heads.bias_v": ("vector", 0.5, 0, 1),
    "relative": ("vector", 0, 0, 1),
    "scale": ("vector", 0, 0, 1),
    "token": ("vector", 0, 0, 1),
    "places_up.weight": ("input", 0, 0, 1),
    "places_down.weight": ("narrow", 0, -1, -1),
    "places.weight": ("fixed", 0, 0, 0),
    "matrix": ("hidden", 0, -1, 0),
}


@pytest.mark.parametrize("ratio", [0.5, 3])
@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_multipliers_of_known_layers(ratio, optimizer):
    table = multipliers(Toy(), {"width": int(16 * ratio)}, VECTOR, parametrization="mup", optimizer=optimizer)
    assert table.keys() == GOLDEN.keys()
    for name, (role, init, adam, sgd) in GOLDEN.items():
        assert table[name].role == role, name
        init -= 0.5 * (optimizer == "sgd" and role == "narrow")
        assert table[name].init == pytest.approx(ratio**init, rel=1e-12), name
        assert table[name].lr == pytest.approx(ratio ** (sgd if optimizer == "sgd" else adam), rel=1e-12), name


@pytest.mark.parametrize(("parametrization", "rung"), [("standard", 2), ("mup", 0)])
def test_standard_and_the_base_rung_are_left_alone(parametrization, rung):
    table = multipliers(Toy(), Toy.ladder[rung], VECTOR, parametrization=parametrization, optimizer="sgd")
    assert {(m.init, m.lr) for m in table.values()} == {(1.0, 1.0)}


def test_maximal_update_refuses_a_ladder_of_depths():
    class Deep(type(FAMILIES.make("mlp"))):
        ladder = ({"width": 16, "depth": 2}, {"width": 16, "depth": 3})

        def build(self, rung, task):
            return nn.Sequential(*(nn.Linear(16, 16) for _ in range(rung["depth"])))

    rung = Deep.ladder[1]
    assert len(multipliers(Deep(), rung, VECTOR, parametrization="standard", optimizer="adam")) == 6
    with pytest.raises(InputError, match="compares widths; for depths name .* by `branch_ends`, or use the standard"):
        multipliers(Deep(), rung, VECTOR, parametrization="mup", optimizer="adam")


class Tied(nn.Module):
    """Reads out with its embedding; ``first`` is what is defined first."""

    def __init__(self, width, first):
        super().__init__()
        parts = {"embed": nn.Embedding(7, width), "read": nn.Linear(width, 7)}
        for name in sorted(parts, reverse=first == "read"):
            self.add_module(name, parts[name])
        self.hidden = nn.Linear(width, width)
        self.read.weight = self.embed.weight

    def forward(self, x):
        return self.read(torch.relu(self.hidden(self.embed(x))))


@dataclasses.dataclass(frozen=True)
class TiedFamily(Toy):
    name = "tied"
    first: str = "embed"

    def build(self, rung, task):
        return Tied(rung["width"], self.first)


@pytest.mark.parametrize("first", ["embed", "read"])
def test_a_tied_readout_is_an_input_weight_with_a_multiplier(first):
    task = Task(kind="tokens", shape=(4,), outputs=7, loss="cross_entropy", vocabulary=7)
    family, tokens = TiedFamily(first=first), torch.arange(7)[None]
    table = multipliers(family, {"width": 64}, task, parametrization="mup", optimizer="sgd")
    assert table[f"{first}.weight"].role == "input" and table[f"{first}.weight"].lr == 4.0
    net, plain = (
        initialise(family, {"width": 64}, task, seed=0, parametrization=how, optimizer="sgd")
        for how in ("mup", "standard")
    )
    net.read.bias.data.copy_(plain.read.bias)
    net.hidden.bias.data.copy_(plain.hidden.bias)
    outputs, bias = net(tokens) - net.read.bias, plain.read.bias
    torch.testing.assert_close(outputs, (plain(tokens) - bias) / 4, rtol=1e-4, atol=1e-5)
    assert net.read.weight is net.embed.weight
    copied = copy.deepcopy(net)
    assert torch.equal(copied(tokens), net(tokens))


@pytest.mark.parametrize("first", ["embed", "read"])
def test_a_check_has_a_row_for_a_tied_readout(first):
    from onecurve.benchmark.checks.layers import layers_of

    task = Task(kind="tokens", shape=(4,), outputs=7, loss="cross_entropy", vocabulary=7)
    found = {layer.name: layer.kind for layer in layers_of(TiedFamily(first=first), {"width": 64}, task)}
    assert found == {"embed": "input", "read": "output", "hidden": "hidden"}


def test_the_table_is_the_callers_own():
    options = {"parametrization": "mup", "optimizer": "adam"}
    multipliers(Toy(), {"width": 32}, VECTOR, **options).clear()
    assert multipliers(Toy(), {"width": 32}, VECTOR, **options).keys() == GOLDEN.keys()


def test_initial_spreads_follow_the_table():
    def spread(width, name):
        nets = [
            initialise(Toy(), {"width": width}, VECTOR, seed=seed, parametrization="mup", optimizer="adam")
            for seed in range(40)
        ]
        return torch.stack([net.get_parameter(name).detach() for net in nets]).std().item()

    for name, power in [("entrance.weight", 0), ("constant.weight", -0.5), ("exit.weight", -1), ("hidden.bias", 0)]:
        assert spread(64, name) / spread(16, name) == pytest.approx(4**power, rel=0.06), name
    assert spread(64, "silent.weight") == 0


def test_the_factor_does_not_depend_on_the_draw():
    for seed in (0, 1):
        standard, scaled = (
            initialise(Toy(), {"width": 64}, VECTOR, seed=seed, parametrization=how, optimizer="adam")
            for how in ("standard", "mup")
        )
        torch.testing.assert_close(scaled.exit.weight, standard.exit.weight * 0.5, rtol=1e-6, atol=0)
        assert torch.equal(scaled.hidden.weight, standard.hidden.weight)


def test_unknown_names_are_refused_with_the_nearest():
    with pytest.raises(InputError, match="parametrization 'mupp'. Did you mean 'mup'"):
        multipliers(Toy(), {"width": 32}, VECTOR, parametrization="mupp", optimizer="adam")
    with pytest.raises(InputError, match="optimizer 'lion'. .*adam, adamw, sgd"):
        initialise(Toy(), {"width": 32}, VECTOR, seed=0, parametrization="mup", optimizer="lion")


def test_convolutions_of_a_library_network():
    task = Task(kind="image", shape=(1, 8, 8), outputs=10, loss="cross_entropy")
    table = multipliers(FAMILIES.make("resnet"), {"width": 20}, task, parametrization="mup", optimizer="adam")
    stem, body, readout = (table[name] for name in ("conv1.0.weight", "layer1.0.conv1.weight", "fc.weight"))
    assert (stem.role, stem.lr, stem.init) == ("input", 1.0, pytest.approx(2**0.5))  # timm draws by fan-out
    assert (body.role, body.lr, body.init) == ("hidden", 0.5, 1.0)
    assert (readout.role, readout.lr, readout.init) == ("output", 0.5, pytest.approx(2**-0.5))


def _wider(name, base, ratios):
    class Wider(type(FAMILIES.make(name))):
        ladder = widths(*(base * ratio for ratio in ratios))

    return Wider()


def _features(net, inputs):
    """Outputs of all linear layers, by the layer's name."""
    found = {}
    hooks = [
        module.register_forward_hook(lambda _m, _i, out, name=name: found.__setitem__(name, out.detach()))
        for name, module in net.named_modules()
        if isinstance(module, nn.Linear)
    ]
    with torch.no_grad():
        net(inputs)
    for hook in hooks:
        hook.remove()
    return found


def _change(family, rung, task, parametrization, seed, lr):
    """Root mean square change of each layer's features in three steps of Adam."""
    inputs = example_inputs(task, 16 if task.kind == "tokens" else 64)
    options = {"parametrization": parametrization, "optimizer": "adam"}
    net = initialise(family, rung, task, seed=seed, **options)
    table = multipliers(family, rung, task, **options)
    optimizer = torch.optim.Adam([{"params": [p], "lr": lr * table[n].lr} for n, p in net.named_parameters()])
    before = _features(net, inputs)
    for _ in range(3):
        optimizer.zero_grad()
        if task.kind == "tokens":
            nn.functional.cross_entropy(net(inputs).flatten(0, 1), (3 * inputs + 1).flatten() % 64).backward()
        else:
            (net(inputs) - torch.sin(3 * inputs[:, :1])).square().mean().backward()
        optimizer.step()
    after = _features(net, inputs)
    return {name: (after[name] - before[name]).square().mean().sqrt().item() for name in before}


def _slopes(name, task, base, parametrization, lr, ratios=(1, 2, 4, 8), seeds=4):
    """Slope of log feature change against log width, by layer."""
    family = _wider(name, base, ratios)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        changes = [
            [_change(family, rung, task, parametrization, seed, lr) for seed in range(seeds)] for rung in family.ladder
        ]
    return {
        layer: np.polyfit(np.log(ratios), [np.log(np.mean([c[layer] for c in row])) for row in changes], 1)[0]
        for layer in changes[0][0]
    }


@pytest.mark.parametrize(
    ("name", "task", "base", "lr"),
    [
        ("mlp", Task(kind="vector", shape=(8,), outputs=1, loss="squared_error"), 32, 3e-3),
        ("resmlp", Task(kind="vector", shape=(8,), outputs=1, loss="squared_error"), 32, 3e-3),
        ("decoder", Task(kind="tokens", shape=(32,), outputs=64, loss="cross_entropy", vocabulary=64), 16, 5e-4),
    ],
    ids=["mlp", "resmlp", "decoder"],
)
def test_features_change_alike_at_all_widths_under_maximal_update_only(name, task, base, lr):
    """Coordinate check: Yang et al. 2022, Tensor Programs V, section 9 and figure 5."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        maximal, standard = (_slopes(name, task, base, how, lr) for how in ("mup", "standard"))
    finally:
        torch.set_num_threads(before)
    hidden = list(maximal)[1:-1]
    assert max(abs(slope) for slope in maximal.values()) < 0.2, maximal
    assert min(standard[layer] for layer in hidden) > 0.2, standard
    assert np.mean([standard[layer] for layer in hidden]) > 0.45, standard

"""Deeper residual networks learn alike: the factor on a branch, and that no forward pass is needed for it."""

import dataclasses

import numpy as np
import pytest
import torch
from onecurve.architectures.depth import depth_factors, factors_of
from onecurve.architectures.exponents import SGD
from onecurve.architectures.family import FAMILIES, Family, widths
from onecurve.architectures.parametrization import initialise, multipliers
from onecurve.errors import InputError
from onecurve.task import Task
from torch import nn

pytestmark = pytest.mark.usefixtures("one_thread")

VECTOR = Task(kind="vector", shape=(8,), outputs=2, loss="squared_error")
TOKENS = Task(kind="tokens", shape=(8,), outputs=16, loss="cross_entropy", vocabulary=16)


def draw(family, rung, task, optimizer, seed=0):
    net = initialise(family, rung, task, seed=seed, parametrization="mup", optimizer=optimizer).double()
    with torch.no_grad():  # a readout of zeros would hold the gradients back
        weight = list(net.modules())[-1].weight
        weight.copy_(torch.arange(weight.numel(), dtype=torch.float64).sin().reshape(weight.shape) / rung["width"])
    return net


def fixed_batch(task):
    generator = torch.Generator().manual_seed(1)
    if task.kind == "tokens":
        return torch.randint(16, (12, 8), generator=generator), torch.randint(16, (12, 8), generator=generator)
    inputs = torch.randn(12, 8, generator=generator, dtype=torch.float64)
    return inputs, inputs[:, :2].sin() * inputs[:, 2:4]


def train(net, rates, optimizer, task, steps=5, lr=0.01):
    inputs, targets = fixed_batch(task)
    groups = [{"params": [p], "lr": lr * rates[name]} for name, p in net.named_parameters()]
    # Adam's step is blind to the size of gradients but for its epsilon
    step = torch.optim.Adam(groups, eps=1e-15) if optimizer == "adam" else torch.optim.SGD(groups)
    for _ in range(steps):
        step.zero_grad()
        outputs = net(inputs)
        if task.kind == "tokens":
            nn.functional.cross_entropy(outputs.flatten(0, 1), targets.flatten()).backward()
        else:
            (outputs - targets).square().mean().backward()
        step.step()
    return net(inputs).detach()


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize(("name", "task"), [("resmlp", VECTOR), ("decoder", TOKENS)], ids=["resmlp", "decoder"])
def test_the_factor_in_the_last_layers_is_a_multiplier_in_the_forward_pass(name, task, optimizer):
    family = FAMILIES.make(name)
    rung = {"width": 2 * family.ladder[0]["width"], "depth": 4 * family.depth}  # 1 / 4 is exact
    how = {"parametrization": "mup", "optimizer": optimizer}
    table = multipliers(family, rung, task, **how)
    folded = draw(family, rung, task, optimizer)
    names = [n for n, _ in folded.named_modules()]
    factors = depth_factors(family, rung, names, exponents=SGD)
    ends = {n for n in names if factors_of(f"{n}.weight", factors)[0] != 1}
    assert len(ends) == {"resmlp": 12, "decoder": 16}[name]
    explicit, rates = draw(family, rung, task, optimizer), {}
    for parameter, value in explicit.named_parameters():
        module = parameter.rpartition(".")[0]
        rates[parameter] = table[parameter].lr
        if module in ends:
            value.data.mul_(4)
            # as written: Adam's rates know no depth, those of SGD are four times higher in every block
            rates[parameter] *= 4 if optimizer == "adam" else 16
    for end in ends:
        explicit.get_submodule(end).register_forward_hook(lambda _m, _i, out: out / 4)
    before = folded(fixed_batch(task)[0]).detach()
    left = train(folded, {n: m.lr for n, m in table.items()}, optimizer, task)
    right = train(explicit, rates, optimizer, task)
    torch.testing.assert_close(left, right, rtol=1e-8, atol=1e-9)
    assert (left - before).abs().max() > 1e-3  # it did learn


@pytest.mark.parametrize(("optimizer", "inner"), [("adam", 1.0), ("adamw", 1.0), ("sgd", 2.0)])
def test_golden_factors_of_a_deeper_and_wider_decoder(optimizer, inner):
    family = FAMILIES.make("decoder")
    rung = {"width": 40, "depth": 4}  # twice as wide and twice as deep as the base
    table = multipliers(family, rung, TOKENS, parametrization="mup", optimizer=optimizer)
    sgd = optimizer == "sgd"
    hidden, vector = (1.0, 2.0) if sgd else (0.5, 1.0)
    for block in (1, 4):
        for end in ("attend.1.merge", "think.3"):
            weight, bias = table[f"{block}.{end}.weight"], table[f"{block}.{end}.bias"]
            assert (weight.init, weight.lr) == (pytest.approx(0.5), pytest.approx(0.5 * hidden))
            # torch draws biases by fan-in, as 40 ** -.5: that is undone, and then halved
            assert (bias.init, bias.lr) == (pytest.approx(0.5 * 2**0.5), pytest.approx(0.5 * vector))
        first, norm = table[f"{block}.think.1.weight"], table[f"{block}.think.0.weight"]
        assert (first.init, first.lr) == (1.0, pytest.approx(inner * hidden))
        assert (norm.init, norm.lr) == (1.0, pytest.approx(inner * vector))
    for outside in ("0.tokens.weight", "0.positions", "5.weight"):
        assert (table[outside].init, table[outside].lr) == (1.0, pytest.approx(vector)), outside
    assert table["6.weight"].lr == 0.5


def test_depth_alone_leaves_widths_alone_and_the_base_depth_leaves_all():
    family = FAMILIES.make("resmlp")
    how = {"parametrization": "mup", "optimizer": "adam"}
    same = multipliers(family, {"width": 48, "depth": family.depth}, VECTOR, **how)
    assert same == multipliers(family, {"width": 48}, VECTOR, **how)
    shallow = multipliers(family, {"width": 24, "depth": 1}, VECTOR, **how)
    assert {n: m.init for n, m in shallow.items() if m.init != 1} == {"2.outer.weight": 3.0, "2.outer.bias": 3.0}
    standard = multipliers(family, {"width": 24, "depth": 9}, VECTOR, parametrization="standard", optimizer="sgd")
    assert {(m.init, m.lr) for m in standard.values()} == {(1.0, 1.0)}


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_the_stream_changes_alike_at_all_depths_and_not_without_the_factor(optimizer):
    depths, family = (3, 6, 12, 24), FAMILIES.make("resmlp")
    slopes = {}
    for kind in ("mup", "standard"):
        changes = []
        for depth in depths:
            rung = {"width": 24, "depth": depth}
            net = draw(family, rung, VECTOR, optimizer)
            if kind == "standard":
                plain = initialise(family, rung, VECTOR, seed=0, parametrization="standard", optimizer=optimizer)
                state = {n: p.double() for n, p in plain.state_dict().items() if not n.startswith(f"{depth + 3}.")}
                net.load_state_dict(state, strict=False)
            table = multipliers(family, rung, VECTOR, parametrization=kind, optimizer=optimizer)
            inputs, _ = fixed_batch(VECTOR)
            before = net[:-1](inputs).detach()
            lr = {"adam": 1e-3, "sgd": 0.03}[optimizer]
            train(net, {n: m.lr for n, m in table.items()}, optimizer, VECTOR, steps=3, lr=lr)
            changes.append((net[:-1](inputs) - before).square().mean().sqrt().item())
        slopes[kind] = np.polyfit(np.log(depths), np.log(changes), 1)[0]
    assert abs(slopes["mup"]) < 0.15, slopes
    assert slopes["standard"] > 0.6, slopes


@dataclasses.dataclass(frozen=True)
class Staged(Family):
    """Blocks in stages, so that the first number in a name is no block; never run."""

    name = "staged"
    ladder = widths(8, 16)
    branch_ends = (r"(?P<block>stages\.\d\.blocks\.\d+)\.last",)
    depth: int = 2

    def misfit(self, task):
        return None

    def build(self, rung, task):
        width, net = rung["width"], nn.Module()
        net.stages = nn.ModuleList()
        for _ in range(2):
            stage = nn.Module()
            stage.down = nn.Linear(width, width)
            stage.blocks = nn.ModuleList(
                nn.ModuleDict({"first": nn.Linear(width, width), "last": nn.Linear(width, width)})
                for _ in range(rung.get("depth", self.depth))
            )
            net.stages.append(stage)
        return net


def test_a_named_group_says_what_a_block_is():
    rung = {"width": 8, "depth": 8}
    table = multipliers(Staged(), rung, VECTOR, parametrization="mup", optimizer="sgd")
    rates = {n: table[f"stages.1.{n}.weight"].lr for n in ("down", "blocks.7.first", "blocks.7.last")}
    assert rates == {"down": 1.0, "blocks.7.first": 4.0, "blocks.7.last": 0.25}


def test_branch_ends_that_match_nothing_are_refused():
    class Wrong(Staged):
        branch_ends = ("stages.9",)

    with pytest.raises(InputError, match=r"match no module: stages\.9"):
        multipliers(Wrong(), {"width": 8, "depth": 4}, VECTOR, parametrization="mup", optimizer="adam")


@pytest.mark.parametrize(("name", "rung"), [("mlp", {"width": 24, "depth": 2}), ("resmlp", {"depth": 2})])
def test_only_residual_families_take_a_depth_and_none_without_a_width(name, rung):
    with pytest.raises(InputError, match="has no rung"):
        FAMILIES.make(name).build(rung, VECTOR)


@pytest.mark.parametrize("depth", [0, -1, 2.0, True])
def test_a_depth_is_a_positive_whole_number(depth):
    with pytest.raises(InputError, match="positive whole numbers, and depth"):
        FAMILIES.make("resmlp").build({"width": 24, "depth": depth}, VECTOR)

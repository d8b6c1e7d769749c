"""The promises see a family that breaks them; an author runs them by one command."""

import dataclasses
import json

import pytest
import torch
from onecurve.architectures.family import FAMILIES, Family, widths, wrong_kind
from onecurve.architectures.mlp import ResidualMLP
from onecurve.architectures.random_features import FrozenFeatures
from onecurve.benchmark.checks import conformance, packing
from onecurve.benchmark.checks.conformance import Broken
from onecurve.benchmark.checks.tasks import home, images
from onecurve.errors import InputError
from onecurve.task import Task
from torch import nn

pytestmark = pytest.mark.usefixtures("one_thread")

VECTOR = Task(kind="vector", shape=(8,), outputs=1, loss="squared_error")


@dataclasses.dataclass(frozen=True)
class Good(Family):
    """Two layers; each case below spoils one thing."""

    name = "good"
    ladder = widths(24, 34, 48, 68, 96)

    def misfit(self, task):
        return wrong_kind(task, "vector", "image")

    def layers(self, width):
        return []

    def build(self, rung, task):
        width = rung["width"]
        two = nn.Linear(task.n_inputs, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh()
        return nn.Sequential(nn.Flatten(), *two, *self.layers(width), nn.Linear(width, task.outputs))


class Lambda(nn.Module):
    def __init__(self, function, **parameters):
        super().__init__()
        self.function = function
        for name, value in parameters.items():
            self.register_parameter(name, nn.Parameter(value))

    def forward(self, x):
        return self.function(x)


def fused(x):
    heads = x.view(1, len(x), 1, -1).transpose(1, 2).expand(1, 4, len(x), -1)
    return nn.functional.scaled_dot_product_attention(heads, heads, heads)[0, 0]


class WrongShape(Good):
    def layers(self, width):
        return [nn.Unflatten(1, (1, width))]


class NotANumber(Good):
    def layers(self, width):
        return [Lambda(lambda x: x / 0 * 0)]


class Short(Good):
    ladder = widths(24, 34, 48)


class Steep(Good):
    ladder = widths(24, 34, 48, 96, 136)


class Unchecked(Good):
    def check_rung(self, rung):
        pass


class Uncounted(Good):
    def layers(self, width):
        return [Lambda(fused)]


class Padded(Good):
    def layers(self, width):
        return [nn.ReflectionPad1d(2)]

    def build(self, rung, task):
        width = rung["width"]
        two = nn.Linear(task.n_inputs, width), nn.Tanh(), *self.layers(width), nn.Linear(width + 4, width), nn.Tanh()
        return nn.Sequential(nn.Flatten(), *two, nn.Linear(width, task.outputs))


class Dropping(Good):
    def layers(self, width):
        return [nn.Dropout(0.1)]


class Always(nn.Module):
    def forward(self, x):
        return nn.functional.dropout(x, 0.1)


class AlwaysDropping(Good):
    packable = False

    def layers(self, width):
        return [Always()]


class Running(Good):
    def layers(self, width):
        return [nn.BatchNorm1d(width)]


class Still(Good):
    running_statistics = True


class Unseeded(Good):
    def build(self, rung, task):
        net = super().build(rung, task)
        generator = torch.Generator()
        generator.seed()
        nn.init.normal_(net[1].weight, generator=generator)
        return net


class Constant(Good):
    def build(self, rung, task):
        net = super().build(rung, task)
        for parameter in net.parameters():
            nn.init.constant_(parameter, 0.1)
        return net


class Dead(Good):
    def layers(self, width):
        return [Lambda(lambda x: x, unused=torch.ones(3))]


class Cut(Good):
    def layers(self, width):
        return [Lambda(lambda x: 0 * x)]


class Peeking(Good):
    def layers(self, width):
        return [Lambda(lambda x: x * 2 if x.mean().item() > 0 else x)]


class OneBranch(ResidualMLP):
    branch_ends = (r"2\.outer",)


class Loud(Good):
    def layers(self, width):
        return [Lambda(lambda x: width * x)]


@pytest.mark.parametrize("promise", conformance.PROMISES, ids=lambda promise: promise.__name__)
def test_a_sound_family_keeps_every_promise(promise):
    assert promise(Good(), VECTOR)


@pytest.mark.parametrize(
    ("promise", "family", "message"),
    [
        ("builds", WrongShape, r"outputs are \(3, 1, 1\), not \(3, 1\)"),
        ("builds", NotANumber, "not finite"),
        ("climbs", Short, "3 rungs, a ladder has at least 5"),
        ("climbs", Steep, "rung {'width': 96} has 3.[5-9]. times the parameters"),
        ("refuses", Unchecked, "Let check_rung refuse it|not in an InputError"),
        ("repeats", Dropping, "set packable = False"),
        ("repeats", AlwaysDropping, "in evaluation, too"),
        ("repeats", Running, "set running_statistics = True"),
        ("repeats", Still, "no buffer moves"),
        ("repeats", Unseeded, "the same seed draws other weights"),
        ("repeats", Constant, "another seed draws the same weights"),
        ("reaches", Dead, "no gradient reaches 5.unused"),
        ("learns", Cut, "does not halve in 60 steps"),
        ("is_counted", Uncounted, "scaled_dot_product"),
        ("is_determined", Padded, "no deterministic version of reflection_pad1d_backward on a GPU"),
        ("packs", Dropping, "does not run packed"),
        ("packs", Peeking, "does not run packed"),
        ("deepens", OneBranch, "1 blocks at depth 6, 1 at 12"),
        ("moves_evenly", Loud, "outputs move with the power 1.[0-4]"),
    ],
)
def test_a_broken_promise_is_seen(promise, family, message):
    with pytest.raises(Broken, match=message):
        getattr(conformance, promise)(family(), VECTOR)


def test_packing_that_changes_a_result_is_seen(monkeypatch):
    forward = FrozenFeatures.forward

    def shared(self, x):  # a replica that looks at the first one's features when batched
        batched = torch._C._functorch.is_batchedtensor(self.weight)
        return forward(self, x) * (1 + 1e-6 * batched)

    monkeypatch.setattr(FrozenFeatures, "forward", shared)
    with pytest.raises(Broken, match="a pack is no loop at {'width': 256}: the loss"):
        conformance.packs(FAMILIES.make("randomfeatures"), VECTOR)


def test_bits_that_depend_on_the_pack_are_seen(monkeypatch):
    sizes = []

    def noisy(seeds, packed=packing.packed):
        found = packed(seeds)
        sizes.append(len(found.losses))
        louder = {name: value * (1 + 2e-7 * (sizes[-1] == 3)) for name, value in found.gradients.items()}
        return dataclasses.replace(found, gradients=louder)

    monkeypatch.setattr(packing, "packed", noisy)
    wrong = packing.notices_the_pack(Good(), {"width": 24}, VECTOR)
    assert sizes == [16, 2, 3, 8]
    assert wrong == "1.weight, 1.bias, 3.weight and 3 more"


def test_an_optimiser_that_notices_the_pack_is_seen(monkeypatch):
    """What is checked is the trainer's own step: the rounding of a fused kernel in a pack would show."""
    from onecurve.benchmark.optimisers.adam import Adam

    step = Adam.update

    def rounded(self, weights, grads, state, pace):
        step(self, weights, grads, state, pace)
        if len(weights[0].tensor) == 8:
            weights[0].tensor.mul_(1 + 2e-7)

    monkeypatch.setattr(Adam, "update", rounded)
    assert packing.notices_the_pack(Good(), {"width": 24}, VECTOR) == "1.weight after an update"


def test_home_is_cheap_or_says_why():
    assert home(Good()) == VECTOR
    assert home(FAMILIES.make("lstm")).kind == "tokens"
    assert home(FAMILIES.make("cnn")) == images(1, 8)

    class Picky(Good):
        def misfit(self, task):
            return "likes nothing"

    with pytest.raises(InputError, match="none of the 8 tasks tried. vector: likes nothing; image: likes nothing"):
        home(Picky())


NETWORK = """
from torch import nn

class MyNet(nn.Module):
    def __init__(self, width, task):
        super().__init__()
        hidden = nn.Linear(task.n_inputs, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, width)
        self.layers = nn.Sequential(nn.Flatten(), *hidden, nn.Tanh(), nn.Linear(width, task.outputs))

    def forward(self, x):
        return self.layers(x)
"""


@pytest.fixture
def verb(capsys):
    """Runs `check-family --promises`; the exit code with what it printed on both streams."""

    def run(*arguments):
        from onecurve.scripts.cli import app

        with pytest.raises((SystemExit, InputError)) as ended:
            app(["check-family", *arguments, "--promises"])
        code = 2 if isinstance(ended.value, InputError) else ended.value.code
        return code, capsys.readouterr().out, str(ended.value)

    return run


def test_an_author_checks_a_file_by_one_command(tmp_path, verb):
    file = tmp_path / "my_net.py"
    file.write_text(NETWORK)
    threads = torch.get_num_threads()
    code, out, _ = verb(f"{file}:MyNet")
    assert code == 0 and torch.get_num_threads() == threads
    lines = out.splitlines()
    assert "vector 8 -> 1" in lines[0]
    assert [line.split()[:2] for line in lines[1:]] == [["kept", p.__name__] for p in conformance.PROMISES]

    file.write_text(NETWORK.replace("self.layers =", "self.unused = nn.Linear(2, 2); self.layers ="))
    code, out, _ = verb(f"{file}:MyNet")
    broken = [line.split()[1:] for line in out.splitlines() if "BROKEN" in line]
    assert code == 1 and [line[0] for line in broken] == ["reaches"]
    assert "unused.weight, unused.bias" in " ".join(broken[0])

    file.write_text(NETWORK.replace("nn.Flatten(),", "nn.Flatten(), nn.Dropout(0.1),"))
    with pytest.warns(UserWarning, match="trains on processors alone: it draws random numbers"):
        code, out, _ = verb(f"{file}:MyNet")
    assert code == 0 and "no state but its weights; draws by seed and step" in out and "declared not packable" in out


def test_a_ladder_that_is_given_is_not_the_familys(verb, tmp_path):
    code, out, _ = verb("mlp", "--rungs", "16,24,32", "--json", str(tmp_path / "kept.json"))
    asked = [line.split()[1] for line in out.splitlines()[1:]]
    assert code == 0 and asked == [p.__name__ for p in conformance.PROMISES if p not in conformance.OF_LADDERS]
    found = json.loads((tmp_path / "kept.json").read_text())
    assert found["status"] == "pass" and [each["promise"] for each in found["promises"]] == asked


def test_bad_input_is_one_line(verb):
    code, _, error = verb("resmpl")
    assert code == 2 and "Did you mean 'resmlp'?" in error

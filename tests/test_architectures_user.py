"""A network in a user's own file: what becomes of it, how it is made again elsewhere, what bad files are told."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
import torch
from onecurve.architectures import user
from onecurve.architectures.family import FAMILIES, Family
from onecurve.architectures.operations import undetermined
from onecurve.benchmark.naming import check_device_of, check_fit
from onecurve.errors import InputError
from onecurve.task import Task
from torch import nn

TASK = Task(kind="vector", shape=(3,), outputs=2, loss="squared_error")
NET = '''"""Mine."""
import torch
from torch import nn


class MyNet(nn.Module):
    def __init__(self, width, task, layers=1):
        super().__init__()
        inner = [m for _ in range(layers) for m in (nn.Linear(width, width), nn.Tanh())]
        self.net = nn.Sequential(nn.Linear(task.n_inputs, width), *inner, nn.Linear(width, task.outputs))

    def forward(self, x):
        return self.net(x.flatten(1))
'''
FAMILY = """import dataclasses
from torch import nn
from onecurve.architectures.family import Family, widths


@dataclasses.dataclass(frozen=True)
class Wide(Family):
    name = "wide"
    ladder = widths(4, 6, 8)
    factor: int = 2

    def misfit(self, task):
        return None

    def build(self, rung, task):
        width = self.factor * rung["width"]
        return nn.Sequential(nn.Linear(task.n_inputs, width), nn.Linear(width, task.outputs))
"""


@pytest.fixture
def file(tmp_path):
    def write(text: str = NET, name: str = "my_net.py", cls: str = "MyNet") -> str:
        path = tmp_path / "elsewhere" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return f"{path}:{cls}"

    return write


def test_a_module_becomes_a_family_of_its_file(file):
    family = FAMILIES.make(file())
    assert family.name == "my_net.py:MyNet" and family.version == "1" and not family.packable
    assert [rung["width"] for rung in family.ladder] == [24, 34, 48, 68, 96, 136]
    assert family.misfit(TASK) is None
    net = family.build({"width": 5}, TASK)
    assert sum(p.numel() for p in net.parameters()) == (3 * 5 + 5) + (5 * 5 + 5) + (5 * 2 + 2)
    assert len(FAMILIES.make(file(), {"layers": 3}).build({"width": 5}, TASK).net) == 8


def test_a_family_in_a_file_keeps_what_it_says(file):
    family = FAMILIES.make(file(FAMILY, cls="Wide"), {"factor": 3})
    assert isinstance(family, Family) and family.name == "my_net.py:Wide" and family.ladder[0] == {"width": 4}
    assert dict(family.ref.params) == {"factor": 3} and len(family.ref.content) == 64
    assert family.build({"width": 4}, TASK)[0].out_features == 12


def test_a_class_says_its_ladder_version_and_packing(file):
    said = NET.replace(
        "    def __init__(self, width, task, layers=1)",
        "    ladder, version, packable = [8, 12, 16], 3, True\n\n    def __init__(self, width, task, layers=1)",
    )
    family = FAMILIES.make(file(said))
    assert (family.ladder, family.version, family.packable) == (({"width": 8}, {"width": 12}, {"width": 16}), "3", True)


def test_what_counts_of_a_file_is_what_it_does(file):
    one = FAMILIES.make(file()).ref
    assert FAMILIES.make(file(NET.replace('"""Mine."""', '"""Ours."""\n# better'))).ref == one
    other = FAMILIES.make(file(NET.replace("Tanh", "ReLU"))).ref
    assert other.content != one.content and other.name == one.name


def test_another_process_makes_it_from_its_reference_alone(file):
    family = FAMILIES.make(file(), {"layers": 2})
    ref = family.ref
    code = (
        "from onecurve.architectures.family import FAMILIES\nfrom onecurve.architectures.user import remember\n"
        "from onecurve.task import Task\nimport torch\n"
        f"remember({user.sources()!r})\n"
        f"family = FAMILIES.make({ref.name!r}, {dict(ref.params) | {'content': ref.content}!r})\n"
        "print(len(family.build({'width': 5}, Task(kind='vector', shape=(3,), outputs=2, loss='squared_error')).net))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout.strip() == "6"


def test_batch_norm_is_noticed(file):
    assert FAMILIES.make(file(NET.replace("nn.Tanh()", "nn.BatchNorm1d(width)"))).running_statistics is True
    assert FAMILIES.make(file()).running_statistics is False


@pytest.mark.parametrize(
    "said",
    [
        (("task.outputs)", "task.outputs + 1)"), r"it returns \(2, 3\) for 2 examples, the task wants \(2, 2\)"),
        (("nn.Tanh()", "torch.nn.LazyLinear(3)"), r"its layers net.2 are lazy, .* give their sizes, such as nn.Linear"),
        (
            ("    def forward", "    @torch.no_grad()\n    def forward"),
            "no gradient leaves its `forward`, .* take out `torch",
        ),
        (
            ("return self.net(x.flatten(1))", "return nn.functional.dropout(self.net(x.flatten(1)))"),
            "it draws random numbers while it is evaluated, too; switch that off by nn.Dropout or `F.dropout",
        ),
        (
            ("def __init__(self, width", "packable = True\n\n    def __init__(self, width"),
            ("nn.Tanh()", "nn.Dropout(0.5)"),
            "so it trains alone; take out `packable = True`",
        ),
        (
            (
                "return self.net(x.flatten(1))",
                "self.n = getattr(self, 'n', 0) + 1; return self.n * self.net(x.flatten(1))",
            ),
            "equal inputs give other outputs, and not by torch's default generator",
        ),
        (("return self.net(x.flatten(1))", "return self.net(x.flatten(1)), 1"), "it returns a tuple"),
        (("task.n_inputs, width", "7, width"), r"it does not run on vector 3 \(RuntimeError: mat1 and mat2"),
        (("super().__init__()", "super().__init__(); {}['a']"), "it cannot be built for vector 3 .*KeyError: 'a'"),
    ],
)
def test_a_network_that_does_not_do_is_a_reason(file, said):
    *changes, reason = said
    text = NET
    for change in changes:
        assert change[0] in text
        text = text.replace(*change)
    assert re.search(reason, FAMILIES.make(file(text)).misfit(TASK))


def test_a_width_that_a_class_does_not_take_is_refused_with_those_beside_it(file):
    family = FAMILIES.make(
        file(NET.replace("super().__init__()", "super().__init__(); self.a = nn.MultiheadAttention(width, 8)"))
    )
    with pytest.raises(
        InputError, match=r"width 34 of family .* \(AssertionError: embed_dim must be divisible .*\); 32 and 40 would"
    ):
        check_fit(family, family.ladder[:2], TASK, "mine")


def test_images_that_are_too_small_are_refused_with_sizes_that_do(file):
    strided = "nn.Conv2d(1, width, 11), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, task.outputs)"
    text = NET.replace("nn.Linear(task.n_inputs, width), *inner, nn.Linear(width, task.outputs)", strided)
    family = FAMILIES.make(file(text.replace("x.flatten(1)", "x")))
    task = Task(kind="image", shape=(1, 8, 8), outputs=2, loss="cross_entropy")
    with pytest.raises(InputError, match=r"on 8 x 8 pixels in 1 channel .*; images of 16 x 16, 28 x 28 and 32 x 32"):
        check_fit(family, family.ladder[:1], task, "mine")


@pytest.mark.parametrize(
    ("text", "cls", "message"),
    [
        (NET, "MyNat", "unknown class in my_net.py: 'MyNat'. Did you mean 'MyNet'"),
        (NET + "\ndef make():\n    pass\n", "make", "my_net.py:make is no torch.nn.Module and no onecurve Family"),
        (NET + "\nclass Other:\n    pass\n", "Other", "my_net.py:Other is no torch.nn.Module"),
        (
            NET.replace("width, task, layers=1", "hidden, task"),
            "MyNet",
            r"takes \(hidden, task\): .* needs `width` too",
        ),
        (NET.replace("task, layers=1", "task, layers"), "MyNet", "my_net.py:MyNet needs the argument `layers`"),
        ("import nothing_of_the_kind\n" + NET, "MyNet", "my_net.py does not run: ModuleNotFoundError.*travels"),
        ("1 / 0\n" + NET, "MyNet", "my_net.py does not run: ZeroDivisionError"),
        ("class MyNet(:\n", "MyNet", "is not Python: SyntaxError"),
        (FAMILY.replace("def misfit", "def fits"), "Wide", "my_net.py:Wide cannot be made: TypeError.*misfit"),
    ],
)
def test_bad_files_are_told_in_one_sentence(file, text, cls, message):
    with pytest.raises(InputError, match=message):
        FAMILIES.make(file(text, cls=cls))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="the file '.*nowhere.py' of a network is not there"):
        FAMILIES.make(f"{tmp_path}/nowhere.py:MyNet")
    with pytest.raises(InputError, match="was another file when its trials were planned|is not there"):
        FAMILIES.make("my_net.py:MyNet", {"content": "0" * 64})


def test_an_unknown_argument_names_the_nearest(file):
    with pytest.raises(InputError, match="unknown argument of my_net.py:MyNet: 'layer'. Did you mean 'layers'"):
        FAMILIES.make(file(), {"layer": 2})
    with pytest.raises(InputError, match="'fcator'. Did you mean 'factor'"):
        FAMILIES.make(file(FAMILY, cls="Wide"), {"fcator": 2})


def test_trying_leaves_torch_as_it_was(file):
    before = torch.get_rng_state()
    FAMILIES.make(file(NET + "\n# again\nA = 1\n")).misfit(TASK)
    assert torch.equal(torch.get_rng_state(), before)


# --- devices: a laptop has one, the node has two


MOVES = NET.replace("import torch\n", "import torch\nDEVICE = 'meta'\n")  # as files say "cuda", here without a GPU
TO = MOVES.replace("task.outputs))", "task.outputs)).to(DEVICE)")
LATER = MOVES.replace("self.net(x.flatten(1))", "self.net(x.flatten(1).to(DEVICE))")
MADE = MOVES.replace("nn.Linear(task.n_inputs, width)", "nn.Linear(task.n_inputs, width, device=DEVICE)")
ADDED = MOVES.replace("self.net(x.flatten(1))", "self.net(x.flatten(1)) + torch.zeros(1, device=DEVICE)")
ON_CUDA = TO.replace("'meta'", "'cuda'")
INSIDE = MOVES.replace("super().__init__()", "super().__init__(); torch.set_default_device(DEVICE)")


@pytest.mark.parametrize(
    ("text", "device"),
    [(TO, "meta"), (LATER, "meta"), (MADE, "meta"), (ADDED, "meta"), (INSIDE, "meta"), (ON_CUDA, "cuda")],
)
def test_a_network_that_chooses_its_device_is_told_whose_that_is(file, text, device):
    family = FAMILIES.make(file(text))
    default = torch.get_default_device()
    reason = family.misfit(TASK)
    assert reason is not None and reason.startswith(
        f"it moves itself to the device '{device}'; leave devices to Onecurve"
    )
    assert torch.get_default_device() == default


def test_the_laptop_says_what_the_node_would(file):
    text = TO.replace("'meta'", "'cuda' if torch.cuda.device_count() > 99 else 'cpu'")
    assert "it moves itself to a device; leave devices to Onecurve" in str(FAMILIES.make(file(text)).misfit(TASK))


def test_what_follows_its_input_is_free_to_go(file):
    follows = "self.net(x.flatten(1)).to(x.dtype) + torch.zeros(1, device=x.device).to(x.device)"
    assert FAMILIES.make(file(NET.replace("self.net(x.flatten(1))", follows))).misfit(TASK) is None


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_a_file_that_sets_the_default_device_is_refused_before_it_does(file, device):
    default = torch.get_default_device()
    with pytest.raises(InputError, match=f"my_net.py sets torch's default device to '{device}': leave devices to"):
        FAMILIES.make(file(NET.replace("import torch\n", f"import torch\ntorch.set_default_device('{device}')\n")))
    assert torch.get_default_device() == default and torch.zeros(1).device.type == "cpu"


PADDED = NET.replace("self.net(x.flatten(1))", "self.net(nn.functional.pad(x.flatten(1), (1, 1), 'reflect')[:, 1:-1])")
SORTED = NET.replace("self.net(x.flatten(1))", "self.net(x.flatten(1).put(torch.tensor([0]), x.flatten()[:1]))")


def test_an_operation_that_no_gpu_repeats_is_named(file):
    # The gradient of the padding itself is not asked for where only inputs are padded: nothing stands against it.
    first = FAMILIES.make(file(PADDED))
    check_fit(first, first.ladder[:2], TASK, "mine")
    behind = NET.replace(
        "self.net(x.flatten(1))", "nn.functional.pad(self.net(x.flatten(1)), (1, 1), 'reflect')[:, 1:-1]"
    )
    for text, operation in ((behind, "reflection_pad1d_backward"), (SORTED, "put")):
        family = FAMILIES.make(file(text))
        with pytest.warns(UserWarning, match=f"processors alone: torch has no deterministic version of {operation} on"):
            check_fit(family, family.ladder[:2], TASK, "mine")
        assert check_device_of(family, family.ladder[0], TASK, "auto") == "cpu"
        with pytest.raises(
            InputError, match=f"cannot train with device cuda: .* {operation} on a GPU; use --device cpu"
        ):
            check_device_of(family, family.ladder[0], TASK, "cuda")
    plain = FAMILIES.make(file())
    assert [check_device_of(plain, plain.ladder[0], TASK, each) for each in ("auto", "cuda")] == ["auto", "cuda"]


NO_VERSION = {
    "adaptive_avg_pool2d": (lambda x: nn.functional.adaptive_avg_pool2d(x, 2), "_adaptive_avg_pool2d_backward"),
    "mean of all": (lambda x: nn.functional.adaptive_avg_pool2d(x, 1), None),
    "max_pool2d": (lambda x: nn.functional.max_pool2d(x, 2), None),
    "bicubic": (lambda x: nn.functional.interpolate(x, scale_factor=2, mode="bicubic"), "upsample_bicubic2d_backward"),
    "bilinear": (lambda x: nn.functional.interpolate(x, scale_factor=2, mode="bilinear"), None),
    "median": (lambda x: x.median(-1).values, "median"),
    "median of all": (lambda x: x.median(), None),
    "prod": (lambda x: x.scatter_reduce(-1, torch.zeros_like(x).long(), x, "prod"), "scatter_reduce"),
    "sum": (lambda x: x.scatter_reduce(-1, torch.zeros_like(x).long(), x, "sum"), None),
    "grid": (
        lambda x: nn.functional.grid_sample(x, torch.zeros(2, 2, 2, 2), align_corners=False),
        "grid_sampler_2d_backward",
    ),
}


@pytest.mark.parametrize("name", NO_VERSION)
def test_operations_without_a_deterministic_version(name):
    function, operation = NO_VERSION[name]

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Conv2d(1, 2, 3)

        def forward(self, x):
            return function(self.inner(x))

    task = Task(kind="image", shape=(1, 8, 8), outputs=2, loss="cross_entropy")
    assert undetermined(Net(), task) == ([operation] if operation else [])
